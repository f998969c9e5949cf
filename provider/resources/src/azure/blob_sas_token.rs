//! A shared access signature as a resource. Promises: signed by the service, or with a key of the identity of the run
//! that is fetched for it and not kept, so that no account key is handled;
//! the same inputs give no difference until it is time to renew (`renewal::tests`), or until what signed it was taken
//! back (`tests/drift/signatures.rs`); it is never signed while reading or comparing.

use mops_clients::ClientError;
use mops_clients::arm::{NotAnId, ResourceId, SasRequest};
use mops_clients::delegation::DelegatedSas;
use mops_core::provider::Progress;
use mops_core::{Error, Identity, Lane, Ownership, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use time::OffsetDateTime;

use crate::arm::{Target, lanes, text};
use crate::renewal::{due, stamp};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::sas;

const NOUN: &str = "SAS of storage account";

/// A shared access signature for blobs.
pub struct BlobSasToken;

/// What a signature opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One container, by an account key.
    Service,
    /// The blob service of the account, by an account key.
    Account,
    /// One container, by the identity of the run; 7 days at most.
    UserDelegation,
}

/// Which account key signs; regenerating it ends the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SigningKey {
    /// The first.
    Key1,
    /// The second.
    Key2,
}

/// A shared access signature for blobs.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the storage account.
    pub account_id: String,
    /// Name of the storage account.
    pub account_name: String,
    /// Where its blobs are.
    pub blob_endpoint: String,
    /// The container; none for a signature of kind `account`.
    pub container: Option<String>,
    /// What it opens.
    pub kind: Kind,
    /// Permission letters, for example `rl`.
    pub permissions: String,
    /// How long it lives.
    pub lifetime_seconds: u64,
    /// How long before its end it is renewed.
    pub renew_before_seconds: u64,
    /// Which account key signs; without meaning for kind `user_delegation`.
    pub signing_key: SigningKey,
    /// A stored policy of the container, for kind `service`: when it is deleted, the signature ends.
    #[serde(default)]
    pub policy: Option<String>,
    /// Whether a signature of kind `account` may write or delete, in every container.
    #[serde(default)]
    pub account_wide_writes: Option<bool>,
}

/// A signature and its life.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Our name for it; nothing at Azure carries it.
    pub id: String,
    /// Not before, ISO 8601.
    pub start: String,
    /// Not after, ISO 8601.
    pub expiry: String,
    /// When the account key that signed it was made, if the account tells.
    #[serde(default)]
    pub signed_with: Option<String>,
    /// When the account key of that name was made that is there now.
    #[serde(default)]
    pub key_created: Option<String>,
    /// When the keys of identities were revoked after it was signed by one, if the activity log of the account tells.
    #[serde(default)]
    pub revoked: Option<String>,
    /// The signature's query.
    pub token: Secret<String>,
    /// `BlobEndpoint=…;SharedAccessSignature=…`.
    pub connection_string: Secret<String>,
}

fn account(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
    ResourceId::parse(&inputs.account_id)
}

fn name_of(inputs: &Inputs) -> String {
    let scope = inputs.container.as_deref().unwrap_or("account");
    format!("{}#sas-{scope}", inputs.account_id)
}

/// What ends every signature of every identity for an account.
const REVOKE: &str = "Microsoft.Storage/storageAccounts/revokeUserDelegationKeys/action";

/// Why it opens nothing any more although its time is not over.
fn ended(outputs: &Outputs) -> Option<String> {
    if let Some(at) = &outputs.revoked {
        return Some(format!("the keys of identities were revoked for its account at {at}"));
    }
    match (&outputs.signed_with, &outputs.key_created) {
        (Some(then), Some(now)) if then != now => Some(format!("its account key was regenerated at {now}")),
        _ => None,
    }
}

impl SigningKey {
    /// As the service names it.
    const fn name(self) -> &'static str {
        match self {
            Self::Key1 => "key1",
            Self::Key2 => "key2",
        }
    }
}

