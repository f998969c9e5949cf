//! What goes wrong, on the wire: nothing that exists is forgotten, nothing secret is said, and the next call is answered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mops_core::provider::{BoxFuture, CallContext, Checked, Difference, Done, Found, Known, Progress, Provider};
use mops_core::schema::ResourceSchema;
use mops_core::{Error, Identity, Lane, StackId, Urn, Value};
use mops_tests::arm::store::Doomed;
use mops_tests::fault::{Fault, Rule};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Code;

use super::wire::{Old, Wire, bag, value};
use crate::conformance::{Case, cases, ground};
use crate::stand::Stand;

/// The detail of a status, which must be there.
pub(super) fn detail<T: prost::Message + Default>(status: &tonic::Status, name: &str) -> T {
    mops_tests::pulumi::detail(status, name).unwrap_or_else(|| panic!("no {name} in {status}"))
}

fn case(token: &str) -> Case {
    cases().into_iter().find(|case| case.urn.token() == token).expect("listed")
}

async fn ready(token: &str) -> (Stand, Case, Wire, Value) {
    let (stand, case) = (Stand::new(), case(token));
    ground(&stand, &case).await;
    let mut wire = Wire::on(&stand).await;
    let inputs = wire.checked(&case.urn, &Value::map(), &case.inputs).await;
    (stand, case, wire, inputs)
}

#[tokio::test]
async fn what_exists_but_failed_is_told_and_mended_by_an_update() {
    let (stand, case, mut wire, inputs) = ready("modelops:azure:NodePool").await;
    let Some(Identity::Name(id)) = stand.provider().identity(&case.urn, &inputs) else { panic!("no name") };
    let message = "Operation could not be completed".into();
    stand.sandbox.arm().state().doomed.push(Doomed { resource: id, code: "QuotaExceeded".into(), message });
    let status = wire.create(&case.urn, &inputs, false).await.expect_err("a failure");
    assert_eq!(status.code(), Code::Unknown, "{status}");
    let waiting = wire.hears("").await;
    assert!(waiting.ephemeral && waiting.urn == case.urn.as_str(), "{waiting:?}");
    let failed: rpc::ErrorResourceInitFailed = detail(&status, "ErrorResourceInitFailed");
    assert!(
        failed.id.contains("/agentPools/") && failed.reasons.iter().any(|r| r.contains("QuotaExceeded")),
        "{failed:?}"
    );
    let outputs = value(failed.properties.as_ref());
    assert_eq!(outputs.get("clusterId"), inputs.get("clusterId"), "the inputs are not in what is saved");
    let old = Old { id: failed.id, inputs: inputs.clone(), outputs };
    wire.update(&case.urn, &old, &inputs, false).await.expect("mended");
    assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new());
}

#[tokio::test]
async fn after_a_lost_answer_its_own_is_taken_over_and_a_strangers_is_refused() {
    let (stand, case, mut wire, inputs) = ready("modelops:azure:ContainerRegistry").await;
    stand.sandbox.faults().once(&["arm PUT "], Fault::LostAfterCommit);
    // whatever became of the first one: the engine has forgotten it, and asks again
    let _ = wire.create(&case.urn, &inputs, false).await;
    let (id, outputs) = wire.create(&case.urn, &inputs, false).await.expect("taken over");
    assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new());
    let other = StackId { project: "modelops".into(), stack: "other".into() };
    let theirs = Urn::new(&other, case.urn.token(), "sample");
    let refused = wire.create(&theirs, &inputs, false).await.expect_err("a refusal");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    // and a state that claims it does not delete it
    wire.delete(&theirs, &Old { id: id.clone(), inputs: inputs.clone(), outputs }).await.expect("kept");
    assert!(stand.sandbox.ledger().existing().iter().any(|e| e.eq_ignore_ascii_case(&id)), "deleted");
    let said = wire.hears("is kept").await;
    assert!(said.urn == theirs.as_str() && !said.ephemeral, "{said:?}");
}

#[tokio::test]
async fn after_cancel_new_work_is_refused_and_nothing_is_made() {
    let (stand, case, mut wire, inputs) = ready("modelops:azure:ContainerRegistry").await;
    let before = stand.sandbox.ledger().existing();
    wire.client.cancel(()).await.expect("acknowledged");
    let refused = wire.create(&case.urn, &inputs, false).await.expect_err("a refusal");
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(stand.sandbox.ledger().existing(), before);
    wire.client.cancel(()).await.expect("acknowledged again");
}

