//! What a container is made from. Its settings stand in labels, each value of a variable as a hash, so that a later run can
//! say which of them differ (`tests`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use mops_core::Secret;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::gpu::Gpus;
use crate::name::hex;
use crate::ports::Port;

/// Labels of our containers.
pub mod label {
    /// On every one of them.
    pub const OURS: &str = "modelops.io/env";
    /// The folder of the project.
    pub const FOLDER: &str = "modelops.io/env.folder";
    /// The hash of the settings.
    pub const HASH: &str = "modelops.io/env.hash";
    /// The settings, as JSON.
    pub const SETTINGS: &str = "modelops.io/env.settings";
    /// The GPUs that it was given.
    pub const GPUS: &str = "modelops.io/env.gpus";
}

/// Where the home folder of a mapped user is.
pub const HOME: &str = "/home/mops";
/// The vendor's name for devices, with which Podman hands out GPUs.
const CDI: &str = "nvidia.com/gpu";
/// Keeps a container up and ends at once when it is stopped.
const WAIT: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

/// The settings of a container.
#[derive(Debug)]
pub struct Settings {
    /// The image, with its registry.
    pub image: String,
    /// The folder of the project.
    pub folder: PathBuf,
    /// Where that is inside.
    pub mount_at: String,
    /// Ways in.
    pub ports: Vec<Port>,
    /// GPUs.
    pub gpus: Gpus,
    /// Variables.
    pub env: Vec<(String, Secret<String>)>,
    /// Limit of memory, bytes.
    pub memory: Option<u64>,
    /// Limit of processors, in billionths.
    pub nano_cpus: Option<u64>,
    /// Shared memory, bytes.
    pub shm: u64,
    /// User and group that processes run as; else as the image says.
    pub user: Option<(u32, u32)>,
    /// The folder that is that user's home.
    pub home: PathBuf,
    /// When the engine starts it again by itself.
    pub restart: Restart,
}

/// When the engine starts a container again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    No,
    /// Always.
    Always,
    /// Unless it was stopped.
    UnlessStopped,
    /// After a failure.
    OnFailure,
}

impl Restart {
    /// The engine's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
            Self::OnFailure => "on-failure",
        }
    }
}

/// What is peculiar to an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// Podman, which gives GPUs as devices by name.
    pub podman: bool,
    /// It runs as the user, who is root inside.
    pub rootless: bool,
    /// It may not raise limits, as one without root may not.
    pub no_limits: bool,
}

/// A setting that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub name: String,
    /// As the container has it.
    pub was: String,
    /// As it is asked for.
    pub wanted: String,
}

impl Settings {
    /// Every setting by its name.
    fn named(&self) -> BTreeMap<String, String> {
        let list = |ports: &[Port]| {
            let mut ports: Vec<String> = ports.iter().map(Port::to_string).collect();
            ports.sort();
            ports.join(",")
        };
        let number = |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let plain = [
            ("image", self.image.clone()),
            ("folder", self.folder.display().to_string()),
            ("mount-at", self.mount_at.clone()),
            ("port", list(&self.ports)),
            ("gpu", self.gpus.to_string()),
            ("memory", number(self.memory)),
            ("cpus", number(self.nano_cpus)),
            ("shm-size", self.shm.to_string()),
            ("user", self.user.map_or_else(|| "of the image".to_owned(), |(user, group)| format!("{user}:{group}"))),
            ("restart", self.restart.word().to_owned()),
        ];
        let hidden = |value: &Secret<String>| hex(&Sha256::digest(value.expose()))[..12].to_owned();
        let env = self.env.iter().map(|(name, value)| (format!("env {name}"), hidden(value)));
        plain.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(env).collect()
    }

