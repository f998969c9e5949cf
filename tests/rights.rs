//! Promise: identities, whom they trust and what they may do come into being although Azure learns of them late and
//! answers by its own rules; what somebody else has given is used and left alone.

use std::time::Duration;

use mops_core::preflight::{Intent, Planned, Planning};
use mops_core::provider::{Done, Known, Provider};
use mops_core::{Class, Error, Ownership, Urn, Value};
use mops_tests::arm::store::Thing;
use mops_tests::fault::{Fault, Rule};
use serde_json::json;

use crate::stand::{SUBSCRIPTION, Stand};

const ROLE: &str = "modelops:azure:RoleAssignment";
const IDENTITY: &str = "modelops:azure:UserAssignedIdentity";
const TRUST: &str = "modelops:azure:FederatedCredential";
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
const OTHER_NAME: &str = "88888888-0000-0000-0000-000000000001";

/// A stand with group, registry and identity of the samples.
struct Ground {
    stand: Stand,
    principal: String,
}

fn sample(token: &str) -> Value {
    let entry = mops_resources::entries().into_iter().find(|e| e.schema().token == token).expect("listed");
    entry.samples().remove(0)
}

impl Ground {
    async fn new() -> Self {
        Self::at(Stand::new()).await
    }

    async fn at(stand: Stand) -> Self {
        let mut ground = Self { stand, principal: String::new() };
        for token in ["modelops:azure:ResourceGroup", "modelops:azure:ContainerRegistry"] {
            ground.make(token, "ground", sample(token)).await.expect("ground");
        }
        let identity = ground.make(IDENTITY, "identity", sample(IDENTITY)).await.expect("an identity");
        ground.principal = identity.outputs.exposed_json()["principalId"].as_str().expect("an id").to_owned();
        ground
    }

    fn urn(&self, token: &str, name: &str) -> Urn {
        self.stand.urn(token, name)
    }

    async fn make(&self, token: &str, name: &str, inputs: Value) -> Result<Done, Error> {
        let urn = self.urn(token, name);
        let checked = self.stand.provider().check(&urn, &inputs, false);
        assert!(checked.failures.is_empty(), "{:?}", checked.failures);
        self.stand.create(&urn, &checked.inputs).await
    }

    /// The right to pull for the identity.
    fn pull(&self) -> Value {
        json!({"scope": self.registry(), "principalId": self.principal, "role": "AcrPull"}).into()
    }

    fn registry(&self) -> String {
        format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/sample-rg/providers/Microsoft.ContainerRegistry/registries/sampleacr"
        )
    }

    async fn give(&self) -> Result<Done, Error> {
        self.make(ROLE, "pull", self.pull()).await
    }

    /// The same right under another name, given by somebody else.
    fn given_by_somebody(&self) -> String {
        let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/{OTHER_NAME}", self.registry());
        let role = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{PULL}");
        let properties = json!({"scope": self.registry(), "principalId": self.principal, "roleDefinitionId": role,
            "principalType": "ServicePrincipal", "description": "by hand"});
        let body = json!({"id": id, "name": OTHER_NAME, "type": "Microsoft.Authorization/roleAssignments",
            "properties": properties});
        let arm = self.stand.sandbox.arm();
        arm.state().insert(&arm.world, Thing::new(id.clone(), body, None));
        id
    }

    fn is_there(&self, id: &str) -> bool {
        self.stand.sandbox.arm().state().get(id).is_some()
    }

    async fn take_away(&self, done: Done) {
        let urn = self.urn(ROLE, "pull");
        let inputs = self.stand.provider().check(&urn, &self.pull(), false).inputs;
        let known = Known { id: done.id, inputs, outputs: done.outputs };
        self.stand.provider().delete(self.stand.context(&urn), &known).await.expect("a deletion");
    }

    fn meet(&self, matches: &[&str], skip: u32, times: u32, status: u16, code: &str) {
        let fault = Fault::Status { status, code: code.into(), retry_after: None };
        let matches = matches.iter().map(|&part| part.to_owned()).collect();
        self.stand.sandbox.faults().add(Rule { matches, skip, times, fault });
    }
}

