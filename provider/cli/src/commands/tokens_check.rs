//! `mops tokens check`: the file that jobs read on a host, which of its tokens are those of this machine, and whether their
//! services take them (`tests/tokens_check.rs`, K-04 to K-08, E-09). No value crosses.

use std::collections::BTreeSet;

use mops_clients::huggingface::{self, Hub};
use mops_clients::wandb::{self, Wandb};
use mops_core::Secret;
use mops_diagnose::observed::services::check::SLURM_JOB_LOG as JOB_LOG;
use mops_diagnose::rule::Severity;
use mops_diagnose::{Finding, pullable};
use mops_tokens::check::{self, Asked, HostFile, Question, State};
use mops_tokens::envfile::Variables;
use mops_tokens::live::{self, Answer};
use mops_tokens::slurm::log;
use mops_wire::Http;
use schemars::JsonSchema;
use serde::Serialize;

use super::slurm;
use crate::app::App;
use crate::args::TokensCheckArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::login_node::{self, LoginNode};
use crate::printer::Table;
use crate::token_file;

pub(super) const HF: &str = "HF_TOKEN";
pub(super) const WANDB: &str = "WANDB_API_KEY";
const PROJECT: &str = "WANDB_PROJECT";
const ENTITY: &str = "WANDB_ENTITY";

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
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenLine {
    /// Its name.
    name: String,
    /// `set`, `empty` or `missing`.
    state: &'static str,
    /// Whether it has the value that it has here; absent where there is none to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    same: Option<bool>,
    /// Whether it must have a value.
    required: bool,
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
    let local = match args.env_file.is_none() && !std::path::Path::new(token_file::FILE).exists() {
        true => Variables::new(),
        false => token_file::read(app, args.env_file.as_deref(), None)?,
    };
    let here = |name: &str| local.iter().any(|(known, value)| known == name && !value.expose().trim().is_empty());
    let mut required: BTreeSet<String> = args.live.require.iter().cloned().collect();
    required.extend([HF, WANDB].into_iter().filter(|name| local.is_empty() || here(name)).map(str::to_owned));
    let mut names: Vec<String> = [HF, WANDB, PROJECT, ENTITY].map(str::to_owned).to_vec();
    for name in local.iter().map(|(name, _)| name).chain(&args.live.require) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(Plan { node, path, local, names, required })
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
        let services = Services { app, plan, file, http, models: &args.live.model };
        for name in [HF, WANDB] {
            if let Some((answer, from)) = services.asked(name).await? {
                seen.extend(answer.seen.clone());
                answers.push((name.to_owned(), answer, from));
            }
        }
    }
    let findings = login_node::causes(&seen);
    let worst = findings.iter().any(|finding| finding.severity == Severity::Error);
    told(app, args, plan, looked.file.as_ref(), &answers, findings);
    Ok(if worst { Exit::Failed } else { Exit::Ok })
}

/// The services of the tokens that a host has.
pub(super) struct Services<'a> {
    pub(super) app: &'a App,
    pub(super) plan: &'a Plan,
    pub(super) file: &'a HostFile,
    pub(super) http: &'a Http,
    pub(super) models: &'a [String],
}

impl Services<'_> {
    /// What its service says of a token, and from where it was asked: with the value of here if the host has the same, else
    /// by the host with its own.
    pub(super) async fn asked(&self, name: &str) -> Result<Option<(Answer, &'static str)>, Failure> {
        let state = self.file.tokens.iter().find(|(known, _)| known == name).map(|(_, state)| *state);
        match state {
            Some(State::Same) => Ok(self.asked_here(name).await?.map(|answer| (answer, "here"))),
            Some(State::Differs | State::Set) => Ok(Some((self.asked_there(name).await?, "host"))),
            // Models may be for everybody.
            Some(State::Missing | State::Empty) if name == HF && !self.models.is_empty() => {
                Ok(Some((live::hub(&self.hub()?, None, self.models).await, "here")))
            }
            _ => Ok(None),
        }
    }

    async fn asked_here(&self, name: &str) -> Result<Option<Answer>, Failure> {
        let Some(value) = self.local(name) else { return Ok(None) };
        if name == HF {
            return Ok(Some(live::hub(&self.hub()?, Some(value), self.models).await));
        }
        let text = |name: &str| self.local(name).map(|value| value.expose().as_str()).filter(|text| !text.is_empty());
        Ok(Some(live::wandb(&self.wandb()?, value, text(ENTITY), text(PROJECT)).await))
    }

    async fn asked_there(&self, name: &str) -> Result<Answer, Failure> {
        let (hub, wandb) = (self.hub()?, self.wandb()?);
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

    fn local(&self, name: &str) -> Option<&Secret<String>> {
        self.plan.local.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn hub(&self) -> Result<Hub, Failure> {
        let base = self.app.env.get("HF_ENDPOINT").unwrap_or(huggingface::BASE);
        Hub::new(self.http.clone(), base).ok_or_else(|| no_address("HF_ENDPOINT"))
    }

    fn wandb(&self) -> Result<Wandb, Failure> {
        let base = self.app.env.get("WANDB_BASE_URL").unwrap_or(wandb::BASE);
        Wandb::new(self.http.clone(), base).ok_or_else(|| no_address("WANDB_BASE_URL"))
    }
}

fn no_address(name: &str) -> Failure {
    Failure::usage(format!("{name} is no address to which a token may go"), "write an https address without a login")
}

fn told(
    app: &App,
    args: &TokensCheckArgs,
    plan: &Plan,
    file: Option<&HostFile>,
    answers: &[(String, Answer, &'static str)],
    findings: Vec<Finding>,
) {
    let tokens: Vec<TokenLine> =
        file.iter().flat_map(|file| &file.tokens).map(|(name, state)| line(plan, name, *state, answers)).collect();
    let path = file.map_or(&plan.path, |file| &file.path);
    if !app.printer.look().json {
        let width = app.printer.look().width;
        let mut text = format!("{}:{path}", plan.node.host.name());
        text += &file.map(|f| format!("   mode {}   owner {}   age {} d", f.mode, f.owner, f.age)).unwrap_or_default();
        text += "\n";
        if !tokens.is_empty() {
            let mut table = Table::new(&["TOKEN", "STATE", "", "FROM", "SERVICE"]);
            for (one, (_, state)) in tokens.iter().zip(file.iter().flat_map(|file| &file.tokens)) {
                let live = if one.live.is_empty() && !one.required { "optional" } else { &one.live };
                table.row([&one.name, one.state, state.against(), one.checked_from.unwrap_or_default(), live]);
            }
            text += &table.render(width);
        }
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

fn line(plan: &Plan, name: &str, state: State, answers: &[(String, Answer, &'static str)]) -> TokenLine {
    let answer = answers.iter().find(|(known, ..)| known == name);
    TokenLine {
        name: name.to_owned(),
        state: state.word(),
        same: match state {
            State::Same => Some(true),
            State::Differs => Some(false),
            State::Missing | State::Empty | State::Set => None,
        },
        required: plan.required.contains(name),
        live: answer.map(|(_, answer, _)| answer.said.clone()).unwrap_or_default(),
        checked_from: answer.map(|(_, _, from)| *from),
    }
}