    /// The hash of all of them.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(text(&self.named())))
    }

    /// What a container, by its labels, has otherwise. One without readable settings differs as a whole.
    #[must_use]
    pub fn differences(&self, labels: &BTreeMap<String, String>) -> Vec<Difference> {
        if labels.get(label::HASH) == Some(&self.hash()) {
            return Vec::new();
        }
        let (was, wanted) = (had(labels), self.named());
        let names: std::collections::BTreeSet<&String> = was.keys().chain(wanted.keys()).collect();
        let value =
            |of: &BTreeMap<String, String>, name: &str| of.get(name).cloned().unwrap_or_else(|| "none".to_owned());
        let one =
            |name: &String| Difference { name: name.clone(), was: value(&was, name), wanted: value(&wanted, name) };
        names.into_iter().map(one).filter(|difference| difference.was != difference.wanted).collect()
    }

    fn labels(&self) -> Json {
        json!({
            label::OURS: "1",
            label::FOLDER: self.folder.display().to_string(),
            label::HASH: self.hash(),
            label::SETTINGS: text(&self.named()),
            label::GPUS: self.gpus.to_string(),
        })
    }

    /// The body of the request that makes it.
    pub(crate) fn body(&self, kind: Kind) -> Json {
        let mut env: Vec<String> = self.env.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
        let mut mounts = vec![json!({"Type": "bind", "Source": self.folder, "Target": self.mount_at})];
        let mut body = json!({
            "Image": self.image,
            "Entrypoint": ["/bin/sh", "-c", WAIT],
            "Cmd": [],
            "WorkingDir": self.mount_at,
            "Labels": self.labels(),
        });
        if let Some((user, group)) = self.user {
            mounts.push(json!({"Type": "bind", "Source": self.home, "Target": HOME}));
            if !env.iter().any(|pair| pair.starts_with("HOME=")) {
                env.push(format!("HOME={HOME}"));
            }
            // Docker without root: the caller is root inside, and nobody else has the caller's files.
            if !kind.rootless || kind.podman {
                body["User"] = json!(format!("{user}:{group}"));
            }
        }
        body["Env"] = json!(env);
        let open = self.ports.iter().map(|port| (format!("{}/tcp", port.container), json!({})));
        body["ExposedPorts"] = Json::Object(open.collect());
        body["HostConfig"] = self.host(kind, mounts);
        body
    }

    fn host(&self, kind: Kind, mounts: Vec<Json>) -> Json {
        let mut bindings: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for port in &self.ports {
            let way = json!({"HostIp": port.host.ip().to_string(), "HostPort": port.host.port().to_string()});
            bindings.entry(format!("{}/tcp", port.container)).or_default().push(way);
        }
        let mut host = json!({
            "Mounts": mounts,
            "PortBindings": bindings,
            "RestartPolicy": {"Name": self.restart.word()},
            "ShmSize": self.shm,
        });
        if !kind.no_limits {
            host["Ulimits"] = json!([
                {"Name": "memlock", "Soft": -1, "Hard": -1},
                {"Name": "stack", "Soft": 67_108_864, "Hard": 67_108_864},
            ]);
        }
        let limits = [("Memory", self.memory), ("NanoCpus", self.nano_cpus)];
        limits
            .into_iter()
            .filter_map(|(name, limit)| Some((name, limit?)))
            .for_each(|(name, limit)| host[name] = json!(limit));
        if kind.podman && kind.rootless && self.user.is_some() {
            host["UsernsMode"] = json!("keep-id");
        }
        self.gpus_of(kind, &mut host);
        host
    }

    fn gpus_of(&self, kind: Kind, host: &mut Json) {
        let these: Vec<String> = match &self.gpus {
            Gpus::None => return,
            Gpus::All => vec!["all".to_owned()],
            Gpus::These(ids) => ids.clone(),
        };
        if kind.podman {
            let device = |id: &String| json!({"PathOnHost": format!("{CDI}={id}"), "PathInContainer": "", "CgroupPermissions": ""});
            host["Devices"] = these.iter().map(device).collect();
            return;
        }
        let mut request = json!({"Driver": "", "Capabilities": [["gpu"]]});
        match &self.gpus {
            Gpus::These(ids) => request["DeviceIDs"] = json!(ids),
            _ => request["Count"] = json!(-1),
        }
        host["DeviceRequests"] = json!([request]);
    }
}

