//! `mops auth rotate acr`: another password for the registry token of a stack. The free one of its two passwords is
//! filled, everything that holds the old one gets it, every pod proves it, and only then the old one is cleared.

use mops_core::{Secret, Urn};
use mops_engine::program::{Component, Program};
use mops_engine::stackfile::{RegistryAuth, RegistryProvider};
use mops_engine::state::{Sealer, Snapshot, Store};

use super::course::{self, Chosen, Course};
use super::journal::{Entry, Journal, Step};
use super::{RotationLine, acr_admin};
use crate::app::App;
use crate::args::RotateStackArgs;
use crate::commands::up;
use crate::exit::{Exit, Failure, Outcome};
use crate::selection::Target;

pub(super) const KIND: &str = "acr";
const TOKEN: &str = "modelops:azure:RegistryToken";
const CLEANUP: &str = "modelops:azure:RegistryTokenCleanup";

pub(super) fn run(app: &App, args: &RotateStackArgs) -> Outcome {
    let target = app.program(&args.file)?;
    if by_admin_user(&target) {
        return acr_admin::run(app, args, &target);
    }
    let stack = target.program.stack.clone();
    let snapshot = app.snapshot(&stack)?;
    let (token, cleanup) = rotated(&target.program, &snapshot)?;
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    let course = Course { app, args, session: &session, pointed: &pointed };
    let target = course.target()?;
    let rotation = Rotation { course, token, cleanup };
    app.wait_for(async {
        if args.plan {
            let sealer = app.sealer(&snapshot)?;
            let (entry, _) = rotation.entry(&snapshot, &sealer)?;
            let fill = rotation.fills(&snapshot, &sealer, &entry)?;
            return rotation.course.show(&target, &snapshot, &rotation.first(fill)).await;
        }
        let mut store = app.open(&stack, Some(target.program.scope.clone()), args.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        rotation.carry_out(&mut store, &target).await
    })
}

/// Whether pods sign in as the admin user of a registry that the stack makes.
fn by_admin_user(target: &Target) -> bool {
    let registry = target.file.registry.as_ref().filter(|registry| registry.provider() == RegistryProvider::Azure);
    registry
        .is_some_and(|registry| registry.auth.as_ref().is_none_or(|auth| matches!(auth.value, RegistryAuth::AdminUser)))
}

/// The resources whose clearing waits until a rotation that is under way has been proven.
pub(super) fn held(app: &App, program: &Program, snapshot: &Snapshot) -> Result<Option<Urn>, Failure> {
    let Some(token) = course::only(snapshot, TOKEN) else { return Ok(None) };
    let entry = Journal::of(app, KIND, &snapshot.stack)?.read(&course::subject(snapshot, token))?;
    let waits = entry.is_some_and(|entry| entry.step < Step::Revoke);
    Ok(named(program, CLEANUP).filter(|_| waits))
}

/// The token and what clears its other password, of a stack that has both.
fn rotated(program: &Program, snapshot: &Snapshot) -> Result<(Urn, Urn), Failure> {
    let present = course::only(snapshot, TOKEN).is_some();
    match (named(program, TOKEN), named(program, CLEANUP)) {
        (Some(token), Some(cleanup)) if present => Ok((token, cleanup)),
        (Some(_), Some(_)) => Err(Failure::usage(
            format!("stack `{}` has no registry token yet", snapshot.stack),
            "`mops infra up FILE` makes it, or `mops auth migrate --to token`",
        )),
        (Some(_), None) => Err(Failure::usage(
            "the file has no workspace, and nothing else could prove that the new password works",
            "write `workspace` into the file, or let `mops infra up` renew the password before it ends",
        )),
        (None, _) => Err(Failure::usage(
            "the stack does not sign in to its registry by a token of its own",
            "`mops auth migrate --to token` moves it there; `auth: token` below `registry` keeps it so",
        )),
    }
}

fn named(program: &Program, token: &str) -> Option<Urn> {
    let mut own = program.resources.iter().filter(|r| r.component != Component::Novita);
    own.find(|r| r.urn.token() == token).map(|r| r.urn.clone())
}

struct Rotation<'a> {
    course: Course<'a>,
    token: Urn,
    cleanup: Urn,
}

/// What state knows of the token's password.
struct Password {
    user: String,
    slot: String,
    made: String,
    value: Option<Secret<String>>,
}

/// What state knows of the password in use.
fn password(snapshot: &Snapshot, sealer: &Sealer) -> Result<Password, Failure> {
    let token = course::only(snapshot, TOKEN);
    let text = |name: &str| token.and_then(|t| t.outputs.get(name)?.as_str()).unwrap_or_default().to_owned();
    let value = token.map(|token| course::opened(sealer, token, "password")).transpose()?.flatten();
    Ok(Password { user: text("name"), slot: text("slot"), made: text("created"), value })
}

