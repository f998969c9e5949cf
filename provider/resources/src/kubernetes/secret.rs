//! A Secret. Promises: values from sources are in the cluster and nowhere else, a rotated source
//! shows as a change, and more than 1 MiB is refused in the plan with the key (R18, `tests/kubernetes.rs`).

use std::collections::BTreeMap;

use mops_clients::kubernetes::{ClusterRef, ObjectRef};
use mops_core::{Error, Identity, Lane, Secret as Hidden, SecretInput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::cluster::{Object, changed_by, identity, lanes, owner, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::secret_data::{self, Fingerprints};

/// A Secret of any type, its values given or named by their sources.
pub struct Secret;

/// A Secret of any type, its values given or named by their sources.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The cluster.
    pub cluster: ClusterRef,
    /// Namespace; it must exist.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Type, for example `Opaque`; the cluster does not let it be changed.
    #[serde(rename = "type")]
    pub kind: String,
    /// Values by key, at most 1 MiB together.
    pub data: BTreeMap<String, SecretInput>,
}

/// What is known of a Secret.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Name.
    pub name: String,
    /// The server's own id.
    pub uid: String,
    /// Keyed fingerprints of the values; one stays while its value stays.
    pub fingerprints: Fingerprints,
    /// Equal while all values are; an annotation with it makes pods start again.
    pub checksum: String,
}

pub(crate) fn outputs(live: &Json, fingerprints: Fingerprints) -> Outputs {
    Outputs {
        name: text(live, "/metadata/name"),
        uid: text(live, "/metadata/uid"),
        checksum: secret_data::checksum(&fingerprints),
        fingerprints,
    }
}

pub(crate) fn place(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::namespaced("v1", "Secret", namespace, name)
}

/// Fingerprints for what was read: those of the state, and for keys that it does not know new ones.
pub(crate) fn prints_of(live: &Json, keys: &[&String], stored: &Fingerprints) -> Fingerprints {
    let found = |key: &&&String| secret_data::live_value(live, key).map(|value| ((**key).clone(), value));
    let values: BTreeMap<String, Hidden<String>> =
        keys.iter().filter(|k| !stored.contains_key(**k)).filter_map(|k| found(&k)).collect();
    let mut prints = secret_data::fingerprints(&values, &Fingerprints::new(), None);
    prints.extend(keys.iter().filter_map(|k| Some(((*k).clone(), stored.get(*k)?.clone()))));
    prints
}

async fn write(cx: &Cx<'_>, inputs: &Inputs, stored: &Fingerprints) -> Result<Made<Secret>, Error> {
    let object = Object::new(cx, &inputs.cluster, place(&inputs.namespace, &inputs.name)).await?;
    let values = secret_data::resolve(cx, &inputs.data).await?;
    let before = if stored.is_empty() { None } else { object.get().await? };
    let body = json!({"apiVersion": "v1", "kind": "Secret", "type": inputs.kind,
        "metadata": {"name": inputs.name, "namespace": inputs.namespace}, "data": secret_data::encoded(&values)});
    let live = object.apply(body).await?;
    let prints = secret_data::fingerprints(&values, stored, before.as_ref());
    Ok(Made { id: object.id(), outputs: outputs(&live, prints) })
}

impl Resource for Secret {
    const TOKEN: &'static str = "modelops:kubernetes:Secret";
    const REPLACE: &'static [&'static str] = &["cluster", "namespace", "name", "type"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["fingerprints", "checksum"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&inputs.cluster, &place(&inputs.namespace, &inputs.name))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&inputs.cluster)
    }

    fn check(inputs: &mut Inputs, cx: &Offline<'_>, findings: &mut Findings) {
        secret_data::check("data", &inputs.data, cx, findings);
    }

    fn reason(cx: &Offline<'_>, old: &State<Self>, new: &Inputs) -> Option<String> {
        secret_data::rotated(cx, &new.data, &old.outputs.fingerprints)
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "where its values come from is not in the cluster, and they are not copied out of it",
            instead: "declare it under another name with the sources of its values, then delete the old one",
        })
    }

    async fn read(cx: &Cx<'_>, _: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let object = Object::new(cx, &known.cluster, place(&known.namespace, &known.name)).await?;
        let Some(live) = object.get().await? else { return Ok(None) };
        let stored = cx.stored::<Outputs>().map(|o| o.fingerprints).unwrap_or_default();
        let mut data = BTreeMap::new();
        for (key, declared) in &known.data {
            let value = secret_data::live_value(&live, key);
            if let Some(input) = secret_data::seen(cx, declared, value.as_ref(), stored.get(key)).await {
                data.insert(key.clone(), input);
            }
        }
        let keys: Vec<&String> = known.data.keys().collect();
        let inputs = Inputs {
            cluster: known.cluster.clone(),
            namespace: text(&live, "/metadata/namespace"),
            name: text(&live, "/metadata/name"),
            kind: text(&live, "/type"),
            data,
        };
        let outputs = outputs(&live, prints_of(&live, &keys, &stored));
        let ownership = owner(&cx.call.mark, &live);
        Ok(Some(Live { state: State { id: object.id(), inputs, outputs }, ownership, changed_by: changed_by(&live) }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(cx, inputs, &Fingerprints::new()).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(cx, inputs, &old.outputs.fingerprints).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let place = place(&old.inputs.namespace, &old.inputs.name);
        Object::new(cx, &old.inputs.cluster, place).await?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let cluster = ClusterRef::Kubeconfig { kubeconfig: "kubeconfig".into(), context: None };
        let value = |text: &str| SecretInput::Value(Hidden::from(text));
        let data = [("TOKEN".to_owned(), value("sample-secret-value-1"))].into();
        vec![Inputs { cluster, namespace: "default".into(), name: "sample".into(), kind: "Opaque".into(), data }]
    }
}
