//! `mops auth migrate --to PHASE`: moves a live stack up to a safer way to sign in to its registry.
//!
//! Guarantees: the way that is left stays open until a worker pod in every pool has proven the new one; when the proof
//! fails everything is as it was before; a run that was interrupted is taken up by the same command, because state says
//! which ways are open (`tests/migrate.rs`).

use mops_diagnose::Command;
use mops_engine::plan::Plan;
use mops_engine::program::{Component, PRINCIPAL_PULL};
use mops_engine::run::{Approve, UpOptions};
use mops_engine::stackfile::{Phase, RegistryAuth, RegistryProvider, Spanned, StackFile};
use mops_engine::state::{Snapshot, Store};
use schemars::JsonSchema;
use serde::Serialize;

use super::{check, up};
use crate::app::App;
use crate::args::{AskingArgs, MigrateArgs, ReadingArgs, SubjectArgs, Wanted, WorkloadArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::printer::RunView;
use crate::selection::Target;
use crate::session::Session;

/// A stack signs in to its registry in another way, or does not because the proof failed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MigratedLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// The way before; absent when only its end was left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    /// The way that was asked for.
    to: &'static str,
    /// Whether the new way was proven and the one before is closed; else everything is as it was.
    moved: bool,
}

/// What every step of a migration needs.
struct Migration<'a> {
    app: &'a App,
    args: &'a MigrateArgs,
    session: &'a Session,
    pointed: &'a Pointed,
    file: &'a StackFile,
    to: Phase,
    /// The way that is still open beside the new one.
    from: Option<Phase>,
}

