//! `mops tokens check`: the file that jobs read on a host, which of its tokens are those of this machine, and whether their
//! services take them (`tests/tokens_check.rs`, K-04 to K-08, E-09). No value crosses.

use std::collections::BTreeSet;

use mops_clients::wandb;
use mops_diagnose::observed::services::check::SLURM_JOB_LOG as JOB_LOG;
use mops_diagnose::rule::Severity;
use mops_diagnose::{Finding, pullable};
use mops_tokens::cause;
use mops_tokens::check::{self, Asked, HostFile, Question, State};
use mops_tokens::envfile::Variables;
use mops_tokens::live::{self, Answer};
use mops_tokens::names::{HF, WANDB};
use mops_tokens::slurm::log;
use mops_wire::Http;
use schemars::JsonSchema;
use serde::Serialize;

use super::slurm;
use super::token_services::{TokenServices, Wanted};
use super::{tokens_local, tokens_secret};
use crate::app::App;
use crate::args::TokensCheckArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::login_node::{self, LoginNode};
use crate::printer::Table;

/// The tokens of a host.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokensCheckedLine {
    /// `USER@HOST`.
    host: String,
    /// The file there; as it was asked for when it is not there.
    path: String,
    /// Its mode, in octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// Its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// Days since it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<u64>,
    /// Each variable that was asked for.
    tokens: Vec<TokenLine>,
    /// What is wrong, the causes of the catalogue.
    findings: Vec<Finding>,
}

/// One variable there.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct TokenLine {
    /// Its name.
    pub(super) name: String,
    /// `set`, `empty` or `missing`.
    pub(super) state: &'static str,
    /// Whether it has the value that it has here; absent where there is none to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) same: Option<bool>,
    /// Whether it must have a value.
    pub(super) required: bool,
    /// What its service says, in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    live: String,
    /// `here` or `host`: from where its service was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_from: Option<&'static str>,
}

/// What is asked of the host, and of the services.
pub(super) struct Plan {
    pub(super) node: LoginNode,
    pub(super) path: String,
    pub(super) local: Variables,
    pub(super) names: Vec<String>,
    pub(super) required: BTreeSet<String>,
}

pub(crate) fn run(app: &App, args: &TokensCheckArgs) -> Outcome {
    let in_cluster = args.to.is_cluster(&args.host, &args.path)?;
    match (args.local, in_cluster) {
        (true, true) => return Err(Failure::usage("`--local` and `--target k8s` are two places", "leave out either")),
        (true, false) => return tokens_local::run(app, args),
        (false, true) if args.job.is_some() => {
            return Err(Failure::usage("`--job` asks for the log of a job of SLURM", "leave out `--target k8s`"));
        }
        (false, true) => return tokens_secret::check(app, args),
        (false, false) => {}
    }
    let plan = planned(app, args)?;
    let session = app.session(&app.pointed_without_stack()?)?;
    let http = session.http()?;
    app.wait_for(async {
        tokio::select! {
            exit = checked(app, args, &plan, &http) => exit,
            () = app.cancel.canceled() => Err(Failure::Told(Exit::Interrupted)),
        }
    })
}

pub(super) fn planned(app: &App, args: &TokensCheckArgs) -> Result<Plan, Failure> {
    let node = login_node::named(app, &args.host)?;
    let path = login_node::env_path(app, &args.path, &node.workdir)?;
    let wanted = Wanted::of(app, args)?;
    Ok(Plan { node, path, local: wanted.local, names: wanted.names, required: wanted.required })
}

async fn checked(app: &App, args: &TokensCheckArgs, plan: &Plan, http: &Http) -> Outcome {
    let asked = Asked { path: &plan.path, names: &plan.names, required: &plan.required, local: &plan.local };
    let looked = check::look(&app.env, &plan.node.host, &asked).await.map_err(login_node::no_ssh)?;
    // Nothing came back: why not has its cause, and no token is shown to anybody.
    if !looked.seen.iter().any(|seen| seen.check.starts_with("slurm.")) {
        return Err(login_node::refusal(&looked.seen));
    }
    let mut seen = looked.seen;
    if let (Some(job), Some(_)) = (&args.job, &looked.file) {
        let node = &plan.node;
        let (told, problem) =
            log::loaded(&app.env, &node.host, job, &node.workdir).await.map_err(login_node::no_ssh)?;
        if let Some(problem) = problem {
            return Err(slurm::refusal(problem, &told));
        }
        seen.extend(told.into_iter().filter(|seen| seen.check == JOB_LOG));
    }
    let mut answers: Vec<(String, Answer, &'static str)> = Vec::new();
    if let Some(file) = looked.file.as_ref().filter(|_| !args.live.offline) {
        let services = TokenServices::new(app, http);
        let asking = Asking { app, plan, file, services, models: &args.live.model };
        for name in [HF, WANDB] {
            if let Some((answer, from)) = asking.asked(name).await? {
                seen.extend(answer.seen.clone());
                answers.push((name.to_owned(), answer, from));
            }
        }
    }
    let findings = cause::causes(&seen);
    let worst = findings.iter().any(|finding| finding.severity == Severity::Error);
    told(app, args, plan, looked.file.as_ref(), &answers, findings);
    Ok(if worst { Exit::Failed } else { Exit::Ok })
}

/// What the services say of the tokens that a host has.
pub(super) struct Asking<'a> {
    pub(super) app: &'a App,
    pub(super) plan: &'a Plan,
    pub(super) file: &'a HostFile,
    pub(super) services: TokenServices<'a>,
    pub(super) models: &'a [String],
}

