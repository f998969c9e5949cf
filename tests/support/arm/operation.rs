//! Long-running operations in the forms that Azure has: `Location` alone, `Azure-AsyncOperation`
//! with a new address at every poll, with another API version, with words of the service's own.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::arm::Arm;
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};
use crate::world::{World, random_text, stamp, unique};

/// How an operation answers its polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Group deletion: 202 with `Location`, then 200 empty.
    GroupDelete,
    /// Storage account: 202 with `Location`, then 200 with the account.
    StorageAccount,
    /// Registry deletion of the Premium kind: 202 with `Location`, then 200 empty.
    RegistryDelete,
    /// Registry: `{status}` with a new address in every answer; the word while it runs.
    Registry(&'static str),
    /// Token of a registry: the same below the token.
    Token(&'static str),
    /// Cluster or pool: `{name, status, startTime}`; a word of AKS's own in the middle.
    Cluster(&'static str),
    /// Cluster update: succeeds with `NotLatestOperation` beside it.
    Preempted,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// How it answers.
    pub form: Form,
    /// The resource that it works on.
    pub resource: String,
    /// When it began.
    pub started: OffsetDateTime,
    /// When it is done.
    pub done: OffsetDateTime,
    /// The path of its address, without the query.
    pub path: String,
    /// The query before the signature.
    pub query: String,
    /// How often it was asked.
    pub polls: u32,
    /// A failure instead of success: code and message.
    pub failure: Option<(String, String)>,
}

impl Operation {
    /// A fresh signed address of this operation.
    #[must_use]
    pub fn address(&self, world: &World) -> String {
        let ticks = world.now().unix_timestamp_nanos() / 100;
        let noise = random_text(24);
        format!(
            "{}{}?{}&t={ticks}&c=MIIH{noise}&s={}&h={}",
            world.arm_origin(),
            self.path,
            self.query,
            random_text(32),
            random_text(20)
        )
    }
}

/// What a fake needs to begin an operation.
pub struct Begin<'a> {
    /// How it answers.
    pub form: Form,
    /// The resource.
    pub resource: &'a str,
    /// How long it takes in Azure, in seconds.
    pub seconds: u32,
    /// The region, for the forms that have it in their address.
    pub location: &'a str,
    /// The API version of the request.
    pub api: &'a str,
}

/// Begins an operation and gives back its id and its first address.
pub fn begin(world: &World, state: &mut super::store::State, begin: &Begin<'_>) -> (String, String) {
    let sub = super::id::subscription(begin.resource);
    let op = unique();
    let (key, path, query) = match begin.form {
        Form::GroupDelete => {
            let key = format!("eyJ{}", random_text(60));
            (key.clone(), format!("/subscriptions/{sub}/operationresults/{key}"), format!("api-version={}", begin.api))
        }
        Form::StorageAccount => (
            op.clone(),
            format!(
                "/subscriptions/{sub}/providers/Microsoft.Storage/locations/{}/asyncoperations/{op}",
                begin.location
            ),
            format!("monitor=true&api-version={}", begin.api),
        ),
        Form::RegistryDelete => {
            let key = format!("registries-{op}");
            let base =
                format!("/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/locations/{}", begin.location);
            (key.clone(), format!("{base}/operationResults/{key}"), format!("api-version={}", begin.api))
        }
        Form::Registry(_) | Form::Token(_) => {
            let key = format!("{}-{op}", if matches!(begin.form, Form::Token(_)) { "token" } else { "registries" });
            (key.clone(), format!("{}/operationStatuses/{key}", begin.resource), format!("api-version={}", begin.api))
        }
        Form::Cluster(_) | Form::Preempted => (
            op.clone(),
            format!(
                "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{}/operations/{op}",
                begin.location
            ),
            // Recorded: never the version of the request.
            format!("api-version={}", if begin.api == "2017-08-31" { "2016-03-30" } else { "2017-08-31" }),
        ),
    };
    let failure = state.doom(begin.resource).map(|d| (d.code, d.message));
    let operation = Operation {
        form: begin.form,
        resource: begin.resource.to_owned(),
        started: world.now(),
        done: world.after(begin.seconds),
        path,
        query,
        polls: 0,
        failure,
    };
    let address = operation.address(world);
    state.operations.insert(key.clone(), operation);
    (key, address)
}

/// The polls.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    vec![
        Route::new(
            "GET",
            "/subscriptions/{sub}/operationresults/{op}",
            Evidence::Recording("rg-create-delete-nowait", 1),
            group_poll,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.Storage/locations/{location}/asyncoperations/{op}",
            Evidence::Recording("storage-create-update", 3),
            storage_poll,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/operationStatuses/{op}",
            Evidence::Recording("acr-create-show-credentials-renew-delete", 2),
            registry_poll,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/tokens/{token}/operationStatuses/{op}",
            Evidence::Recording("acr-scope-map-and-token", 9),
            registry_poll,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/locations/{location}/operationResults/{op}",
            Evidence::Recording("acr-login-dataplane-exchange-token", 8),
            registry_result,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{location}/operations/{op}",
            Evidence::Recording("aks-create-getcredentials-scale-delete", 3),
            cluster_poll,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{location}/operationresults/{op}",
            Evidence::Recording("aks-create-getcredentials-scale-delete", 25),
            cluster_result,
        ),
    ]
}

