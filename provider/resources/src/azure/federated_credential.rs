//! Trust of an identity in the tokens of a cluster. Promises: the issuer goes out and comes back byte for byte, since
//! a token's is compared like that (`tests::the_issuer_is_not_touched`); writes of one identity go one at a time; when
//! another credential has the same issuer and subject, it is named (`tests/rights.rs`).

use std::time::Duration;

use mops_clients::arm::{NotAnId, ResourceId};
use mops_core::{Class, Error, Identity, Lane, Mark, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::user_assigned_identity::is_name;
use crate::arm::{ArmResource, Target, identity, lanes, named, owner_by_parent, read, spelled, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// The audience of tokens that are exchanged for Azure's; the same in every cloud that AKS is in.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Longest name of a credential.
const NAME_LIMIT: usize = 120;

/// Trust of an identity in the tokens of a cluster.
pub struct FederatedCredential;

/// Trust of an identity in the tokens of a cluster.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the identity.
    pub identity_id: String,
    /// Name, 3–120 letters, digits, `-`, `_`, a letter or digit first.
    pub name: String,
    /// Who signs the tokens, exactly as the cluster gives it: a slash at the end belongs to it.
    pub issuer: String,
    /// Whom the tokens are for: `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
    /// What the tokens are good for; by default `api://AzureADTokenExchange`.
    #[serde(default)]
    pub audiences: Vec<String>,
}

/// What is known of a federated credential; it holds nothing secret.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The identity, one level up.
fn owner_of(id: &ResourceId) -> ResourceId {
    id.parent().unwrap_or_else(|| id.clone())
}

fn body(inputs: &Inputs) -> Json {
    json!({"properties": {"issuer": inputs.issuer, "subject": inputs.subject, "audiences": inputs.audiences}})
}

/// Writes it; a refusal because of another credential's issuer and subject names that one.
async fn write(target: &Target<'_>, inputs: &Inputs) -> Result<Made<FederatedCredential>, Error> {
    match target.offer(&body(inputs)).await? {
        Ok(body) => Ok(target.made(&body)),
        Err(refused) => match twin(target, inputs).await? {
            Some(other) => Err(taken(&target.id, &other)),
            None => Err(target.failed((*refused).into(), "created")),
        },
    }
}

/// The other credential of the identity that has this issuer and subject.
async fn twin(target: &Target<'_>, inputs: &Inputs) -> Result<Option<String>, Error> {
    let all = target.siblings().await?;
    let same =
        |c: &&Json| text(c, "/properties/issuer") == inputs.issuer && text(c, "/properties/subject") == inputs.subject;
    let names = all.iter().filter(same).map(|c| text(c, "/name"));
    Ok(names.into_iter().find(|name| !name.eq_ignore_ascii_case(target.id.name())))
}

fn taken(id: &ResourceId, other: &str) -> Error {
    let (name, identity) = (id.name(), owner_of(id));
    let group = identity.resource_group().unwrap_or_default();
    let summary = format!(
        "federated credential `{name}` could not be created: `{other}` of identity `{}` has the same issuer and subject",
        identity.name()
    );
    let remove =
        format!("az identity federated-credential delete -g {group} --identity-name {} -n {other}", identity.name());
    Error::new(Class::Conflict, summary).hint(format!("remove the other one if nobody needs it: `{remove}`"))
}

impl ArmResource for FederatedCredential {
    const NOUN: &'static str = "federated credential";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::parse(&inputs.identity_id)?.child("federatedIdentityCredentials", &inputs.name)
    }

    fn outputs(id: &ResourceId, _: &Json) -> Outputs {
        Outputs { id: id.to_string(), name: id.name().to_owned() }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        let audiences = body.pointer("/properties/audiences").and_then(Json::as_array).into_iter().flatten();
        Inputs {
            identity_id: spelled(&known.identity_id, owner_of(id).as_str()),
            name: spelled(&known.name, id.name()),
            issuer: text(body, "/properties/issuer"),
            subject: text(body, "/properties/subject"),
            audiences: audiences.filter_map(Json::as_str).map(str::to_owned).collect(),
        }
    }

    async fn owner(target: &Target<'_>, mark: &Mark, _: &Json) -> Result<Ownership, Error> {
        owner_by_parent(target, mark, &owner_of(&target.id)).await
    }
}

impl Resource for FederatedCredential {
    const TOKEN: &'static str = "modelops:azure:FederatedCredential";
    const REPLACE: &'static [&'static str] = &["identityId", "name"];
    const SETTLES: Duration = crate::arm::SETTLES;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&Self::id(inputs), Some(&inputs.identity_id))
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        if inputs.audiences.is_empty() {
            inputs.audiences.push(AUDIENCE.to_owned());
        }
        if !is_name(&inputs.name, NAME_LIMIT) {
            let reason = format!("`{}` is not the name of a federated credential", inputs.name);
            findings.refuse("name", reason, "3–120 letters, digits, `-`, `_`, a letter or digit first");
        }
        if !inputs.issuer.starts_with("https://") {
            let reason = format!("`{}` is not the address of an issuer", inputs.issuer);
            findings.refuse("issuer", reason, "an https address, exactly as the tokens name it");
        }
        if inputs.subject.is_empty() {
            findings.refuse("subject", "the subject is empty", "`system:serviceaccount:NAMESPACE:NAME`");
        }
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, identity) =
            named(id, "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials")?;
        Ok(Inputs {
            identity_id: identity.to_string(),
            name: id.name().to_owned(),
            issuer: String::new(),
            subject: String::new(),
            audiences: Vec::new(),
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        read(cx, known_id, known).await
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(&Target::of::<Self>(cx, Self::id(inputs))?, inputs).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(&Target::known(cx, old)?, inputs).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        Target::known(cx, old)?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let identity_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                           Microsoft.ManagedIdentity/userAssignedIdentities/sample-identity";
        let worker = Inputs {
            identity_id: identity_id.into(),
            name: "sample-worker".into(),
            issuer: "https://eastus2.oic.prod-aks.azure.com/00000000-0000-0000-0000-00000000000a/".into(),
            subject: "system:serviceaccount:sample:worker".into(),
            audiences: Vec::new(),
        };
        vec![worker.clone(), Inputs { subject: "system:serviceaccount:sample:other".into(), ..worker }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_not_touched() {
        for issuer in ["https://h.example/T/", "https://h.example/T", "https://H.example:443//x/"] {
            let inputs = Inputs { issuer: issuer.into(), ..FederatedCredential::samples().remove(0) };
            let sent = body(&inputs);
            assert_eq!(sent["properties"]["issuer"], issuer);
            assert_eq!(
                FederatedCredential::seen(&inputs, &FederatedCredential::id(&inputs).unwrap(), &sent).issuer,
                issuer
            );
        }
    }

    #[test]
    fn writes_of_one_identity_share_a_lane_of_one() {
        let [one, other] = [0, 1].map(|i| FederatedCredential::lanes(&FederatedCredential::samples()[i]));
        assert_eq!(one, other);
        assert!(one.iter().any(|lane| lane.limit == 1), "{one:?}");
    }
}