pub(crate) fn run(app: &App, args: &MigrateArgs) -> Outcome {
    let file = app.stack_file(args.file.path())?;
    let to = args.to.phase();
    let target = app.target(with_way(&file, to)?, &args.file, None)?;
    let stack = target.program.stack.clone();
    let snapshot = app.snapshot(&stack)?;
    let from = way_up(&snapshot, to)?;
    if !target.program.resources.iter().any(|r| r.urn.token() == "modelops:kubernetes:Namespace") {
        let text = "the file has no workspace, and nothing else could prove that the new way works";
        return Err(Failure::usage(text, "write `auth` below `registry` and run `mops infra up`"));
    }
    from.map(|from| auth(&file, from)).transpose()?;
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    let migration = Migration { app, args, session: &session, pointed: &pointed, file: &file, to, from };
    app.wait_for(async {
        let mut store = app.open(&stack, Some(target.program.scope.clone()), args.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        migration.carry_out(&mut store, target).await
    })
}

impl Migration<'_> {
    async fn carry_out(&self, store: &mut Store, target: Target) -> Outcome {
        let stack = target.program.stack.clone();
        let asker = self.app.asker(&stack.stack, self.args.yes);
        let mut asked = Some(asker.approve_when(changes_sign_in));
        if let Some(from) = self.from {
            self.app.printer.note(&format!("`{}` is opened beside `{}`", self.to.as_str(), from.as_str()));
            let both = self.target(self.to, self.from)?;
            let proven = match self.bring(store, both, asked.take(), false).await? {
                None => return Err(asker.refusal()),
                Some(Exit::Ok) => self.prove(store.snapshot()).await?,
                // Refused before the first write.
                Some(Exit::Usage) => return Ok(Exit::Usage),
                Some(exit) => exit,
            };
            match proven {
                Exit::Ok => {}
                Exit::Failed => return self.roll_back(store, from).await,
                unproven => {
                    self.app.printer.note("both ways are open; run the same command again to go on");
                    return Ok(unproven);
                }
            }
            self.app.printer.note(&format!("`{}` is proven; `{}` is closed", self.to.as_str(), from.as_str()));
        }
        match self.bring(store, target, asked, false).await? {
            None => return Err(asker.refusal()),
            Some(Exit::Ok) => {}
            Some(exit) => return Ok(exit),
        }
        up::write_bundle_env(self.app, &stack, self.pointed, store.snapshot(), store.sealer())?;
        self.say_what_the_file_needs();
        self.told(store, true);
        Ok(Exit::Ok)
    }

    /// A worker pod in every pool pulls with what it has been given.
    async fn prove(&self, snapshot: &Snapshot) -> Outcome {
        let Self { session, pointed, args, .. } = self;
        let (named, workload, asking) = (&SubjectArgs::default(), &WorkloadArgs::default(), &AskingArgs::default());
        let subject =
            check::Subject { session, snapshot, pointed, named, workload, asking, probe: &args.probe, smoke: None };
        let capture = check::look(self.app, Command::SmokeTest, &subject).await?;
        check::conclude(self.app, capture, &ReadingArgs::default(), &[Wanted::printed(self.app.global.json)])
    }

    async fn roll_back(&self, store: &mut Store, from: Phase) -> Outcome {
        let note = format!("`{}` is not proven: the stack goes back to `{}`", self.to.as_str(), from.as_str());
        self.app.printer.note(&note);
        match self.bring(store, self.target(from, None)?, None, true).await? {
            Some(Exit::Ok) | None => self.told(store, false),
            Some(_) => self.app.printer.note("going back failed; `mops infra up` with the present file finishes it"),
        }
        Ok(Exit::Failed)
    }

    /// What the file asks for when pods sign in that way, with another way open beside it.
    fn target(&self, way: Phase, beside: Option<Phase>) -> Result<Target, Failure> {
        let beside = beside.map(|beside| auth(self.file, beside)).transpose()?;
        self.app.target(with_way(self.file, way)?, &self.args.file, beside)
    }

    /// Makes reality what a target says; `None` when the user declined.
    async fn bring(
        &self,
        store: &mut Store,
        mut target: Target,
        approve: Option<Approve>,
        way_back: bool,
    ) -> Result<Option<Exit>, Failure> {
        up::wait_as_long_as(self.args.ready_timeout, &mut target);
        let view = RunView::of_run(&self.app.printer);
        let engine = self.app.engine(self.session, self.args.pace, view.sink());
        let options = UpOptions { approve, way_back, ..UpOptions::default() };
        let report = engine.up(&target.program, store, &options).await?;
        Ok((!report.declined).then(|| Exit::from(report.exit())))
    }

    fn say_what_the_file_needs(&self) {
        let own = self.file.registry.as_ref().and_then(|r| r.auth.as_ref()).map(|a| a.value.phase());
        if own.unwrap_or(Phase::AdminUser) != self.to {
            let (way, file) = (self.to.as_str(), self.args.file.path().display());
            self.app.printer.note(&format!(
                "write `auth: {way}` below `registry` in `{file}`: the next `mops infra up` goes by the file"
            ));
        }
    }

    fn told(&self, store: &Store, moved: bool) {
        let stack = store.snapshot().stack.to_string();
        let (from, to) = (self.from.map(Phase::as_str), self.to.as_str());
        self.app.printer.event(&MigratedLine { stack, from, to, moved });
    }
}

/// The stack file as if it said that pods sign in that way.
fn with_way(file: &StackFile, way: Phase) -> Result<StackFile, Failure> {
    let (way, mut file) = (auth(file, way)?, file.clone());
    let Some(registry) = file.registry.as_mut().filter(|r| r.provider() == RegistryProvider::Azure) else {
        let text = "the file has no `registry` section of an Azure registry";
        return Err(Failure::usage(text, "write the registry of the stack below `registry`"));
    };
    let place = registry.place.clone();
    registry.value.auth = Some(Spanned { value: way, place });
    Ok(file)
}

/// A way to sign in as the stack file would say it.
fn auth(file: &StackFile, way: Phase) -> Result<RegistryAuth, Failure> {
    let present = file.registry.as_ref().and_then(|r| r.auth.as_ref()).map(|auth| &auth.value);
    match (way, present) {
        (Phase::AdminUser, _) => Ok(RegistryAuth::AdminUser),
        (Phase::Token, _) => Ok(RegistryAuth::Token),
        (Phase::WorkloadIdentity, _) => Ok(RegistryAuth::WorkloadIdentity),
        (Phase::ServicePrincipal, Some(principal @ RegistryAuth::ServicePrincipal(_))) => Ok(principal.clone()),
        (Phase::ServicePrincipal, _) => Err(Failure::usage(
            "the file does not say which service principal it is",
            "write `auth: {service_principal: …}` below `registry` while the stack moves to it or away from it",
        )),
    }
}

