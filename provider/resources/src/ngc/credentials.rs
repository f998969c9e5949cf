//! One key of NGC in both secrets of every namespace: that which nodes pull images with, and that which programs fetch
//! models with. Promises: a key that NGC does not take never replaces one that works, no secret is gone for a moment,
//! and a new key makes the named Deployments start again once (`tests/ngc_credentials.rs`).

use mops_clients::kubernetes::{Apply, ClusterRef, KubernetesError, ObjectRef};
use mops_core::grammar::is_dns_label;
use mops_core::provider::Progress;
use mops_core::source::MIN_SOURCE_LENGTH;
use mops_core::{Class, Error, Identity, Lane, Ownership, Secret as Hidden, SecretInput};
use mops_wire::ngc::{ENV_SECRET, PULL_SECRET, REGISTRY, USER};
use mops_wire::registry::Reference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use time::format_description::well_known::Rfc3339;

use crate::cluster::{Object, changed_by, lanes, marked, owner};
use crate::kubernetes::image_pull_secret::{self, halves};
use crate::kubernetes::secret::place;
use crate::ngc_key::{self, Given};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::restart::{self, Restart};
use crate::secret_data::{self, Fingerprints, Values};

/// The variable of programs, and its key in their secret.
const VARIABLE: &str = "NGC_API_KEY";
/// The name of the one value here.
const KEY: &str = "apiKey";
/// Since when a secret holds its key: pods that are older may have read another one.
const SINCE: &str = "modelops.io/ngc-key-since";

/// A key of NGC in the two secrets that NIM needs in a namespace: `ngc-secret` to pull images, `nvidia-ngc-secret` to
/// fetch models.
pub struct Credentials;

/// A key of NGC in the two secrets that NIM needs in a namespace: `ngc-secret` to pull images, `nvidia-ngc-secret` to
/// fetch models.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The cluster.
    pub cluster: ClusterRef,
    /// Namespaces that get both secrets; they must exist.
    pub namespaces: Vec<String>,
    /// The key; it is written only when NGC takes it.
    pub api_key: SecretInput,
    /// Images at `nvcr.io` that must be given for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Deployments in those namespaces that start again, once, when the key changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart: Vec<String>,
}

/// What is known of the two secrets.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Namespaces that have both.
    pub namespaces: Vec<String>,
    /// The name for `imagePullSecrets`.
    pub pull_secret: String,
    /// The name for `secretKeyRef`, where the key is `NGC_API_KEY`.
    pub env_secret: String,
    /// Keyed fingerprint of the key; it stays while the key stays.
    pub fingerprints: Fingerprints,
    /// Equal while the key is; an annotation with it makes pods start again.
    pub checksum: String,
}

fn outputs(namespaces: Vec<String>, fingerprints: Fingerprints) -> Outputs {
    let (pull_secret, env_secret) = (PULL_SECRET.to_owned(), ENV_SECRET.to_owned());
    Outputs { namespaces, pull_secret, env_secret, checksum: secret_data::checksum(&fingerprints), fingerprints }
}

fn id(inputs: &Inputs) -> String {
    format!("{}/ngc/{}", inputs.cluster, inputs.namespaces.join(","))
}

/// A secret, and what is there of it.
struct Held<'a> {
    object: Object<'a>,
    live: Option<Json>,
}

impl<'a> Held<'a> {
    async fn of(cx: &'a Cx<'a>, cluster: &ClusterRef, namespace: &str, name: &str) -> Result<Self, Error> {
        let object = Object::new(cx, cluster, place(namespace, name)).await?;
        let live = object.get().await?;
        Ok(Self { object, live })
    }

    /// What is marked as ours is ours as a whole: `mops ngc fix` and people may have written into it since.
    async fn apply(&self, cx: &Cx<'_>, body: Json) -> Result<(), Error> {
        let mode = if self.live.is_some() { Apply::Force } else { Apply::Respect };
        self.object.kube.apply(&marked(body, &cx.call.mark), mode).await?;
        Ok(())
    }
}

