//! `mops auth rotate storage`: another account key in the place of the one that signs the stack's signatures. They are
//! signed anew with the account's other key, everything that holds one gets it, every pod proves it, and only then the
//! key is made anew; at the end they are signed with it again, as the stack file says.

use mops_clients::arm::ResourceId;
use mops_core::{Class, Error, Secret, Value};
use mops_engine::program::{Declared, Expr, Program};
use mops_engine::state::{ResourceState, Sealer, Snapshot, Store};

use super::RotationLine;
use super::course::{self, Chosen, Course};
use super::journal::{Entry, Journal, Step};
use crate::app::App;
use crate::args::RotateStackArgs;
use crate::commands::up;
use crate::exit::{Exit, Failure, Outcome};
use crate::selection::Target;

const KIND: &str = "storage";
const ACCOUNT: &str = "modelops:azure:StorageAccount";
const SIGNATURE: &str = "modelops:azure:BlobSasToken";
const NAMESPACE: &str = "modelops:kubernetes:Namespace";
const SIGNING_KEY: &str = "signingKey";

pub(super) fn run(app: &App, args: &RotateStackArgs) -> Outcome {
    let target = app.program(&args.file)?;
    let stack = target.program.stack.clone();
    let snapshot = app.snapshot(&stack)?;
    let key = rotated(&target.program, &snapshot)?;
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    let course = Course { app, args, session: &session, pointed: &pointed };
    let (home, mut aside) = (course.target()?, course.target()?);
    move_aside(&mut aside.program, key);
    let rotation = Rotation { course, key, home, aside };
    app.wait_for(async {
        if args.plan {
            rotation.say_plan(&snapshot);
            return rotation.course.show(&rotation.aside, &snapshot, &Chosen::default()).await;
        }
        let mut store = app.open(&stack, Some(rotation.home.program.scope.clone()), args.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        rotation.carry_out(&mut store).await
    })
}

/// The account key that signs for the stack, by its file.
fn rotated(program: &Program, snapshot: &Snapshot) -> Result<&'static str, Failure> {
    let signatures: Vec<&Declared> = program.resources.iter().filter(|r| r.urn.token() == SIGNATURE).collect();
    if signatures.is_empty() {
        return Err(Failure::usage(
            "the file has no `storage`, and so no signature",
            "`mops auth rotate acr` is for a registry",
        ));
    }
    let Some(key) = signatures.iter().find_map(|signature| signing_key(signature)) else {
        return Err(Failure::usage(
            "no account key has signed for this stack: its signatures are of kind `user_delegation`",
            "`mops infra up` signs them anew before they end; revoking the keys of identities ends them at once",
        ));
    };
    if course::only(snapshot, ACCOUNT).is_none() {
        let text = format!("stack `{}` has no storage account yet", snapshot.stack);
        return Err(Failure::usage(text, "`mops infra up FILE` makes it"));
    }
    if !program.resources.iter().any(|r| r.urn.token() == NAMESPACE) {
        return Err(Failure::usage(
            "the file has no workspace, and nothing else could prove that the new signatures work",
            "write `workspace` into the file",
        ));
    }
    Ok(key)
}

/// The account key that signs, none for a signature of an identity.
fn signing_key(declared: &Declared) -> Option<&'static str> {
    let Expr::Map(inputs) = &declared.inputs else { return None };
    let text = |name: &str| match inputs.get(name) {
        Some(Expr::Value(Value::String(text))) => Some(text.as_str()),
        _ => None,
    };
    match text(SIGNING_KEY).filter(|_| text("kind") != Some("user_delegation")) {
        Some("key1") => Some("key1"),
        Some("key2") => Some("key2"),
        _ => None,
    }
}

fn other(key: &str) -> &'static str {
    if key == "key1" { "key2" } else { "key1" }
}

/// Whatever that key signs, the other one signs.
fn move_aside(program: &mut Program, key: &str) {
    for declared in program.resources.iter_mut().filter(|r| r.urn.token() == SIGNATURE) {
        let moved = signing_key(declared) == Some(key);
        if let (true, Expr::Map(inputs)) = (moved, &mut declared.inputs) {
            inputs.insert(SIGNING_KEY.to_owned(), Expr::Value(Value::from(other(key))));
        }
    }
}

struct Rotation<'a> {
    course: Course<'a>,
    /// The key that is made anew.
    key: &'static str,
    /// The stack as its file says.
    home: Target,
    /// The same with the signatures of that key signed by the other one.
    aside: Target,
}

