//! `mops auth rotate sp`: another secret for the application by which the pods of a stack pull. The application gets a
//! second one, the file that the stack file names gets it, every pod proves it, and only then the first one is taken
//! away (`tests/rotate_sp.rs`).

use std::path::PathBuf;
use std::time::Duration;

use mops_clients::graph::{Application, Graph, GraphError, Password};
use mops_core::{Class, Error, Secret, Source};
use mops_engine::stackfile::RegistryAuth;
use mops_engine::state::Store;
use mops_host::{fsx, source};
use mops_wire::directory::{self, DirectoryError, Grant, Proof, SECRET_WRONG};
use time::OffsetDateTime;

use super::RotationLine;
use super::course::{self, Chosen, Course};
use super::journal::{Entry, Journal, Step};
use crate::app::App;
use crate::args::RotateSpArgs;
use crate::commands::date;
use crate::exit::{Exit, Failure, Outcome};
use crate::selection::Target;

const KIND: &str = "sp";
/// How long the machines of the directory may not know a new secret.
const KNOWN_AFTER: Duration = Duration::from_secs(180);
/// Between two sign-ins until then.
const PAUSE: Duration = Duration::from_secs(3);

pub(super) fn run(app: &App, args: &RotateSpArgs) -> Outcome {
    let target = app.program(&args.stack.file)?;
    let (client, path) = principal(app, &target)?;
    let stack = target.program.stack.clone();
    let snapshot = app.snapshot(&stack)?;
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    let course = Course { app, args: &args.stack, session: &session, pointed: &pointed };
    let target = course.target()?;
    let journal = Journal::of(app, KIND, &stack)?;
    app.wait_for(async {
        let services = session.provider.services();
        let token = services.token(&Graph::scope(services.cloud())).await?;
        let graph = Graph::new(session.http()?, services.cloud(), token, &app.cancel).map_err(Error::from)?;
        let application = graph.application(&client).await.map_err(Error::from)?;
        let mut rotation = Rotation { course, args, journal, client, path, graph, application };
        let entry = rotation.entry(&target)?;
        if args.stack.plan {
            rotation.say_plan(&entry);
            return rotation.course.show(&target, &snapshot, &Chosen::default()).await;
        }
        let mut store = app.open(&stack, Some(target.program.scope.clone()), args.stack.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        rotation.carry_out(&mut store, &target, entry).await
    })
}

/// The application of a stack file, and the file that has its secret.
fn principal(app: &App, target: &Target) -> Result<(String, PathBuf), Failure> {
    let auth = target.file.registry.as_ref().and_then(|registry| registry.auth.as_ref());
    let Some(RegistryAuth::ServicePrincipal(principal)) = auth.map(|auth| &auth.value) else {
        return Err(Failure::usage(
            "the pods of this stack do not pull as a service principal",
            "`registry.auth: {service_principal: …}` names one; `mops auth rotate acr` is for a token of the registry",
        ));
    };
    let client = principal.client_id.as_str().to_owned();
    match &principal.client_secret.0 {
        Source::FromFile(file) => Ok((client, app.env.path(file))),
        other => Err(Failure::usage(
            format!("the secret comes from {}, where nothing can be written", source::name(other)),
            "move it into a file of mode 0600 and name it as `client_secret: {from_file: …}`, then run this again",
        )),
    }
}

struct Rotation<'a> {
    course: Course<'a>,
    args: &'a RotateSpArgs,
    journal: Journal,
    client: String,
    /// Where the secret is.
    path: PathBuf,
    graph: Graph,
    application: Application,
}