/// Both secrets of a namespace.
struct Space<'a> {
    name: &'a str,
    pull: Held<'a>,
    env: Held<'a>,
}

impl<'a> Space<'a> {
    async fn all(cx: &'a Cx<'a>, inputs: &'a Inputs) -> Result<Vec<Self>, Error> {
        let mut all = Vec::new();
        for name in &inputs.namespaces {
            let pull = Held::of(cx, &inputs.cluster, name, PULL_SECRET).await?;
            let env = Held::of(cx, &inputs.cluster, name, ENV_SECRET).await?;
            all.push(Self { name, pull, env });
        }
        Ok(all)
    }

    fn lives(&self) -> impl Iterator<Item = &Json> {
        self.pull.live.iter().chain(&self.env.live)
    }

    /// The key that programs read.
    fn env_key(&self) -> Option<Hidden<String>> {
        secret_data::live_value(self.env.live.as_ref()?, VARIABLE)
    }

    /// The key that nodes pull with, under the one name that counts.
    fn pull_key(&self) -> Option<Hidden<String>> {
        let (user, key) = halves(self.pull.live.as_ref()?, REGISTRY)?;
        (user.expose() == USER).then_some(key)
    }

    /// Since when programs can read this key here; `None` when they cannot yet.
    fn since(&self, key: &Hidden<String>) -> Option<String> {
        let since = self.env.live.as_ref()?["metadata"]["annotations"][SINCE].as_str()?;
        (self.env_key().as_ref() == Some(key)).then(|| since.to_owned())
    }

    /// Writes both, each in one step; since when the key is there.
    async fn write(&self, cx: &Cx<'_>, key: &Hidden<String>) -> Result<String, Error> {
        let now = || cx.services.clock().now().format(&Rfc3339).unwrap_or_default();
        let since = self.since(key).unwrap_or_else(now);
        let user = Hidden::from(USER);
        let config = image_pull_secret::config(REGISTRY, &user, key);
        let pull: Values = [(image_pull_secret::KEY.to_owned(), config)].into();
        let env: Values = [(VARIABLE.to_owned(), key.clone())].into();
        let body = |name: &str, kind: &str, values: &Values, annotations: Json| {
            json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "data": secret_data::encoded(values),
                "metadata": {"name": name, "namespace": self.name, "annotations": annotations}})
        };
        self.pull.apply(cx, body(PULL_SECRET, image_pull_secret::TYPE, &pull, json!({}))).await?;
        self.env.apply(cx, body(ENV_SECRET, "Opaque", &env, json!({SINCE: since}))).await?;
        Ok(since)
    }
}

/// Refuses what is somebody else's, before anything is written: an apply could take it over silently.
fn refuse_strangers(cx: &Cx<'_>, spaces: &[Space<'_>]) -> Result<(), Error> {
    let held = spaces.iter().flat_map(|space| [&space.pull, &space.env]);
    for (held, live) in held.filter_map(|held| Some((held, held.live.as_ref()?))) {
        let whose = match owner(&cx.call.mark, live) {
            Ownership::Other { stack, .. } => format!("belongs to stack `{stack}`"),
            Ownership::Unmarked if !cx.call.import => "was not made by this stack".to_owned(),
            _ => continue,
        };
        let text = format!("{} is there already and {whose}", held.object.place);
        return Err(Error::new(Class::Conflict, text)
            .hint("delete it, or keep it up to date with `mops ngc fix`; nothing was written"));
    }
    Ok(())
}