impl Rotation<'_> {
    async fn carry_out(&self, store: &mut Store) -> Outcome {
        let app = self.course.app;
        let stack = course::stack(&self.home).clone();
        let journal = Journal::of(app, KIND, &stack)?;
        let account = course::only(store.snapshot(), ACCOUNT).ok_or_else(gone)?;
        let (id, subject) =
            (account.id.clone(), format!("{} {}", course::subject(store.snapshot(), account), self.key));
        let mut entry = match journal.read(&subject)? {
            Some(entry) => {
                app.printer.note("an earlier run began this rotation: it goes on from there");
                entry
            }
            None => self.begun(store, &journal, subject)?,
        };
        if entry.step < Step::Return {
            // Also where the key was about to be made anew: another run may have signed with it since.
            match self.go(store, &self.aside, &entry).await? {
                Exit::Ok => {}
                exit => {
                    app.printer.note(&format!("`{}` was not made anew: what it has signed stays valid", self.key));
                    return Ok(exit);
                }
            }
            journal.begin(&mut entry, Step::Revoke)?;
            app.printer.note(&format!("`{}` is proven: `{}` is made anew", other(self.key), self.key));
            self.regenerate(&id).await?;
            journal.begin(&mut entry, Step::Return)?;
        }
        match self.go(store, &self.home, &entry).await? {
            Exit::Ok => {}
            exit => {
                app.printer.note("run the same command again: it goes on from here");
                return Ok(exit);
            }
        }
        journal.close()?;
        let (before, after) = (entry.before(), self.after(store, &entry)?);
        let name = ResourceId::parse(&id).map_or_else(|_| id.clone(), |id| id.name().to_owned());
        app.printer.tell(&format!("rotated `{name}`: `{}` is another one, and signs for the stack again", self.key));
        app.printer.event(&RotationLine { stack: stack.to_string(), kind: KIND, of: name, before, after });
        Ok(Exit::Ok)
    }

    /// Asks, and writes the first entry.
    fn begun(&self, store: &Store, journal: &Journal, subject: String) -> Result<Entry, Failure> {
        self.say_plan(store.snapshot());
        let asker = self.course.app.asker(&course::stack(&self.home).stack, self.course.args.yes);
        let ends =
            format!("this ends every signature of `{}`, also those that others made with it, of stack", self.key);
        asker.confirm(&ends)?;
        let old = self.signed(store.snapshot(), store.sealer())?;
        let mut entry = Entry::new(KIND, &store.snapshot().stack, subject, &old);
        journal.begin(&mut entry, Step::Distribute)?;
        Ok(entry)
    }

    /// Makes it so, and has it proven.
    async fn go(&self, store: &mut Store, target: &Target, entry: &Entry) -> Outcome {
        match self.course.bring(store, target, &Chosen::default(), None).await? {
            Some(Exit::Ok) => {}
            other => return Ok(other.unwrap_or(Exit::Failed)),
        }
        let Course { app, pointed, .. } = self.course;
        up::write_bundle_env(app, course::stack(target), pointed, store.snapshot(), store.sealer())?;
        self.course.prove(store, entry).await
    }

    /// Nobody uses the key at that time, so that once too often does no harm.
    async fn regenerate(&self, account: &str) -> Result<(), Failure> {
        let id = ResourceId::parse(account)
            .map_err(|error| Error::new(Class::Bug, "the id of the account in state is none").caused_by(error))?;
        let arm = self.course.session.provider.services().arm()?;
        arm.regenerate_account_key(&id, self.key).await.map_err(|error| {
            let text = format!("`{}` of `{}` was not made anew: {error}", self.key, id.name());
            let hint = "the stack uses the other key by now; run the same command again: it goes on from here";
            Error::new(error.class(), text).hint(hint).into()
        })
    }

    /// What the key has signed for the stack, as state holds it.
    fn signed(&self, snapshot: &Snapshot, sealer: &Sealer) -> Result<Vec<Secret<String>>, Failure> {
        let is = |r: &&ResourceState| {
            let by = r.inputs.get(SIGNING_KEY).and_then(Value::as_str) == Some(self.key);
            r.urn.token() == SIGNATURE && by && !r.pending_delete
        };
        let found = snapshot.resources.iter().filter(is).map(|r| course::opened(sealer, r, "connectionString"));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn after(&self, store: &Store, entry: &Entry) -> Result<Option<String>, Failure> {
        Ok(self.signed(store.snapshot(), store.sealer())?.first().and_then(|signed| entry.short(signed)))
    }

    fn say_plan(&self, snapshot: &Snapshot) {
        let (key, other, holders) = (self.key, other(self.key), course::holders(snapshot));
        let signs = |r: &&Declared| signing_key(r) == Some(key);
        let count = self.home.program.resources.iter().filter(signs).count();
        let signatures = if count == 1 { "1 signature".to_owned() } else { format!("{count} signatures") };
        self.course.app.printer.tell(&format!(
            "`{key}` of the storage account, by which {signatures} of the stack {are} signed\n  \
             1. sign with {other} instead; {key} stays valid\n  2. write that into {holders}, and roll out what uses it\n  \
             3. prove it: every pod, and storage from every pool\n  4. make {key} anew: what it has signed ends, \
             strangers' signatures too\n  5. sign with the new {key} again, as the file says, and prove that",
            are = if count == 1 { "is" } else { "are" },
        ));
    }
}

fn gone() -> Failure {
    Failure::usage("the storage account has left the state", "`mops infra up FILE` makes it again")
}
