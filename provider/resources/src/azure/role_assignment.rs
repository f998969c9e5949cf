//! A right of a principal at a scope. Promises (`tests/rights.rs`): its name follows from scope, principal and role,
//! so that a second write is the same assignment; a right that somebody else has given already is used as it is and
//! stays on the way down; a principal that the directory does not know yet is waited for; it is not done before ARM
//! shows it again and again; who may not give rights learns the one command for somebody who may.

use std::time::Duration;

use mops_clients::arm::{ArmError, NotAnId, ResourceId};
use mops_core::convert::to_value;
use mops_core::provider::Progress;
use mops_core::{Class, Error, Identity, Lane, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{Target, identity, lanes, named, owner_by_parent, spelled, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::role;

const NOUN: &str = "role assignment";
/// How long a new principal, or a new assignment, may be unknown somewhere.
const BUDGET: Duration = Duration::from_secs(600);
/// Between two tries with a principal that is unknown.
const PAUSE: Duration = Duration::from_secs(10);
/// How often in a row ARM has to show a new assignment: it reads from several places, of which some learn later.
const HITS: u8 = 3;
/// Between two looks at a new assignment.
const LOOK: Duration = Duration::from_millis(500);

/// A right of a principal at a scope.
pub struct RoleAssignment;

/// What kind of principal it is; said in every request, so that ARM does not look for a new one in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrincipalType {
    /// An application or an identity.
    #[default]
    ServicePrincipal,
    /// A person.
    User,
    /// A group.
    Group,
}

/// A right of a principal at a scope.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of what the right is about.
    pub scope: String,
    /// Object id of the principal; for an identity its `principalId`, never its client id.
    pub principal_id: String,
    /// What kind of principal it is.
    #[serde(default)]
    pub principal_type: PrincipalType,
    /// A built-in role by name (`AcrPull`), or any role by its id.
    pub role: String,
    /// Why the right is given.
    pub description: Option<String>,
    /// Narrows the right, in Azure's language for conditions (version 2.0).
    pub condition: Option<String>,
}

/// What is known of a role assignment.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name, a GUID.
    pub name: String,
}

/// The same GUID for the same scope, principal and role, however they are spelt.
fn name(inputs: &Inputs) -> String {
    let role = role::normal(&inputs.role).unwrap_or_default();
    let text = format!("{}|{}|{}", inputs.scope.trim_end_matches('/'), inputs.principal_id, role::id(&role));
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.to_ascii_lowercase().as_bytes()).to_string()
}

fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
    let scope = ResourceId::parse(&inputs.scope)?;
    ResourceId::parse(&format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", name(inputs)))
}

/// Whether the name of this assignment is the one that we would give it.
fn is_named_by_us(id: &ResourceId, inputs: &Inputs) -> bool {
    id.name().eq_ignore_ascii_case(&name(inputs))
}

fn outputs(id: &ResourceId) -> Outputs {
    Outputs { id: id.to_string(), name: id.name().to_owned() }
}

fn made(id: &ResourceId) -> Made<RoleAssignment> {
    Made { id: id.to_string(), outputs: outputs(id) }
}

fn body(inputs: &Inputs, subscription: &str) -> Json {
    let role = role::id(&inputs.role);
    let definition = format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let mut properties = json!({
        "roleDefinitionId": definition, "principalId": inputs.principal_id, "principalType": inputs.principal_type,
    });
    if let Some(description) = &inputs.description {
        properties["description"] = json!(description);
    }
    if let Some(condition) = &inputs.condition {
        properties["condition"] = json!(condition);
        properties["conditionVersion"] = json!("2.0");
    }
    json!({"properties": properties})
}

/// What nobody declared is not compared: an assignment of somebody else may have a description of its own.
fn seen(known: &Inputs, body: &Json) -> Inputs {
    let at = |field: &str| text(body, &format!("/properties/{field}"));
    let kind = body.pointer("/properties/principalType").and_then(|kind| PrincipalType::deserialize(kind).ok());
    let definition = at("roleDefinitionId");
    Inputs {
        scope: spelled(&known.scope, &at("scope")),
        principal_id: spelled(&known.principal_id, &at("principalId")),
        principal_type: kind.unwrap_or(known.principal_type),
        role: role::normal(&definition).unwrap_or(definition),
        description: known.description.as_ref().map(|_| at("description")).filter(|text| !text.is_empty()),
        condition: known.condition.as_ref().map(|_| at("condition")).filter(|text| !text.is_empty()),
    }
}

/// One request to write an assignment, and what follows from its refusal.
struct Grant<'a> {
    cx: &'a Cx<'a>,
    target: Target<'a>,
    inputs: &'a Inputs,
}

