//! Any object but a Secret. Promises: what the cluster filled in is no difference, a count that an
//! autoscaler owns is said once, and what is not ready in time is reported with its cause (`tests/kubernetes.rs`).

use std::time::Duration;

use mops_clients::kubernetes::{Apply, ClusterRef, Json, KubernetesError, ObjectRef, Readiness, judge};
use mops_core::convert::to_value;
use mops_core::{Class, Error, Identity, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cluster::{self, Object, changed_by, identity, lanes, owner, text};
use crate::create_only::{self, MANAGER, alone, as_in, held_by, without};
use crate::projection::project;
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// The most that the API server takes in one request, in bytes.
const LIMIT: usize = 3 << 20;

/// Any object of a cluster but a Secret.
pub struct Manifest;

/// Any object of a cluster but a Secret.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The cluster.
    pub cluster: ClusterRef,
    /// The object with `apiVersion`, `kind`, `metadata` and content. Fields that its annotation
    /// `modelops.io/create-only` names are said once and left to others afterwards.
    pub object: Json,
    /// Whether to wait until it is ready, by the rules of its kind.
    #[serde(default)]
    pub wait: bool,
    /// The longest wait, in seconds; that of the run (`--ready-timeout`) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_timeout_seconds: Option<u64>,
}

/// What is known of an object.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Version, for example `apps/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace, when the kind lives in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// The server's own id.
    pub uid: String,
    /// Whether it was ready when it was last looked at.
    pub ready: bool,
}

fn outputs(place: &ObjectRef, live: &Json) -> Outputs {
    Outputs {
        api_version: place.api_version.clone(),
        kind: place.kind.clone(),
        namespace: place.namespace.clone(),
        name: place.name.clone(),
        uid: text(live, "/metadata/uid"),
        ready: judge(Some(live)) == Readiness::Ready,
    }
}

/// Waits when asked to; what is there but not ready comes back as such, with the cause.
async fn ready(object: &Object<'_>, inputs: &Inputs, live: Json) -> Result<Made<Manifest>, Error> {
    let id = object.id();
    if !inputs.wait {
        return Ok(Made { id, outputs: outputs(&object.place, &live) });
    }
    match object.wait(inputs.ready_timeout_seconds.map(Duration::from_secs), &judge).await {
        Ok(seen) => Ok(Made { id, outputs: outputs(&object.place, &seen.unwrap_or(live)) }),
        Err(error @ KubernetesError::NotReady { .. }) => {
            let known = to_value(&outputs(&object.place, &live)).unwrap_or_default();
            Err(error.into_core().with_partial(id, known))
        }
        Err(error) => Err(error.into()),
    }
}

impl Resource for Manifest {
    const TOKEN: &'static str = "modelops:kubernetes:Manifest";
    const REPLACE: &'static [&'static str] =
        &["cluster", "object.apiVersion", "object.kind", "object.metadata.name", "object.metadata.namespace"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["ready"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&inputs.cluster, &ObjectRef::of(&inputs.object))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&inputs.cluster)
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        let place = ObjectRef::of(&inputs.object);
        if place.api_version.is_empty() || place.kind.is_empty() || place.name.is_empty() {
            findings.refuse("object", "the object lacks `apiVersion`, `kind` or `metadata.name`", "add it");
        }
        if place.kind == "Secret" && place.api_version == "v1" {
            let hint = "declare it as `modelops:kubernetes:Secret`, which keeps its values out of the state";
            findings.refuse("object.kind", "a Secret is not taken as a manifest", hint);
        }
        let size = inputs.object.to_string().len();
        if size > LIMIT {
            let reason = format!("{place} has {size} bytes; a cluster takes at most {LIMIT}");
            findings.refuse("object", reason, "split it");
        }
    }

    fn settle(old: &State<Self>, new: &mut Inputs) {
        new.object = as_in(&new.object, &old.inputs.object);
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "an object does not tell which of its fields were declared",
            instead: "declare it under another name, or delete the old one first",
        })
    }

    async fn read(cx: &Cx<'_>, _: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let object = Object::new(cx, &known.cluster, ObjectRef::of(&known.object)).await?;
        let Some(live) = object.get().await? else { return Ok(None) };
        let inputs = Inputs {
            cluster: known.cluster.clone(),
            object: as_in(&project(&live, &known.object), &known.object),
            wait: known.wait,
            ready_timeout_seconds: known.ready_timeout_seconds,
        };
        let ownership = owner(&cx.call.mark, &live);
        let outputs = outputs(&object.place, &live);
        Ok(Some(Live { state: State { id: object.id(), inputs, outputs }, ownership, changed_by: changed_by(&live) }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let object = Object::new(cx, &inputs.cluster, ObjectRef::of(&inputs.object)).await?;
        let live = object.apply(inputs.object.clone()).await?;
        hand_over(&object, &inputs.object, &live).await?;
        ready(&object, inputs, live).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let object = Object::new(cx, &inputs.cluster, ObjectRef::of(&inputs.object)).await?;
        if old.id != object.id() {
            let summary = format!("{} cannot be changed into {}", old.id, object.place);
            return Err(Error::new(Class::User, summary).hint("give the new object a name of its own in the stack"));
        }
        take_back(&object, &old.inputs.object, &inputs.object).await?;
        if create_only::paths(&inputs.object).is_empty() {
            let live = object.apply(inputs.object.clone()).await?;
            return ready(&object, inputs, live).await;
        }
        let Some(live) = object.get().await? else { return Self::create(cx, inputs).await };
        if held_by(&live, &inputs.object, cluster::MANAGER) {
            hand_over(&object, &inputs.object, &live).await?;
        }
        let live = object.apply(without(&inputs.object)).await?;
        ready(&object, inputs, live).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let place = ObjectRef::of(&old.inputs.object);
        Object::new(cx, &old.inputs.cluster, place).await?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let cluster = ClusterRef::Kubeconfig { kubeconfig: "kubeconfig".into(), context: None };
        let object = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "sample", "namespace": "default"},
            "spec": {"selector": {"app": "sample"}, "ports": [{"name": "tcp", "port": 8786}]}});
        vec![Inputs { cluster, object, wait: false, ready_timeout_seconds: None }]
    }
}

/// A field that was left to others and is declared for good again: the declaration is the consent to
/// take it from whoever holds it now.
async fn take_back(object: &Object<'_>, before: &Json, wanted: &Json) -> Result<(), Error> {
    let kept = create_only::paths(wanted);
    if create_only::paths(before).iter().all(|path| kept.contains(path)) {
        return Ok(());
    }
    let Some(fields) = alone(before, wanted) else { return Ok(()) };
    object.kube.apply_as(&fields, MANAGER, Apply::Force).await?;
    Ok(())
}

/// Says the fields that are said once under a name of their own, with the value that they have: an
/// apply that leaves them out then resets nothing, and whoever scales may take them.
async fn hand_over(object: &Object<'_>, wanted: &Json, live: &Json) -> Result<(), Error> {
    let Some(fields) = alone(wanted, live) else { return Ok(()) };
    object.kube.apply_as(&fields, MANAGER, Apply::Respect).await?;
    Ok(())
}