#[tokio::test]
async fn a_new_principal_gets_its_right_at_once_and_a_late_directory_is_waited_for() {
    let ground = Ground::new().await;
    let begin = ground.stand.clock.monotonic();
    let done = ground.give().await.expect("the kind of principal is said");
    assert!(ground.stand.clock.monotonic() - begin < Duration::from_secs(5), "it was waited for");
    ground.take_away(done).await;
    ground.meet(&["arm PUT", "/roleAssignments/"], 0, 3, 400, "PrincipalNotFound");
    let begin = ground.stand.clock.monotonic();
    let done = ground.give().await.expect("known at last");
    assert!(ground.is_there(&done.id));
    assert_eq!(ground.stand.sandbox.faults().met().len(), 3);
    assert!(ground.stand.clock.monotonic() - begin >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_principal_that_never_comes_is_given_up_with_its_reason() {
    let ground = Ground::new().await;
    ground.meet(&["arm PUT", "/roleAssignments/"], 0, 1000, 400, "PrincipalNotFound");
    let begin = ground.stand.clock.monotonic();
    let error = ground.give().await.expect_err("nobody knows it");
    assert!(format!("{error:?}").contains("PrincipalNotFound"), "{error:?}");
    let waited = ground.stand.clock.monotonic() - begin;
    assert!(waited >= Duration::from_secs(600) && waited < Duration::from_secs(700), "{waited:?}");
}

#[tokio::test]
async fn it_is_done_when_arm_shows_it_three_times_in_a_row() {
    let ground = Ground::new().await;
    // Met: the looks after the read, the confirmation of the PUT and the first hit.
    ground.meet(&["arm GET", "/roleAssignments/"], 3, 2, 404, "RoleAssignmentNotFound");
    let begin = ground.stand.clock.monotonic();
    ground.give().await.expect("shown at last");
    assert_eq!(ground.stand.sandbox.faults().met().len(), 2);
    assert_eq!(ground.stand.clock.monotonic() - begin, Duration::from_millis(2500), "hit, two misses, three hits");
}

#[tokio::test]
async fn a_right_of_somebody_else_is_used_and_left() {
    let ground = Ground::new().await;
    let theirs = ground.given_by_somebody();
    let done = ground.give().await.expect("the right is there");
    assert!(done.adopted && done.foreign && done.id.eq_ignore_ascii_case(&theirs), "{done:?}");
    let urn = ground.urn(ROLE, "pull");
    let inputs = ground.stand.provider().check(&urn, &ground.pull(), false).inputs;
    let known = Known { id: done.id.clone(), inputs: inputs.clone(), outputs: done.outputs.clone() };
    let found = ground.stand.read(&urn, Some(&done.id), &known).await.expect("it is there");
    assert_eq!(found.ownership, Ownership::Unmarked);
    assert!(ground.stand.provider().diff(&urn, &found.known, &inputs).is_empty(), "its description is theirs");
    ground.take_away(done).await;
    assert!(ground.is_there(&theirs), "taken away from somebody else");
}

#[tokio::test]
async fn a_right_given_in_the_same_moment_is_used_and_left() {
    let ground = Ground::new().await;
    let theirs = ground.given_by_somebody();
    // The list that is asked before the PUT does not have it yet; the PUT meets it.
    ground.meet(&["arm GET", "/roleAssignments?"], 0, 1, 404, "NotThereYet");
    let done = ground.give().await.expect("the right is there");
    assert!(done.id.eq_ignore_ascii_case(&theirs), "{done:?}");
    ground.take_away(done).await;
    assert!(ground.is_there(&theirs), "taken away from somebody else");
}

#[tokio::test]
async fn what_may_not_be_updated_is_replaced() {
    let ground = Ground::new().await;
    let done = ground.give().await.expect("a right");
    let urn = ground.urn(ROLE, "pull");
    let old = Known {
        id: done.id.clone(),
        inputs: ground.stand.provider().check(&urn, &ground.pull(), false).inputs,
        outputs: done.outputs,
    };
    let end = format!("/roleAssignments/{}", done.id.rsplit('/').next().unwrap_or_default());
    ground.stand.sandbox.arm().edit(&end, "/properties/principalType", &json!("Group"), "somebody");
    let updated = ground.stand.provider().update(ground.stand.context(&urn), &old, &old.inputs).await;
    assert_eq!(updated.expect("replaced").id, done.id);
    let kind = ground.stand.sandbox.arm().state().get(&done.id).map(|t| t.body["properties"]["principalType"].clone());
    assert_eq!(kind, Some(json!("ServicePrincipal")));
}

#[tokio::test]
async fn without_the_right_to_give_rights_the_one_command_is_told_and_its_effect_is_taken_up() {
    let ground = Ground::new().await;
    ground.meet(&["arm PUT", "/roleAssignments/"], 0, 1, 403, "AuthorizationFailed");
    let error = ground.give().await.expect_err("not allowed");
    assert_eq!(error.class(), Class::Auth);
    let hint = error.hint_text().unwrap_or_default();
    for part in ["az role assignment create", &ground.principal, PULL, &ground.registry()] {
        assert!(hint.contains(part), "{part}: {hint}");
    }
    let theirs = ground.given_by_somebody();
    let done = ground.give().await.expect("the administrator has run it");
    assert!(done.foreign && done.id.eq_ignore_ascii_case(&theirs), "{done:?}");
}

fn trust(name: &str, subject: &str) -> Value {
    let Value::Map(mut map) = sample(TRUST) else { panic!("a map") };
    map.insert("name".into(), name.into());
    map.insert("subject".into(), subject.into());
    Value::Map(map)
}

#[tokio::test]
async fn concurrent_writes_of_somebody_else_are_waited_for() {
    let ground = Ground::new().await;
    let code = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";
    ground.meet(&["arm PUT", "/federatedIdentityCredentials/"], 0, 2, 409, code);
    let begin = ground.stand.clock.monotonic();
    let done = ground.make(TRUST, "one", trust("one", "system:serviceaccount:n:one")).await.expect("written at last");
    assert!(ground.is_there(&done.id));
    assert!(ground.stand.clock.monotonic() - begin >= Duration::from_secs(80), "20 and 60 s");
}

#[tokio::test]
async fn the_other_credential_with_the_same_subject_is_named() {
    let ground = Ground::new().await;
    let subject = "system:serviceaccount:n:worker";
    ground.make(TRUST, "one", trust("first-one", subject)).await.expect("a credential");
    let error = ground.make(TRUST, "two", trust("second-one", subject)).await.expect_err("the same subject");
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.summary().contains("`first-one`") && error.summary().contains("same issuer and subject"), "{error}");
}

#[tokio::test]
async fn the_issuer_arrives_byte_for_byte() {
    let ground = Ground::new().await;
    let Value::Map(mut inputs) = trust("issuer", "system:serviceaccount:n:a") else { panic!("a map") };
    let issuer = "https://EastUS2.oic.prod-aks.azure.com/T/C/";
    inputs.insert("issuer".into(), issuer.into());
    let done = ground.make(TRUST, "issuer", Value::Map(inputs)).await.expect("a credential");
    let kept = ground.stand.sandbox.arm().state().get(&done.id).map(|t| t.body["properties"]["issuer"].clone());
    assert_eq!(kept, Some(json!(issuer)));
}

#[tokio::test]
async fn more_credentials_than_an_identity_may_have_are_refused_before_the_first_is_written() {
    // On a clock that jumps no look is over in time.
    let ground = Ground::at(Stand::in_real_time()).await;
    for at in 0..19 {
        let name = format!("credential-{at}");
        ground.make(TRUST, &name, trust(&name, &format!("system:serviceaccount:n:s{at}"))).await.expect("a credential");
    }
    let planned = |name: &str| {
        let urn = ground.urn(TRUST, name);
        let inputs = ground.stand.provider().check(&urn, &trust(name, "system:serviceaccount:n:new"), false).inputs;
        Planned { urn, intent: Intent::Create, known: None, inputs, dependencies: Vec::new() }
    };
    let refusals = |names: &'static [&'static str]| {
        let planning = Planning { resources: names.iter().map(|name| planned(name)).collect(), ..Planning::default() };
        let provider = ground.stand.provider();
        async move { provider.preflight(&planning).await.refusals }
    };
    assert!(refusals(&["credential-0", "the-20th"]).await.is_empty(), "one of them is there already");
    let told = refusals(&["the-20th", "the-21st"]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].failure.reason, "identity `sample-identity` would have 21 federated credentials, 20 at most");
}
