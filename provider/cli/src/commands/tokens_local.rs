//! `mops tokens check --local`: the tokens of this machine, wherever tools find them, and what their services say of each.
//! What other programs have saved is read and never written (`tests/tokens_check.rs`).

use mops_core::Secret;
use mops_diagnose::rule::Severity;
use mops_diagnose::{Finding, pullable};
use mops_host::{Env, fsx};
use mops_probe::Observation;
use mops_tokens::cause;
use mops_tokens::envfile::Variables;
use mops_tokens::names::{ENTITY, HF, PROJECT, WANDB};
use mops_tokens::saved;
use mops_wire::Http;
use schemars::JsonSchema;
use serde::Serialize;

use super::token_services::{TokenServices, Wanted, value};
use crate::app::App;
use crate::args::TokensCheckArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::printer::Table;
use crate::token_file;

/// The tokens of this machine.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokensHereLine {
    /// Each token in each place that has one.
    tokens: Vec<TokenHereLine>,
    /// Variables that must have a value and have none.
    missing: Vec<String>,
    /// What is wrong, the causes of the catalogue.
    findings: Vec<Finding>,
}

/// A token in a place.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenHereLine {
    /// Its variable.
    name: String,
    /// Where it stands.
    place: String,
    /// What its service says, in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    live: String,
}

pub(super) fn run(app: &App, args: &TokensCheckArgs) -> Outcome {
    let wanted = Wanted::of(app, args)?;
    let file = args.env_file.as_ref().map_or_else(|| token_file::FILE.to_owned(), |file| file.display().to_string());
    let http = app.session(&app.pointed_without_stack()?)?.http()?;
    app.wait_for(async {
        let (mut tokens, mut seen) = (Vec::new(), Vec::new());
        for (name, place, found) in held(&app.env, &wanted.local, &file) {
            let live = match args.live.offline {
                true => String::new(),
                false => asked(app, args, &http, (name, &found), &wanted.local, &mut seen).await?,
            };
            tokens.push(TokenHereLine { name: name.to_owned(), place, live });
        }
        let has = |name: &String| {
            tokens.iter().any(|one| one.name == *name) || value(&wanted.local, name).is_some() || app.env.has(name)
        };
        let required = if tokens.is_empty() { vec![HF.to_owned()] } else { args.live.require.clone() };
        let missing: Vec<String> = required.into_iter().filter(|name| !has(name)).collect();
        let findings = cause::causes(&seen);
        let failed = !missing.is_empty() || findings.iter().any(|finding| finding.severity == Severity::Error);
        told(app, TokensHereLine { tokens, missing, findings });
        Ok(if failed { Exit::Failed } else { Exit::Ok })
    })
}

/// Each token with the place that it was found in, in the order in which tools take them.
fn held(env: &Env, file: &Variables, name: &str) -> Vec<(&'static str, String, Secret<String>)> {
    let mut all = Vec::new();
    for token in [HF, WANDB] {
        all.extend(value(file, token).map(|found| (token, format!("`{name}`"), found.clone())));
        all.extend(env.secret(token).map(|found| (token, format!("variable {token}"), found)));
    }
    let path = saved::hub_file(env);
    if let Ok(text) = fsx::read_text(&path) {
        all.push((HF, path.display().to_string(), Secret::from(text.trim())));
    }
    all.extend(saved::wandb(env).map(|(path, found)| (WANDB, path.display().to_string(), found)));
    all.retain(|(_, _, found)| !found.expose().trim().is_empty());
    all.sort_by_key(|(token, ..)| *token != HF);
    all
}

async fn asked(
    app: &App,
    args: &TokensCheckArgs,
    http: &Http,
    (name, found): (&str, &Secret<String>),
    local: &Variables,
    seen: &mut Vec<Observation>,
) -> Result<String, Failure> {
    let mut values: Variables = vec![(name.to_owned(), found.clone())];
    let more = [ENTITY, PROJECT].into_iter().filter_map(|name| Some((name.to_owned(), value(local, name)?.clone())));
    values.extend(more);
    let Some(answer) = TokenServices::new(app, http).asked(name, &values, &args.live.model).await? else {
        return Ok(String::new());
    };
    seen.extend(answer.seen);
    Ok(answer.said)
}

fn told(app: &App, line: TokensHereLine) {
    let printer = &app.printer;
    if !printer.look().json {
        let width = printer.look().width;
        let mut table = Table::new(&["TOKEN", "PLACE", "SERVICE"]);
        line.tokens.iter().for_each(|one| table.row([&one.name, &one.place, &one.live]));
        let mut text = if line.tokens.is_empty() { String::new() } else { table.render(width) };
        let causes = line.findings.iter().flat_map(|finding| pullable::cause(finding, width));
        causes.for_each(|cause| text += &format!("{cause}\n"));
        printer.data(&text);
    }
    if !line.missing.is_empty() {
        printer.note(&format!("this machine has no {}", line.missing.join(" and no ")));
        printer.hint("write it into `.env`, from which `mops tokens sync` sends it");
    }
    printer.event(&line);
}
