//! One run of a stack file under Pulumi's engine.

use std::collections::{BTreeMap, HashMap};

use futures::future::{BoxFuture, FutureExt as _, Shared, join_all};
use mops_core::{Diagnostic, Urn, Value};
use mops_engine::program::{Declared as Wanted, Program};
use mops_host::Env;
use pulumi_gestalt_proto::pulumi::pulumirpc::{RegisterResourceOutputsRequest, RegisterResourceRequest};

use super::log::Log;
use super::monitor::{Monitor, Refused};
use super::program::{self, Declared};
use super::protocol::{RunRequest, RunResponse};
use super::register::{Answers, Registered, Root, request, resolved};
use super::sign_in;
use crate::value;

/// What becomes of one resource; whoever is made from it waits for the same.
type Outcome = Shared<BoxFuture<'static, Result<Registered, Refused>>>;

/// Registers everything that the stack file of a project asks for; `engine` shows what is wrong with it.
pub(super) async fn run(request: RunRequest, engine: Option<&str>) -> RunResponse {
    let log = Log::at(engine).await;
    let declared = match program::declared(&request, &Env::process()) {
        Ok(declared) => declared,
        Err(findings) => return refused(&log, &findings).await,
    };
    for warning in &declared.warnings {
        log.tell(warning).await;
    }
    match Monitor::at(&request.monitor_address).await {
        Ok(monitor) => ended(register(monitor, &declared, &request).await),
        Err(error) => RunResponse { error, bail: false },
    }
}

/// Every finding as one of the program's diagnostics.
async fn refused(log: &Log, findings: &[Diagnostic]) -> RunResponse {
    for finding in findings {
        log.tell(finding).await;
    }
    RunResponse { error: String::new(), bail: true }
}

fn ended(result: Result<(), Refused>) -> RunResponse {
    match result {
        Ok(()) => RunResponse::default(),
        Err(Refused::Told) => RunResponse { error: String::new(), bail: true },
        Err(Refused::Untold(error)) => RunResponse { error, bail: false },
    }
}

/// The stack, everything in it as soon as what it is made from is done, and the outputs.
async fn register(
    monitor: Monitor,
    Declared { program, config, .. }: &Declared,
    run: &RunRequest,
) -> Result<(), Refused> {
    let mut root = Root { stack: monitor.register(stack(run)).await?.urn, provider: String::new() };
    if let Some(config) = config {
        let provider = monitor.register(sign_in::request(config, &root.stack).map_err(Refused::Untold)?).await?;
        // In the preview of a new one it has no id yet.
        let id = if provider.id.is_empty() { value::UNKNOWN } else { &provider.id };
        root.provider = format!("{}::{id}", provider.urn);
    }
    let mut outcomes: HashMap<Urn, Outcome> = HashMap::new();
    for declared in program.ordered() {
        let before =
            declared.dependencies().into_iter().filter_map(|urn| Some((urn.clone(), outcomes.get(&urn)?.clone())));
        let one =
            One { monitor: monitor.clone(), root: root.clone(), declared: declared.clone(), preview: run.dry_run };
        outcomes.insert(declared.urn.clone(), one.registered(before.collect()).boxed().shared());
    }
    let answers = all(outcomes.into_iter().collect()).await?;
    let outputs = value::encode(&outputs(program, &answers))
        .map_err(|e| Refused::Untold(format!("the outputs of the stack: {e}")))?;
    monitor.outputs(RegisterResourceOutputsRequest { urn: root.stack, outputs: Some(outputs) }).await
}

fn stack(run: &RunRequest) -> RegisterResourceRequest {
    RegisterResourceRequest {
        r#type: "pulumi:pulumi:Stack".to_owned(),
        name: format!("{}-{}", run.project, run.stack),
        accept_secrets: true,
        supports_result_reporting: true,
        ..RegisterResourceRequest::default()
    }
}

/// Waits for all; a failure that nobody has told comes before one that was.
async fn all(outcomes: Vec<(Urn, Outcome)>) -> Result<Answers, Refused> {
    let (urns, futures): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
    let mut failed = Vec::new();
    let mut answers = Answers::new();
    for (urn, result) in urns.into_iter().zip(join_all(futures).await) {
        match result {
            Ok(registered) => drop(answers.insert(urn, registered)),
            Err(refused) => failed.push(refused),
        }
    }
    failed.sort_by_key(|refused| *refused == Refused::Told);
    failed.into_iter().next().map_or(Ok(answers), Err)
}

/// One resource on its way.
struct One {
    monitor: Monitor,
    root: Root,
    declared: Wanted,
    preview: bool,
}

impl One {
    /// Registers it after everything that it is made from; not at all when one of these failed.
    async fn registered(self, before: Vec<(Urn, Outcome)>) -> Result<Registered, Refused> {
        let answers = all(before).await?;
        let name = self.declared.urn.name();
        let untold = |what: &str, why: String| Refused::Untold(format!("the {what} of `{name}`: {why}"));
        let request = request(&self.declared, &self.root, &answers).map_err(|why| untold("inputs", why))?;
        let answer = self.monitor.register(request).await?;
        Registered::of(answer, self.preview).map_err(|why| untold("outputs", why))
    }
}

/// The outputs of a stack: those of each component under its name.
fn outputs(program: &Program, answers: &Answers) -> Value {
    let mut components: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for output in &program.outputs {
        let component = components.entry(output.component.as_str().to_owned()).or_default();
        component.insert(output.name.clone(), resolved(&output.value, answers));
    }
    Value::Map(components.into_iter().map(|(name, members)| (name, Value::Map(members))).collect())
}
