//! `mops auth rotate acr` of a stack whose pods sign in as the registry's admin user: everything that holds the first of
//! its two passwords gets the second one, every pod proves it, and only then the first one is made anew; at the end it is
//! in use again, as the stack file says (`tests/rotate_admin.rs`).

use mops_clients::arm::ResourceId;
use mops_core::source::{CredentialField, RegistryCredential};
use mops_core::{Class, Error, Secret, SecretInput, Source, Value};
use mops_engine::program::{Expr, Program};
use mops_engine::state::Store;

use super::RotationLine;
use super::course::{self, Chosen, Course};
use super::journal::{Entry, Journal, Step};
use crate::app::App;
use crate::args::RotateStackArgs;
use crate::commands::up;
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::selection::Target;
use crate::session::Session;

const KIND: &str = "acr-admin";
const REGISTRY: &str = "modelops:azure:ContainerRegistry";
const NAMESPACE: &str = "modelops:kubernetes:Namespace";

/// Rotates the first password of the admin user of the stack's registry.
pub(super) fn run(app: &App, args: &RotateStackArgs, target: &Target) -> Outcome {
    let stack = target.program.stack.clone();
    let snapshot = app.snapshot(&stack)?;
    let Some(registry) = course::only(&snapshot, REGISTRY) else {
        let text = format!("stack `{stack}` has no registry of its own yet");
        return Err(Failure::usage(text, "`mops infra up FILE` makes it"));
    };
    if !target.program.resources.iter().any(|r| r.urn.token() == NAMESPACE) {
        return Err(Failure::usage(
            "the file has no workspace, and nothing else could prove that the other password works",
            "write `workspace` into the file",
        ));
    }
    let (id, subject) = (registry.id.clone(), course::subject(&snapshot, registry));
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    let rotation = Rotation { app, args, pointed: &pointed, id, subject };
    let course = rotation.course(&session);
    let mut aside = course.target()?;
    move_aside(&mut aside.program);
    app.wait_for(async {
        if args.plan {
            rotation.say_plan(&course::holders(&snapshot));
            return course.show(&aside, &snapshot, &Chosen::default()).await;
        }
        let mut store = app.open(&stack, Some(aside.program.scope.clone()), args.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        rotation.carry_out(&mut store, (&course, &aside)).await
    })
}

/// Whatever takes the first password takes the second one.
fn move_aside(program: &mut Program) {
    program.resources.iter_mut().for_each(|declared| second(&mut declared.inputs));
}

fn second(inputs: &mut Expr) {
    match inputs {
        Expr::List(all) | Expr::Format(all) => all.iter_mut().for_each(second),
        Expr::Map(members) => {
            if let Some(Expr::Map(source)) = members.get_mut("from_registry") {
                let first = source.get("field") == Some(&Expr::Value(Value::from("password")));
                if first {
                    source.insert("field".to_owned(), Expr::Value(Value::from("password2")));
                }
            }
            members.values_mut().for_each(second);
        }
        Expr::Value(_) | Expr::Ref { .. } => {}
    }
}

struct Rotation<'a> {
    app: &'a App,
    args: &'a RotateStackArgs,
    pointed: &'a Pointed,
    /// The registry.
    id: String,
    /// Which one it is.
    subject: String,
}

