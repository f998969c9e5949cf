//! A namespace. Promises: deleting it never takes something of a stranger along, and the first pod
//! in a new one is not refused for want of its service account (`tests/kubernetes.rs`).

use std::time::Duration;

use mops_clients::kubernetes::{ClusterRef, ObjectRef, Readiness, Selection, judge};
use mops_core::grammar::is_dns_label;
use mops_core::mark::names;
use mops_core::{Class, Error, Identity, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::cluster::{Object, changed_by, identity, lanes, owner, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// Kinds of which a stranger's object in the namespace stops its deletion.
const LOOKED_FOR: [(&str, &str); 6] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("v1", "Service"),
    ("v1", "Secret"),
    ("v1", "Pod"),
];

/// How long a new namespace may take to become usable.
const SOON: Duration = Duration::from_secs(60);

/// A namespace of a cluster.
pub struct Namespace;

/// A namespace of a cluster.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The cluster.
    pub cluster: ClusterRef,
    /// Name, at most 63 small letters, digits and `-`.
    pub name: String,
}

/// What is known of a namespace.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Name.
    pub name: String,
    /// The server's own id; another namespace of the same name has another one.
    pub uid: String,
}

fn place(name: &str) -> ObjectRef {
    ObjectRef::cluster_wide("v1", "Namespace", name)
}

fn outputs(live: &Json) -> Outputs {
    Outputs { name: text(live, "/metadata/name"), uid: text(live, "/metadata/uid") }
}

impl Resource for Namespace {
    const TOKEN: &'static str = "modelops:kubernetes:Namespace";
    const REPLACE: &'static [&'static str] = &["cluster", "name"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&inputs.cluster, &place(&inputs.name))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&inputs.cluster)
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        if !is_dns_label(&inputs.name) {
            let reason = format!("`{}` is not the name of a namespace", inputs.name);
            findings.refuse("name", reason, "1–63 small letters, digits and `-`, letters or digits at both ends");
        }
    }

    fn settle(old: &State<Self>, new: &mut Inputs) {
        if new.cluster.to_string() == old.inputs.cluster.to_string() {
            new.cluster = old.inputs.cluster.clone();
        }
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let found = id.rsplit_once("/Namespace/").filter(|(cluster, name)| !cluster.is_empty() && is_dns_label(name));
        let (cluster, name) = found.ok_or_else(|| {
            NotImported::NoId(
                "`CLUSTER/Namespace/NAME` with the ARM id of the cluster or the path of a kubeconfig".into(),
            )
        })?;
        Ok(Inputs { cluster: ClusterRef::named_by(cluster), name: name.to_owned() })
    }

    async fn read(cx: &Cx<'_>, _: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let object = Object::new(cx, &known.cluster, place(&known.name)).await?;
        let Some(live) = object.get().await? else { return Ok(None) };
        let inputs = Inputs { cluster: known.cluster.clone(), name: text(&live, "/metadata/name") };
        let ownership = owner(&cx.call.mark, &live);
        Ok(Some(Live {
            state: State { id: object.id(), inputs, outputs: outputs(&live) },
            ownership,
            changed_by: changed_by(&live),
        }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let object = Object::new(cx, &inputs.cluster, place(&inputs.name)).await?;
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": inputs.name}});
        if object.get().await?.is_some_and(|live| live["metadata"]["deletionTimestamp"].is_string()) {
            object.gone().await?;
        }
        let live = object.apply(body).await?;
        object.wait(Some(SOON), &judge).await?;
        let account = ObjectRef::namespaced("v1", "ServiceAccount", &inputs.name, "default");
        let account = Object::new(cx, &inputs.cluster, account).await?;
        account.wait(Some(SOON), &there).await?;
        Ok(Made { id: object.id(), outputs: outputs(&live) })
    }

    async fn update(cx: &Cx<'_>, _: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        Self::create(cx, inputs).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let object = Object::new(cx, &old.inputs.cluster, place(&old.inputs.name)).await?;
        if object.get().await?.is_none() {
            return Ok(());
        }
        refuse_strangers(cx, &object).await?;
        object.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let cluster = ClusterRef::Kubeconfig { kubeconfig: "kubeconfig".into(), context: None };
        vec![Inputs { cluster, name: "sample".into() }]
    }
}

fn there(object: Option<&Json>) -> Readiness {
    if object.is_some() { Readiness::Ready } else { Readiness::Waiting("it is not there".into()) }
}

async fn refuse_strangers(cx: &Cx<'_>, namespace: &Object<'_>) -> Result<(), Error> {
    let stack = cx.call.mark.stack.to_string();
    let mut strangers = Vec::new();
    for (api, kind) in LOOKED_FOR {
        let all = ObjectRef::namespaced(api, kind, &namespace.place.name, "");
        let found = namespace.kube.list(&all, &Selection::default()).await?;
        strangers.extend(found.iter().filter(|o| foreign(o, &stack)).map(|o| ObjectRef::of(o).id()));
    }
    if strangers.is_empty() {
        return Ok(());
    }
    let summary = format!("namespace `{}` holds what this stack did not make", namespace.place.name);
    let shown = strangers.iter().take(5).fold(Error::new(Class::Conflict, summary), |e, id| e.note(id.clone()));
    Err(shown.hint("delete or move these first"))
}

/// Not of this stack, not of a probe run, not made by a controller or by the cluster itself.
fn foreign(object: &Json, stack: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    let owned = object["metadata"]["ownerReferences"].as_array().is_some_and(|l| !l.is_empty());
    let machine = object["type"] == "kubernetes.io/service-account-token";
    labels[names::LABEL_STACK] != stack && labels["modelops.io/run"].is_null() && !owned && !machine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_of_us_made_is_foreign() {
        let rows = [
            (json!({"metadata": {"labels": {names::LABEL_STACK: "p.s"}}}), false),
            (json!({"metadata": {"labels": {names::LABEL_STACK: "p.other"}}}), true),
            (json!({"metadata": {"labels": {"modelops.io/run": "1"}}}), false),
            (json!({"metadata": {"ownerReferences": [{"uid": "x"}]}}), false),
            (json!({"metadata": {}, "type": "kubernetes.io/service-account-token"}), false),
            (json!({"metadata": {}, "type": "Opaque"}), true),
        ];
        for (object, want) in rows {
            assert_eq!(foreign(&object, "p.s"), want, "{object}");
        }
    }
}
