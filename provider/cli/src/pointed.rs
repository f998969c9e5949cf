//! Remembers beside a stack's state where it was made and as whom, so that a verb without FILE goes to the same cloud.
//! Guarantees that a stack which holds something is never looked for in another cloud, where everything would seem to
//! be gone (`tests/cli.rs`). Holds no secret: the identity's secret stays where its source says.

use std::net::SocketAddr;
use std::path::PathBuf;

use mops_core::cloud::{AuthKind, AzureAuth, Cloud, GRAPH};
use mops_core::{Class, Error, Source, StackId};
use mops_engine::state;
use mops_host::fsx;
use mops_host::fsx::reason;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::exit::Failure;

/// Where a run is pointed, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Pointed {
    /// Endpoints.
    pub(crate) cloud: Cloud,
    /// Identity.
    pub(crate) auth: AzureAuth,
    /// Where the bundle-env file goes, when the stack file says so.
    pub(crate) env_file: Option<String>,
    /// The stack file of the last `up`, as the user wrote it; for suggested commands.
    pub(crate) stack_file: Option<String>,
}

/// The cloud that the run is pointed at, when it is not the public one.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct CloudLine {
    /// As the stack file or the cloud file names it.
    name: String,
    /// The endpoint of its resource manager.
    arm: String,
}

/// `cloud.json` of a stack.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    name: String,
    arm: String,
    authority: String,
    arm_scope: String,
    #[serde(default = "public_graph")]
    graph: String,
    ca_file: Option<PathBuf>,
    connect: Vec<(String, SocketAddr)>,
    auth: String,
    tenant_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Source>,
    certificate_file: Option<PathBuf>,
    env_file: Option<String>,
    stack_file: Option<String>,
}

/// That of a stack whose file is older than its key.
fn public_graph() -> String {
    GRAPH.to_owned()
}

const KINDS: [AuthKind; 7] = [
    AuthKind::Auto,
    AuthKind::Cli,
    AuthKind::ServicePrincipal,
    AuthKind::Certificate,
    AuthKind::WorkloadIdentity,
    AuthKind::ManagedIdentity,
    AuthKind::Oidc,
];

impl From<Pointed> for Kept {
    fn from(Pointed { cloud, auth, env_file, stack_file }: Pointed) -> Self {
        Self {
            format: FORMAT,
            name: cloud.name,
            arm: cloud.arm,
            authority: cloud.authority,
            arm_scope: cloud.arm_scope,
            graph: cloud.graph,
            ca_file: cloud.ca_file,
            connect: cloud.connect,
            auth: mops_clients::identity::kind_name(auth.kind).into(),
            tenant_id: auth.tenant_id,
            client_id: auth.client_id,
            client_secret: auth.client_secret,
            certificate_file: auth.certificate_file,
            env_file,
            stack_file,
        }
    }
}

/// The format of `cloud.json` that this version writes and reads.
const FORMAT: u32 = 1;

impl Kept {
    /// Guarantees that a file which this version does not understand whole is refused, and no identity put in the place
    /// of one that it does not know.
    fn read(bytes: &[u8]) -> Result<Pointed, &'static str> {
        let kept: Self = serde_json::from_slice(bytes).map_err(|_| "it is damaged")?;
        if kept.format != FORMAT {
            return Err("another version of mops wrote it");
        }
        let named = |kind: &AuthKind| mops_clients::identity::kind_name(*kind) == kept.auth;
        let kind = KINDS.into_iter().find(named).ok_or("it names an identity that this version does not know")?;
        Ok(Pointed {
            cloud: Cloud {
                name: kept.name,
                arm: kept.arm,
                authority: kept.authority,
                arm_scope: kept.arm_scope,
                graph: kept.graph,
                ca_file: kept.ca_file,
                connect: kept.connect,
            },
            auth: AzureAuth {
                kind,
                tenant_id: kept.tenant_id,
                client_id: kept.client_id,
                client_secret: kept.client_secret,
                certificate_file: kept.certificate_file,
            },
            env_file: kept.env_file,
            stack_file: kept.stack_file,
        })
    }
}

/// Reads the text of a `cloud.json`, or says why it cannot.
pub(crate) fn understood(bytes: &[u8]) -> Result<(), &'static str> {
    Kept::read(bytes).map(drop)
}

impl Pointed {
    /// Where a run goes and as whom, as one text; neither where that was said nor where results are written.
    pub(crate) fn place(&self) -> Result<String, Failure> {
        let cloud = Cloud { name: String::new(), ..self.cloud.clone() };
        let bare = Self { cloud, auth: self.auth.clone(), env_file: None, stack_file: None };
        serde_json::to_string(&Kept::from(bare))
            .map_err(|e| Failure::could_not_run(Error::new(Class::Bug, "the cloud has no text").caused_by(e)))
    }
}

