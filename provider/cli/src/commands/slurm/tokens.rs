//! The tokens of a job before it is submitted: the file on the host is good, their services take them, and they last as long
//! as the job may run (`tests/slurm.rs`, K-15). What only the network kept from us stops no job.

use std::path::Path;
use std::time::Duration;

use mops_core::{Class, Error};
use mops_diagnose::Finding;
use mops_diagnose::observed::services::{check as word, code, variant};
use mops_diagnose::rule::Severity;
use mops_host::fsx;
use mops_probe::Observation;
use mops_probe::observation::Outcome;
use mops_tokens::cause;
use mops_tokens::check::{self, Asked, State};
use mops_tokens::envfile::{self, Variables};
use mops_tokens::names::{HF, WANDB};
use mops_wire::Http;
use time::OffsetDateTime;

use super::super::date;
use super::super::token_services::TokenServices;
use super::super::tokens_check::{self, Asking, Plan};
use crate::app::App;
use crate::args::{LiveArgs, SlurmSubmitArgs, TargetArgs, TokensCheckArgs};
use crate::exit::{Exit, Failure};
use crate::login_node;
use crate::token_file;

/// Causes of these families are about the tokens; others are about the way to who knows.
const OURS: [&str; 4] = ["SLURM_", "SSH_", "HF_", "WANDB_"];
const ALL_THE_SAME: &str = "`--no-token-check` submits all the same";

/// Names of variables that hold tokens.
pub(super) fn is_token(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "KEY", "SECRET", "PASSWORD"].iter().any(|word| name.contains(word))
}

/// The tokens of the file here, silently; none if it cannot be read.
pub(super) fn values(file: Option<&Path>) -> Variables {
    let text = fsx::read_text(file.unwrap_or_else(|| Path::new(token_file::FILE))).unwrap_or_default();
    let (variables, _) = envfile::parse(&text).unwrap_or_default();
    variables.into_iter().filter(|(name, _)| is_token(name)).collect()
}

/// What is asked, with the way to services.
pub(super) struct Look {
    plan: Plan,
    http: Http,
    /// How long the job may run, as far as that is known here.
    limit: Option<Duration>,
    expiring: bool,
}

impl Look {
    pub(super) fn new(app: &App, args: &SlurmSubmitArgs, limit: Option<Duration>) -> Result<Self, Failure> {
        let tokens = TokensCheckArgs {
            env_file: args.tokens.env_file.clone(),
            live: LiveArgs::default(),
            local: false,
            job: None,
            to: TargetArgs::slurm(),
            path: args.path.clone(),
            host: args.host.clone(),
        };
        let mut plan = tokens_check::planned(app, &tokens)?;
        // Nobody has said which services the job uses.
        if plan.local.is_empty() {
            plan.required.clear();
        }
        let http = app.session(&app.pointed_without_stack()?)?.http()?;
        Ok(Self { plan, http, limit, expiring: args.tokens.allow_expiring })
    }

    /// Ends the verb unless the tokens are good.
    pub(super) async fn good(&self, app: &App) -> Result<(), Failure> {
        let plan = &self.plan;
        let asked = Asked { path: &plan.path, names: &plan.names, required: &plan.required, local: &plan.local };
        let looked = check::look(&app.env, &plan.node.host, &asked).await.map_err(login_node::no_ssh)?;
        if !looked.seen.iter().any(|seen| seen.check.starts_with("slurm.")) {
            return Err(login_node::refusal(&looked.seen));
        }
        let mut seen = looked.seen;
        let Some(file) = looked.file else { return judged(app, &seen) };
        let has = |name: &str| file.tokens.iter().any(|(known, state)| known == name && is_set(*state));
        if !has(HF) && !has(WANDB) {
            let failed = Observation::failed(word::SLURM_TOKEN, variant::HOST, HF, code::NOT_FOUND);
            seen.push(failed.detail("nor one for WANDB_API_KEY"));
        }
        let services = TokenServices::new(app, &self.http);
        let asking = Asking { app, plan, file: &file, services, models: &[] };
        for name in [HF, WANDB] {
            if let Some((answer, _)) = asking.asked(name).await? {
                seen.extend(answer.seen);
                answer.ends.map_or(Ok(()), |ends| self.lasts(app, name, ends))?;
            }
        }
        judged(app, &seen)
    }

    /// Refuses a token that ends while the job may still run.
    fn lasts(&self, app: &App, name: &str, ends: OffsetDateTime) -> Result<(), Failure> {
        let when = date(Some(ends)).unwrap_or_default();
        let until = self.limit.map(|limit| mops_host::SystemClock::shared().now() + limit);
        let Some(until) = until else {
            app.printer.note(&format!("{name} ends at {when}; how long the job may run is not known here"));
            return Ok(());
        };
        if until < ends {
            return Ok(());
        }
        let text =
            format!("{name} ends at {when}, and the job may run until {}", date(Some(until)).unwrap_or_default());
        if self.expiring {
            app.printer.note(&text);
            return Ok(());
        }
        let hint = "make a new token and send it with `mops tokens sync`, or give a shorter `--time`; \
                    `--allow-expiring` submits all the same";
        Err(Failure::Error(Exit::Failed, Box::new(Error::new(Class::Auth, text).hint(hint))))
    }
}

const fn is_set(state: State) -> bool {
    matches!(state, State::Set | State::Same | State::Differs)
}

/// Whether a check shows a token to its service.
fn asked(check: &str) -> bool {
    [word::HF_WHOAMI, word::WANDB_VIEWER].contains(&check)
}

fn judged(app: &App, seen: &[Observation]) -> Result<(), Failure> {
    let found = cause::causes(seen);
    let ours = |cause: &&Finding| OURS.iter().any(|family| cause.cause_id.starts_with(family));
    if let Some(cause) = found.iter().filter(|cause| cause.severity == Severity::Error).find(ours) {
        app.printer.note(ALL_THE_SAME);
        return Err(login_node::because(cause));
    }
    login_node::notes(app, seen);
    for one in seen.iter().filter(|one| asked(&one.check) && one.outcome == Outcome::Failed) {
        app.printer.note(&format!("`{}` did not say whether it takes a token: {}", one.target, one.detail));
    }
    Ok(())
}
