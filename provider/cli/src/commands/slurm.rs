//! `mops slurm`: jobs of a host by its own SLURM. One file a verb; here is what they share.

mod logs;
mod status;
mod submit;
mod tokens;

use mops_core::{Class, Error};
use mops_probe::Observation;
use mops_tokens::slurm::Refused;

use crate::app::App;
use crate::args::SlurmVerb;
use crate::exit::{Exit, Failure, Outcome};
use crate::login_node;

pub(crate) use logs::JobLogLine;
pub(crate) use status::JobLine;
pub(crate) use submit::SubmittedLine;

pub(crate) fn run(app: &App, verb: SlurmVerb) -> Outcome {
    match verb {
        SlurmVerb::Submit(args) => submit::run(app, &args),
        SlurmVerb::Status(args) => status::run(app, &args),
        SlurmVerb::Logs(args) => logs::run(app, &args),
    }
}

/// Why a verb ended: what is in the way of the host, or of SLURM on it, could not run; what SLURM refuses failed.
pub(super) fn refusal(refused: Refused, seen: &[Observation]) -> Failure {
    let failed = |exit, error| Failure::Error(exit, Box::new(error));
    match refused {
        Refused::Seen => login_node::refusal(seen),
        Refused::Absent(program) => failed(
            Exit::CouldNotRun,
            Error::new(Class::NotFound, format!("the host has no `{program}`"))
                .hint("name a login node of a SLURM cluster; its PATH for sessions without a terminal must have SLURM"),
        ),
        Refused::Said(words) => {
            let mut lines = words.lines();
            let error =
                Error::new(Class::Conflict, format!("SLURM refused: {}", lines.next_back().unwrap_or_default()));
            let error = lines.fold(error, |error, line| error.note(line));
            failed(Exit::Failed, error.hint("change what the job asks for; `sinfo` on the host shows what there is"))
        }
        Refused::Because(text, hint) => failed(Exit::Failed, Error::new(Class::NotFound, text).hint(hint)),
    }
}

/// Waits for an answer of the host, unless the user interrupts.
async fn unless_canceled<T>(app: &App, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = app.cancel.canceled() => Err(Failure::Told(Exit::Interrupted)),
    }
}
