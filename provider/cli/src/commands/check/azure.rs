//! What Azure says about the way in which the pods of a stack sign in, beyond the credential itself. Whatever cannot be
//! read is left out, and the causes that need it are told with less certainty.

use mops_clients::arm::version;
use mops_diagnose::{ClusterProxy, Directory, IdentityView, KnownPool, Request, TokenView, Trust};
use mops_engine::stackfile::Phase;
use mops_engine::state::{ResourceState, Snapshot};
use mops_resources::Services;
use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::request::own_registry;
use super::{Subject, input, of_type, phase};

/// How long a federated credential may be unknown somewhere.
const YOUNG: Duration = Duration::minutes(10);

/// Fills in what belongs to the stack's way.
pub(super) async fn ask(subject: &Subject<'_>, request: &mut Request) {
    let services = subject.session.provider.services();
    cluster(services, subject, request).await;
    // The ways to sign in are those of the stack's own registry.
    if request.registry != own_registry(subject.snapshot) {
        return;
    }
    match phase(subject.snapshot) {
        Phase::AdminUser => {}
        Phase::ServicePrincipal => request.directory = directory(services).await,
        Phase::Token => request.token = token(services, subject.snapshot).await,
        Phase::WorkloadIdentity => request.identity = identity(subject).await,
    }
}

/// The pools that the cluster has by now, beside those of the stack, its proxy, and the identity with which its nodes
/// pull.
async fn cluster(services: &Services, subject: &Subject<'_>, request: &mut Request) {
    let Some(cluster) = of_type(subject.snapshot, "modelops:azure:ManagedCluster").next() else { return };
    // The cluster that a flag names is another one.
    if subject.workload.names_cluster() {
        return;
    }
    let Ok(arm) = services.arm() else { return };
    let Ok(Some(body)) = arm.get(&cluster.id, version::CLUSTER).await else { return };
    request.proxy = proxy_of(&body);
    for pool in body.pointer("/properties/agentPoolProfiles").and_then(Json::as_array).into_iter().flatten() {
        let seen = known_pool(pool);
        match request.pools.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&seen.name)) {
            Some(known) => *known = seen,
            None => request.pools.push(seen),
        }
    }
    // A sandbox has no metadata service.
    if subject.pointed.cloud.connect.is_empty() {
        let id = text(&body, "/properties/identityProfile/kubeletidentity/clientId");
        request.kubelet = Some(id.to_owned()).filter(|id| !id.is_empty());
    }
}

fn known_pool(pool: &Json) -> KnownPool {
    let number = |pointer| pool.pointer(pointer).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
    let list = |pointer| {
        let all = pool.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
        all.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let scaled = pool.pointer("/enableAutoScaling").and_then(Json::as_bool).unwrap_or_default();
    KnownPool {
        name: text(pool, "/name").to_owned(),
        autoscale: number("/minCount").zip(number("/maxCount")).filter(|_| scaled),
        windows: text(pool, "/osType").eq_ignore_ascii_case("Windows"),
        taints: list("/nodeTaints"),
    }
}

/// The proxy that the cluster is set up with. One whose address holds a login is left out: a probe pod carries no credential.
fn proxy_of(cluster: &Json) -> Option<ClusterProxy> {
    let config = cluster.pointer("/properties/httpProxyConfig")?;
    let https = text(config, "/httpsProxy");
    let plain = !https.is_empty() && !https.contains('@');
    let none = config.get("noProxy").and_then(Json::as_array).into_iter().flatten();
    let none = none.filter_map(Json::as_str).map(str::to_owned).collect();
    plain.then(|| ClusterProxy { https: https.to_owned(), none })
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
    fn a_pool_of_arm_scales_when_it_says_so() {
        let pool = |scales: bool, system: &str| {
            known_pool(
                &json!({"name": "spot", "minCount": 0, "maxCount": 2, "enableAutoScaling": scales, "osType": system}),
            )
        };
        let want = KnownPool { name: "spot".into(), autoscale: Some((0, 2)), ..KnownPool::default() };
        assert_eq!(pool(true, "Linux"), want);
        assert_eq!(pool(false, "Windows"), KnownPool { autoscale: None, windows: true, ..want });
    }

    #[test]
    fn the_proxy_of_a_cluster_is_read_and_one_with_a_login_is_not() {
        let cluster = |https: &str| {
            proxy_of(&json!({"properties": {"httpProxyConfig": {"httpsProxy": https, "noProxy": ["10.0.0.0/8", "a"]}}}))
        };
        let want = ClusterProxy { https: "http://p:3128/".into(), none: vec!["10.0.0.0/8".into(), "a".into()] };
        assert_eq!(cluster("http://p:3128/"), Some(want));
        assert_eq!((cluster("http://u:canary@p/"), cluster(""), proxy_of(&json!({}))), (None, None, None));
    }

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
