//! Templates, as files and as the service keeps them; none may hold a login (V-04).

use mops_core::Secret;
use serde_json::Value as Json;

use super::error::NovitaError;
use super::limits::{Billing, Fault, InstanceSpec, Machine, Storage};
use super::ports::ports;

/// The registry login that a template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthRef {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

impl AuthRef {
    /// The id or name itself.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Name(text) => text,
        }
    }
}

/// A template.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// What it is called.
    pub name: String,
    /// Its image.
    pub image: String,
    /// The login for the image.
    pub image_auth: Option<AuthRef>,
    /// The rest of the request that it makes.
    pub spec: InstanceSpec,
    /// Members that mean nothing here.
    pub unused: Vec<String>,
}

/// Members that are read, or that say something about the template itself.
const KNOWN: [&str; 32] = [
    "id",
    "name",
    "description",
    "readme",
    "type",
    "channel",
    "logo",
    "startCommand",
    "minCudaVersion",
    "volumes",
    "image",
    "imageUrl",
    "imageAuth",
    "imageAuthId",
    "ports",
    "envs",
    "tools",
    "command",
    "clusterId",
    "networkStorages",
    "networkId",
    "month",
    "billingMode",
    "productId",
    "gpuNum",
    "rootfsSize",
    "kind",
    "user",
    "createTime",
    "updateTime",
    "stars",
    "isPublic",
];
/// Members that hold logins, wherever they stand.
const LOGINS: [&str; 4] = ["password", "username", "credentials", "imageAuthPassword"];

/// Reads a template.
///
/// # Errors
/// [`NovitaError::Limits`] for a login in it, and for what has not its form.
pub fn read(json: &Json) -> Result<Template, NovitaError> {
    let mut reading = Reading { json, faults: Vec::new() };
    let Json::Object(members) = json else { return reading.end(Template::default(), Some("is no object")) };
    let image = [reading.text("image"), reading.text("imageUrl")].into_iter().find(|t| !t.is_empty());
    let image = image.unwrap_or_default();
    reading.no_login(&image);
    let image_auth = reading.image_auth();
    let given = ports(&json["ports"]).map_err(|why| reading.fault("ports", &format!("cannot be sent: {why}")));
    let command = [reading.text("command"), reading.text("startCommand")].into_iter().find(|t| !t.is_empty());
    let spec = InstanceSpec {
        product_id: reading.text("productId"),
        gpu_num: reading.whole("gpuNum").unwrap_or(1),
        rootfs_size: reading.whole("rootfsSize").unwrap_or_default(),
        image_url: image.clone(),
        machine: reading.machine(),
        ports: given.unwrap_or_default(),
        envs: reading.envs(),
        command: command.unwrap_or_default(),
        cluster_id: reading.text("clusterId"),
        storages: reading.storages(),
        network_id: reading.text("networkId"),
        month: reading.whole("month"),
        billing: reading.billing(),
        ..InstanceSpec::default()
    };
    let unused = members.keys().filter(|name| !KNOWN.contains(&name.as_str())).cloned().collect();
    let name = reading.text("name");
    reading.end(Template { name, image, image_auth, spec, unused }, None)
}

