//! What Azure says about the way in which the pods of a stack sign in, beyond the credential itself. Whatever cannot be
//! read is left out, and the causes that need it are told with less certainty.

use mops_clients::arm::version;
use mops_diagnose::{Directory, IdentityView, Request, TokenView, Trust};
use mops_engine::stackfile::Phase;
use mops_engine::state::{ResourceState, Snapshot};
use mops_resources::Services;
use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{Subject, input, of_type, phase};

/// How long a federated credential may be unknown somewhere.
const YOUNG: Duration = Duration::minutes(10);

/// Fills in what belongs to the stack's way.
pub(super) async fn ask(subject: &Subject<'_>, request: &mut Request) {
    let services = subject.session.provider.services();
    match phase(subject.snapshot) {
        Phase::AdminUser => {}
        Phase::ServicePrincipal => request.directory = directory(services).await,
        Phase::Token => request.token = token(services, subject.snapshot).await,
        Phase::WorkloadIdentity => request.identity = identity(subject).await,
    }
}

async fn directory(services: &Services) -> Option<Directory> {
    let (tenant, cloud) = (services.sign_in().await.ok()?.tenant?, services.cloud());
    Some(Directory { authority: cloud.authority.clone(), tenant, scope: cloud.arm_scope.clone() })
}

fn text<'a>(body: &'a Json, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// The token, its password of the slot that is in use, and its scope map.
async fn token(services: &Services, snapshot: &Snapshot) -> Option<TokenView> {
    let token = of_type(snapshot, "modelops:azure:RegistryToken").next()?;
    let arm = services.arm().ok()?;
    let body = arm.get(&token.id, version::REGISTRY).await.ok()??;
    let map = arm.get(text(&body, "/properties/scopeMapId"), version::REGISTRY).await.ok()??;
    let slot = token.outputs.get("slot").and_then(mops_core::Value::as_str);
    let passwords = body.pointer("/properties/credentials/passwords").and_then(Json::as_array);
    let expiry = passwords.into_iter().flatten().find(|p| p["name"].as_str() == slot).map(|p| text(p, "/expiry"));
    let actions = map.pointer("/properties/actions").and_then(Json::as_array);
    Some(TokenView {
        enabled: text(&body, "/properties/status") != "disabled",
        ends: expiry.and_then(|expiry| OffsetDateTime::parse(expiry, &Rfc3339).ok()),
        actions: actions.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect(),
    })
}

async fn identity(subject: &Subject<'_>) -> Option<IdentityView> {
    let Subject { session, snapshot, .. } = subject;
    let identity = of_type(snapshot, "modelops:azure:UserAssignedIdentity").next()?;
    let credential = of_type(snapshot, "modelops:azure:FederatedCredential").next()?;
    let client_id = identity.outputs.get("clientId")?.as_str()?.to_owned();
    let services = session.provider.services();
    let seen = match services.arm() {
        Ok(arm) => arm.get(&credential.id, version::IDENTITY).await.map_err(mops_core::Error::from),
        Err(error) => Err(error),
    };
    let trust = match seen {
        Err(error) => Trust::Unknown(error.summary().to_owned()),
        Ok(None) => Trust::Differs("it is not there".to_owned()),
        Ok(Some(body)) => compared(credential, &body, services.clock().now()),
    };
    Some(IdentityView { client_id, trust })
}

/// Byte for byte, as the directory compares.
fn compared(credential: &ResourceState, body: &Json, now: OffsetDateTime) -> Trust {
    let wanted = |field: &str| input(credential, field).unwrap_or_default();
    let differing = ["issuer", "subject"].into_iter().find(|f| text(body, &format!("/properties/{f}")) != wanted(f));
    if let Some(field) = differing {
        let seen = text(body, &format!("/properties/{field}"));
        return Trust::Differs(format!("its {field} is `{seen}`, the stack's is `{}`", wanted(field)));
    }
    let written = credential.modified.or(credential.created);
    Trust::Matches { young: written.is_some_and(|written| now - written < YOUNG) }
}

#[cfg(test)]
mod tests {
    use mops_core::{StackId, Urn};
    use mops_engine::program::Component;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_credential_is_compared_byte_for_byte_and_by_age() {
        let (now, urn) =
            (OffsetDateTime::UNIX_EPOCH, Urn::new(&StackId { project: "p".into(), stack: "s".into() }, "t", "x"));
        let mut credential = ResourceState::new(urn, Component::Cluster, "id");
        credential.inputs = json!({"issuer": "https://i/", "subject": "s"}).into();
        credential.modified = Some(now);
        let body = |issuer: &str| json!({"properties": {"issuer": issuer, "subject": "s"}});
        let young =
            |after| matches!(compared(&credential, &body("https://i/"), now + after), Trust::Matches { young: true });
        assert!(young(Duration::minutes(9)) && !young(Duration::minutes(11)));
        assert!(
            matches!(compared(&credential, &body("https://i"), now), Trust::Differs(what) if what.contains("issuer"))
        );
    }
}
