//! `--fix`: shows the plan, asks, has it carried out under the lock of the stack whose workload it is, and prints one
//! report of what is there in the end (`tests/fix_workload.rs`).

use mops_diagnose::fix::Repair;
use mops_diagnose::{Capture, Command, report};
use mops_engine::state::Store;

use super::{Ready, Subject, ready};
use crate::app::App;
use crate::args::{FixArgs, LockArgs, ReadingArgs};
use crate::exit::Failure;

/// What is seen in the end, and why nothing was changed when somebody or something said no.
pub(super) async fn mend(
    app: &App,
    subject: &Subject<'_>,
    args: &FixArgs,
    reading: &ReadingArgs,
) -> Result<(Capture, Option<Failure>), Failure> {
    let (request, services) = match ready(app, Command::DiagnoseAuth, subject).await? {
        Ready::Ask(both) => *both,
        Ready::Not(capture) => return Ok((*capture, None)),
    };
    let first = mops_diagnose::look(Command::DiagnoseAuth, request.clone(), services.clone()).await;
    if app.cancel.is_canceled() {
        return Ok((first, None));
    }
    let findings = first.clone().read(&reading.reading()).findings;
    let repair = Repair::plan(&findings, &first, &request, &services, &args.allowed()).await;
    let planned = Capture { fixing: Some(repair.told()), ..first.clone() };
    if repair.waiting() == 0 {
        return Ok((planned, None));
    }
    let lock = match lock(app, subject).await {
        Ok(lock) => lock,
        Err(failure) => return Ok((planned, Some(failure))),
    };
    app.printer.tell(report::fixing(&repair.told(), app.printer.look().width).trim_end());
    let changes = repair.waiting();
    let words = format!("this makes {changes} {} in namespace", if changes == 1 { "change" } else { "changes" });
    if let Err(failure) = app.asker(&request.namespace, args.yes).confirm(&words) {
        return Ok((planned, Some(failure)));
    }
    let done = repair.carry_out(first, &services).await;
    drop(lock);
    Ok((done, None))
}

/// What belongs to a stack is not changed while another run works on that stack.
async fn lock(app: &App, subject: &Subject<'_>) -> Result<Option<Store>, Failure> {
    if subject.snapshot.resources.is_empty() || subject.workload.names_cluster() {
        return Ok(None);
    }
    let pace = LockArgs { lock_timeout: std::time::Duration::ZERO }.pace();
    Ok(Some(app.open(&subject.snapshot.stack, None, pace).await?))
}