/// When the account key was made that signs; none has a part in a signature of the identity.
fn key_created(account: &Json, inputs: &Inputs) -> Option<String> {
    if inputs.kind == Kind::UserDelegation {
        return None;
    }
    let at = text(account, &format!("/properties/keyCreationTime/{}", inputs.signing_key.name()));
    (!at.is_empty()).then_some(at)
}

impl Resource for BlobSasToken {
    const TOKEN: &'static str = "modelops:azure:BlobSasToken";
    const REPLACE: &'static [&'static str] = &["accountId", "container", "kind"];
    const CHANGED_BY_UPDATE: &'static [&'static str] =
        &["start", "expiry", "signedWith", "keyCreated", "revoked", "token", "connectionString"];
    const DELETE_BEFORE_REPLACE: bool = false;
    const READ_TELLS: bool = true;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(_: &Inputs) -> Identity {
        Identity::Reissue
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&account(inputs), None)
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        sas::check(inputs, findings);
    }

    fn reason(cx: &Offline<'_>, old: &State<Self>, new: &Inputs) -> Option<String> {
        ended(&old.outputs).or_else(|| due(cx.now, &old.outputs.expiry, new.renew_before_seconds))
    }

    fn rights(inputs: &Inputs) -> &'static [&'static str] {
        match inputs.kind {
            Kind::Service => &["Microsoft.Storage/storageAccounts/listServiceSas/action"],
            Kind::Account => &["Microsoft.Storage/storageAccounts/listAccountSas/action"],
            // That is a right on data, which no list of actions shows.
            Kind::UserDelegation => &[],
        }
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "no service holds a signature that was given",
            instead: "declare it: another one is signed, and the old one lasts until its end",
        })
    }

    /// Nothing at Azure holds the signature; the account, or its activity log, tells whether what signed it still counts.
    async fn read(cx: &Cx<'_>, id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let (Some(id), Some(outputs)) = (id, cx.stored::<Outputs>()) else { return Ok(None) };
        let target = Target::new(cx, account(known), NOUN)?;
        let Some(found) = target.get().await? else { return Ok(None) };
        let revoked = revoked(cx, &target, known, &outputs).await?;
        let outputs = Outputs { key_created: key_created(&found, known), revoked, ..outputs };
        let state = State { id: id.to_owned(), inputs: known.clone(), outputs };
        Ok(Some(Live { state, ownership: Ownership::Derived, changed_by: None }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        issue(cx, inputs).await
    }

    async fn update(cx: &Cx<'_>, _: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        issue(cx, inputs).await
    }

    /// A signature cannot be taken back one by one; it ends with its expiry or with its key.
    async fn delete(_: &Cx<'_>, _: &State<Self>) -> Result<(), Error> {
        Ok(())
    }

    fn samples() -> Vec<Inputs> {
        let service = Inputs {
            account_id: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                         Microsoft.Storage/storageAccounts/samplest"
                .into(),
            account_name: "samplest".into(),
            blob_endpoint: "https://samplest.blob.core.windows.net/".into(),
            container: Some("bundles".into()),
            kind: Kind::Service,
            permissions: "rl".into(),
            lifetime_seconds: 7 * 86_400,
            renew_before_seconds: 2 * 86_400,
            signing_key: SigningKey::Key1,
            policy: None,
            account_wide_writes: None,
        };
        let account = Inputs { kind: Kind::Account, container: None, signing_key: SigningKey::Key2, ..service.clone() };
        let delegated = Inputs { kind: Kind::UserDelegation, ..service.clone() };
        let ended = Inputs { policy: Some("readers".into()), ..service.clone() };
        vec![service, account, delegated, ended]
    }
}

async fn issue(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<BlobSasToken>, Error> {
    let target = Target::new(cx, account(inputs), NOUN)?;
    let found = target.get().await?;
    sas::refuse_forbidden(found.as_ref(), inputs)?;
    if let Some(note) = sas::skew_note(target.arm.clock_skew()) {
        (cx.call.progress)(Progress::Note(note));
    }
    let (start, expiry) = sas::life(cx.services.clock().now(), inputs);
    let token = sign(cx, &target, inputs, (start, expiry)).await?;
    let (start, expiry) = (stamp(start), stamp(expiry));
    let connection_string = sas::connection_string(&inputs.blob_endpoint, &token);
    let id = name_of(inputs);
    // Of the read before the signing: a key that is regenerated in between makes it signed again, once too often.
    let signed_with = found.as_ref().and_then(|account| key_created(account, inputs));
    let key_created = signed_with.clone();
    Ok(Made {
        id: id.clone(),
        outputs: Outputs { id, start, expiry, signed_with, key_created, revoked: None, token, connection_string },
    })
}

/// When the keys of identities were revoked after this was signed. A log that cannot be read keeps nobody from going on.
async fn revoked(
    cx: &Cx<'_>,
    target: &Target<'_>,
    inputs: &Inputs,
    outputs: &Outputs,
) -> Result<Option<String>, Error> {
    let Some(signed) = sas::signed_at(&outputs.start).filter(|_| inputs.kind == Kind::UserDelegation) else {
        return Ok(None);
    };
    match target.arm.last_success(&target.id, REVOKE, signed).await {
        Ok(at) => Ok(at.map(stamp)),
        Err(ClientError::Canceled) => Err(target.failed(ClientError::Canceled, "read")),
        Err(error) => {
            let note = format!("whether the key of SAS `{}` was revoked is not known: {error}", name_of(inputs));
            (cx.call.progress)(Progress::Note(note));
            Ok(None)
        }
    }
}

async fn sign(
    cx: &Cx<'_>,
    target: &Target<'_>,
    inputs: &Inputs,
    (start, expiry): (OffsetDateTime, OffsetDateTime),
) -> Result<Secret<String>, Error> {
    let (from, to) = (stamp(start), stamp(expiry));
    let (permissions, policy) = (inputs.permissions.as_str(), inputs.policy.as_deref());
    let request = SasRequest { permissions, start: &from, expiry: &to, key: inputs.signing_key.name(), policy };
    let signed = match (inputs.kind, inputs.container.as_deref()) {
        (Kind::UserDelegation, Some(container)) => {
            let endpoint = sas::endpoint(inputs)?;
            let wanted = DelegatedSas { account: &inputs.account_name, container, permissions, start, expiry };
            return cx.services.delegated_sas(&endpoint, &wanted, &cx.call.cancel).await;
        }
        (Kind::Service, Some(container)) => target.arm.service_sas(&target.id, container, &request).await,
        _ => target.arm.account_sas(&target.id, &request).await,
    };
    signed.map_err(|e| target.failed(e, "signed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regenerated_key_is_a_reason_and_an_unknown_one_is_not() {
        let with = |then: Option<&str>, now: Option<&str>| {
            let (signed_with, key_created) = (then.map(str::to_owned), now.map(str::to_owned));
            let (token, connection_string) = (Secret::from("t"), Secret::from("c"));
            let (id, start, expiry) = (String::new(), String::new(), String::new());
            ended(&Outputs { id, start, expiry, signed_with, key_created, revoked: None, token, connection_string })
        };
        assert!(with(Some("t1"), Some("t2")).unwrap().contains("t2"));
        for (then, now) in [(Some("t1"), Some("t1")), (None, Some("t2")), (Some("t1"), None), (None, None)] {
            assert_eq!(with(then, now), None, "{then:?} {now:?}");
        }
    }

    #[test]
    fn outputs_are_secret_where_they_must() {
        let outputs = Outputs {
            id: "i".into(),
            start: String::new(),
            expiry: String::new(),
            signed_with: None,
            key_created: None,
            revoked: None,
            token: Secret::from("sig=canary"),
            connection_string: Secret::from("x;sig=canary"),
        };
        let value = mops_core::convert::to_value(&outputs).unwrap();
        assert!(!format!("{value:?} {}", value.masked_json()).contains("canary"));
    }
}