/// The ways in that a container was given, by its labels.
#[must_use]
pub fn ports(labels: &BTreeMap<String, String>) -> Vec<Port> {
    let ports = had(labels).get("port").cloned().unwrap_or_default();
    ports.split(',').filter_map(|port| Port::parse(port).ok()).collect()
}

/// The settings that a container was made with, by its labels.
fn had(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels.get(label::SETTINGS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn text(settings: &BTreeMap<String, String>) -> String {
    json!(settings).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            image: "nvcr.io/acme/model:1".into(),
            folder: "/home/a/model".into(),
            mount_at: "/workspace".into(),
            ports: vec![Port::parse("8888:80").unwrap()],
            gpus: Gpus::All,
            env: vec![("TOKEN".into(), Secret::from("canary"))],
            memory: None,
            nano_cpus: None,
            shm: 16 << 30,
            user: Some((1000, 1000)),
            home: "/home/a/model/.mops/home".into(),
            restart: Restart::UnlessStopped,
        }
    }

    fn labels(of: &Settings) -> BTreeMap<String, String> {
        serde_json::from_value(of.labels()).unwrap()
    }

    #[test]
    fn what_differs_is_named_and_no_value_of_a_variable_is_shown() {
        let (old, mut new) = (settings(), settings());
        assert_eq!(new.differences(&labels(&old)), []);
        new.image = "nvcr.io/acme/model:2".into();
        new.env = vec![("TOKEN".into(), Secret::from("canary-2")), ("MORE".into(), Secret::from("canary"))];
        let found = new.differences(&labels(&old));
        let names: Vec<&str> = found.iter().map(|difference| difference.name.as_str()).collect();
        assert_eq!(names, ["env MORE", "env TOKEN", "image"]);
        assert!(!format!("{found:?} {:?} {old:?}", labels(&old)).contains("canary"));
        assert!(!new.differences(&BTreeMap::new()).is_empty(), "a container of somebody else");
    }

    #[test]
    fn gpus_are_asked_for_in_the_way_of_the_engine() {
        let mut these = settings();
        these.gpus = Gpus::These(vec!["0".into(), "1".into()]);
        let docker = these.body(Kind::default());
        assert_eq!(docker["HostConfig"]["DeviceRequests"][0]["DeviceIDs"], json!(["0", "1"]));
        let podman = these.body(Kind { podman: true, ..Kind::default() });
        assert_eq!(podman["HostConfig"]["Devices"][1]["PathOnHost"], "nvidia.com/gpu=1");
        assert_eq!(settings().body(Kind::default())["HostConfig"]["DeviceRequests"][0]["Count"], -1);
        these.gpus = Gpus::None;
        assert_eq!(these.body(Kind::default())["HostConfig"]["DeviceRequests"], Json::Null);
    }

    #[test]
    fn processes_run_as_the_caller_with_a_home_of_their_own() {
        let body = settings().body(Kind::default());
        assert_eq!((&body["User"], &body["Env"]), (&json!("1000:1000"), &json!(["TOKEN=canary", "HOME=/home/mops"])));
        assert_eq!(body["HostConfig"]["Mounts"][1]["Target"], HOME);
        let rootless = settings().body(Kind { rootless: true, ..Kind::default() });
        assert!(rootless["HostConfig"]["Ulimits"].is_array());
        let bound = settings().body(Kind { no_limits: true, ..Kind::default() });
        assert_eq!(bound["HostConfig"]["Ulimits"], Json::Null);
        assert_eq!(rootless["User"], Json::Null, "root inside is the caller outside");
        let podman = settings().body(Kind { podman: true, rootless: true, ..Kind::default() });
        assert_eq!((&podman["User"], &podman["HostConfig"]["UsernsMode"]), (&json!("1000:1000"), &json!("keep-id")));
        let mut image = settings();
        image.user = None;
        assert_eq!(ports(&labels(&image)), image.ports);
        let body = image.body(Kind::default());
        assert_eq!((&body["User"], body["HostConfig"]["Mounts"].as_array().map(Vec::len)), (&Json::Null, Some(1)));
    }
}