impl App {
    /// Where this run goes: the override, else the stack file, else where the stack was made. Refuses a cloud that is
    /// not the one in which the stack was made, as long as it holds something.
    pub(crate) fn pointed(&self, stack: &StackId, file: Option<Pointed>) -> Result<Pointed, Failure> {
        let kept = self.kept(stack)?;
        let pointed = self.overridden(file.or_else(|| kept.clone()))?;
        match kept {
            Some(kept) if kept.cloud.arm != pointed.cloud.arm && self.holds_something(stack)? => {
                let text = format!(
                    "stack `{stack}` was made at {}, and this run is pointed at {}",
                    kept.cloud.arm, pointed.cloud.arm
                );
                Err(Failure::usage(text, "point it there again, or use another `environment`"))
            }
            _ => Ok(pointed),
        }
    }

    /// Where a run goes that is about no stack.
    pub(crate) fn pointed_without_stack(&self) -> Result<Pointed, Failure> {
        self.overridden(None)
    }

    /// The override in the place of the cloud that was named, else the public one; one that is not public is said.
    fn overridden(&self, named: Option<Pointed>) -> Result<Pointed, Failure> {
        let nothing =
            || Pointed { cloud: Cloud::public(), auth: AzureAuth::default(), env_file: None, stack_file: None };
        let mut pointed = named.unwrap_or_else(nothing);
        if let Some(cloud) = self.cloud_override()? {
            pointed.cloud = cloud;
        }
        if pointed.cloud.name != "public" {
            let Cloud { name, arm, .. } = &pointed.cloud;
            self.printer.event(&CloudLine { name: name.clone(), arm: arm.clone() });
            self.printer.note(&format!("cloud `{name}`: {arm}"));
        }
        Ok(pointed)
    }

    fn kept_path(&self, stack: &StackId) -> Result<PathBuf, Failure> {
        Ok(state::folder(&self.home()?, stack).join("cloud.json"))
    }

    /// Where a stack was made, and as whom.
    pub(crate) fn kept(&self, stack: &StackId) -> Result<Option<Pointed>, Failure> {
        let path = self.kept_path(stack)?;
        let unreadable = |why: &str| {
            let text = format!("`{}` cannot be read: {why}", path.display());
            Failure::could_not_run(Error::new(Class::Conflict, text).hint("give the stack file, or `--cloud FILE`"))
        };
        match fsx::read(&path) {
            Ok(bytes) => Kept::read(&bytes).map(Some).map_err(unreadable),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&reason(&error))),
        }
    }

    fn holds_something(&self, stack: &StackId) -> Result<bool, Failure> {
        Ok(self.held(stack)?.is_some())
    }

    /// How many resources and operations under way a stack holds; `None` for nothing.
    pub(crate) fn held(&self, stack: &StackId) -> Result<Option<usize>, Failure> {
        let found = state::read(&self.home()?, stack)?;
        Ok(found.map(|s| s.resources.len() + s.open.len()).filter(|n| *n > 0))
    }

    /// Keeps where a stack is made; called under its lock, before anything is made.
    pub(crate) fn keep_pointed(&self, stack: &StackId, pointed: &Pointed) -> Result<(), Failure> {
        let path = self.kept_path(stack)?;
        let bytes = serde_json::to_vec_pretty(&Kept::from(pointed.clone()))
            .map_err(|e| Failure::could_not_run(Error::new(Class::Bug, "the cloud cannot be kept").caused_by(e)))?;
        fsx::replace(&path, &bytes).map_err(|error| {
            let text = format!("`{}` cannot be written: {}", path.display(), reason(&error));
            Failure::could_not_run(
                Error::new(Class::Conflict, text).hint("make room or fix the folder, then run it again"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        for kind in KINDS {
            let auth = AzureAuth { kind, tenant_id: Some("t".into()), ..AzureAuth::default() };
            let before = Pointed { cloud: Cloud::government(), auth, env_file: None, stack_file: None };
            let text = serde_json::to_string(&Kept::from(before.clone())).unwrap();
            let after = Kept::read(text.as_bytes()).unwrap();
            assert_eq!((after.cloud, after.auth), (before.cloud, before.auth));
        }
    }

    #[test]
    fn nobody_else_signs_in_for_an_identity_that_is_not_known() {
        let pointed = Pointed {
            cloud: Cloud::public(),
            auth: AzureAuth { kind: AuthKind::Cli, ..AzureAuth::default() },
            env_file: None,
            stack_file: None,
        };
        let text = serde_json::to_string(&Kept::from(pointed)).unwrap();
        for (from, to, why) in [
            ("\"cli\"", "\"passkey\"", "does not know"),
            ("\"format\":1", "\"format\":2", "another version"),
            ("\"arm\"", "\"harm\"", "damaged"),
        ] {
            let changed = text.replace(from, to);
            assert!(Kept::read(changed.as_bytes()).unwrap_err().contains(why), "{changed}");
        }
    }
}
