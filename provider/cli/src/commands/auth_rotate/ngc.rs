//! `mops auth rotate ngc`: another key of NGC in the place of one that is in use. A person makes it; it is shown to NGC,
//! written wherever this machine and a cluster hold the old one, and proven there. The old one is never taken back by
//! us: which places still hold it is told, and who has to revoke it (`tests/rotate_ngc.rs`).

use std::io::IsTerminal as _;
use std::time::Duration;

use mops_core::{Class, Error, Secret};
use mops_diagnose::pullable::Asked as Looked;
use mops_host::SharedClock;
use mops_logins::{Holder, Keep, Kept, Login, Profile};
use mops_wire::Http;
use mops_wire::ngc::{KEYS_PAGE, USER};
use schemars::JsonSchema;
use serde::Serialize;

use super::journal::{Entry, Journal, Step};
use super::ngc_spaces::Spaces;
use crate::app::App;
use crate::args::RotateNgcArgs;
use crate::commands::auth_login::{named, not_saved};
use crate::commands::ngc_gates::Gates;
use crate::exit::{Exit, Failure, Outcome};
use crate::key::{self, Asked};

const KIND: &str = "ngc";

/// Another key is in use; the old one is valid until a person revokes it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KeyRotatedLine {
    /// Of what kind.
    pub(super) kind: &'static str,
    /// The beginning of a hash of the old one, under a number drawn for this rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    /// The same of the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// Where the new one was written.
    pub(super) written: Vec<String>,
    /// What still holds the old one.
    pub(super) left: Vec<Left>,
}

/// A place that was not changed.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct Left {
    /// Where.
    pub(super) place: String,
    /// Why, or what changes it.
    pub(super) why: String,
}

pub(super) fn run(app: &App, args: &RotateNgcArgs) -> Outcome {
    let journal = Journal::of_machine(app, KIND)?;
    let host = mops_logins::ngc_host(&app.env);
    let begun = journal.read(&host)?;
    let here = app.wait_for(async { Ok(keys(app, &host).await) })?;
    let taken_up = begun.as_ref().and_then(|entry| here.iter().find(|key| entry.is_after(key)).cloned());
    let new = match taken_up.filter(|_| !args.key.is_named()) {
        Some(key) => key,
        None => {
            if !args.key.is_named() {
                app.printer.say(&format!("make another key at {KEYS_PAGE}, and leave the old one as it is for now"));
            }
            // Unasked, a variable that holds the old key would be taken for the new one.
            let usual = mops_logins::usual_key(&app.env, &host).filter(|_| std::io::stdin().is_terminal());
            key::read(app, &args.key, Asked { name: "new NGC API Key", usual })?.0
        }
    };
    let entry = begun.filter(|entry| entry.is_after(&new));
    if entry.is_some() {
        app.printer.note("an earlier run began this rotation: it goes on from there");
    }
    let old: Vec<Secret<String>> = match &entry {
        Some(entry) => here.iter().filter(|key| entry.is_before(key)).cloned().collect(),
        None => here.into_iter().find(|key| *key != new).into_iter().collect(),
    };
    let session = app.session(&app.pointed_without_stack()?)?;
    let http = session.http()?;
    app.wait_for(async {
        let spaces = Spaces::find(app, args, &session).await?;
        let old = match old.is_empty() && entry.is_none() {
            true => spaces.keys().await?.into_iter().find(|key| *key != new).into_iter().collect(),
            false => old,
        };
        if old.is_empty() && entry.is_none() {
            return Err(Failure::usage(
                "neither this machine nor a namespace that is named holds another key of NGC",
                "`mops ngc login` keeps a first one; `--namespace NAME` names servers in a cluster",
            ));
        }
        let entry = entry.unwrap_or_else(|| Entry::of(KIND, "", host.clone(), &old).with_after(&new));
        Rotation { app, args, journal, host, new, entry, http, clock: session.clock.clone(), spaces }.carry_out().await
    })
}

/// The keys that this machine keeps, in the order in which tools take them.
async fn keys(app: &App, host: &str) -> Vec<Secret<String>> {
    let found = mops_logins::logins(&app.env, host).await;
    let key = |(_, kept)| match kept {
        Kept::Login(Login { password, .. }) => Some(password),
        Kept::Identity(_) => None,
    };
    found.logins.into_iter().filter_map(key).collect()
}

struct Rotation<'a> {
    app: &'a App,
    args: &'a RotateNgcArgs,
    journal: Journal,
    host: String,
    new: Secret<String>,
    entry: Entry,
    http: Http,
    clock: SharedClock,
    spaces: Spaces<'a>,
}

