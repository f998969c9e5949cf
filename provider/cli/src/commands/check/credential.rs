//! The credential that a stack's pods are meant to have, to compare with the one that they have.

use mops_core::{Secret, SecretInput, Value};
use mops_diagnose::ArmView;
use mops_engine::stackfile::Phase;
use mops_engine::state::{ResourceState, Snapshot};

use super::{Subject, input, of_type, phase};
use crate::app::App;
use crate::session::Session;

/// That of the stack's token from state, that of its service principal from where it is kept, else what ARM says about
/// the admin user.
pub(super) async fn arm_view(app: &App, subject: &Subject<'_>) -> ArmView {
    let Subject { session, snapshot, .. } = subject;
    match phase(snapshot) {
        Phase::Token => {
            if let Some(token) = of_type(snapshot, "modelops:azure:RegistryToken").next() {
                return token_view(app, snapshot, token);
            }
        }
        Phase::ServicePrincipal => return principal_view(session, snapshot).await,
        Phase::WorkloadIdentity | Phase::AdminUser => {}
    }
    let Some(registry) = of_type(snapshot, "modelops:azure:ContainerRegistry").next() else { return ArmView::NotAsked };
    if registry.inputs.get("adminUserEnabled") == Some(&Value::Bool(false)) {
        return ArmView::AdminDisabled;
    }
    match session.provider.services().registry_login(&registry.id).await {
        Ok(login) => {
            ArmView::Credentials { username: login.username, passwords: vec![login.password, login.password2] }
        }
        Err(error) => ArmView::Unreadable(error.summary().to_owned()),
    }
}

/// What the pull secret is made from, as far as its source is here.
async fn principal_view(session: &Session, snapshot: &Snapshot) -> ArmView {
    let Some(secret) = of_type(snapshot, "modelops:kubernetes:ImagePullSecret").next() else {
        return ArmView::NotAsked;
    };
    let source = secret.inputs.get("password").and_then(|p| mops_core::convert::from_value(p.clone()).ok());
    let (Some(username), Some(source)) = (input(secret, "username"), source) else { return ArmView::NotAsked };
    match session.provider.services().resolve(&SecretInput::Source(source)).await {
        Ok(password) => ArmView::Credentials { username, passwords: vec![password] },
        Err(_) => ArmView::NotAsked,
    }
}

/// ARM does not show the password of a token again: state holds it.
fn token_view(app: &App, snapshot: &Snapshot, token: &ResourceState) -> ArmView {
    let mut outputs = token.outputs.clone();
    let opened = app.sealer(snapshot).map(|sealer| sealer.open_in(&mut outputs));
    if !matches!(opened, Ok(Ok(()))) {
        return ArmView::Unreadable("the passphrase of the state is not here, which holds the token's password".into());
    }
    let text = |name: &str| Some(outputs.get(name)?.exposed_json().as_str()?.to_owned());
    match (text("name"), text("password")) {
        (Some(username), Some(password)) => ArmView::Credentials { username, passwords: vec![Secret::new(password)] },
        _ => ArmView::Unreadable("the token's password is not known any more; `mops infra up` makes a new one".into()),
    }
}
