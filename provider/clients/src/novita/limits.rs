//! What a request may hold, known before it is sent: every value out of its limits is named by its field (V-07).

use std::fmt;

use mops_core::Secret;
use serde_json::{Map, Value as Json, json};

use super::error::NovitaError;

/// A value out of its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its field, as the API names it.
    pub field: &'static str,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.why)
    }
}

/// What an instance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Machine {
    /// With GPUs.
    #[default]
    Gpu,
    /// Without.
    Cpu,
}

/// How an instance is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// By the time that it runs.
    OnDemand,
    /// By the month.
    Monthly,
    /// Cheaper, and taken away when somebody pays more.
    Spot,
}

impl Billing {
    /// The API's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OnDemand => "onDemand",
            Self::Monthly => "monthly",
            Self::Spot => "spot",
        }
    }
}

/// The login with which an instance gets its image.
#[derive(Clone, Debug, Default)]
pub enum ImageAuth {
    /// Anybody gets it.
    #[default]
    None,
    /// By the id of a login that the service keeps.
    Id(String),
    /// `USER:PASSWORD`, sent in the request.
    Inline(Secret<String>),
}

/// A storage of the network in an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its id.
    pub id: String,
    /// Where it is seen.
    pub mount_point: String,
}

/// An instance that is to be created.
#[derive(Clone, Debug, Default)]
pub struct InstanceSpec {
    /// Product of the service's list.
    pub product_id: String,
    /// GPUs.
    pub gpu_num: u64,
    /// Gigabytes of its disk.
    pub rootfs_size: u64,
    /// Image.
    pub image_url: String,
    /// With GPUs or without.
    pub machine: Machine,
    /// Name; its own, so that a lost answer can be made up for.
    pub name: String,
    /// The login for the image.
    pub image_auth: ImageAuth,
    /// As [`super::ports`] gives them.
    pub ports: String,
    /// Variables; the values may be secret.
    pub envs: Vec<(String, Secret<String>)>,
    /// Command.
    pub command: String,
    /// Cluster.
    pub cluster_id: String,
    /// Storages of the network.
    pub storages: Vec<Storage>,
    /// Network.
    pub network_id: String,
    /// Months, when it is paid for by them.
    pub month: Option<u64>,
    /// How it is paid for.
    pub billing: Option<Billing>,
}

struct Faults(Vec<Fault>);

impl Faults {
    fn whole(&mut self, field: &'static str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            let why = format!("is {value}, and has to be from {least} to {most}");
            self.0.push(Fault { field, why });
        }
    }

    /// Characters, not bytes: the service does not say which, and letters of no alphabet stand in few of these fields.
    fn text(&mut self, field: &'static str, value: &str, least: usize, most: usize) {
        let length = value.chars().count();
        if length == 0 && least > 0 {
            self.0.push(Fault { field, why: "is not given".to_owned() });
        } else if length > most {
            self.0.push(Fault { field, why: format!("has {length} characters, and may have {most}") });
        }
    }

    fn many(&mut self, field: &'static str, length: usize, most: usize) {
        if length > most {
            self.0.push(Fault { field, why: format!("has {length} entries, and may have {most}") });
        }
    }

    fn end(self) -> Result<(), NovitaError> {
        if self.0.is_empty() { Ok(()) } else { Err(NovitaError::Limits(self.0)) }
    }
}

/// A registry login before it is sent.
pub(super) fn auth(name: &str, username: &str, password: &Secret<String>) -> Result<(), NovitaError> {
    let mut faults = Faults(Vec::new());
    faults.text("name", name, 1, 500);
    faults.text("username", username, 1, 500);
    // Of a password that is too long only that is said.
    match password.expose().chars().count() {
        0 => faults.0.push(Fault { field: "password", why: "is not given".to_owned() }),
        1..=500 => {}
        _ => faults.0.push(Fault { field: "password", why: "has more than 500 characters".to_owned() }),
    }
    faults.end()
}