impl<'a> Grant<'a> {
    fn new(cx: &'a Cx<'a>, id: Result<ResourceId, NotAnId>, inputs: &'a Inputs) -> Result<Self, Error> {
        let value = |id: &ResourceId, _: &Json| to_value(&outputs(id)).unwrap_or_default();
        Ok(Self { cx, target: Target::new(cx, id, NOUN)?.telling(value), inputs })
    }

    /// Writes until it is written.
    async fn give(&self) -> Result<Made<RoleAssignment>, Error> {
        let (mut waited, mut replaced) = (Duration::ZERO, false);
        let id = &self.target.id;
        let body = body(self.inputs, id.subscription());
        loop {
            let Err(refused) = self.target.offer(&body).await? else { return self.visible().await };
            if refused.is("PrincipalNotFound") && waited < BUDGET.min(self.cx.call.timeout) {
                self.tell("the directory does not know the principal yet");
                self.pause(PAUSE).await?;
                waited += PAUSE;
            } else if refused.is("RoleAssignmentUpdateNotPermitted") && !replaced {
                replaced = true;
                self.target.delete().await?;
            } else if refused.is("RoleAssignmentExists")
                && let Some((other, _)) = same_right(&self.target, self.inputs).await?
            {
                return Ok(made(&other));
            } else {
                return Err(self.refused(*refused));
            }
        }
    }

    /// Waits until ARM shows it several times in a row.
    async fn visible(&self) -> Result<Made<RoleAssignment>, Error> {
        let (mut hits, mut waited) = (0, Duration::ZERO);
        loop {
            hits = if self.target.get().await?.is_some() { hits + 1 } else { 0 };
            if hits == HITS {
                return Ok(made(&self.target.id));
            }
            if waited >= BUDGET.min(self.cx.call.timeout) {
                let id = &self.target.id;
                let summary = format!("role assignment `{}` was made and is not shown everywhere yet", id.name());
                return Err(Error::new(Class::Transient, summary)
                    .hint("run the same command again")
                    .with_partial(id.as_str(), to_value(&outputs(id)).unwrap_or_default()));
            }
            self.pause(LOOK).await?;
            waited += LOOK;
        }
    }

    fn tell(&self, text: &str) {
        (self.cx.call.progress)(Progress::Waiting(format!("{text}, next try in {} s", PAUSE.as_secs())));
    }

    async fn pause(&self, duration: Duration) -> Result<(), Error> {
        self.target.arm.pause(duration).await.map_err(|e| self.target.failed(e, "created"))
    }

    fn refused(&self, error: ArmError) -> Error {
        if error.is("AuthorizationFailed") || error.is("LinkedAuthorizationFailed") {
            return not_allowed(self.inputs, &error);
        }
        self.target.failed(error.into(), "created")
    }
}

/// Another assignment that gives exactly this right, with its id.
async fn same_right(target: &Target<'_>, inputs: &Inputs) -> Result<Option<(ResourceId, Json)>, Error> {
    let all = target.siblings_with(&format!("$filter=principalId eq '{}'", inputs.principal_id)).await?;
    let same = |found: &Json| {
        let found = seen(inputs, found);
        found.role == inputs.role && found.scope == inputs.scope && found.principal_id == inputs.principal_id
    };
    let found = all.into_iter().find(same);
    Ok(found.and_then(|body| ResourceId::parse(&text(&body, "/id")).ok().map(|id| (id, body))))
}

/// Everything that an administrator has to know is in one command.
fn not_allowed(inputs: &Inputs, error: &ArmError) -> Error {
    let scope = inputs.scope.rsplit('/').next().unwrap_or_default();
    let mut command = format!(
        "az role assignment create --assignee-object-id {} --assignee-principal-type {:?} --role {} --scope {}",
        inputs.principal_id,
        inputs.principal_type,
        role::id(&inputs.role),
        inputs.scope
    );
    if let Some(condition) = &inputs.condition {
        let quoted = condition.replace('\'', "'\\''");
        command.push_str(&format!(" --condition '{quoted}' --condition-version 2.0"));
    }
    Error::new(Class::Auth, format!("this identity may not give the role `{}` on `{scope}`", inputs.role))
        .note(error.to_string())
        .hint(format!("let an administrator run `{command}`, then run the same command again"))
}

