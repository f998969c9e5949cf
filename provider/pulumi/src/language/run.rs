//! One run of a stack file under Pulumi's engine.

use mops_core::Diagnostic;
use mops_host::Env;
use pulumi_gestalt_proto::pulumi::pulumirpc::{RegisterResourceOutputsRequest, RegisterResourceRequest};

use super::log::Log;
use super::program::{self, Declared};
use super::protocol::{RunRequest, RunResponse};
use super::sign_in;
use crate::monitor::{Monitor, Refused, Root, outputs, play};
use crate::value;

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
    let mut root = Root { parent: monitor.register(stack(run)).await?.urn, ..Root::default() };
    if let Some(config) = config {
        let provider = monitor.register(sign_in::request(config, &root.parent).map_err(Refused::Untold)?).await?;
        // In the preview of a new one it has no id yet.
        let id = if provider.id.is_empty() { value::UNKNOWN } else { &provider.id };
        root.provider = format!("{}::{id}", provider.urn);
    }
    let answers = play(&monitor, program, &root, run.dry_run).await?;
    let outputs = value::encode(&outputs(program, &answers))
        .map_err(|e| Refused::Untold(format!("the outputs of the stack: {e}")))?;
    monitor.outputs(RegisterResourceOutputsRequest { urn: root.parent, outputs: Some(outputs) }).await
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