impl InstanceSpec {
    /// Whether every value is within its limits.
    ///
    /// # Errors
    /// [`NovitaError::Limits`], every fault with its field.
    pub fn check(&self) -> Result<(), NovitaError> {
        let mut faults = Faults(Vec::new());
        faults.text("productId", &self.product_id, 1, 255);
        faults.whole("gpuNum", self.gpu_num, 1, 8);
        faults.whole("rootfsSize", self.rootfs_size, 10, 6144);
        faults.text("imageUrl", &self.image_url, 1, 500);
        faults.text("name", &self.name, 0, 255);
        faults.text("command", &self.command, 0, 2047);
        faults.many("envs", self.envs.len(), 100);
        faults.many("networkStorages", self.storages.len(), 30);
        if self.envs.iter().any(|(name, _)| name.is_empty() || name.contains(['=', '\0'])) {
            faults.0.push(Fault { field: "envs", why: "has an entry whose name no variable can have".to_owned() });
        }
        if self.storages.iter().any(|one| one.id.is_empty() || !one.mount_point.starts_with('/')) {
            let why = "needs an `Id` and a `mountPoint` that begins with `/` in every entry".to_owned();
            faults.0.push(Fault { field: "networkStorages", why });
        }
        if let Some(month) = self.month {
            faults.whole("month", month, 1, 120);
        }
        if self.billing == Some(Billing::Monthly) && self.month.is_none() {
            faults.0.push(Fault { field: "month", why: "is not given, and `billingMode` is monthly".to_owned() });
        }
        faults.end()
    }

    /// What is sent. Holds secrets.
    pub(super) fn body(&self) -> Json {
        let machine = match self.machine {
            Machine::Gpu => "gpu",
            Machine::Cpu => "cpu",
        };
        let mut body = Map::from_iter([
            ("productId".to_owned(), json!(self.product_id)),
            ("gpuNum".to_owned(), json!(self.gpu_num)),
            ("rootfsSize".to_owned(), json!(self.rootfs_size)),
            ("imageUrl".to_owned(), json!(self.image_url)),
            ("kind".to_owned(), json!(machine)),
        ]);
        let texts = [
            ("name", &self.name),
            ("ports", &self.ports),
            ("command", &self.command),
            ("clusterId", &self.cluster_id),
            ("networkId", &self.network_id),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            body.insert(name.to_owned(), json!(text));
        }
        match &self.image_auth {
            ImageAuth::None => {}
            ImageAuth::Id(id) => drop(body.insert("imageAuthId".to_owned(), json!(id))),
            ImageAuth::Inline(pair) => drop(body.insert("imageAuth".to_owned(), json!(pair.expose()))),
        }
        if !self.envs.is_empty() {
            let env = |(name, value): &(String, Secret<String>)| json!({"key": name, "value": value.expose()});
            body.insert("envs".to_owned(), self.envs.iter().map(env).collect());
        }
        if !self.storages.is_empty() {
            let one = |s: &Storage| json!({"Id": s.id, "mountPoint": s.mount_point});
            body.insert("networkStorages".to_owned(), self.storages.iter().map(one).collect());
        }
        body.extend(self.month.map(|month| ("month".to_owned(), json!(month))));
        body.extend(self.billing.map(|billing| ("billingMode".to_owned(), json!(billing.word()))));
        Json::Object(body)
    }