impl Resource for RoleAssignment {
    const TOKEN: &'static str = "modelops:azure:RoleAssignment";
    const REPLACE: &'static [&'static str] = &["scope", "principalId", "principalType", "role"];
    /// Whoever has given it: the right is there, and what is not ours is not taken away.
    const ADOPTABLE: bool = true;
    const SETTLES: Duration = crate::arm::SETTLES;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&id(inputs), None)
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        match role::normal(&inputs.role) {
            Some(role) => inputs.role = role,
            None => {
                let reason = format!("`{}` is not a role that is known by name", inputs.role);
                findings.refuse("role", reason, format!("one of {}, or the id of a role", role::names()));
            }
        }
        match uuid::Uuid::parse_str(&inputs.principal_id) {
            Ok(id) => inputs.principal_id = id.to_string(),
            Err(_) => {
                let reason = format!("`{}` is not the object id of a principal", inputs.principal_id);
                findings.refuse("principalId", reason, "a GUID; for an identity its `principalId`");
            }
        }
        if ResourceId::parse(&inputs.scope).is_err() {
            let reason = format!("`{}` is not the id of anything at Azure", inputs.scope);
            findings.refuse("scope", reason, "an id that begins with `/subscriptions/`");
        }
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.Authorization/roleAssignments/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (_, scope) = named(id, "Microsoft.Authorization/roleAssignments")?;
        Ok(Inputs {
            scope: scope.to_string(),
            principal_id: String::new(),
            principal_type: PrincipalType::default(),
            role: String::new(),
            description: Some(String::new()),
            condition: Some(String::new()),
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let target = Target::new(cx, known_id.map_or_else(|| id(known), ResourceId::parse), NOUN)?;
        let found = match target.get().await? {
            Some(body) => Some((target.id.clone(), body)),
            None if known_id.is_none() => same_right(&target, known).await?,
            None => None,
        };
        let Some((id, body)) = found else { return Ok(None) };
        let seen = seen(known, &body);
        let ownership = match id.parent().filter(|_| is_named_by_us(&id, &seen)) {
            Some(scope) => owner_by_parent(&target, &cx.call.mark, &scope).await?,
            None => Ownership::Unmarked,
        };
        let state = State { id: id.to_string(), inputs: seen, outputs: outputs(&id) };
        Ok(Some(Live { state, ownership, changed_by: None }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        Grant::new(cx, id(inputs), inputs)?.give().await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        Grant::new(cx, ResourceId::parse(&old.id), inputs)?.give().await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let target = Target::new(cx, ResourceId::parse(&old.id), NOUN)?;
        // Given by somebody else under a name of theirs, in the moment before we would have: not ours to take away.
        if is_named_by_us(&target.id, &old.inputs) { target.delete().await } else { Ok(()) }
    }

    fn samples() -> Vec<Inputs> {
        let scope = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                     Microsoft.ContainerRegistry/registries/sampleacr";
        let pull = Inputs {
            scope: scope.into(),
            principal_id: "00000000-0000-0000-0000-0000000000aa".into(),
            principal_type: PrincipalType::ServicePrincipal,
            role: "AcrPull".into(),
            description: None,
            condition: None,
        };
        vec![pull.clone(), Inputs { description: Some("pulls images".into()), ..pull }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull() -> Inputs {
        RoleAssignment::samples().remove(0)
    }

    #[test]
    fn the_name_is_that_of_the_right() {
        let spelt = Inputs { scope: pull().scope.to_uppercase(), role: role::id("AcrPull").to_uppercase(), ..pull() };
        assert_eq!(name(&spelt), name(&pull()));
        let others = [
            Inputs { role: "AcrPush".into(), ..pull() },
            Inputs { principal_id: "00000000-0000-0000-0000-0000000000ab".into(), ..pull() },
            Inputs { scope: format!("{}x", pull().scope), ..pull() },
        ];
        assert!(others.iter().all(|other| name(other) != name(&pull())));
        // A name that changed with a version would give every right twice.
        assert_eq!(name(&pull()), "6eb586f5-5936-500c-a138-58e4fc0ad451");
    }

    #[test]
    fn the_kind_of_principal_is_always_said() {
        let body = body(&pull(), "s");
        assert_eq!(body["properties"]["principalType"], "ServicePrincipal");
        assert!(text(&body, "/properties/roleDefinitionId").ends_with(role::id("AcrPull")));
        assert!(body["properties"].get("conditionVersion").is_none());
    }

    #[test]
    fn the_command_says_everything() {
        let inputs = Inputs { condition: Some("@Resource[x] stringEquals 'a'".into()), ..pull() };
        let error = not_allowed(
            &inputs,
            &ArmError {
                status: 403,
                code: "AuthorizationFailed".into(),
                message: "no".into(),
                context: Vec::new(),
                retry_after: None,
                ids: <_>::default(),
                operation: false,
            },
        );
        let hint = error.hint_text().unwrap_or_default();
        for part in [&inputs.scope, &inputs.principal_id, role::id("AcrPull"), "--condition-version 2.0"] {
            assert!(hint.contains(part), "{part}: {hint}");
        }
        assert!(hint.contains(r"'@Resource[x] stringEquals '\''a'\'''"), "{hint}");
    }
}