/// The way that a stack leaves; `None` when it has left it already.
fn way_up(snapshot: &Snapshot, to: Phase) -> Result<Option<Phase>, Failure> {
    let now = check::phase(snapshot);
    if now > to {
        let text = format!("stack `{}` signs in by `{}` already", snapshot.stack, now.as_str());
        let hint = format!("to go back to `{}`, write it below `registry` and run `mops infra up`", to.as_str());
        return Err(Failure::usage(text, hint));
    }
    Ok(open_ways(snapshot).into_iter().find(|way| *way < to).or((now < to).then_some(now)))
}

/// The ways that state has open, the oldest first: a run that was interrupted leaves two. The last one is never left.
fn open_ways(snapshot: &Snapshot) -> Vec<Phase> {
    let own = || snapshot.resources.iter().filter(|r| r.component != Component::Novita && !r.pending_delete);
    let is = |token: &str| own().find(|r| r.urn.token() == token);
    let admin = is("modelops:azure:ContainerRegistry")
        .is_some_and(|r| r.inputs.get("adminUserEnabled") == Some(&mops_core::Value::Bool(true)));
    let principal = snapshot.resources.iter().any(|r| r.urn.name() == PRINCIPAL_PULL && !r.pending_delete);
    let token = is("modelops:azure:RegistryToken").is_some();
    [(Phase::AdminUser, admin), (Phase::ServicePrincipal, principal), (Phase::Token, token)]
        .into_iter()
        .filter(|(_, open)| *open)
        .map(|(way, _)| way)
        .collect()
}

/// Asked once, before the first write.
fn changes_sign_in(plan: &Plan) -> Option<String> {
    (!plan.is_empty()).then(|| "this changes how pods sign in to the registry of stack".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{StackId, Urn};
    use mops_engine::program::Component;
    use mops_engine::state::ResourceState;

    fn state(admin: bool, principal: bool, token: bool, said: Option<&str>) -> Snapshot {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let mut snapshot = Snapshot::none(&stack);
        let mut add = |token: &str, name: &str, inputs: serde_json::Value| {
            let mut resource = ResourceState::new(Urn::new(&stack, token, name), Component::Registry, "id");
            resource.inputs = inputs.into();
            snapshot.resources.push(resource);
        };
        add("modelops:azure:ContainerRegistry", "registry", serde_json::json!({"adminUserEnabled": admin}));
        if principal {
            add("modelops:azure:RoleAssignment", PRINCIPAL_PULL, serde_json::json!({}));
        }
        if token {
            add("modelops:azure:RegistryToken", "registry-token", serde_json::json!({}));
        }
        let outputs = said.map(|way| ("auth".to_owned(), mops_core::Value::from(way)));
        snapshot.outputs.insert("registry".into(), outputs.into_iter().collect());
        snapshot
    }

    #[test]
    fn state_says_which_way_is_left() {
        use Phase::{AdminUser, ServicePrincipal, Token, WorkloadIdentity};
        let rows = [
            ("a stack with its admin user", state(true, false, false, None), Token, Some(AdminUser)),
            ("interrupted while both are open", state(true, false, true, None), Token, Some(AdminUser)),
            ("interrupted behind the proof", state(true, false, true, Some("token")), Token, Some(AdminUser)),
            ("interrupted at the end", state(false, false, true, Some("token")), Token, None),
            ("to a principal", state(true, true, false, None), ServicePrincipal, Some(AdminUser)),
            ("from a principal", state(false, true, false, Some("service_principal")), Token, Some(ServicePrincipal)),
            ("from a token to no password", state(false, false, true, Some("token")), WorkloadIdentity, Some(Token)),
            ("at the top", state(false, false, false, Some("workload_identity")), WorkloadIdentity, None),
        ];
        for (row, snapshot, to, want) in rows {
            assert_eq!(way_up(&snapshot, to).unwrap(), want, "{row}");
        }
        let token = state(false, false, true, Some("token"));
        assert!(way_up(&token, AdminUser).is_err(), "a stack moves up only");
    }
}