impl Rotation<'_> {
    fn secret(&self) -> Result<Secret<String>, Failure> {
        fsx::read_private(&self.path).map_err(|error| {
            let text =
                format!("`{}`, which has the secret of the application, cannot be read: {error}", self.path.display());
            Failure::from(Error::new(Class::User, text))
        })
    }

    /// What an earlier run has left, else the first entry of a new rotation.
    fn entry(&self, target: &Target) -> Result<Entry, Failure> {
        if let Some(entry) = self.journal.read(&self.client)? {
            self.course.app.printer.note("an earlier run began this rotation: it goes on from there");
            return Ok(entry);
        }
        let present = self.secret()?;
        let revokes = self.in_use(&present)?.key.clone();
        let entry = Entry::new(KIND, course::stack(target), self.client.clone(), std::slice::from_ref(&present));
        Ok(entry.revoking(revokes))
    }

    /// Which of the application's secrets is the one in use: Graph shows of each only how it begins.
    fn in_use(&self, present: &Secret<String>) -> Result<&Password, Failure> {
        let all = &self.application.passwords;
        if let Some(key) = &self.args.old {
            return all
                .iter()
                .find(|one| one.key == *key)
                .ok_or_else(|| Failure::usage(format!("the application has no secret `{key}`"), listed(all)));
        }
        let begins = |one: &&Password| !one.hint.is_empty() && present.expose().starts_with(&one.hint);
        let found: Vec<&Password> = all.iter().filter(begins).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Failure::usage(
                format!("none of the application's secrets begins like the one in `{}`", self.path.display()),
                "it is another application's, or its secret is gone: put a valid one into the file first",
            )),
            several => Err(Failure::usage(
                format!("{} of the application's secrets begin like the one in use", several.len()),
                format!("name the one that goes by `--old`: {}", listed(all)),
            )),
        }
    }

    async fn carry_out(&mut self, store: &mut Store, target: &Target, mut entry: Entry) -> Outcome {
        let app = self.course.app;
        if entry.step < Step::Revoke {
            if entry.is_before(&self.secret()?) {
                self.say_plan(&entry);
                app.asker(&course::stack(target).stack, self.args.stack.yes)
                    .confirm("this replaces the secret that pods of this stack pull with:")?;
                self.journal.begin(&mut entry, Step::Distribute)?;
                self.make(&entry).await?;
            }
            match self.course.bring(store, target, &Chosen::default(), None).await? {
                Some(Exit::Ok) => {}
                other => {
                    app.printer.note("nothing was taken away: the first secret stays valid");
                    return Ok(other.unwrap_or(Exit::Failed));
                }
            }
            self.journal.begin(&mut entry, Step::Prove)?;
            match self.course.prove(store, &entry).await {
                Ok(Exit::Ok) => {}
                unproven => {
                    app.printer.note("nothing was taken away: the first secret stays valid");
                    app.printer.hint("mend what is named above and run the same command again: it goes on from here");
                    return unproven;
                }
            }
            self.journal.begin(&mut entry, Step::Revoke)?;
        }
        let old = entry.revokes().unwrap_or_default();
        app.printer.note("the new secret is proven: the first one is taken away");
        self.graph.remove_password(&self.application.object, old).await.map_err(Error::from)?;
        self.journal.close()?;
        self.told(store, &entry)
    }

    /// Makes the second secret, waits until the directory knows it, and puts it into the file. One that an earlier run made
    /// and nobody has goes first.
    async fn make(&self, entry: &Entry) -> Result<(), Failure> {
        let (object, name) = (&self.application.object, format!("mops {}", entry.mark()));
        for unused in self.application.passwords.iter().filter(|one| one.name == name) {
            self.graph.remove_password(object, &unused.key).await.map_err(Error::from)?;
        }
        let ends = OffsetDateTime::now_utc() + Duration::from_secs(u64::from(self.args.days) * 86_400);
        let made = self.graph.add_password(object, &name, ends).await;
        if matches!(made, Err(GraphError::Refused { .. })) {
            // Nothing was made: there is no rotation to go on with.
            self.journal.close()?;
        }
        let (password, secret) = made.map_err(|error| {
            let error = Error::from(error);
            error.note("one that was made all the same is taken away by the next run of this command")
        })?;
        self.until_known(&secret).await?;
        fsx::replace(&self.path, format!("{}\n", secret.expose()).as_bytes()).map_err(|error| {
            let text = format!("`{}` cannot be written: {}", self.path.display(), fsx::reason(&error));
            Failure::could_not_run(Error::new(Class::User, text))
        })?;
        let until = date(password.ends).unwrap_or_default();
        self.course.app.printer.note(&format!("a second secret is in `{}`, valid until {until}", self.path.display()));
        Ok(())
    }

    /// Returns when the directory takes the new secret: its machines hear of it one after another.
    async fn until_known(&self, secret: &Secret<String>) -> Result<(), Failure> {
        let session = self.course.session;
        let (services, http, clock) = (session.provider.services(), session.http()?, &session.clock);
        let cloud = services.cloud();
        let tenant = services.sign_in().await?.tenant.unwrap_or_default();
        let wanted = Grant {
            authority: &cloud.authority,
            tenant: &tenant,
            client_id: &self.client,
            proof: Proof::Secret(secret),
            scope: &cloud.arm_scope,
        };
        let end = clock.monotonic() + KNOWN_AFTER;
        loop {
            match directory::grant(&http, &wanted).await {
                Ok(_) => return Ok(()),
                Err(DirectoryError::Refused { code, .. }) if code == SECRET_WRONG && clock.monotonic() < end => {
                    tokio::select! {
                        () = clock.sleep(PAUSE) => {}
                        () = self.course.app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
                    }
                }
                Err(error) => {
                    let text = format!("the directory does not take the new secret: {error}");
                    let hint = "the first one stays valid and in use; run the same command again";
                    return Err(Error::new(Class::Auth, text).hint(hint).into());
                }
            }
        }
    }

    fn say_plan(&self, entry: &Entry) {
        let Application { name, passwords, .. } = &self.application;
        let old = passwords.iter().find(|one| Some(one.key.as_str()) == entry.revokes());
        let ends = old.and_then(|one| date(one.ends)).unwrap_or_else(|| "an unknown day".to_owned());
        let before = entry.before().map_or_else(String::new, |hash| format!(" #{hash}"));
        self.course.app.printer.tell(&format!(
            "application `{name}` {client}\n  before  secret {key}{before}, valid until {ends}\n  after   a second one, \
             for {days} days\n  1. add it; the first one stays valid\n  2. write it into {path}, and roll out what uses \
             it\n  3. prove it: every pod, a pull in every pool\n  4. take the first one away",
            client = self.client,
            key = entry.revokes().unwrap_or_default(),
            days = self.args.days,
            path = self.path.display(),
        ));
    }

    fn told(&self, store: &Store, entry: &Entry) -> Outcome {
        let (before, after) = (entry.before(), entry.short(&self.secret()?));
        let hash = |hash: &Option<String>| hash.as_ref().map_or_else(String::new, |hash| format!(" #{hash}"));
        let (old, new, printer) = (hash(&before), hash(&after), &self.course.app.printer);
        printer.tell(&format!("rotated `{}`: the secret{new} is in use, the one before{old} is gone", self.client));
        let stack = store.snapshot().stack.to_string();
        printer.event(&RotationLine { stack, kind: KIND, of: self.client.clone(), before, after });
        Ok(Exit::Ok)
    }
}

/// The secrets of an application for a person to choose from.
fn listed(all: &[Password]) -> String {
    let line = |one: &Password| format!("{} ({}, until {})", one.key, one.name, date(one.ends).unwrap_or_default());
    all.iter().map(line).collect::<Vec<_>>().join(", ")
}
