//! `mops ngc mock`: a stand-in for a server of a model, by itself or in place of one in a cluster (`tests/ngc_mock.rs`,
//! N-16).

mod serve;

use std::net::SocketAddr;
use std::time::Duration;

use mops_diagnose::fix::ngc::mock::{self, Mock};
use mops_diagnose::permissions;
use schemars::JsonSchema;
use serde::Serialize;

use super::{check, ngc_fix};
use crate::app::App;
use crate::args::{ClusterArgs, MockVerb, NgcMockServeArgs};
use crate::exit::{Exit, Outcome};

/// An image that holds `mops`, as `monitor:` names it.
const IMAGE: &str = "ghcr.io/modelops/mops:0.1.0";

/// Longest wait for the list of services, which is asked for beside a check.
const ASKED: Duration = Duration::from_secs(5);

/// A mock answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MockServingLine {
    /// Where.
    address: String,
    /// As what.
    kind: &'static str,
}

/// Services were led to a mock, or back.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MockSwitchedLine {
    /// The server.
    deployment: String,
    /// Whether the mock stands for it now.
    on: bool,
    /// The Services that were switched; none when all was so already.
    services: Vec<String>,
}

pub(crate) fn run(app: &App, verb: &MockVerb) -> Outcome {
    match verb {
        MockVerb::Serve(args) => serving(app, args),
        MockVerb::On(args) if args.explain_permissions => {
            check::tell_roles(app, permissions::ngc_mock(&args.server.namespace))
        }
        MockVerb::On(args) => {
            let session = app.session(&app.pointed_without_stack()?)?;
            app.wait_for(async {
                let services = ngc_fix::cluster(app, &session, &args.server.cluster).await?;
                let image = args.image.as_deref().unwrap_or(IMAGE);
                let kind = args.kind.unwrap_or_else(|| args.server.kind());
                let mock = Mock { deployment: &args.server.deployment, kind: kind.word(), image };
                let switched = mock::on(&args.server.namespace, &mock, &services).await?;
                told(app, &args.server.deployment, true, switched);
                Ok(Exit::Ok)
            })
        }
        MockVerb::Off(args) => {
            let session = app.session(&app.pointed_without_stack()?)?;
            app.wait_for(async {
                let services = ngc_fix::cluster(app, &session, &args.cluster).await?;
                let back = mock::off(&args.namespace, &args.deployment, &services).await?;
                told(app, &args.deployment, false, back);
                Ok(Exit::Ok)
            })
        }
    }
}

/// Says which services lead to mocks: what answers there is no server. Who may not list them is told nothing.
pub(super) fn note_active(app: &App, namespace: &str, cluster: &ClusterArgs) {
    let session = app.pointed_without_stack().and_then(|pointed| app.session(&pointed));
    let Ok(session) = session else { return };
    let found = app.wait_for(async {
        let asked = async {
            let services = ngc_fix::cluster(app, &session, cluster).await?;
            Ok(mock::active(namespace, &services).await?)
        };
        // A cluster that does not answer is a finding of the check itself.
        tokio::time::timeout(ASKED, asked).await.unwrap_or_else(|_| Ok(Vec::new()))
    });
    for one in found.unwrap_or_default() {
        let off = format!("`mops ngc mock off -n {namespace} --deployment {}` leads it back", one.deployment);
        app.printer.note(&format!("service `{}` leads to a mock of `{}`; {off}", one.service, one.deployment));
    }
}

fn told(app: &App, deployment: &str, on: bool, services: Vec<String>) {
    let names = services.join(", ");
    let text = match (services.is_empty(), on) {
        (true, true) => format!("the mock of {deployment} is on already"),
        (true, false) => format!("no mock of {deployment} is on"),
        (false, true) => {
            format!("service {names} leads to a mock of {deployment} now; `mops ngc mock off` leads it back")
        }
        (false, false) => format!("service {names} leads to {deployment} again"),
    };
    app.printer.tell(&text);
    app.printer.event(&MockSwitchedLine { deployment: deployment.to_owned(), on, services });
}

fn serving(app: &App, args: &NgcMockServeArgs) -> Outcome {
    let at = SocketAddr::new(args.address, args.port.unwrap_or_else(|| args.kind.port()));
    let listener = serve::bind(at)?;
    app.wait_for(async {
        let at = serve::start(listener, args.kind)?;
        app.printer.tell(&format!("a mock of a server for {} answers at http://{at}", args.kind.word()));
        app.printer.event(&MockServingLine { address: format!("http://{at}"), kind: args.kind.word() });
        app.cancel.canceled().await;
        Ok(Exit::Ok)
    })
}