struct Reading<'a> {
    json: &'a Json,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn fault(&mut self, field: &'static str, why: &str) {
        self.faults.push(Fault { field, why: why.to_owned() });
    }

    fn end(mut self, template: Template, wrong: Option<&str>) -> Result<Template, NovitaError> {
        if let Some(why) = wrong {
            self.fault("template", why);
        }
        if self.faults.is_empty() { Ok(template) } else { Err(NovitaError::Limits(self.faults)) }
    }

    /// A text, or a number that stands for one.
    fn text(&mut self, field: &'static str) -> String {
        match &self.json[field] {
            Json::Null => String::new(),
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => {
                self.fault(field, "is no text");
                String::new()
            }
        }
    }

    fn whole(&mut self, field: &'static str) -> Option<u64> {
        let value = &self.json[field];
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        if number.is_none() && !value.is_null() {
            self.fault(field, "is no whole number");
        }
        number
    }

    fn no_login(&mut self, image: &str) {
        if let Some(field) = LOGINS.into_iter().find(|name| !self.json[*name].is_null()) {
            self.fault(field, "does not belong into a template: name a registry login by `imageAuth`");
        }
        let host = image.split_once("://").map_or(image, |(_, rest)| rest);
        let authority = host.split('/').next().unwrap_or_default();
        if (authority.contains('@') && host.contains('/')) || image.contains('#') {
            self.fault("imageUrl", "has a login or a fragment in it");
        }
    }

    /// A login is named by id, or by `{name: …}`; a pair of user and password is refused and not repeated.
    fn image_auth(&mut self) -> Option<AuthRef> {
        const PAIR: &str =
            "looks like `USER:PASSWORD`, which is refused: name a registry login by its id, or by `{name: …}`";
        let auth = if self.json["imageAuth"].is_null() { &self.json["imageAuthId"] } else { &self.json["imageAuth"] };
        match auth {
            Json::Null => None,
            Json::String(text) if text.is_empty() => None,
            Json::String(text) if text.contains(':') => {
                self.fault("imageAuth", PAIR);
                None
            }
            Json::String(id) => Some(AuthRef::Id(id.clone())),
            Json::Object(members) => {
                match (members.get("name").and_then(Json::as_str), members.get("id").and_then(Json::as_str)) {
                    _ if members.keys().any(|key| key != "name" && key != "id") => {
                        self.fault(
                            "imageAuth",
                            "may have `name` or `id`, and nothing else: no login stands in a template",
                        );
                        None
                    }
                    (Some(name), None) => Some(AuthRef::Name(name.to_owned())),
                    (None, Some(id)) => Some(AuthRef::Id(id.to_owned())),
                    _ => {
                        self.fault("imageAuth", "needs either `name` or `id`");
                        None
                    }
                }
            }
            _ => {
                self.fault("imageAuth", "is neither an id nor `{name: …}`");
                None
            }
        }
    }

    fn machine(&mut self) -> Machine {
        match self.json["kind"].as_str() {
            None | Some("gpu") => Machine::Gpu,
            Some("cpu") => Machine::Cpu,
            Some(_) => {
                self.fault("kind", "is neither `gpu` nor `cpu`");
                Machine::Gpu
            }
        }
    }

    fn billing(&mut self) -> Option<Billing> {
        let all = [Billing::OnDemand, Billing::Monthly, Billing::Spot];
        let word = self.json["billingMode"].as_str()?;
        let found = all.into_iter().find(|billing| billing.word() == word);
        if found.is_none() {
            self.fault("billingMode", "is none of `onDemand`, `monthly`, `spot`");
        }
        found
    }

    /// `{key, value}` and `{name, value}` alike, and a map.
    fn envs(&mut self) -> Vec<(String, Secret<String>)> {
        let pairs: Option<Vec<(String, Json)>> = match &self.json["envs"] {
            Json::Null => return Vec::new(),
            Json::Object(map) => Some(map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
            Json::Array(items) => {
                let name = |item: &Json| item["key"].as_str().or_else(|| item["name"].as_str()).map(str::to_owned);
                items.iter().map(|item| Some((name(item)?, item["value"].clone()))).collect()
            }
            _ => None,
        };
        let value = |(name, value): (String, Json)| match value {
            Json::Null => Some((name, Secret::from(String::new()))),
            Json::String(text) => Some((name, Secret::from(text))),
            plain @ (Json::Bool(_) | Json::Number(_)) => Some((name, Secret::from(plain.to_string()))),
            _ => None,
        };
        let read: Option<Vec<_>> = pairs.and_then(|pairs| pairs.into_iter().map(value).collect());
        if read.is_none() {
            self.fault("envs", "needs `key` (or `name`) and `value` in every entry");
        }
        read.unwrap_or_default()
    }

    fn storages(&mut self) -> Vec<Storage> {
        let one = |item: &Json| {
            let id = item["Id"].as_str().or_else(|| item["id"].as_str())?;
            Some(Storage { id: id.to_owned(), mount_point: item["mountPoint"].as_str()?.to_owned() })
        };
        let read = match &self.json["networkStorages"] {
            Json::Null => Some(Vec::new()),
            Json::Array(items) => items.iter().map(one).collect(),
            _ => None,
        };
        if read.is_none() {
            self.fault("networkStorages", "needs `Id` and `mountPoint` in every entry");
        }
        read.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(json: &Json) -> String {
        read(json).unwrap_err().to_string()
    }

    #[test]
    fn the_templates_of_the_guide_and_of_the_service_are_read() {
        let guide = json!({
            "id": "custom-template", "name": "Private PyTorch Environment", "imageUrl": "registry.company.com/ai/pytorch:latest",
            "imageAuth": "registry_auth_123",
            "ports": [{"port": 8888, "type": "http", "name": "jupyter"}, {"port": 22, "type": "tcp", "name": "ssh"}],
            "envs": [{"name": "JUPYTER_TOKEN", "value": "secure_token"}]
        });
        let read_guide = read(&guide).unwrap();
        assert_eq!(read_guide.image_auth, Some(AuthRef::Id("registry_auth_123".into())));
        assert_eq!(
            (read_guide.spec.ports.as_str(), read_guide.spec.envs[0].0.as_str()),
            ("8888/http,22/tcp", "JUPYTER_TOKEN")
        );
        assert!(read_guide.unused.is_empty());
        let kept = json!({
            "image": "reg.io/a:1", "imageAuth": "cra-1", "ports": [{"type": "http", "ports": [8888]}],
            "envs": [{"key": "A", "value": "b"}], "surprise": 1
        });
        let kept = read(&kept).unwrap();
        assert_eq!(
            (kept.image.as_str(), kept.spec.envs[0].0.as_str(), kept.unused),
            ("reg.io/a:1", "A", vec!["surprise".to_owned()])
        );
        let named = read(&json!({"image": "a", "imageAuth": {"name": "reg.io"}})).unwrap();
        assert_eq!(named.image_auth, Some(AuthRef::Name("reg.io".into())));
    }

    #[test]
    fn v_04_a_login_in_a_template_is_refused_and_not_repeated() {
        for json in [
            json!({"image": "a", "imageAuth": "user:canary"}),
            json!({"image": "a", "imageAuth": {"username": "u", "password": "canary"}}),
            json!({"image": "a", "imageAuth": {"name": "n", "password": "canary"}}),
            json!({"image": "a", "password": "canary"}),
            json!({"image": "user:canary@reg.io/a:1"}),
            json!({"image": "https://user:canary@reg.io/a:1"}),
            json!({"image": "reg.io/a:1#canary"}),
        ] {
            let said = fault(&json);
            assert!(!said.contains("canary") && !said.is_empty(), "{said}");
        }
        assert!(read(&json!({"image": "reg.io/a@sha256:00", "imageAuth": "plain-id"})).is_ok());
    }

    #[test]
    fn v_07_what_has_not_its_form_has_its_field() {
        for (json, field) in [
            (json!({"image": "a", "gpuNum": "two"}), "gpuNum"),
            (json!({"image": "a", "kind": "tpu"}), "kind"),
            (json!({"image": "a", "billingMode": "free"}), "billingMode"),
            (json!({"image": "a", "envs": [{"value": "x"}]}), "envs"),
            (json!({"image": "a", "ports": "22"}), "ports"),
            (json!({"image": "a", "networkStorages": [{"Id": "x"}]}), "networkStorages"),
            (json!([]), "template"),
        ] {
            assert!(fault(&json).starts_with(&format!("`{field}`")), "{}", fault(&json));
        }
    }
}
