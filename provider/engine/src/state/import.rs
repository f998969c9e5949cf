//! Taking over a deployment: from `pulumi stack export`, or from an export of ours.
//!
//! Guarantees: a deployment that breaks a rule changes nothing, and every broken rule is named; what is taken over is
//! there as a whole or not at all, whatever kills the process; fields that nobody here knows are written again as they
//! came (`tests/state_moves.rs`).

mod rules;

use mops_core::schema::ResourceSchema;
use mops_core::{Diagnostic, StackId};
use serde::Deserialize as _;
use serde_json::Value as Json;

use super::deployment::{DEPLOYMENT, DeploymentIn};
use super::frame::{Fields, PROVIDER, STACK};
use super::meta::Meta;
use super::model::{ResourceState, Snapshot};
use super::seal::Sealer;
use super::{handover, sealed_json, verify};
use crate::error::EngineError;
use crate::program::Scope;
use rules::{Judge, stack_of};

/// A file that has the form of a deployment v3; nothing in it has been checked yet.
#[derive(Debug)]
pub struct Deployment {
    deployment: Fields,
    /// Beside it.
    file: Fields,
}

/// A state that can be written, and what was left behind.
#[derive(Debug)]
pub struct Imported {
    /// The state; its secrets are sealed.
    pub snapshot: Snapshot,
    /// Names of operations that were under way; they are not taken over, as with Pulumi.
    pub dropped: Vec<String>,
    /// What it is about: as the stack file says, and where that says nothing, as the ids tell.
    pub scope: Scope,
}

fn refused(text: impl Into<String>, hint: &str) -> EngineError {
    EngineError::Refused(vec![Diagnostic::error(None, text).hint(hint)])
}

impl Deployment {
    /// Reads the text of a deployment.
    ///
    /// # Errors
    /// When it is none, or of a version or with a feature that is not known here.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, EngineError> {
        const EXPORT: &str = "give what `pulumi stack export` or `mops infra export` prints";
        let no = |why: &str| refused(format!("`{name}` is not a deployment: {why}"), EXPORT);
        let json: Json = serde_json::from_slice(bytes)
            .map_err(|e| no(&format!("line {} column {}: {:?} error", e.line(), e.column(), e.classify())))?;
        let Json::Object(mut file) = json else { return Err(no("it is not a JSON object")) };
        if file.contains_key("mops") {
            return Err(no("it is a snapshot of the engine itself"));
        }
        match file.shift_remove("version").as_ref().map(Json::as_u64) {
            Some(Some(DEPLOYMENT)) => {}
            Some(Some(found)) => {
                let text =
                    format!("`{name}` is a deployment of version {found}, and this mops reads version {DEPLOYMENT}");
                return Err(refused(text, "export it with the Pulumi that wrote it, without what needs that version"));
            }
            _ => return Err(no("it has no version")),
        }
        let Some(Json::Object(deployment)) = file.shift_remove("deployment") else {
            return Err(no("it has no `deployment`"));
        };
        let features = [&file, &deployment].into_iter().filter_map(|f| f.get("features")?.as_array()).flatten();
        let names: Vec<String> = features.map(|f| format!("`{}`", f.as_str().unwrap_or("?"))).collect();
        if !names.is_empty() {
            let text = format!("`{name}` uses features that this mops does not know: {}", names.join(", "));
            return Err(refused(text, "export it without them"));
        }
        Ok(Self { deployment, file })
    }

    /// The stack that the first resource names.
    #[must_use]
    pub fn stack(&self) -> Option<StackId> {
        stack_of(self.deployment.get("resources")?.as_array()?.first()?.get("urn")?.as_str()?)
    }

    /// Whether something in it can only be opened with its own passphrase.
    #[must_use]
    pub fn salt(&mut self) -> Option<String> {
        let salt = self.deployment.get("secrets_providers")?.get("state")?.get("salt")?.as_str()?.to_owned();
        let entries = self.deployment.get_mut("resources")?;
        sealed_json::has_ciphertext(entries).then_some(salt)
    }

    /// Checks every rule, and proves that every secret opens; `schema` has the types of this version, the sealer is one of
    /// [`Deployment::salt`], and the scope is that of the stack file, if one is given.
    ///
    /// # Errors
    /// Every rule that is broken; a passphrase that is missing or wrong; a stack file about something else.
    pub fn accept<'a>(
        mut self,
        stack: &StackId,
        schema: &dyn Fn(&str) -> Option<&'a ResourceSchema>,
        sealer: &Sealer,
        scope: &Scope,
    ) -> Result<Imported, EngineError> {
        let found = Judge::new(stack, &|token| schema(token).is_some()).deployment(&self.deployment);
        if !found.is_empty() {
            return Err(EngineError::Refused(found));
        }
        let dropped = self.dropped();
        for key in ["secrets_providers", "pending_operations"] {
            self.deployment.shift_remove(key);
        }
        if let Some(Json::Array(entries)) = self.deployment.get_mut("resources") {
            // Those of the stack and its providers in front, where they stand in a snapshot of ours.
            entries.sort_by_key(|e| e["type"] != STACK && e["type"] != PROVIDER);
        }
        let mut json = Json::Object(self.deployment);
        sealed_json::seal_all(&mut json, sealer).map_err(crate::error::StateError::from)?;
        let wrong = |why: String| refused(format!("the deployment cannot be read: {why}"), "export it again");
        let parsed = DeploymentIn::deserialize(json).map_err(|e| wrong(e.to_string()))?;
        let mut snapshot = parsed.into_snapshot(stack, self.file).map_err(wrong)?;
        handover::arriving(&mut snapshot, schema);
        verify::verify(&snapshot.resources).map_err(wrong)?;
        snapshot.salt = sealer.salt().filter(|_| sealer.derivations() > 0);
        let scope = Meta::new(stack, scope_of(&snapshot.resources)).agree(stack, scope)?;
        Ok(Imported { snapshot, dropped, scope })
    }

    fn entries(&self, key: &str) -> impl Iterator<Item = &Json> {
        self.deployment.get(key).and_then(Json::as_array).into_iter().flatten()
    }

    fn dropped(&self) -> Vec<String> {
        let urn = |o: &Json| o.get("resource")?.get("urn")?.as_str().map(str::to_owned);
        self.entries("pending_operations").filter_map(urn).collect()
    }
}

/// What the resources are about, as far as their ids tell.
fn scope_of(resources: &[ResourceState]) -> Scope {
    let named = |token: &str| {
        let id = &resources.iter().find(|r| r.urn.token() == token)?.id;
        id.rsplit('/').next().map(str::to_owned)
    };
    let mut parts = resources.iter().find_map(|r| r.id.strip_prefix("/subscriptions/")).unwrap_or_default().split('/');
    Scope {
        subscription: parts.next().filter(|s| !s.is_empty()).map(str::to_owned),
        resource_group: parts.nth(1).map(str::to_owned),
        cluster: named("modelops:azure:ManagedCluster"),
        registry: named("modelops:azure:ContainerRegistry"),
    }
}