impl<'a> Rotation<'a> {
    const fn course(&self, session: &'a Session) -> Course<'a> {
        Course { app: self.app, args: self.args, session, pointed: self.pointed }
    }

    async fn carry_out(&self, store: &mut Store, (course, aside): (&Course<'_>, &Target)) -> Outcome {
        let (app, stack) = (self.app, course::stack(aside).clone());
        let journal = Journal::of(app, KIND, &stack)?;
        let mut entry = match journal.read(&self.subject)? {
            Some(entry) => {
                app.printer.note("an earlier run began this rotation: it goes on from there");
                entry
            }
            None => self.begun(store, course, &journal).await?,
        };
        if entry.step < Step::Return {
            // Also where it was about to be made anew: another run may have brought the first one back since.
            match go(course, store, aside, &entry).await? {
                Exit::Ok => {}
                exit => {
                    app.printer.note("`password` was not made anew: it stays valid");
                    app.printer.hint("mend what is named above and run the same command again: it goes on from here");
                    return Ok(exit);
                }
            }
            journal.begin(&mut entry, Step::Revoke)?;
            app.printer.note("`password2` is proven: `password` is made anew");
            self.regenerate(course.session).await?;
            journal.begin(&mut entry, Step::Return)?;
        }
        // What was listed before is not what the registry has now.
        let later = app.session(self.pointed)?;
        let course = Course { session: &later, ..*course };
        match go(&course, store, &course.target()?, &entry).await? {
            Exit::Ok => {}
            exit => {
                app.printer.note("run the same command again: it goes on from here");
                return Ok(exit);
            }
        }
        journal.close()?;
        let (before, after) = (entry.before(), entry.short(&self.first(&later).await?));
        let name = ResourceId::parse(&self.id).map_or_else(|_| self.id.clone(), |id| id.name().to_owned());
        app.printer.tell(&format!("rotated `{name}`: `password` of its admin user is another one, and in use again"));
        app.printer.event(&RotationLine { stack: stack.to_string(), kind: KIND, of: name, before, after });
        Ok(Exit::Ok)
    }

    /// Asks, and writes the first entry.
    async fn begun(&self, store: &Store, course: &Course<'_>, journal: &Journal) -> Result<Entry, Failure> {
        self.say_plan(&course::holders(store.snapshot()));
        let stack = &store.snapshot().stack;
        let ends = "this ends the first password of the admin user, for whoever else has it too, of stack";
        self.app.asker(&stack.stack, self.args.yes).confirm(ends)?;
        let old = self.first(course.session).await?;
        let mut entry = Entry::new(KIND, stack, self.subject.clone(), &[old]);
        journal.begin(&mut entry, Step::Distribute)?;
        Ok(entry)
    }

    /// The first password, as the registry lists it.
    async fn first(&self, session: &Session) -> Result<Secret<String>, Failure> {
        let credential = RegistryCredential { registry_id: self.id.clone(), field: CredentialField::Password };
        let source = SecretInput::Source(Source::FromRegistry(credential));
        Ok(session.provider.services().resolve(&source).await?)
    }

    /// Nobody uses it at that time, so that once too often does no harm.
    async fn regenerate(&self, session: &Session) -> Result<(), Failure> {
        let id = ResourceId::parse(&self.id)
            .map_err(|error| Error::new(Class::Bug, "the id of the registry in state is none").caused_by(error))?;
        let arm = session.provider.services().arm()?;
        arm.regenerate_registry_password(&id, "password").await.map_err(|error| {
            let text = format!("`password` of `{}` was not made anew: {error}", id.name());
            let hint = "the stack uses `password2` by now; run the same command again: it goes on from here";
            Error::new(error.class(), text).hint(hint).into()
        })
    }

    fn say_plan(&self, holders: &str) {
        self.app.printer.tell(&format!(
            "admin user of the registry\n  1. use password2 instead; password stays valid\n  2. write it into {holders}, and \
             roll out what uses it\n  3. prove it: every pod, a pull in every pool\n  4. make password anew: strangers who \
             have it lose it\n  5. use the new password, as the file says, and prove that",
        ));
    }
}

/// Makes it so, and has it proven.
async fn go(course: &Course<'_>, store: &mut Store, target: &Target, entry: &Entry) -> Outcome {
    match course.bring(store, target, &Chosen::default(), None).await? {
        Some(Exit::Ok) => {}
        other => return Ok(other.unwrap_or(Exit::Failed)),
    }
    up::write_bundle_env(course.app, course::stack(target), course.pointed, store.snapshot(), store.sealer())?;
    course.prove(store, entry).await
}
