//! Reads about workers that sign in as an identity: the label, the service account's annotation, and whom the identity
//! trusts at Azure (`tests/workload_identity.rs`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use mops_probe::Observation;
use mops_probe::observation::variant;

use crate::cluster::Cluster;
use crate::observed::{Object, Observed, Vantage, check, code};
use crate::request::{Request, Trust};
use crate::workload;

/// Where a service account names the identity.
pub(crate) const ANNOTATION: &str = "azure.workload.identity/client-id";

/// Nothing when neither the stack nor a worker asks for an identity.
pub(crate) async fn look(cluster: &Cluster, request: &Request, workers: &[Pod]) -> Vec<Observed> {
    let expected = request.identity.as_ref().map(|identity| identity.client_id.as_str());
    let asking: Vec<&Pod> = workers.iter().filter(|pod| workload::asks_for_identity(pod)).collect();
    if expected.is_none() && asking.is_empty() {
        return Vec::new();
    }
    let mut seen = vec![label(request, workers)];
    let accounts: BTreeSet<&str> = workers.iter().map(account_of).collect();
    for account in accounts {
        seen.push(annotation(cluster, request, account, expected).await);
    }
    seen.extend(request.identity.as_ref().map(|i| Observed::at(Vantage::W, trust(&i.client_id, &i.trust))));
    seen
}

fn account_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default")
}

fn label(request: &Request, workers: &[Pod]) -> Observed {
    let lacking = workers.iter().find(|pod| !workload::asks_for_identity(pod));
    let Some(pod) = lacking else {
        return Observed::at(Vantage::W, Observation::ok(check::IDENTITY_LABEL, variant::WI, "workers"));
    };
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let seen = Observation::failed(check::IDENTITY_LABEL, variant::WI, "workers", code::NOT_LABELLED);
    Observed::at(Vantage::W, seen.detail(name)).about(Object::new("Pod", &request.namespace, name))
}

async fn annotation(cluster: &Cluster, request: &Request, account: &str, expected: Option<&str>) -> Observed {
    let found = cluster.service_account(account).await;
    let given = found.map(|a| a.metadata.annotations.unwrap_or_default().remove(ANNOTATION));
    let seen = match (given, expected) {
        (Err(trouble), _) if trouble.code != code::NOT_FOUND => {
            Observation::skipped(check::ACCOUNT, variant::WI, account, trouble.code).detail(&trouble.detail)
        }
        (Err(_) | Ok(None), _) => Observation::failed(check::ACCOUNT, variant::WI, account, code::NOT_ANNOTATED),
        (Ok(Some(given)), Some(expected)) if given != expected => {
            Observation::failed(check::ACCOUNT, variant::WI, account, code::DIFFERS)
                .detail(&format!("it names `{given}`, the stack's identity is `{expected}`"))
        }
        (Ok(Some(_)), _) => Observation::ok(check::ACCOUNT, variant::WI, account),
    };
    Observed::at(Vantage::W, seen).about(Object::new("ServiceAccount", &request.namespace, account))
}

/// A credential that is there as the stack wants it and was written minutes ago is known by its code.
fn trust(client_id: &str, trust: &Trust) -> Observation {
    match trust {
        Trust::Unknown(why) => Observation::skipped(check::TRUST, variant::WI, client_id, code::FORBIDDEN).detail(why),
        Trust::Differs(what) => Observation::failed(check::TRUST, variant::WI, client_id, code::DIFFERS).detail(what),
        Trust::Matches { young } => {
            Observation::ok(check::TRUST, variant::WI, client_id).code(if *young { code::YOUNG } else { "" })
        }
    }
}
