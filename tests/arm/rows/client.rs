//! The rows, as the client follows them; a script plays the service.

use std::sync::Arc;
use std::time::Duration;

use mops_clients::ClientError;
use mops_clients::arm::{Action, ResourceId};
use mops_core::provider::{CallContext, Done, Known, Provider};
use mops_core::{Error, Value as Properties};
use mops_tests::http::Reply;
use serde_json::{Value, json};

use super::super::operations::{End, Named, THING, follow, run, running, thing};
use super::super::resources::{context, group_id};
use super::super::script::{API, Beat, GROUP, Script, breaks, lock, on};

const PUT: &str = "PUT /things/t";
const GET: &str = "GET /things/t?";
const DELETE: &str = "DELETE /things/t";

fn refused(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": "m"}}))
}

fn accepted() -> Beat {
    on(PUT, thing(201, "Creating").operation("/op"))
}

#[tokio::test]
async fn row_01_a_202_in_between_without_an_address_keeps_the_last_one() {
    let beats = vec![
        on(DELETE, Reply::empty(202).location("/loc?a").retry(15)),
        on("GET /loc?a", Reply::empty(202).location("/loc?b").retry(15)),
        on("GET /loc?b", Reply::empty(202).retry(15)),
        on("GET /loc?b", Reply::empty(200)),
    ];
    follow("DELETE", beats, End::Nothing, 45).await;
}