/// A storage account, which takes Azure's own time, on the machine's time; and its group.
async fn slow() -> (Stand, Case, Wire, Value) {
    let (stand, case) = (Stand::at_azures_pace(), case("modelops:azure:StorageAccount"));
    ground(&stand, &case).await;
    let mut wire = Wire::on(&stand).await;
    let inputs = wire.checked(&case.urn, &Value::map(), &case.inputs).await;
    (stand, case, wire, inputs)
}

/// What a creation that nobody waited for says exists.
fn is_told(status: &tonic::Status) {
    let failed: rpc::ErrorResourceInitFailed = detail(status, "ErrorResourceInitFailed");
    assert!(failed.id.ends_with("/storageAccounts/samplest"), "{failed:?}");
    assert_eq!(value(failed.properties.as_ref()).get("name"), Some(&Value::from("samplest")));
}

#[tokio::test]
async fn cancel_in_the_middle_of_waiting_ends_it_with_what_is_known() {
    let (_stand, case, mut wire, inputs) = slow().await;
    let mut canceling = wire.client.clone();
    let request = rpc::CreateRequest { urn: case.urn.to_string(), properties: bag(&inputs), ..Default::default() };
    let mut creating = wire.client.clone();
    let created = tokio::spawn(async move { creating.create(request).await });
    assert!(wire.hears("").await.ephemeral, "it does not wait");
    canceling.cancel(()).await.expect("acknowledged");
    let status = tokio::time::timeout(Duration::from_secs(5), created).await.expect("it goes on").unwrap();
    is_told(&status.expect_err("interrupted"));
}

#[tokio::test]
async fn a_timeout_of_the_program_ends_the_waiting_with_what_is_known() {
    let (stand, case, mut wire, inputs) = slow().await;
    let properties = bag(&inputs);
    let request = rpc::CreateRequest { urn: case.urn.to_string(), properties, timeout: 1.0, ..Default::default() };
    let late = wire.client.create(request).await.expect_err("too late");
    is_told(&late);
    // As the next run goes on: with an update under properties that are not whole, and with a deletion under the same.
    let failed: rpc::ErrorResourceInitFailed = detail(&late, "ErrorResourceInitFailed");
    let urn = case.urn.to_string();
    let request = rpc::UpdateRequest {
        id: failed.id.clone(),
        urn: urn.clone(),
        olds: failed.properties.clone(),
        old_inputs: bag(&inputs),
        news: bag(&inputs),
        ..Default::default()
    };
    let made = wire.client.update(request).await.expect("made to its end").into_inner();
    assert!(value(made.properties.as_ref()).get("blobEndpoint").is_some(), "{made:?}");
    let request = rpc::DeleteRequest {
        id: failed.id,
        urn,
        properties: failed.properties,
        old_inputs: bag(&inputs),
        ..Default::default()
    };
    for method in ["arm GET", "arm DELETE"] {
        let matches = [method, "/storageaccounts/samplest?"].map(str::to_owned).into();
        stand.sandbox.faults().add(Rule { matches, skip: 0, times: u32::MAX, fault: Fault::Delay(0) });
    }
    wire.client.delete(request).await.expect("taken away");
    let met = stand.sandbox.faults().met();
    let looks = met.iter().position(|request| request.contains("DELETE")).expect("a deletion");
    assert_eq!(looks, 2, "whose it is, and whether it is still there: {met:?}");
}

#[tokio::test]
async fn secrets_go_to_the_values_of_a_secret_and_to_no_name() {
    let (stand, group) = (Stand::new(), case("modelops:azure:ResourceGroup"));
    let mut wire = Wire::on(&stand).await;
    let Value::Map(mut inputs) = group.inputs.clone() else { panic!("no map") };
    inputs.insert("name".into(), Value::from("name-canary").into_secret());
    let request = |urn: &Urn, news: &Value| rpc::CheckRequest {
        urn: urn.to_string(),
        news: bag(news),
        ..rpc::CheckRequest::default()
    };
    let answer = wire.client.check(request(&group.urn, &Value::Map(inputs))).await.unwrap().into_inner();
    let [failure] = answer.failures.as_slice() else { panic!("{:?}", answer.failures) };
    assert!(failure.property == "name" && !failure.reason.contains("canary"), "{failure:?}");

    let secret = case("modelops:kubernetes:Secret");
    let Value::Map(mut inputs) = secret.inputs.clone() else { panic!("no map") };
    let data = Value::Map([("key".to_owned(), Value::from("value-canary"))].into());
    inputs.insert("data".into(), data.into_secret());
    let checked = wire.checked(&secret.urn, &Value::map(), &Value::Map(inputs)).await;
    assert!(
        checked.get("data").and_then(|d| d.get("key")).is_some_and(|v| matches!(v, Value::Secret(_))),
        "{checked:?}"
    );
}