/// Refuses a namespace that is not there; one that may not be looked at may be there.
async fn refuse_absent(cx: &Cx<'_>, inputs: &Inputs) -> Result<(), Error> {
    let kube = cx.services.kubernetes(&inputs.cluster).await?.with_cancel(&cx.call.cancel);
    for name in &inputs.namespaces {
        match kube.get(&ObjectRef::cluster_wide("v1", "Namespace", name)).await {
            Ok(None) => {
                let text = format!("namespace `{name}` is not there, so it cannot get the key of NGC");
                let hint = format!("make it with `kubectl create namespace {name}`, or correct the name");
                return Err(Error::new(Class::NotFound, text).hint(hint));
            }
            Err(KubernetesError::Wire(error)) => return Err(error.into()),
            Ok(Some(_)) | Err(_) => {}
        }
    }
    Ok(())
}

async fn write(cx: &Cx<'_>, inputs: &Inputs, old: Option<&State<Credentials>>) -> Result<Made<Credentials>, Error> {
    let key = cx.services.resolve(&inputs.api_key).await?;
    let spaces = Space::all(cx, inputs).await?;
    refuse_strangers(cx, &spaces)?;
    refuse_absent(cx, inputs).await?;
    let given = Given { key: &key, source: &inputs.api_key, images: &inputs.images };
    if let Some(refused) = ngc_key::refusal(&cx.services.pipeline()?, &cx.call.cancel, &given).await? {
        return Err(refused.error);
    }
    let stored = old.map(|old| old.outputs.fingerprints.clone()).unwrap_or_default();
    let is_new = stored.get(KEY).is_some_and(|print| !print.matches(&key));
    let mut stale = Vec::new();
    for space in &spaces {
        let since = space.write(cx, &key).await?;
        if is_new || space.env_key().is_some_and(|there| there != key) {
            stale.push((space.name, since));
        }
    }
    for namespace in old.iter().flat_map(|old| &old.inputs.namespaces).filter(|n| !inputs.namespaces.contains(n)) {
        remove(cx, &inputs.cluster, namespace).await?;
    }
    renew(cx, inputs, &stale).await?;
    let prints = secret_data::fingerprints(&[(KEY.to_owned(), key)].into(), &stored, None);
    Ok(Made { id: id(inputs), outputs: outputs(inputs.namespaces.clone(), prints) })
}

/// Has the named Deployments start again where they may have read another key.
async fn renew(cx: &Cx<'_>, inputs: &Inputs, stale: &[(&str, String)]) -> Result<(), Error> {
    let note = |text: String| (cx.call.progress)(Progress::Note(text));
    for name in inputs.restart.iter().filter(|_| !stale.is_empty()) {
        let mut absent = true;
        for (namespace, since) in stale {
            match restart::since(cx, &inputs.cluster, (namespace, name), since).await? {
                Restart::Absent => continue,
                Restart::Already => {}
                Restart::Begun => note(format!(
                    "deployment `{name}` in `{namespace}` starts again with the new key; `mops ngc fix --namespace \
                     {namespace} --apply` helps where its new pod waits for a GPU that the old one holds"
                )),
            }
            absent = false;
        }
        if absent {
            note(format!("there is no deployment `{name}` that could start again with the new key"));
        }
    }
    Ok(())
}

async fn remove(cx: &Cx<'_>, cluster: &ClusterRef, namespace: &str) -> Result<(), Error> {
    for name in [PULL_SECRET, ENV_SECRET] {
        Object::new(cx, cluster, place(namespace, name)).await?.delete().await?;
    }
    Ok(())
}

/// Whose they are together: what is strange about one of them counts.
fn whose(all: Vec<Ownership>) -> Option<Ownership> {
    let rank = |ownership: &Ownership| match ownership {
        Ownership::Derived | Ownership::Ours { .. } => 0,
        Ownership::Unmarked => 1,
        Ownership::Other { .. } => 2,
    };
    all.into_iter().max_by_key(rank)
}

fn tidy(list: &mut Vec<String>) {
    list.sort();
    list.dedup();
}

