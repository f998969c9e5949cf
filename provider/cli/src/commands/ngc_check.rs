//! `mops ngc check`: NGC's two gates, its registry and its models, from this machine or from the servers of a namespace
//! (`tests/ngc_check.rs`, N-07 to N-11). The verdicts are those of `mops diagnose-auth`.

use mops_diagnose::pullable::{Asked, Pull};

use super::auth_check::{exit, look, reference};
use super::{auth_login, auth_logout, auth_status, check, ngc_fix, ngc_mock};
use crate::app::App;
use crate::args::{
    AuthStatusArgs, ClusterArgs, DiagnoseArgs, FixArgs, NgcCheckArgs, NgcVerb, SubjectArgs, Target, WatchArgs,
};
use crate::exit::{Failure, Outcome};
use crate::key;

pub(crate) fn ngc(app: &App, verb: NgcVerb) -> Outcome {
    match verb {
        NgcVerb::Check(args) => run(app, *args),
        NgcVerb::Fix(args) => ngc_fix::run(app, &args),
        NgcVerb::Mock(args) => ngc_mock::run(app, &args.verb),
        NgcVerb::Login(args) => auth_login::run(app, &args),
        NgcVerb::Logout(args) => auth_logout::run(app, &args),
        NgcVerb::Status(args) => {
            let host = args.what.clone().unwrap_or_else(|| mops_logins::ngc_host(&app.env));
            auth_status::run(app, &AuthStatusArgs { what: Some(host), ..args })
        }
    }
}

fn run(app: &App, args: NgcCheckArgs) -> Outcome {
    key::none_of(args.images.iter().map(String::as_str))?;
    if args.names_pods() { of_pods(app, args) } else { from_here(app, &args) }
}

/// The servers of a namespace, by a diagnosis of theirs.
fn of_pods(app: &App, args: NgcCheckArgs) -> Outcome {
    let NgcCheckArgs { images, deployment, mut check } = args;
    if deployment.is_empty() && check.workload.selector.is_none() {
        check.workload.selector = Some(String::new());
    }
    if let Some(namespace) = check.workload.namespace.as_deref().filter(|_| check.reading.from.is_none()) {
        let cluster =
            ClusterArgs { context: check.workload.context.clone(), kubeconfig: check.workload.kubeconfig.clone() };
        ngc_mock::note_active(app, namespace, &cluster);
    }
    let targets = images.into_iter().map(Target::Image).collect();
    let subject = SubjectArgs { targets, deployment, ..SubjectArgs::default() };
    check::diagnose(app, &DiagnoseArgs { subject, check, fix: FixArgs::default(), watch: WatchArgs::default() })
}

/// Images and models with the keys of this machine.
fn from_here(app: &App, args: &NgcCheckArgs) -> Outcome {
    let models = &args.check.workload.model;
    if args.images.is_empty() && models.is_empty() {
        let hint = "name images, models with `--model ngc:ORG/NAME:VERSION`, or pods with `--namespace NAME`";
        return Err(Failure::usage("nothing is named to be checked", hint));
    }
    let images = args.images.iter().map(|image| reference(image)).collect::<Result<_, _>>()?;
    let asked = Asked { images, models: models.clone(), anonymous: false };
    let looked = look(app, &asked)?;
    if looked.iter().any(|one| one.pull == Pull::LoginRequired) {
        app.printer.hint("`mops ngc login` shows a key to NGC and keeps it");
    }
    Ok(exit(&looked, false))
}