/// Resources of which a test says what they do.
#[derive(Default)]
struct Fake {
    panics: bool,
    tells: bool,
    lanes: Vec<Lane>,
    running: AtomicUsize,
    most: AtomicUsize,
    timeouts: Mutex<Vec<Duration>>,
}

impl Provider for Fake {
    fn schema(&self, _: &str) -> Option<&ResourceSchema> {
        None
    }
    fn check(&self, _: &Urn, inputs: &Value, _: bool) -> Checked {
        Checked { inputs: inputs.clone(), ..Checked::default() }
    }
    fn diff(&self, _: &Urn, _: &Known, _: &Value) -> Difference {
        Difference::default()
    }
    fn identity(&self, _: &Urn, _: &Value) -> Option<Identity> {
        None
    }
    fn lanes(&self, _: &Urn, _: &Value) -> Vec<Lane> {
        self.lanes.clone()
    }
    fn read<'a>(
        &'a self,
        _: CallContext,
        _: Option<&'a str>,
        _: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async { Ok(None) })
    }
    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            assert!(!self.panics, "a canary that nobody may see: {}", inputs.exposed_json());
            if self.tells {
                let text = format!("signing in with {}", inputs.exposed_json());
                (cx.progress)(Progress::Waiting(text.clone()));
                (cx.progress)(Progress::Note(text));
            }
            self.timeouts.lock().unwrap().push(cx.timeout);
            self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            self.running.fetch_sub(1, Ordering::SeqCst);
            Ok(Done { id: "made".into(), ..Done::default() })
        })
    }
    fn update<'a>(&'a self, _: CallContext, _: &'a Known, _: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async { Ok(Done { id: "made".into(), ..Done::default() }) })
    }
    fn delete<'a>(&'a self, _: CallContext, _: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

fn urn() -> Urn {
    Urn::new(&StackId { project: "p".into(), stack: "s".into() }, "modelops:azure:Fake", "n")
}

#[tokio::test]
async fn a_panic_is_an_error_that_quotes_nothing_and_the_next_call_is_answered() {
    let mut wire = Wire::over(Arc::new(Fake { panics: true, ..Fake::default() })).await;
    let status = wire.create(&urn(), &Value::map(), false).await.expect_err("a panic");
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("fault") && !status.message().contains("canary"), "{status}");
    assert_eq!(wire.checked(&urn(), &Value::map(), &Value::map()).await, Value::map());
}

#[tokio::test]
async fn progress_quotes_no_secret_of_its_call() {
    let mut wire = Wire::over(Arc::new(Fake { tells: true, ..Fake::default() })).await;
    let password = Value::Map([("password".to_owned(), Value::from("progress-canary"))].into()).into_secret();
    let inputs = Value::Map([("user".to_owned(), Value::from("u")), ("login".to_owned(), password)].into());
    wire.create(&urn(), &inputs, false).await.expect("made");
    for ephemeral in [true, false] {
        let said = wire.hears("signing in with").await;
        assert_eq!(said.ephemeral, ephemeral);
        assert!(!said.message.contains("canary") && said.message.contains("[secret]"), "{}", said.message);
    }
}

/// A cluster that went on to another version by itself: a refresh asks how the stored inputs differ from what is there.
#[tokio::test]
async fn what_no_update_can_do_is_refused_by_the_update_and_does_not_stop_a_refresh() {
    let (_stand, case, mut wire, inputs) = ready("modelops:azure:ManagedCluster").await;
    let at = |version: &str| {
        let mut changed = inputs.exposed_json();
        changed["kubernetesVersion"] = serde_json::json!(version);
        Value::from(changed)
    };
    let (here, there) = (at("1.35"), at("1.33"));
    let (id, outputs) = wire.create(&case.urn, &inputs, false).await.expect("made");
    let old = Old { id, inputs: here, outputs };
    let inverted = wire.diff(&case.urn, &old, &there).await;
    assert_eq!((inverted.diffs, inverted.replaces), (vec!["kubernetesVersion".to_owned()], Vec::new()));
    for preview in [true, false] {
        let refused = wire.update(&case.urn, &old, &there, preview).await.expect_err("no way back");
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("`sample` cannot be changed like this: Kubernetes 1.35"), "{refused}");
    }
}

