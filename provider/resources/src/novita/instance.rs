//! A GPU instance at Novita. Its name there ends in a mark of stack and resource, by which it is found again after a lost
//! answer: one declaration is one instance (`tests/novita_stack.rs`, V-16, M-14).

use std::collections::BTreeMap;

use mops_clients::novita::{Billing, Deed, ImageAuth, Instance as Found, InstanceSpec, Machine, NovitaError, ports};
use mops_core::{Class, Error, Identity, Lane, Ownership, SecretInput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::novita_api::{check_key, lanes, service};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// A GPU instance at Novita.
pub struct Instance;

/// A GPU instance at Novita.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Name; a mark of the stack is put behind it.
    pub name: String,
    /// Image.
    pub image: String,
    /// Product of the service's list.
    pub product: String,
    /// GPUs, 1 to 8.
    pub gpus: u64,
    /// Gigabytes of its disk, 10 to 6144.
    pub disk_gigabytes: u64,
    /// Id of the registry login for the image. It is used when the image is pulled, and an instance that is there has its
    /// image: another id makes no other instance, and counts for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_auth_id: Option<String>,
    /// Ports, as `8888/http,22/tcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<String>,
    /// Command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Whether it is one that is taken away when somebody pays more.
    #[serde(default)]
    pub spot: bool,
    /// Key of the API; that of NOVITA_API_KEY without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretInput>,
}

/// What is known of it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Its id.
    pub id: String,
    /// Its whole name there, with the mark of the stack.
    pub full_name: String,
}

/// The name with the mark of stack and resource.
fn own_name(cx: &Cx<'_>, name: &str) -> String {
    let whole = format!("{}\0{}", cx.call.mark.stack, cx.call.mark.urn.as_str());
    let mark: String = Sha256::digest(whole.as_bytes()).iter().take(5).map(|b| format!("{b:02x}")).collect();
    format!("{name}-mops-{mark}")
}

fn spec(inputs: &Inputs, name: String) -> InstanceSpec {
    let env = inputs.env.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    InstanceSpec {
        product_id: inputs.product.clone(),
        gpu_num: inputs.gpus,
        rootfs_size: inputs.disk_gigabytes,
        image_url: inputs.image.clone(),
        machine: Machine::Gpu,
        name,
        image_auth: inputs.registry_auth_id.clone().map_or(ImageAuth::None, ImageAuth::Id),
        ports: inputs.ports.clone().unwrap_or_default(),
        envs: env.collect(),
        command: inputs.command.clone().unwrap_or_default(),
        billing: inputs.spot.then_some(Billing::Spot),
        ..InstanceSpec::default()
    }
}

/// The field of the declaration behind one of the API.
fn declared(field: &str) -> &str {
    match field {
        "productId" => "product",
        "gpuNum" => "gpus",
        "rootfsSize" => "diskGigabytes",
        "imageUrl" => "image",
        "envs" => "env",
        other => other,
    }
}

fn live(found: &Found, known: &Inputs) -> Live<Instance> {
    let seen = |there: &str, own: &str| if there.is_empty() { own.to_owned() } else { there.to_owned() };
    let inputs = Inputs {
        image: seen(&found.image, &known.image),
        product: seen(&found.product, &known.product),
        ..known.clone()
    };
    let outputs = Outputs { id: found.id.clone(), full_name: found.name.clone() };
    let state = State { id: found.id.clone(), inputs, outputs };
    // Its name is found by nobody but stack and resource that it is a mark of.
    Live { state, ownership: Ownership::Derived, changed_by: None }
}

impl Resource for Instance {
    const TOKEN: &'static str = "modelops:novita:Instance";
    const REPLACE: &'static [&'static str] =
        &["name", "image", "product", "gpus", "diskGigabytes", "ports", "command", "env", "spot"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        Identity::Tag(inputs.name.clone())
    }

    fn lanes(_: &Inputs) -> Vec<Lane> {
        lanes()
    }

    fn check(inputs: &mut Inputs, cx: &Offline<'_>, findings: &mut Findings) {
        if let Some(text) = &mut inputs.ports {
            match ports(&serde_json::Value::from(text.as_str())) {
                Ok(normal) => *text = normal,
                Err(why) => findings.refuse("ports", format!("`ports` cannot be sent: {why}"), "as `8888/http,22/tcp`"),
            }
        }
        // The mark takes sixteen letters of the name.
        if inputs.name.is_empty() || inputs.name.chars().count() > 239 {
            findings.refuse("name", "the name has to have 1 to 239 characters", "give it a shorter one");
        }
        if let Err(NovitaError::Limits(faults)) = spec(inputs, String::new()).check() {
            for fault in faults {
                let field = declared(fault.field);
                findings.refuse(field, format!("`{field}` {}", fault.why), "Novita takes no other");
            }
        }
        check_key(inputs.api_key.as_ref(), cx, findings);
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "it has no mark of this stack in its name",
            instead: "declare it, and delete the old one with `mops novita instance delete`",
        })
    }

    async fn read(cx: &Cx<'_>, id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let service = service(cx, known.api_key.as_ref()).await?;
        let found = match id {
            Some(id) => match service.instance(id).await {
                Ok(found) => Some(found).filter(|one| one.status != "removed"),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.into()),
            },
            None => service.named(&own_name(cx, &known.name)).await?,
        };
        Ok(found.map(|found| live(&found, known)))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let service = service(cx, inputs.api_key.as_ref()).await?;
        let name = own_name(cx, &inputs.name);
        let made = service.create_instance(&spec(inputs, name.clone())).await?;
        Ok(Made { id: made.id.clone(), outputs: Outputs { id: made.id, full_name: name } })
    }

    async fn update(_: &Cx<'_>, old: &State<Self>, _: &Inputs) -> Result<Made<Self>, Error> {
        // Neither the key of the API nor the login for the next image changes an instance that runs.
        Ok(Made { id: old.id.clone(), outputs: old.outputs.clone() })
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let service = service(cx, old.inputs.api_key.as_ref()).await?;
        match service.deed(&old.id, Deed::Delete).await {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) if error.class() == Class::Transient => Err(Error::from(error)
                .hint(format!("look with `mops novita instance get {}` whether it is still paid for", old.id))),
            other => Ok(other?),
        }
    }

    fn samples() -> Vec<Inputs> {
        let one = Inputs {
            name: "sample".into(),
            image: "sample.azurecr.io/trainer:1".into(),
            product: "sample-product".into(),
            gpus: 1,
            disk_gigabytes: 60,
            registry_auth_id: None,
            ports: Some("8888/http".into()),
            command: None,
            env: [("MODE".to_owned(), "train".to_owned())].into(),
            spot: false,
            api_key: None,
        };
        vec![one.clone(), Inputs { gpus: 2, ..one }]
    }
}