/// Counts a poll and tells whether the operation is done.
fn poll(arm: &Arm, params: &Params) -> Result<(Operation, bool), Reply> {
    let mut state = arm.state();
    let Some(operation) = state.operations.get_mut(params.get("op")) else {
        let message = format!("The operation '{}' could not be found.", params.get("op"));
        return Err(super::refusal::gateway(404, "OperationNotFound", &message));
    };
    operation.polls += 1;
    let done = operation.done <= arm.world.now();
    Ok((operation.clone(), done))
}

fn group_poll(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let (operation, done) = match poll(arm, params) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    if done {
        return Reply::empty(200);
    }
    let reply = Reply::empty(202).header("retry-after", arm.world.retry_after(15));
    // Observed: a 202 in between may lack `Location`.
    if operation.polls == 2 { reply } else { reply.header("location", operation.address(&arm.world)) }
}

fn storage_poll(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let (operation, done) = match poll(arm, params) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    if !done {
        return Reply::body(202, "text/plain; charset=utf-8", "")
            .header("location", operation.address(&arm.world))
            .header("retry-after", arm.world.retry_after(17));
    }
    let state = arm.state();
    match state.get(&operation.resource) {
        Some(account) => Reply::json(200, &account.shown()),
        None => Reply::empty(200),
    }
}

fn registry_poll(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let (operation, done) = match poll(arm, params) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let word = match operation.form {
        Form::Registry(word) | Form::Token(word) => word,
        _ => "Updating",
    };
    let reply = match (&operation.failure, done) {
        (Some((code, message)), true) => {
            Reply::json(200, &json!({"status": "Failed", "error": {"code": code, "message": message}}))
        }
        (None, true) => Reply::json(200, &json!({"status": "Succeeded"})),
        (_, false) => paced(arm, Reply::json(200, &json!({"status": word}))),
    };
    // Recorded: every answer carries a new address of the same operation, the last one too.
    reply.header("azure-asyncoperation", operation.address(&arm.world))
}

fn registry_result(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match poll(arm, params) {
        Ok((_, true)) => Reply::empty(200),
        Ok((operation, false)) => Reply::json(202, &json!({"status": "Deleting"}))
            .header("location", operation.address(&arm.world))
            .header("retry-after", arm.world.retry_after(10)),
        Err(refusal) => refusal,
    }
}

/// At Azure's pace these answers mostly carry no `Retry-After`; a sandbox that is faster says so.
#[must_use]
pub fn paced(arm: &Arm, reply: Reply) -> Reply {
    if arm.world.speed > 1 { reply.header("retry-after", "1") } else { reply }
}

fn cluster_poll(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let (operation, done) = match poll(arm, params) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let body = cluster_body(arm, &operation, params.get("op"), done);
    let reply = Reply::json(200, &body);
    if done { reply } else { paced(arm, reply) }
}

fn cluster_body(arm: &Arm, operation: &Operation, op: &str, done: bool) -> Value {
    // Observed: the name in the body differs from the id in the address.
    let name =
        if op.len() > 8 { format!("{}-{}", &op[..8], crate::world::random_text(4).to_lowercase()) } else { op.into() };
    let mut body = json!({"name": name, "status": "InProgress", "startTime": stamp(operation.started)});
    if !done {
        if let (Form::Cluster(word), true) = (operation.form, operation.polls > 1) {
            body["status"] = json!(word);
        }
        return body;
    }
    body["endTime"] = json!(stamp(arm.world.now()));
    body["status"] = json!("Succeeded");
    if let Some((code, message)) = &operation.failure {
        body["status"] = json!("Failed");
        body["error"] = json!({"code": code, "message": message});
    } else if operation.form == Form::Preempted {
        // Recorded: final Succeeded with an error beside it.
        let message = "The operation has been preempted by another one. Please wait for the other operation to \
                       complete and try again..";
        body["error"] = json!({"code": "NotLatestOperation", "message": message});
    }
    body
}

fn cluster_result(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match poll(arm, params) {
        Ok((_, true)) => Reply::empty(204),
        Ok((operation, false)) => paced(arm, Reply::empty(202)).header("location", operation.address(&arm.world)),
        Err(refusal) => refusal,
    }
}