#[tokio::test]
async fn twenty_mebibytes_go_there_and_back() {
    let mut wire = Wire::over(Arc::new(Fake::default())).await;
    let large = Value::Map([("text".to_owned(), Value::from("x".repeat(20 << 20)))].into());
    assert!(wire.checked(&urn(), &Value::map(), &large).await == large);
}

#[tokio::test]
async fn writes_of_one_lane_wait_for_each_other_and_timeouts_arrive() {
    for (lanes, most) in [(vec![Lane::new("one", 1)], 1), (vec![Lane::new("two", 2)], 2)] {
        let fake = Arc::new(Fake { lanes, ..Fake::default() });
        let wire = Wire::over(Arc::<Fake>::clone(&fake)).await;
        let request = rpc::CreateRequest { urn: urn().to_string(), timeout: 7.5, ..rpc::CreateRequest::default() };
        let calls = (0..6).map(|_| {
            let (mut client, request) = (wire.client.clone(), request.clone());
            async move { client.create(request).await.map(|made| made.into_inner().id) }
        });
        for made in futures::future::join_all(calls).await {
            assert_eq!(made.expect("made"), "made");
        }
        assert_eq!(fake.most.load(Ordering::SeqCst), most);
        assert_eq!(fake.timeouts.lock().unwrap().as_slice(), [Duration::from_millis(7500); 6]);
    }
}

#[tokio::test]
async fn what_is_not_offered_says_so() {
    let stand = Stand::new();
    let mut wire = Wire::on(&stand).await;
    let call = wire.client.call(rpc::CallRequest::default()).await;
    assert_eq!(call.expect_err("not offered").code(), Code::Unimplemented);
    let invoke = rpc::InvokeRequest { tok: "modelops:azure:getNothing".into(), ..rpc::InvokeRequest::default() };
    let unknown = wire.client.invoke(invoke).await.expect_err("not there");
    assert!(unknown.code() == Code::NotFound && unknown.message().contains("getRegistryCredentials"), "{unknown}");
    let request = rpc::CreateRequest { urn: "nonsense".into(), ..rpc::CreateRequest::default() };
    assert_eq!(wire.client.create(request).await.expect_err("no URN").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_registrys_credential_is_read_and_wrapped() {
    let (_stand, case, mut wire, inputs) = ready("modelops:azure:ContainerRegistry").await;
    let (id, _) = wire.create(&case.urn, &inputs, false).await.expect("made");
    let args = bag(&Value::Map([("registryId".to_owned(), Value::from(id))].into()));
    let tok = "modelops:azure:getRegistryCredentials".to_owned();
    let request = rpc::InvokeRequest { tok, args, ..rpc::InvokeRequest::default() };
    let found = value(wire.client.invoke(request).await.expect("an answer").into_inner().r#return.as_ref());
    assert!(matches!(found.get("password"), Some(Value::Secret(_))), "{found:?}");
    assert_eq!(found.get("username").and_then(Value::as_str), Some("sampleacr"));
}

#[tokio::test]
async fn a_login_at_novita_is_found_by_id_or_name_without_its_password() {
    let stand = Stand::new();
    let novita = stand.sandbox.novita();
    let id = novita.auth("a.io", "puller", "canary-password");
    novita.auth("twice.io", "one", "canary-password");
    novita.auth("twice.io", "two", "canary-password");
    let mut wire = Wire::on(&stand).await;
    let mut asked = async |given: &[(&str, &str)]| {
        let args = given.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text)));
        let request = rpc::InvokeRequest {
            tok: "modelops:novita:getRegistryAuth".to_owned(),
            args: bag(&Value::Map(args.collect())),
            ..rpc::InvokeRequest::default()
        };
        let answer = wire.client.invoke(request).await;
        answer.map(|answer| value(answer.into_inner().r#return.as_ref())).map_err(|status| status.message().to_owned())
    };
    for given in [("id", id.as_str()), ("name", "a.io")] {
        let found = asked(&[given]).await.expect("a login");
        let text = |name: &str| found.get(name).and_then(Value::as_str).map(str::to_owned);
        let all = [text("id"), text("name"), text("username"), text("password")];
        assert_eq!(all, [Some(id.clone()), Some("a.io".into()), Some("puller".into()), None]);
    }
    for (given, words) in [
        (vec![("id", "none")], "Registry authentication not found for ID"),
        (vec![("name", "twice.io")], "twice.io"),
        (vec![], "either `id` or `name`"),
        (vec![("id", id.as_str()), ("name", "a.io")], "either `id` or `name`"),
    ] {
        let refused = asked(&given).await.expect_err("refused");
        assert!(refused.contains(words) && !refused.contains("canary"), "{given:?}: {refused}");
    }
}
