//! A Secret with which nodes pull images. Promises: its text is what the kubelet expects, and a
//! rotated password shows as a change (`tests`, `tests/kubernetes.rs`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_clients::kubernetes::ClusterRef;
use mops_core::{Error, Identity, Lane, Secret as Hidden, SecretInput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::secret::{Outputs, outputs, place, prints_of};
use crate::cluster::{Object, changed_by, identity, lanes, owner, text};
use crate::principal_login::{self, Principal};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::secret_data::{self, Fingerprints, Values};

pub(crate) const KEY: &str = ".dockerconfigjson";
pub(crate) const TYPE: &str = "kubernetes.io/dockerconfigjson";

/// A Secret with which nodes pull images from one registry.
pub struct ImagePullSecret;

/// A Secret with which nodes pull images from one registry.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The cluster.
    pub cluster: ClusterRef,
    /// Namespace; it must exist.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Host of the registry, for example `example.azurecr.io`.
    pub registry: String,
    /// User name.
    pub username: SecretInput,
    /// Password or token.
    pub password: SecretInput,
    /// Whether the user is a service principal. Then nothing is written before the directory and the registry take it,
    /// which learn of a new secret and a new right with a delay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service_principal: bool,
}

/// What kubelets and docker look Docker Hub's login up by; every other registry is called by its host.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

fn names_a_registry(text: &str) -> bool {
    text == DOCKER_HUB || (!text.is_empty() && !text.contains(['/', ' ', '@', '?', '#']))
}

/// The text that the kubelet reads.
pub(crate) fn config(registry: &str, username: &Hidden<String>, password: &Hidden<String>) -> Hidden<String> {
    let pair = Hidden::new(format!("{}:{}", username.expose(), password.expose()));
    let auth = STANDARD.encode(pair.expose());
    let login = json!({"username": username.expose(), "password": password.expose(), "auth": auth});
    let mut auths = serde_json::Map::new();
    auths.insert(registry.to_owned(), login);
    Hidden::new(json!({ "auths": auths }).to_string())
}

/// The two halves for a registry, as they stand in a live object.
pub(crate) fn halves(live: &Json, registry: &str) -> Option<(Hidden<String>, Hidden<String>)> {
    let text = secret_data::live_value(live, KEY)?;
    let config: Json = serde_json::from_str(text.expose()).ok()?;
    let login = &config["auths"][registry];
    let half = |name: &str| login[name].as_str().map(Hidden::from);
    Some((half("username")?, half("password")?))
}

fn registry_of(live: &Json) -> Option<String> {
    let text = secret_data::live_value(live, KEY)?;
    let config: Json = serde_json::from_str(text.expose()).ok()?;
    config["auths"].as_object()?.keys().next().cloned()
}

async fn write(cx: &Cx<'_>, inputs: &Inputs, stored: &Fingerprints) -> Result<Made<ImagePullSecret>, Error> {
    let object = Object::new(cx, &inputs.cluster, place(&inputs.namespace, &inputs.name)).await?;
    let username = cx.services.resolve(&inputs.username).await?;
    let password = cx.services.resolve(&inputs.password).await?;
    if inputs.service_principal {
        let principal = Principal { client_id: username.expose(), secret: &password, source: &inputs.password };
        principal_login::proven(cx, &inputs.registry, &principal).await?;
    }
    let values: Values =
        [(KEY.to_owned(), config(&inputs.registry, &username, &password)), ("password".to_owned(), password)].into();
    let mut data = values.clone();
    data.remove("password");
    let body = json!({"apiVersion": "v1", "kind": "Secret", "type": TYPE,
        "metadata": {"name": inputs.name, "namespace": inputs.namespace}, "data": secret_data::encoded(&data)});
    let live = object.apply(body).await?;
    let prints = secret_data::fingerprints(&values, stored, None);
    Ok(Made { id: object.id(), outputs: outputs(&live, prints) })
}

impl Resource for ImagePullSecret {
    const TOKEN: &'static str = "modelops:kubernetes:ImagePullSecret";
    const REPLACE: &'static [&'static str] = &["cluster", "namespace", "name"];
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
        if !names_a_registry(&inputs.registry) {
            let reason = format!("`{}` is not the host of a registry", inputs.registry);
            findings.refuse("registry", reason, "give the host alone, for example `example.azurecr.io`");
        }
        secret_data::check_source("username", &inputs.username, cx, findings);
        secret_data::check_source("password", &inputs.password, cx, findings);
    }

    fn reason(cx: &Offline<'_>, old: &State<Self>, new: &Inputs) -> Option<String> {
        let password = [("password".to_owned(), new.password.clone())].into();
        secret_data::rotated(cx, &password, &old.outputs.fingerprints)
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
        let (username, password) = halves(&live, &known.registry).unzip();
        let gone = || SecretInput::Value(Hidden::from("it is not there"));
        let print = stored.get("password");
        let inputs = Inputs {
            cluster: known.cluster.clone(),
            namespace: text(&live, "/metadata/namespace"),
            name: text(&live, "/metadata/name"),
            registry: registry_of(&live).unwrap_or_default(),
            username: secret_data::seen(cx, &known.username, username.as_ref(), None).await.unwrap_or_else(gone),
            password: secret_data::seen(cx, &known.password, password.as_ref(), print).await.unwrap_or_else(gone),
            service_principal: known.service_principal,
        };
        let (key, half) = (KEY.to_owned(), "password".to_owned());
        let mut prints = prints_of(&live, &[&key], &stored);
        if let Some(print) = stored.get(&half) {
            prints.insert(half, print.clone());
        }
        let ownership = owner(&cx.call.mark, &live);
        Ok(Some(Live {
            state: State { id: object.id(), inputs, outputs: outputs(&live, prints) },
            ownership,
            changed_by: changed_by(&live),
        }))
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
        vec![Inputs {
            cluster,
            namespace: "default".into(),
            name: "sample-pull".into(),
            registry: "sample.azurecr.io".into(),
            username: value("sample"),
            password: value("sample-password-long-enough"),
            service_principal: false,
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_or_docker_hub() {
        for good in ["r.example", "r.example:5000", "https://index.docker.io/v1/"] {
            assert!(names_a_registry(good), "{good}");
        }
        for bad in ["", "https://r.example/", "r.example/team", "u@r.example", "https://index.docker.io/v2/"] {
            assert!(!names_a_registry(bad), "{bad}");
        }
    }

    #[test]
    fn the_text_is_what_the_kubelet_expects() {
        let text = config("r.example", &Hidden::from("u"), &Hidden::from("p:w"));
        let json: Json = serde_json::from_str(text.expose()).unwrap();
        assert_eq!(json, json!({"auths": {"r.example": {"username": "u", "password": "p:w", "auth": "dTpwOnc="}}}));
        let live = json!({"data": {KEY: STANDARD.encode(text.expose())}});
        let (username, password) = halves(&live, "r.example").unwrap();
        assert_eq!((username.expose().as_str(), password.expose().as_str()), ("u", "p:w"));
        assert_eq!(registry_of(&live).as_deref(), Some("r.example"));
    }
}
