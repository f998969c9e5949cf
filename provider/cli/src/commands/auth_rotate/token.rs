//! `mops auth rotate hf`, `wandb` and `novita-key`: another token in the place of one that is in use. A person makes it; it
//! is shown to its service, written wherever this machine, the login node and a cluster hold the old one, and proven there.
//! The old one is never taken back by us: which places still hold it is told, and who has to revoke it
//! (`tests/rotate_token.rs`).

use mops_clients::novita::Novita;
use mops_core::{Class, Error, Secret};
use mops_tokens::cause;
use mops_tokens::live::{self, Answer};
use mops_tokens::names::{HF, WANDB as WANDB_KEY};
use mops_wire::Http;

use super::journal::{Entry, Journal, Step};
use super::ngc::{KeyRotatedLine, Left};
use super::token_file::LocalFile;
use super::token_places::{Place, Places};
use crate::app::App;
use crate::args::RotateTokenArgs;
use crate::commands::auth_login::named;
use crate::commands::{novita, token_services::TokenServices};
use crate::exit::{Exit, Failure, Outcome};
use crate::key::{self, Asked};
use crate::login_node;

/// What is rotated.
pub(super) struct Kind {
    /// The word of the command line.
    pub(super) word: &'static str,
    /// The variable that tools read it from.
    pub(super) variable: &'static str,
    /// What people call it.
    name: &'static str,
    /// Where it is made and revoked.
    page: &'static str,
}

pub(super) const HUB: Kind =
    Kind { word: "hf", variable: HF, name: "Hugging Face token", page: "https://huggingface.co/settings/tokens" };
pub(super) const WANDB: Kind =
    Kind { word: "wandb", variable: WANDB_KEY, name: "W&B API key", page: "https://wandb.ai/authorize" };
pub(super) const NOVITA: Kind = Kind {
    word: "novita-key",
    variable: "NOVITA_API_KEY",
    name: "Novita API key",
    page: "https://novita.ai/settings/key-management",
};

pub(super) fn run(app: &App, kind: &Kind, args: &RotateTokenArgs) -> Outcome {
    if args.key.identity {
        return Err(Failure::usage("no identity of Azure stands for a token", "give it, for example by `--key-stdin`"));
    }
    let file = LocalFile::find(app, args.env_file.as_deref())?;
    let journal = Journal::of_machine(app, kind.word)?;
    let begun = journal.read(&file.name())?;
    let here = file.value(kind.variable)?;
    let is_new = |value: &Secret<String>| begun.as_ref().is_some_and(|entry| entry.is_after(value));
    let new = match here.clone().filter(|here| is_new(here) && !args.key.is_named()) {
        Some(written) => written,
        None => given(app, kind, args)?,
    };
    let entry = match begun.filter(|entry| entry.is_after(&new)) {
        Some(entry) => {
            app.printer.note("an earlier run began this rotation: it goes on from there");
            entry
        }
        None => begin(kind, &file, here, &new)?,
    };
    let session = app.session(&app.pointed_without_stack()?)?;
    let http = session.http()?;
    app.wait_for(async {
        proven(app, kind, &http, &new).await?;
        let places = Places::find(app, args, &session, (kind.variable, &new), &entry).await?;
        Rotation { app, kind, args, journal, file, new, entry, places }.carry_out().await
    })
}

/// The new one, by flags or the keyboard. Unasked, a variable that holds the old one would be taken for it.
fn given(app: &App, kind: &Kind, args: &RotateTokenArgs) -> Result<Secret<String>, Failure> {
    if !args.key.is_named() {
        app.printer.say(&format!("make another one at {}, and leave the old one as it is for now", kind.page));
    }
    Ok(key::read(app, &args.key, Asked { name: &format!("new {}", kind.name), usual: None })?.0)
}

fn begin(kind: &Kind, file: &LocalFile, old: Option<Secret<String>>, new: &Secret<String>) -> Result<Entry, Failure> {
    let (variable, name) = (kind.variable, file.name());
    let Some(old) = old.filter(|old| !old.expose().trim().is_empty()) else {
        let hint =
            format!("write `{variable}=…` into it, or name another file by `--env-file`; `mops tokens sync` sends it");
        return Err(Failure::usage(format!("`{name}` has no {variable} whose place another one could take"), hint));
    };
    if old == *new {
        let hint = format!("make another one at {}", kind.page);
        return Err(Failure::usage(format!("that is the {} which is in use already", kind.name), hint));
    }
    let before = std::slice::from_ref(&old);
    Ok(Entry::of(kind.word, "", name, before).with_after(new).with_digest(&old))
}