impl Rotation<'_> {
    async fn carry_out(mut self) -> Outcome {
        let gates = Gates { app: self.app, http: &self.http, clock: &self.clock, key: &self.new };
        gates.pass(&Looked::default(), Duration::ZERO).await?;
        let (places, owners) = self.here().await;
        let spaces = match self.entry.spaces.is_empty() {
            true => self.spaces.of(&self.entry, self.args).await?,
            false => self.entry.spaces.clone(),
        };
        self.entry.spaces.clone_from(&spaces);
        self.say_plan(&places, &spaces);
        if self.args.plan {
            return Ok(Exit::Ok);
        }
        self.app.asker(&self.host, self.args.yes).confirm("this replaces the key that is in use for")?;
        self.journal.begin(&mut self.entry, Step::Distribute)?;
        let mut written = self.write_here(&places).await?;
        self.journal.begin(&mut self.entry, Step::Prove)?;
        self.prove_here(&places).await?;
        let mut left = owners;
        for space in &spaces {
            match self.spaces.rotate(space, &self.new, &self.entry).await? {
                Ok(mut kept) => {
                    written.push(format!("namespace {space}"));
                    left.append(&mut kept);
                }
                Err(exit) => {
                    self.app.printer.note("the old key stays in use there: do not revoke it");
                    self.app
                        .printer
                        .hint("mend what is named above and run the same command again: it goes on from here");
                    return Ok(exit);
                }
            }
        }
        left.extend(self.spaces.unseen());
        self.journal.close()?;
        self.told(written, left);
        Ok(Exit::Ok)
    }

    /// The places here that get the new key, and those that only their owner changes.
    async fn here(&self) -> (Vec<(String, Holder)>, Vec<Left>) {
        let (mut places, mut owners) = (Vec::new(), Vec::new());
        for key in keys(self.app, &self.host).await.iter().filter(|key| self.entry.is_before(key)) {
            for (place, holder) in mops_logins::holders(&self.app.env, key).await {
                match holder {
                    Holder::Owner(why) => owners.push(Left { place, why: why.to_owned() }),
                    holder => places.push((place, holder)),
                }
            }
        }
        (places, owners)
    }

    async fn write_here(&self, places: &[(String, Holder)]) -> Result<Vec<String>, Failure> {
        let kept = Kept::Login(Login { username: USER.to_owned(), password: self.new.clone() });
        let mut profiles: Vec<Option<&String>> = Vec::new();
        for (_, holder) in places {
            let profile = match holder {
                Holder::Profile(name) => Some(name),
                Holder::Current | Holder::Owner(_) => None,
            };
            if !profiles.contains(&profile) {
                profiles.push(profile);
            }
        }
        let mut written = Vec::new();
        for profile in profiles {
            let profile = Profile { name: profile.cloned(), org: None };
            let saved =
                mops_logins::save(&self.app.env, &self.clock, &self.host, &kept, Keep::AsDocker, &profile).await;
            let saved = saved.map_err(not_saved)?;
            saved.notes.iter().for_each(|note| self.app.printer.note(note));
            written.extend(saved.places);
        }
        Ok(written)
    }

    /// Every place that was written gives the new key back.
    async fn prove_here(&self, places: &[(String, Holder)]) -> Result<(), Failure> {
        let (still, _) = self.here().await;
        let has = mops_logins::holders(&self.app.env, &self.new).await;
        let unproven = still.first().map(|(place, _)| place).or_else(|| {
            let lacks = |place: &String| !has.iter().any(|(with, _)| with == place);
            places.iter().map(|(place, _)| place).find(|place| lacks(place) && !self.is_reference(place))
        });
        let Some(place) = unproven else { return Ok(()) };
        let error = Error::new(Class::Partial, format!("`{place}` does not give the new key back"));
        Err(Failure::Error(
            Exit::Failed,
            Box::new(error.hint("the old key stays valid: mend the place, run this again")),
        ))
    }

    /// A file of mlenv's holds no key where docker's program has it.
    fn is_reference(&self, place: &str) -> bool {
        let path = self.app.env.path(place);
        mops_host::fsx::read_text(&path).is_ok_and(|text| text.contains("apikey_ref"))
    }

    fn say_plan(&self, places: &[(String, Holder)], spaces: &[String]) {
        let mut all: Vec<String> = places.iter().map(|(place, _)| place.clone()).collect();
        all.extend(spaces.iter().map(|space| format!("both secrets of namespace {space}")));
        let into = if all.is_empty() { vec!["no place: none here holds the old one".to_owned()] } else { all };
        let before = self.entry.before().map_or_else(String::new, |hash| format!(" #{hash}"));
        self.app.printer.tell(&format!(
            "key of NGC  {new}, taken by its registry and its API\n  1. write it in place of the old one{before} into\n       \
             {into}\n  2. prove it: read it back here, and have servers start with it\n  3. you revoke the old one at\n       \
             {KEYS_PAGE}",
            new = key::masked(&self.new),
            into = into.join("\n       "),
        ));
    }

    fn told(&self, written: Vec<String>, left: Vec<Left>) {
        let printer = &self.app.printer;
        let places = if written.is_empty() { "no place".to_owned() } else { named(&written) };
        printer.tell(&format!("rotated: {} is in use in {places}", key::masked(&self.new)));
        left.iter().for_each(|Left { place, why }| printer.note(&format!("not reached: {place}: {why}")));
        let first = if left.is_empty() { "" } else { "when these have the new one, " };
        printer.hint(&format!("{first}revoke the old key at {KEYS_PAGE}: until then it opens what it opened"));
        let (before, after) = (self.entry.before(), self.entry.short(&self.new));
        printer.event(&KeyRotatedLine { kind: KIND, before, after, written, left });
    }
}