impl Rotation<'_> {
    async fn carry_out(&self, store: &mut Store, target: &Target) -> Outcome {
        let app = self.course.app;
        let journal = self.journal(store.snapshot())?;
        let (mut entry, begun) = self.entry(store.snapshot(), store.sealer())?;
        if entry.step < Step::Revoke {
            match self.distribute(store, target, (&mut entry, begun)).await? {
                Exit::Ok => {}
                exit => return Ok(exit),
            }
            journal.begin(&mut entry, Step::Prove)?;
            match self.course.prove(store, &entry).await {
                Ok(Exit::Ok) => {}
                unproven => {
                    app.printer.note("nothing was taken back: the old password stays valid");
                    app.printer.hint("mend what is named above and run the same command again: it goes on from here");
                    return unproven;
                }
            }
            journal.begin(&mut entry, Step::Revoke)?;
        }
        app.printer.note("the new password is proven: the old one is cleared");
        match self.course.bring(store, target, &Chosen::default(), None).await? {
            Some(Exit::Ok) => {}
            other => return Ok(other.unwrap_or(Exit::Failed)),
        }
        let stack = course::stack(target);
        up::write_bundle_env(app, stack, self.course.pointed, store.snapshot(), store.sealer())?;
        journal.close()?;
        self.told(store, &entry)
    }

    /// What an earlier run has left, else the first entry of a new rotation; and whether an earlier run began it.
    fn entry(&self, snapshot: &Snapshot, sealer: &Sealer) -> Result<(Entry, bool), Failure> {
        let subject = course::only(snapshot, TOKEN).map(|token| course::subject(snapshot, token)).unwrap_or_default();
        if let Some(entry) = self.journal(snapshot)?.read(&subject)? {
            self.course.app.printer.note("an earlier run began this rotation: it goes on from there");
            return Ok((entry, true));
        }
        let present = password(snapshot, sealer)?;
        Ok((Entry::new(KIND, &snapshot.stack, subject, present.value.as_slice()), false))
    }

    /// Whether the new password is not made yet; then what is going to happen is said.
    fn fills(&self, snapshot: &Snapshot, sealer: &Sealer, entry: &Entry) -> Result<bool, Failure> {
        let present = password(snapshot, sealer)?;
        let fill = present.value.as_ref().is_none_or(|value| entry.is_before(value));
        if fill {
            self.say_plan(&present, entry, snapshot);
        }
        Ok(fill)
    }

    /// Makes the new password where it is not made yet, and brings it to everything that holds one.
    async fn distribute(&self, store: &mut Store, target: &Target, (entry, begun): (&mut Entry, bool)) -> Outcome {
        let app = self.course.app;
        let asker = app.asker(&course::stack(target).stack, self.course.args.yes);
        let fill = self.fills(store.snapshot(), store.sealer(), entry)?;
        let journal = self.journal(store.snapshot())?;
        journal.begin(entry, Step::Distribute)?;
        let approve = asker.approve_when(course::changes_credential);
        match self.course.bring(store, target, &self.first(fill), Some(approve)).await? {
            Some(Exit::Ok) => {
                // Who works by that file has the new one before the old one goes.
                let stack = course::stack(target);
                up::write_bundle_env(app, stack, self.course.pointed, store.snapshot(), store.sealer())?;
                Ok(Exit::Ok)
            }
            Some(exit) => {
                app.printer.note("nothing was taken back: the old password stays valid");
                Ok(exit)
            }
            None => {
                // Nothing was written: there is no rotation to go on with, unless an earlier run began one.
                if !begun {
                    journal.close()?;
                }
                Err(asker.refusal())
            }
        }
    }

    /// The run that hands the password out: the other one is not cleared by it.
    fn first(&self, fill: bool) -> Chosen {
        let renew = fill.then(|| self.token.clone()).into_iter().collect();
        Chosen { renew, leave: [self.cleanup.clone()].into() }
    }

    fn journal(&self, snapshot: &Snapshot) -> Result<Journal, Failure> {
        Journal::of(self.course.app, KIND, &snapshot.stack)
    }

    /// What happens, in order; what a password is shows only as the beginning of a hash.
    fn say_plan(&self, present: &Password, entry: &Entry, snapshot: &Snapshot) {
        let other = if present.slot == "password1" { "password2" } else { "password1" };
        let before = entry.before().map_or_else(|| "not known any more".to_owned(), |hash| format!("#{hash}"));
        let holders = course::holders(snapshot);
        self.course.app.printer.tell(&format!(
            "registry token `{user}`\n  before  {slot} {before}, made {made}\n  after   {other}, made by this run\n  \
             1. fill {other}; {slot} stays valid\n  2. write it into {holders}, and roll out what uses it\n  \
             3. prove it: every pod, a pull in every pool\n  4. clear {slot}",
            user = present.user,
            slot = present.slot,
            made = if present.made.is_empty() { "at a time that nobody knows" } else { &present.made },
        ));
    }

    fn told(&self, store: &Store, entry: &Entry) -> Outcome {
        let present = password(store.snapshot(), store.sealer())?;
        let after = present.value.as_ref().and_then(|value| entry.short(value));
        let hash = |hash: &Option<String>| hash.as_ref().map_or_else(String::new, |hash| format!(" #{hash}"));
        let (before, user, slot) = (entry.before(), &present.user, &present.slot);
        let (old, new) = (hash(&before), hash(&after));
        self.course.app.printer.tell(&format!("rotated `{user}`: {slot}{new} is in use, the one before{old} is gone"));
        let stack = store.snapshot().stack.to_string();
        self.course.app.printer.event(&RotationLine { stack, kind: KIND, of: present.user, before, after });
        Ok(Exit::Ok)
    }
}