impl Asking<'_> {
    /// What its service says of a token, and from where it was asked: with the value of here if the host has the same, else
    /// by the host with its own.
    pub(super) async fn asked(&self, name: &str) -> Result<Option<(Answer, &'static str)>, Failure> {
        let state = self.file.tokens.iter().find(|(known, _)| known == name).map(|(_, state)| *state);
        match state {
            Some(State::Same) => {
                let answer = self.services.asked(name, &self.plan.local, self.models).await?;
                Ok(answer.map(|answer| (answer, "here")))
            }
            Some(State::Differs | State::Set) => Ok(Some((self.asked_there(name).await?, "host"))),
            Some(State::Missing | State::Empty) => {
                let answer = self.services.without(name, self.models).await?;
                Ok(answer.map(|answer| (answer, "here")))
            }
            None => Ok(None),
        }
    }

    async fn asked_there(&self, name: &str) -> Result<Answer, Failure> {
        let (hub, wandb) = (self.services.hub()?, self.services.wandb()?);
        let (url, kind, body, service) = match name {
            HF => (hub.whoami_url(), "bearer", "", hub.host()),
            _ => (wandb.url(), "basic", wandb::VIEWER, wandb.host()),
        };
        let question = Question { path: &self.file.path, name, url, kind, body };
        let said = check::ask(&self.app.env, &self.plan.node.host, &question).await.map_err(login_node::no_ssh)?;
        Ok(match said {
            Ok((status, named)) => live::on_the_host(name, &service, status, named),
            Err(why) => Answer { said: format!("not checked (differs): {why}"), ..Answer::default() },
        })
    }
}

fn told(
    app: &App,
    args: &TokensCheckArgs,
    plan: &Plan,
    file: Option<&HostFile>,
    answers: &[(String, Answer, &'static str)],
    findings: Vec<Finding>,
) {
    let states = file.map(|file| file.tokens.as_slice()).unwrap_or_default();
    let tokens = lines(states, &plan.required, answers);
    let path = file.map_or(&plan.path, |file| &file.path);
    if !app.printer.look().json {
        let width = app.printer.look().width;
        let mut text = format!("{}:{path}", plan.node.host.name());
        text += &file.map(|f| format!("   mode {}   owner {}   age {} d", f.mode, f.owner, f.age)).unwrap_or_default();
        text += "\n";
        text += &table(&tokens, width);
        let causes = findings.iter().flat_map(|finding| pullable::cause(finding, width));
        causes.for_each(|cause| text += &format!("{cause}\n"));
        app.printer.data(&text);
    }
    if let (Some(most), Some(file)) = (args.live.max_age, file)
        && file.age > most
    {
        app.printer.note(&format!("the file is {} days old, more than {most}: make the tokens anew", file.age));
    }
    app.printer.event(&TokensCheckedLine {
        host: plan.node.host.name(),
        path: path.clone(),
        mode: file.map(|file| file.mode.clone()),
        owner: file.map(|file| file.owner.clone()),
        age_days: file.map(|file| file.age),
        tokens,
        findings,
    });
}

/// Each variable with what its service says.
pub(super) fn lines(
    states: &[(String, State)],
    required: &BTreeSet<String>,
    answers: &[(String, Answer, &'static str)],
) -> Vec<TokenLine> {
    states.iter().map(|(name, state)| line(name, *state, required.contains(name), answers)).collect()
}

fn line(name: &str, state: State, required: bool, answers: &[(String, Answer, &'static str)]) -> TokenLine {
    let answer = answers.iter().find(|(known, ..)| known == name);
    TokenLine {
        name: name.to_owned(),
        state: state.word(),
        same: match state {
            State::Same => Some(true),
            State::Differs => Some(false),
            State::Missing | State::Empty | State::Set => None,
        },
        required,
        live: answer.map(|(_, answer, _)| answer.said.clone()).unwrap_or_default(),
        checked_from: answer.map(|(_, _, from)| *from),
    }
}

/// The same for people.
pub(super) fn table(tokens: &[TokenLine], width: usize) -> String {
    if tokens.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["TOKEN", "STATE", "", "FROM", "SERVICE"]);
    for one in tokens {
        let against = match (one.same, one.state) {
            (Some(true), _) => State::Same.against(),
            (Some(false), _) => State::Differs.against(),
            (None, "set") => State::Set.against(),
            (None, _) => "",
        };
        let live = if one.live.is_empty() && !one.required { "optional" } else { &one.live };
        table.row([&one.name, one.state, against, one.checked_from.unwrap_or_default(), live]);
    }
    table.render(width)
}