#[tokio::test]
async fn row_02_an_empty_404_is_an_absent_group_and_nothing_is_parsed() {
    let script = Script::play(vec![on("GET /resourceGroups/g?", Reply::empty(404))]);
    assert_eq!(script.arm.get(GROUP, API).await.expect("an answer"), None);
    assert_eq!(script.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn row_03_headers_and_state_decide_and_not_the_status() {
    follow("PUT", vec![on(PUT, thing(200, "Succeeded"))], End::State("Succeeded"), 0).await;
    let beats = vec![accepted(), on("GET /op", running("Succeeded")), on(GET, thing(200, "Succeeded"))];
    follow("PUT", beats, End::State("Succeeded"), 10).await;
}

#[tokio::test]
async fn row_04_every_poll_may_name_a_new_address_and_every_unknown_word_means_running() {
    let beats = vec![
        on(PUT, thing(201, "Creating").operation("/op?t=1&c=MIIH%2B")),
        on("GET /op?t=1&c=MIIH%2B", running("Creating").operation("/op?t=2&c=x")),
        on("GET /op?t=2&c=x", running("Updating")),
        on("GET /op?t=2&c=x", running("Succeeded").operation("/op?t=3")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 30).await;
}

#[tokio::test]
async fn row_05_a_patch_is_done_at_once_or_takes_time() {
    let patch = "PATCH /things/t";
    follow("PATCH", vec![on(patch, thing(200, "Succeeded"))], End::State("Succeeded"), 0).await;
    let beats = vec![
        on(patch, thing(201, "Updating").operation("/op")),
        on("GET /op", running("Succeeded")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PATCH", beats, End::State("Succeeded"), 10).await;
}

#[tokio::test]
async fn row_06_a_deletion_ends_at_once_or_with_an_empty_200_at_its_address() {
    let beats = vec![on(DELETE, Reply::empty(200)), on(GET, refused(404, "ResourceNotFound"))];
    follow("DELETE", beats, End::Nothing, 0).await;
    let beats = vec![
        on(DELETE, thing(202, "Deleting").location("/loc").retry(10)),
        on("GET /loc", Reply::empty(202)),
        on("GET /loc", Reply::empty(200)),
    ];
    follow("DELETE", beats, End::Nothing, 20).await;
}

/// A registry's token is made, and the service answers the request for its password like this.
async fn token(told: Vec<Beat>) -> (Script, Result<Done, Error>) {
    let map = "/scopeMaps/dev-pull?";
    let made = |state: &str| json!({"properties": {"provisioningState": state}});
    let mut beats = vec![
        on("GET /tokens/dev-pull?", refused(404, "ResourceNotFound")),
        on(&format!("GET {map}"), refused(404, "ResourceNotFound")),
        on(&format!("PUT {map}"), Reply::json(200, &made("Succeeded"))),
        on("PUT /tokens/dev-pull?", Reply::json(201, &made("Creating")).operation("/op")),
        on("GET /op", running("Succeeded")),
        on("GET /tokens/dev-pull?", Reply::json(200, &made("Succeeded"))),
    ];
    beats.extend(told);
    let script = Script::play(beats);
    let inputs = json!({
        "registryId": format!("{}/providers/Microsoft.ContainerRegistry/registries/devacr", group_id()),
        "name": "dev-pull", "actions": ["repositories/*/content/read"],
        "lifetimeSeconds": 90 * 86_400, "renewBeforeSeconds": 86_400,
    });
    let done = create(&script, "RegistryToken", inputs).await;
    (script, done)
}

async fn create(script: &Script, kind: &str, inputs: Value) -> Result<Done, Error> {
    let context = CallContext { progress: Arc::clone(&script.context().progress), ..context("one", kind, "x") };
    let checked = script.resources.check(&context.urn, &Properties::from(inputs), false);
    assert!(checked.failures.is_empty(), "{:?}", checked.failures);
    script.resources.create(context, &checked.inputs).await
}

const GENERATE: &str = "POST /registries/devacr/generateCredentials?";

fn passwords() -> Value {
    json!({"username": "dev-pull", "passwords": [
        {"name": "password1", "creationTime": "2026-11-24T08:00:00Z", "value": "password-canary"},
        {"name": "password2", "creationTime": "2026-11-24T08:00:00Z", "value": "other-canary"}]})
}

#[tokio::test]
async fn row_07_the_scope_map_is_there_at_once_and_the_token_after_it() {
    let (script, done) = token(vec![on(GENERATE, Reply::json(200, &passwords()))]).await;
    assert_eq!(script.complaints(), Vec::<String>::new());
    let scope_map = done.expect("made").outputs.get("scopeMapId").cloned();
    let sent = script.seen()[3].json().expect("a token").pointer("/properties/scopeMapId").cloned();
    assert_eq!(scope_map.map(|id| id.masked_json()), sent);
}

#[tokio::test]
async fn row_08_a_password_is_told_once_at_once_or_at_an_address_that_is_kept_nowhere() {
    let at_once = vec![on(GENERATE, Reply::json(200, &passwords()))];
    let later = vec![
        on(GENERATE, Reply::empty(202).location("/result?s=address-canary")),
        on("GET /result?s=address-canary", Reply::empty(202)),
        on("GET /result?s=address-canary", Reply::json(200, &passwords())),
    ];
    for told in [at_once, later] {
        let (script, done) = token(told).await;
        assert_eq!(script.complaints(), Vec::<String>::new());
        let done = done.expect("made");
        let password = done.outputs.get("password").map(|p| p.exposed_json());
        assert_eq!(password, Some(json!("password-canary")));
        assert!(!format!("{done:?} {:?}", lock(&script.heard)).contains("canary"));
        let kept = lock(&script.tokens).iter().any(|token| token.expose().contains("canary"));
        assert!(!kept, "who has the address has the password");
    }
    let failed = json!({"error": {"code": "BadRequest", "message": "password-canary"}});
    let refusal = vec![
        on(GENERATE, Reply::empty(202).location("/result?s=address-canary")),
        on("GET /result", Reply::json(400, &failed)),
    ];
    let error = token(refusal).await.1.expect_err("refused");
    assert!(error.partial().is_some(), "the token is there");
    assert!(!format!("{error:?} {error} {:?}", error.notes()).contains("canary"), "{error:?}");
}

#[tokio::test]
async fn row_09_an_action_goes_by_its_address_with_a_body_while_it_runs() {
    let beats = vec![
        on("POST /things/t", Reply::empty(202).location("/loc")),
        on("GET /loc", Reply::json(202, &json!({"status": "Running"}))),
        on("GET /loc", Reply::json(200, &json!({"value": 7}))),
    ];
    follow("POST", beats, End::Body(json!({"value": 7})), 20).await;
}

#[tokio::test]
async fn row_10_a_200_may_be_unfinished() {
    let beats = vec![
        on(PUT, thing(200, "Updating").operation("/op")),
        on("GET /op", running("Succeeded")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 10).await;
}

#[tokio::test]
async fn row_11_an_address_of_another_version_and_of_4_kb_is_followed_as_it_is() {
    let address = format!("/op?api-version=2017-08-31&c=MIIH%2B{}", "x".repeat(4096));
    let beats = vec![
        on(PUT, thing(201, "Creating").operation(&address)),
        on(&format!("GET {address}"), running("Succeeded")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 10).await;
}

#[tokio::test]
async fn row_12_words_of_the_service_are_shown_and_mean_running() {
    let words = ["InProgress", "ProvisioningControlPlane", "ReconcilingDNS", "CreatingAgentPool: 0/1 nodes completed"];
    let polls = words.iter().map(|word| on("GET /op", running(word).retry(3)));
    let end = [on("GET /op", running("Succeeded")), on(GET, thing(200, "Succeeded"))];
    let script = Script::play(std::iter::once(accepted()).chain(polls).chain(end).collect());
    run(&script, "PUT").await.expect("success");
    let heard = lock(&script.heard).join("\n");
    assert!(words.iter().all(|word| heard.contains(&format!("{word}, next poll in 3 s"))), "{heard}");
}

#[tokio::test]
async fn row_13_succeeded_beside_an_error_makes_the_resource_be_read() {
    let end = json!({"status": "Succeeded", "error": {"code": "NotLatestOperation"}});
    let beats = vec![
        on(PUT, thing(200, "Updating").operation("/op")),
        on("GET /op", Reply::json(200, &end)),
        on(GET, thing(200, "Scaling")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 20).await;
}

#[tokio::test]
async fn row_14_the_name_in_a_poll_answer_is_not_looked_at() {
    let beats = vec![
        on(PUT, thing(201, "Creating").operation("/operations/0b1c2d3e")),
        on("GET /operations/0b1c2d3e", Reply::json(200, &json!({"name": "3e2d-other", "status": "InProgress"}))),
        on("GET /operations/0b1c2d3e", Reply::json(200, &json!({"name": "0000-other", "status": "Succeeded"}))),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 20).await;
}

#[tokio::test]
async fn row_15_without_a_header_the_state_of_the_resource_is_waited_for() {
    let states = ["Creating", "Scaling", "Updating", "Deleting"];
    let polls = states.map(|state| on(GET, thing(200, state)));
    let beats = std::iter::once(on(PUT, thing(201, "Creating"))).chain(polls).chain([on(GET, thing(200, "Succeeded"))]);
    follow("PUT", beats.collect(), End::State("Succeeded"), 50).await;
}

#[tokio::test]
async fn row_16_of_two_headers_the_operation_wins() {
    let beats = vec![
        on(DELETE, Reply::empty(202).operation("/op").location("/loc")),
        on("GET /op", running("InProgress")),
        on("GET /op", running("Succeeded")),
    ];
    follow("DELETE", beats, End::Nothing, 20).await;
}

/// What differs between a pool as it was declared, and as the service shows it under this id.
async fn differing(declared: Value, id: &str, properties: Value) -> Vec<String> {
    let cluster = format!("{}/providers/Microsoft.ContainerService/managedClusters/dev-aks", group_id());
    let mut inputs =
        json!({"clusterId": cluster, "name": "work", "mode": "User", "vmSize": "Standard_DS2_v2", "count": 1});
    for (name, value) in declared.as_object().into_iter().flatten() {
        inputs[name] = value.clone();
    }
    let body = json!({"id": id, "name": "work", "properties": properties});
    let script = Script::play(vec![on("GET ", Reply::json(200, &body))]);
    let context = context("one", "NodePool", "work");
    let urn = context.urn.clone();
    let inputs = script.resources.check(&urn, &Properties::from(inputs), false).inputs;
    let known = Known { id: id.to_owned(), inputs, outputs: Properties::map() };
    let found = script.resources.read(context, Some(id), &known).await.expect("a read").expect("there");
    let difference = script.resources.diff(&urn, &found.known, &known.inputs);
    difference.changes.iter().map(|change| change.path.to_string()).collect()
}

fn pool_id() -> String {
    format!("{}/providers/Microsoft.ContainerService/managedClusters/dev-aks/agentPools/work", group_id())
}

#[tokio::test]
async fn row_17_ids_and_types_are_the_same_in_any_case() {
    let shown = pool_id().replace("resourceGroups", "resourcegroups").replace("managedClusters", "ManagedClusters");
    assert_eq!(ResourceId::parse(&shown).expect("an id"), ResourceId::parse(&pool_id()).expect("an id"));
    let properties = json!({"mode": "User", "vmSize": "standard_ds2_v2", "count": 1});
    assert_eq!(differing(json!({}), &shown, properties).await, Vec::<String>::new());
}

#[tokio::test]
async fn row_18_what_the_service_fills_in_is_no_difference() {
    let plain = json!({"mode": "User", "vmSize": "Standard_DS2_v2", "count": 1, "osDiskSizeGB": 128, "maxPods": 110,
        "enableAutoScaling": false});
    assert_eq!(differing(json!({"osDiskSizeGb": 0, "taints": []}), &pool_id(), plain).await, Vec::<String>::new());
    let spot = json!({"mode": "User", "vmSize": "Standard_DS2_v2", "count": 1, "scaleSetPriority": "Spot",
        "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1.0,
        "nodeTaints": ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule", "sku=gpu:NoSchedule"],
        "nodeLabels": {"kubernetes.azure.com/scalesetpriority": "spot"}});
    let declared = json!({"spot": true, "taints": ["sku=gpu:NoSchedule"]});
    assert_eq!(differing(declared, &pool_id(), spot.clone()).await, Vec::<String>::new());
    assert_eq!(differing(json!({"spot": true}), &pool_id(), spot).await, ["taints[0]"], "a stranger's taint shows");
}

#[tokio::test]
async fn row_19_an_accepted_put_has_an_empty_body_and_the_resource_at_its_address() {
    let beats = vec![
        on(PUT, Reply::body(202, "text/plain", "").location("/loc").retry(17)),
        on("GET /loc", Reply::empty(202).retry(17)),
        on("GET /loc", thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 34).await;
}

#[tokio::test]
async fn row_20_changes_end_at_once_and_an_account_that_is_not_ready_is_asked_again() {
    let account = || json!({"id": THING, "properties": {"provisioningState": "Succeeded"}});
    let beats = vec![on("PATCH /things/t", Reply::json(200, &account()))];
    follow("PATCH", beats, End::Body(account()), 0).await;
    let container = || json!({"id": THING});
    let beats = vec![on(PUT, Reply::json(201, &container())), on(GET, Reply::json(200, &container()))];
    follow("PUT", beats, End::Body(container()), 0).await;
    follow("DELETE", vec![on(DELETE, Reply::empty(204))], End::Nothing, 0).await;
    let script = Script::play(vec![
        on("POST /things/t", refused(409, "StorageAccountIsNotProvisioned")),
        on("POST /things/t", Reply::json(200, &json!({"serviceSasToken": "s"}))),
    ]);
    script.arm.action(THING, API, None, Action::Reveal).await.expect("ready at last");
    assert_eq!(script.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn row_21_a_relative_location_that_is_the_resource_itself_is_no_operation() {
    let body = || json!({"id": THING});
    for location in [THING.to_owned(), THING.replace("resourceGroups", "resourcegroups")] {
        let beats =
            vec![on(PUT, Reply::json(201, &body()).header("location", location)), on(GET, Reply::json(200, &body()))];
        follow("PUT", beats, End::Body(body()), 0).await;
    }
    follow("PUT", vec![on(PUT, Reply::json(200, &body()))], End::Body(body()), 0).await;
}

#[tokio::test]
async fn row_22_an_assignment_is_written_with_201_and_goes_with_its_body() {
    let body = || json!({"id": THING, "properties": {"principalId": "p"}});
    let beats = vec![on(PUT, Reply::json(201, &body())), on(GET, Reply::json(200, &body()))];
    follow("PUT", beats, End::Body(body()), 0).await;
    let beats = vec![on(DELETE, Reply::json(200, &body())), on(GET, refused(404, "RoleAssignmentNotFound"))];
    follow("DELETE", beats, End::Nothing, 0).await;
    follow("DELETE", vec![on(DELETE, Reply::empty(204))], End::Nothing, 0).await;
}

#[tokio::test]
async fn row_23_a_principal_that_the_directory_does_not_know_yet_is_waited_for() {
    let one = "/roleAssignments/";
    let body = || json!({"id": "/x", "properties": {"principalId": "p"}});
    let mut beats = vec![
        on(&format!("GET {one}"), refused(404, "RoleAssignmentNotFound")),
        on("GET /roleAssignments?", Reply::json(200, &json!({"value": []}))),
    ];
    beats.extend((0..5).map(|_| on(&format!("PUT {one}"), refused(400, "PrincipalNotFound"))));
    beats.push(on(&format!("PUT {one}"), Reply::json(201, &body())));
    beats.extend((0..4).map(|_| on(&format!("GET {one}"), Reply::json(200, &body()))));
    let script = Script::play(beats);
    let scope = format!("{}/providers/Microsoft.ContainerRegistry/registries/devacr", group_id());
    let inputs = json!({"scope": scope, "principalId": "00000000-0000-0000-0000-0000000000aa", "role": "AcrPull"});
    create(&script, "RoleAssignment", inputs).await.expect("given");
    assert_eq!(script.complaints(), Vec::<String>::new());
    let sent = script.seen()[2].json().expect("an assignment");
    assert_eq!(sent["properties"]["principalType"], "ServicePrincipal");
    assert!(mops_host::Clock::monotonic(&script.clock).as_secs() >= 50, "ten seconds between two tries");
}

#[tokio::test]
async fn row_24_what_is_gone_already_is_gone() {
    follow("DELETE", vec![on(DELETE, Reply::empty(204))], End::Nothing, 0).await;
    for code in ["ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound"] {
        follow("DELETE", vec![on(DELETE, refused(404, code))], End::Nothing, 0).await;
    }
}

#[tokio::test]
async fn row_25_of_a_failed_operation_the_root_is_told() {
    let failed = |status: &str, error: Value| Reply::json(200, &json!({"status": status, "error": error}));
    let nested = json!({"code": "ProvisioningFailed", "message": "see details",
        "details": [{"code": "QuotaExceeded", "message": "no cores"}]});
    let inside = json!({"error": {"code": "AllocationFailed", "message": "no room"}});
    let texted = json!({"code": "BadRequest", "message": format!("Operation failed: {inside}")});
    let by_user = json!({"code": "OperationCancelled", "message": "by user"});
    let rows = [
        (failed("Failed", nested), "QuotaExceeded"),
        (failed("failed", texted), "AllocationFailed"),
        (failed("Canceled", by_user), "OperationCancelled"),
        (running("Failed"), "OperationFailed"),
    ];
    for (answer, code) in rows {
        follow("PUT", vec![accepted(), on("GET /op", answer)], End::Code(code), 10).await;
    }
}

#[tokio::test]
async fn row_26_trouble_while_polling_is_borne() {
    let script = Script::play(vec![
        on("PUT /things/t", thing(201, "Creating").operation("/op").retry(0)),
        on("GET /op", Reply::empty(504)),
        on("GET /op", Reply::empty(503).retry(30)),
        breaks("GET /op"),
        on("GET /op", Reply::empty(429).retry(7)),
        on("GET /op", running("Succeeded").retry(0)),
        on("GET /things/t?", thing(200, "Succeeded")),
    ]);
    assert!(run(&script, "PUT").await.expect("success").is_some());
    assert_eq!(script.complaints(), Vec::<String>::new());
    let waited = mops_host::Clock::monotonic(&script.clock);
    assert!(waited >= Duration::from_secs(38), "the pauses that were asked for are kept: {waited:?}");
    let beats = vec![
        on(PUT, thing(201, "Creating").operation("/op").retry(0)),
        on("GET /op", running("Creating").retry(0)),
        on("GET /op", running("Succeeded")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 2).await;
}

#[tokio::test]
async fn row_27_another_host_never_sees_the_token() {
    let other = Script::play(vec![on("GET /op", running("Succeeded"))]);
    let address = format!("{}/op?t=1", other.origin);
    for header in ["azure-asyncoperation", "location"] {
        let reply = Reply::empty(202).header(header, address.clone());
        let script = Script::play(vec![on("PUT /things/t", reply)]);
        let error = run(&script, "PUT").await.expect_err("a foreign host");
        assert!(matches!(&error, ClientError::ForeignOperation { host } if host == "127.0.0.1"), "{error:?}");
    }
    let script = Script::play(vec![
        on("PUT /things/t", thing(201, "Creating").operation("/op")),
        on("GET /op", running("Creating").header("azure-asyncoperation", address)),
    ]);
    assert!(matches!(run(&script, "PUT").await, Err(ClientError::ForeignOperation { .. })));
    assert!(other.seen().is_empty(), "nothing was asked there");
}