impl Resource for Credentials {
    const TOKEN: &'static str = "modelops:ngc:Credentials";
    const REPLACE: &'static [&'static str] = &["cluster"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["namespaces", "fingerprints", "checksum"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        Identity::Name(id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&inputs.cluster)
    }

    fn check(inputs: &mut Inputs, cx: &Offline<'_>, findings: &mut Findings) {
        [&mut inputs.namespaces, &mut inputs.images, &mut inputs.restart].into_iter().for_each(tidy);
        if inputs.namespaces.is_empty() {
            findings.refuse("namespaces", "no namespace is to get the key", "name one");
        }
        for (property, names) in [("namespaces", &inputs.namespaces), ("restart", &inputs.restart)] {
            for name in names.iter().filter(|name| !is_dns_label(name)) {
                let rule = "1–63 small letters, digits and `-`, letters or digits at both ends";
                findings.refuse(property, format!("`{name}` is not a name in a cluster"), rule);
            }
        }
        for image in &inputs.images {
            if !image.parse::<Reference>().is_ok_and(|reference| reference.registry() == REGISTRY) {
                let reason = format!("`{image}` is not an image at `{REGISTRY}`");
                findings.refuse("images", reason, format!("for example `{REGISTRY}/nim/ORG/NAME:1.0`"));
            }
        }
        secret_data::check_source(KEY, &inputs.api_key, cx, findings);
        if matches!(&inputs.api_key, SecretInput::Value(key) if key.expose().chars().count() < MIN_SOURCE_LENGTH) {
            findings.refuse(KEY, "it is too short for a key of NGC", "give it whole, as it was made");
        }
    }

    fn reason(cx: &Offline<'_>, old: &State<Self>, new: &Inputs) -> Option<String> {
        secret_data::rotated(cx, &[(KEY.to_owned(), new.api_key.clone())].into(), &old.outputs.fingerprints)
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "where its key comes from is not in the cluster, and it is not copied out of it",
            instead: "delete both secrets and declare it, or keep them up to date with `mops ngc fix`",
        })
    }

    async fn read(cx: &Cx<'_>, _: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let spaces = Space::all(cx, known).await?;
        let lives = || spaces.iter().flat_map(Space::lives);
        let Some(ownership) = whose(lives().map(|live| owner(&cx.call.mark, live)).collect()) else { return Ok(None) };
        let stored = cx.stored::<Outputs>().map(|o| o.fingerprints).unwrap_or_default();
        let whole = spaces.iter().filter(|space| space.pull.live.is_some() && space.env.live.is_some());
        let (mut api_key, mut namespaces, mut prints) = (known.api_key.clone(), Vec::new(), stored.clone());
        for space in whole {
            namespaces.push(space.name.to_owned());
            for key in [space.pull_key(), space.env_key()] {
                let seen = secret_data::seen(cx, &known.api_key, key.as_ref(), stored.get(KEY)).await;
                let seen = seen.unwrap_or_else(|| SecretInput::Value(Hidden::from("it is not there")));
                api_key = if seen == known.api_key { api_key } else { seen };
                if let Some(key) = key.filter(|_| prints.is_empty()) {
                    prints = secret_data::fingerprints(&[(KEY.to_owned(), key)].into(), &stored, None);
                }
            }
        }
        let inputs = Inputs {
            cluster: known.cluster.clone(),
            namespaces: namespaces.clone(),
            api_key,
            images: known.images.clone(),
            restart: known.restart.clone(),
        };
        let state = State { id: id(known), inputs, outputs: outputs(namespaces, prints) };
        Ok(Some(Live { state, ownership, changed_by: lives().find_map(changed_by) }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(cx, inputs, None).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(cx, inputs, Some(old)).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        for namespace in &old.inputs.namespaces {
            remove(cx, &old.inputs.cluster, namespace).await?;
        }
        Ok(())
    }

    fn samples() -> Vec<Inputs> {
        vec![Inputs {
            cluster: ClusterRef::Kubeconfig { kubeconfig: "kubeconfig".into(), context: None },
            namespaces: vec!["default".into()],
            api_key: SecretInput::Value(Hidden::from("nvapi-sample-key-long-enough")),
            images: Vec::new(),
            restart: Vec::new(),
        }]
    }
}