    /// What of it is shown to nobody.
    pub(super) fn secrets(&self) -> Vec<&Secret<String>> {
        let inline = match &self.image_auth {
            ImageAuth::Inline(pair) => Some(pair),
            ImageAuth::None | ImageAuth::Id(_) => None,
        };
        // A value of few letters stands in many words by chance.
        let told = |value: &&Secret<String>| value.expose().len() >= 6;
        self.envs.iter().map(|(_, value)| value).filter(told).chain(inline).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> InstanceSpec {
        InstanceSpec {
            product_id: "4090".into(),
            gpu_num: 1,
            rootfs_size: 60,
            image_url: "reg.io/a:1".into(),
            ..InstanceSpec::default()
        }
    }

    fn faults(spec: &InstanceSpec) -> Vec<&'static str> {
        match spec.check() {
            Ok(()) => Vec::new(),
            Err(NovitaError::Limits(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn v_07_every_limit_has_its_field_on_both_sides() {
        assert_eq!(faults(&good()), Vec::<&str>::new());
        assert_eq!(faults(&InstanceSpec::default()), ["productId", "gpuNum", "rootfsSize", "imageUrl"]);
        let env = |n: usize| (0..n).map(|i| (format!("V{i}"), Secret::from("x"))).collect::<Vec<_>>();
        let storage = |n: usize| vec![Storage { id: "s".into(), mount_point: "/m".into() }; n];
        let rows = [
            (InstanceSpec { gpu_num: 8, ..good() }, InstanceSpec { gpu_num: 9, ..good() }, "gpuNum"),
            (InstanceSpec { rootfs_size: 10, ..good() }, InstanceSpec { rootfs_size: 9, ..good() }, "rootfsSize"),
            (InstanceSpec { rootfs_size: 6144, ..good() }, InstanceSpec { rootfs_size: 6145, ..good() }, "rootfsSize"),
            (
                InstanceSpec { name: "n".repeat(255), ..good() },
                InstanceSpec { name: "n".repeat(256), ..good() },
                "name",
            ),
            (
                InstanceSpec { image_url: "i".repeat(500), ..good() },
                InstanceSpec { image_url: "i".repeat(501), ..good() },
                "imageUrl",
            ),
            (
                InstanceSpec { command: "c".repeat(2047), ..good() },
                InstanceSpec { command: "c".repeat(2048), ..good() },
                "command",
            ),
            (InstanceSpec { envs: env(100), ..good() }, InstanceSpec { envs: env(101), ..good() }, "envs"),
            (
                InstanceSpec { storages: storage(30), ..good() },
                InstanceSpec { storages: storage(31), ..good() },
                "networkStorages",
            ),
            (
                InstanceSpec { billing: Some(Billing::Monthly), month: Some(1), ..good() },
                InstanceSpec { billing: Some(Billing::Monthly), ..good() },
                "month",
            ),
        ];
        for (within, beyond, field) in rows {
            assert_eq!((faults(&within), faults(&beyond)), (Vec::new(), vec![field]));
        }
    }

    #[test]
    fn v_07_a_login_has_its_limits_too() {
        let long = "x".repeat(501);
        for (name, user, password, field) in [
            ("", "u", "p", "name"),
            ("n", "", "p", "username"),
            ("n", "u", "", "password"),
            (&long, "u", "p", "name"),
            ("n", "u", &long, "password"),
        ] {
            let error = auth(name, user, &Secret::from(password)).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{field}`")), "{error}");
        }
        assert!(auth(&long[1..], &long[1..], &Secret::from(&long[1..])).is_ok());
    }

    #[test]
    fn v_06_v_07_only_one_way_to_sign_in_is_sent_and_variables_as_key_and_value() {
        let with = |image_auth| InstanceSpec { image_auth, ..good() }.body();
        let id = with(ImageAuth::Id("cra-1".into()));
        assert_eq!((id["imageAuthId"].as_str(), &id["imageAuth"]), (Some("cra-1"), &Json::Null));
        let inline = with(ImageAuth::Inline(Secret::from("u:p")));
        assert_eq!((inline["imageAuth"].as_str(), &inline["imageAuthId"]), (Some("u:p"), &Json::Null));
        let none = with(ImageAuth::None);
        assert!(none.get("imageAuth").is_none() && none.get("imageAuthId").is_none());
        let spec = InstanceSpec { envs: vec![("A".into(), Secret::from("b"))], ..good() };
        assert_eq!(spec.body()["envs"], json!([{"key": "A", "value": "b"}]));
    }
}
