//! The admission webhook of workload identity, and the tokens that it has projected into pods: what AKS adds to a pod
//! with the label, as azure-workload-identity 1.x documents it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::KubernetesFake;
use super::store::{Store, text};

/// The label that a pod asks by.
const LABEL: &str = "/metadata/labels/azure.workload.identity~1use";
const CLIENT: &str = "/metadata/annotations/azure.workload.identity~1client-id";
const TENANT: &str = "/metadata/annotations/azure.workload.identity~1tenant-id";
const VOLUME: &str = "azure-identity-token";
const FOLDER: &str = "/var/run/secrets/azure/tokens";
const FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const SECONDS: i64 = 3600;

/// Who signs the tokens of service accounts, and where Azure trades them.
#[derive(Clone)]
pub struct Trust {
    /// The issuer in the tokens.
    pub issuer: String,
    /// The sign-in host.
    pub authority: String,
    /// Signs.
    pub sign: Arc<dyn Fn(&Json) -> String + Send + Sync>,
}

/// Adds variables and the projected token to a new pod that asks for them.
pub(super) fn admit(store: &Store, pod: &mut Json) {
    let Some(authority) = store.authority.as_ref().filter(|_| text(pod, LABEL) == "true") else { return };
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/spec/serviceAccountName"));
    let Some(account) = store.get("ServiceAccount", namespace, name) else { return };
    let variables = [
        ("AZURE_CLIENT_ID", text(account, CLIENT).to_owned()),
        ("AZURE_TENANT_ID", text(account, TENANT).to_owned()),
        (FILE, format!("{FOLDER}/{VOLUME}")),
        ("AZURE_AUTHORITY_HOST", format!("{authority}/")),
    ];
    let mount = json!({"name": VOLUME, "mountPath": FOLDER, "readOnly": true});
    for list in ["initContainers", "containers"] {
        for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
            for (name, value) in &variables {
                let known = container["env"].as_array().is_some_and(|env| env.iter().any(|v| v["name"] == *name));
                if !known {
                    push(&mut container["env"], json!({"name": name, "value": value}));
                }
            }
            push(&mut container["volumeMounts"], mount.clone());
        }
    }
    let token = json!({"audience": AUDIENCE, "expirationSeconds": SECONDS, "path": VOLUME});
    let volume =
        json!({"name": VOLUME, "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": token}]}});
    push(&mut pod["spec"]["volumes"], volume);
}

fn push(list: &mut Json, item: Json) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// The token of a pod as a file of this machine, for a program that is really run; the variable names it then. The file
/// is there for as long as the folder.
pub(super) fn project(fake: &KubernetesFake, pod: &Json, env: &mut BTreeMap<String, String>) -> Option<TempDir> {
    let trust = fake.trust.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()?;
    env.get(FILE).filter(|path| path.starts_with(FOLDER))?;
    let now = fake.options.clock.now().unix_timestamp();
    let subject =
        format!("system:serviceaccount:{}:{}", text(pod, "/metadata/namespace"), text(pod, "/spec/serviceAccountName"));
    let claims =
        json!({"iss": trust.issuer, "sub": subject, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + SECONDS});
    let folder = tempfile::tempdir().ok()?;
    let file = folder.path().join(VOLUME);
    mops_host::fsx::replace(&file, (trust.sign)(&claims).as_bytes()).ok()?;
    env.insert(FILE.to_owned(), file.display().to_string());
    Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pod_with_the_label_gets_a_token() {
        let mut store = Store { authority: Some("https://login.example".into()), ..Store::default() };
        store.put(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "n",
            "annotations": {"azure.workload.identity/client-id": "c", "azure.workload.identity/tenant-id": "t"}}}));
        let pod = |labels: Json| {
            let mut pod = json!({"metadata": {"namespace": "n", "labels": labels},
                "spec": {"serviceAccountName": "a", "containers": [{"name": "x"}]}});
            admit(&store, &mut pod);
            pod
        };
        let with = pod(json!({"azure.workload.identity/use": "true"}));
        assert_eq!(with["spec"]["containers"][0]["env"][0], json!({"name": "AZURE_CLIENT_ID", "value": "c"}));
        assert_eq!(with["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"], AUDIENCE);
        assert!(pod(json!({}))["spec"]["volumes"].is_null());
    }
}
