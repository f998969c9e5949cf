//! What `mops smoke-test` pushes, and as whom.

use std::time::Duration;

use mops_core::{Class, Error};
use mops_diagnose::smoke::{Artefact, NAME, PushCredential, PushLogin, SmokeTest};
use mops_diagnose::{ArmView, Request};
use mops_wire::registry::{Auth, DIRECTORY_SCOPE, is_azure};
use schemars::JsonSchema;
use serde::Serialize;

use super::{SMOKE_TEST, Subject, conclude, credential, request};
use crate::app::App;
use crate::args::{ReadingArgs, SmokeArgs, Wanted};
use crate::exit::{Exit, Failure, Outcome};

/// What was pushed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PushedLine {
    /// `HOST/REPOSITORY:TAG`.
    reference: String,
    /// The digest that the registry has named.
    digest: String,
}

/// Pushes the plain tag, prints where it is, and leaves it there.
pub(super) async fn push_only(
    app: &App,
    subject: &Subject<'_>,
    args: &SmokeArgs,
    reading: &ReadingArgs,
    wanted: &[Wanted],
) -> Outcome {
    let mut request = request::of(app, subject)?;
    // The stack's passwords are for its own registry alone.
    if !subject.workload.no_arm && request.registry == request::own_registry(subject.snapshot) {
        request.arm = credential::arm_view(app, subject).await;
    }
    let smoke = of(app, subject, args, &request).await?;
    let tag = NAME.to_owned();
    request.smoke = Some(SmokeTest { tag, ..smoke });
    let http = subject.session.http()?;
    let limit = subject.probe.timeout.unwrap_or(SMOKE_TEST);
    let pushed = tokio::select! {
        pushed = mops_diagnose::push_only(&request, &http, &app.env) => pushed,
        () = app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
        () = subject.session.clock.sleep(limit) => return Err(late(limit)),
    };
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(capture) => return conclude(app, *capture, reading, wanted),
    };
    let digest = pushed.by_digest.digest().map(ToString::to_string).unwrap_or_default();
    let line = PushedLine { reference: pushed.tagged.to_string(), digest };
    if app.printer.look().json {
        app.printer.object(&line);
    } else {
        app.printer.data(&format!("{}@{}\n", line.reference, line.digest));
    }
    Ok(Exit::Ok)
}

fn late(limit: Duration) -> Failure {
    let text = format!("the push did not end within {} s", limit.as_secs());
    Failure::could_not_run(Error::new(Class::Transient, text).hint("`--timeout TIME` gives it longer"))
}

/// What the flags ask for.
pub(super) async fn of(
    app: &App,
    subject: &Subject<'_>,
    args: &SmokeArgs,
    request: &Request,
) -> Result<SmokeTest, Failure> {
    let artefact = match &args.bundle {
        None => Artefact::tiny(&request.run),
        Some(dir) => Artefact::from_layout(&app.env.path(dir), &request.run).map_err(|error| {
            let hint = "`--bundle` takes a folder with one image in an OCI layout";
            Failure::usage(format!("`{dir}` is no bundle: {error}"), hint)
        })?,
    };
    let mut smoke = SmokeTest::new(&request.run, artefact, logins(subject, request).await);
    if let Some(name) = &args.repository {
        smoke.repository.clone_from(name);
    }
    let (scheduler, port_forward) = (args.scheduler.clone(), !args.skip_port_forward);
    Ok(SmokeTest { keep: args.keep, gpu: args.gpu, scheduler, port_forward, ..smoke })
}

/// Whoever may be able to push from here beside this machine's own logins: the identity that is signed in to Azure, and
/// the credential that ARM lists. None of them is carried into the cluster.
async fn logins(subject: &Subject<'_>, request: &Request) -> Vec<PushLogin> {
    let Some(registry) = &request.registry else { return Vec::new() };
    let mut found = Vec::new();
    // A token of the directory goes to Azure's own registries only.
    if is_azure(registry) && !subject.workload.no_arm {
        found.extend(of_identity(subject).await);
    }
    if let ArmView::Credentials { username, passwords } = &request.arm {
        let login = |password| Auth::Basic { username: username.clone(), password };
        let one = |password| PushLogin { variant: "arm", credential: PushCredential::Login(login(password)) };
        found.extend(passwords.iter().cloned().map(one));
    }
    found
}

async fn of_identity(subject: &Subject<'_>) -> Option<PushLogin> {
    let services = subject.session.provider.services();
    let tenant = services.sign_in().await.ok()?.tenant?;
    let token = services.token(DIRECTORY_SCOPE).await.ok()?;
    Some(PushLogin { variant: "user", credential: PushCredential::Directory { tenant, token } })
}