/// Nothing is written that its service does not take.
async fn proven(app: &App, kind: &Kind, http: &Http, new: &Secret<String>) -> Result<(), Failure> {
    if kind.variable == NOVITA.variable {
        let service = Novita::new(http.clone(), novita::base(app)?, new.clone()).with_cancel(&app.cancel);
        let all = service.auths().await;
        return all.map(drop).map_err(|error| novita::failure(&service, error, ""));
    }
    let services = TokenServices::new(app, http);
    let answer: Answer = match kind.variable {
        HF => live::hub(&services.hub()?, Some(new), &[]).await,
        _ => live::wandb(&services.wandb()?, new, None, None).await,
    };
    if answer.is_valid() {
        login_node::notes(app, &answer.seen);
        app.printer.say(&format!("{}: {}", kind.variable, answer.said));
        return Ok(());
    }
    // What it refuses failed; what it did not answer could not run.
    let refused =
        cause::causes(&answer.seen).iter().any(|cause| ["HF_", "WANDB_"].iter().any(|b| cause.cause_id.starts_with(b)));
    let error = match cause::causes(&answer.seen).is_empty() {
        true => Error::new(
            Class::Transient,
            format!("the {} could not be shown to its service: {}", kind.name, answer.said),
        ),
        false => cause::refusal(&answer.seen).0,
    };
    let exit = if refused { Exit::Failed } else { Exit::CouldNotRun };
    Err(Failure::Error(exit, Box::new(error.note("nothing was written, and the old one is in use"))))
}

struct Rotation<'a> {
    app: &'a App,
    kind: &'a Kind,
    args: &'a RotateTokenArgs,
    journal: Journal,
    file: LocalFile,
    new: Secret<String>,
    entry: Entry,
    places: Places<'a>,
}

impl Rotation<'_> {
    async fn carry_out(mut self) -> Outcome {
        self.say_plan();
        if self.args.plan {
            return Ok(Exit::Ok);
        }
        self.app.asker(self.kind.variable, self.args.yes).confirm("this replaces the one that is in use as")?;
        self.journal.begin(&mut self.entry, Step::Distribute)?;
        self.file.write(self.kind.variable, &self.new)?;
        let mut written = vec![format!("`{}`", self.file.name())];
        let (places, mut left) = self.places.sorted();
        for place in &places {
            self.in_place(self.places.write(place).await)?;
            written.push(place.name());
        }
        self.journal.begin(&mut self.entry, Step::Prove)?;
        if self.file.value(self.kind.variable)?.as_ref() != Some(&self.new) {
            return Err(self.unproven(&self.file.name()));
        }
        for place in &places {
            if !self.in_place(self.places.has_new(place).await)? {
                return Err(self.unproven(&place.name()));
            }
        }
        left.extend(self.places.others(self.kind, &self.entry).await);
        self.journal.close()?;
        self.told(written, left);
        Ok(Exit::Ok)
    }

    /// What keeps a place from its new one leaves the old one valid, and the next run begins here.
    fn in_place<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        if done.is_err() {
            self.app.printer.note("do not revoke the old one yet: it is in use where the new one did not arrive");
            self.app.printer.hint("mend what is named here and run the same command again: it goes on from here");
        }
        done
    }

    fn unproven(&self, place: &str) -> Failure {
        let error = Error::new(Class::Partial, format!("{place} does not give the new one back"));
        Failure::Error(Exit::Failed, Box::new(error.hint("the old one stays valid: mend the place, run this again")))
    }

    fn say_plan(&self) {
        let (places, left) = self.places.sorted();
        let mut into = vec![format!("`{}`", self.file.name())];
        into.extend(places.iter().map(Place::name));
        let before = self.entry.before().map_or_else(String::new, |hash| format!(" #{hash}"));
        self.app.printer.tell(&format!(
            "{variable}  {new}, taken by its service\n  1. write it in place of the old one{before} into\n       {into}\n  \
             2. prove it: read it back from there\n  3. you revoke the old one at\n       {page}",
            variable = self.kind.variable,
            new = key::masked(&self.new),
            into = into.join("\n       "),
            page = self.kind.page,
        ));
        if self.args.plan {
            left.iter().for_each(|Left { place, why }| self.app.printer.note(&format!("not reached: {place}: {why}")));
        }
    }

    fn told(&self, written: Vec<String>, left: Vec<Left>) {
        let printer = &self.app.printer;
        printer.tell(&format!("rotated: {} is in use in {}", key::masked(&self.new), named(&written)));
        left.iter().for_each(|Left { place, why }| printer.note(&format!("not reached: {place}: {why}")));
        if written.len() > 1 {
            printer.hint("jobs and pods that run already have the old one until they end");
        }
        let first = if left.is_empty() { "" } else { "when these have the new one, " };
        printer.hint(&format!("{first}revoke the old one at {}: until then it opens what it opened", self.kind.page));
        let (before, after) = (self.entry.before(), self.entry.short(&self.new));
        printer.event(&KeyRotatedLine { kind: self.kind.word, before, after, written, left });
    }
}
