//! `mops ngc fix`: one key of NGC into both secrets of the servers in a namespace, the links that lead to them, and pods
//! that have read them. A plan is made of what is there, shown by hashes, and carried out without a moment in which a
//! secret is gone; what fails for the key's sake is taken back (`tests/ngc_fix.rs`, N-01, N-02, N-12, N-15).

mod carry;
mod health;
pub mod mock;
mod objects;
mod servers;
mod text;
mod watch;

use std::time::Duration;

use mops_core::{Class, Error, Nonce, Secret};
use mops_host::random;
use schemars::JsonSchema;
use serde::Serialize;

pub use carry::{End, Outcome};
pub use watch::{Served, Serving};

use super::edit::Edit;
use super::restart_mark;
use crate::cluster::{Cluster, Trouble};
use crate::observed::{Object, code};
use crate::request::Services;

/// What is to be there in the end.
pub struct Wanted {
    /// The servers; none for all of the namespace that have to do with NGC.
    pub deployments: Vec<String>,
    /// The key.
    pub key: Secret<String>,
    /// The name of the pull secret.
    pub pull_secret: String,
    /// The name of the secret with the environment.
    pub env_secret: String,
    /// Whether pods may be made again.
    pub restart: bool,
    /// Whether a ready pod may go before its successor is there.
    pub allow_downtime: bool,
    /// Longest wait for the servers.
    pub wait: Duration,
}

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Nothing: it is as it should be.
    None,
    /// A secret is made.
    Create,
    /// A secret gets the key.
    Update,
    /// A secret of the wrong type is made again.
    Recreate,
    /// A server gets its links, and its pods are made again.
    Link,
    /// The pods of a server are made again.
    Restart,
    /// A rollout that was begun is brought to its end.
    Finish,
    /// Pods that have not started are deleted.
    Renew,
    /// Nothing, although something is wrong; the reason says why.
    Left,
}

impl Deed {
    /// The word used in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Create => "create",
            Self::Update => "update",
            Self::Recreate => "recreate",
            Self::Link => "link and restart",
            Self::Restart => "restart",
            Self::Finish => "finish its rollout",
            Self::Renew => "delete pods that have not started",
            Self::Left => "left alone",
        }
    }

    const fn writes(self) -> bool {
        !matches!(self, Self::None | Self::Left)
    }
}

/// A field by hashes under the nonce of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Field {
    /// Where.
    pub field: String,
    /// Beginning of the hash of what stands there; empty for nothing.
    pub before: String,
    /// The same of what will stand there.
    pub after: String,
}

/// An object of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Item {
    /// Which one.
    pub object: Object,
    /// What becomes of it.
    pub deed: Deed,
    /// Its fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// A few words on that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// An object, and how it is changed.
struct Part {
    item: Item,
    edit: Option<Edit>,
    /// Whether somebody has to agree beyond `--apply`.
    consent: bool,
    /// Pods that were ready before.
    ready: Vec<String>,
}

impl Part {
    fn new(object: Object, (deed, edit): (Deed, Option<Edit>), nonce: &Nonce, why: &str) -> Self {
        let changes = edit.iter().flat_map(|edit| edit.changes(("", ""), nonce));
        let field = |change: super::Change| Field { field: change.field, before: change.before, after: change.after };
        let item = Item { object, deed, fields: changes.map(field).collect(), why: why.to_owned() };
        Self { item, edit, consent: false, ready: Vec::new() }
    }

    fn left(object: Object, why: String) -> Self {
        let item = Item { object, deed: Deed::Left, fields: Vec::new(), why };
        Self { item, edit: None, consent: false, ready: Vec::new() }
    }
}

/// A plan with what it was made for.
pub struct NgcFix {
    cluster: Cluster,
    wanted: Wanted,
    secrets: Vec<Part>,
    servers: Vec<Part>,
    images: Vec<String>,
    /// Whether some server was up with the old values.
    worked: bool,
}

impl NgcFix {
    /// Plans. Writes nothing.
    ///
    /// # Errors
    /// When the cluster gives no answer to go by, or a server that is named is not there.
    pub async fn plan(namespace: &str, wanted: Wanted, services: &Services) -> Result<Self, Error> {
        let cluster = Cluster::new(services.kube.clone(), namespace);
        let (nonce, moment) = (Nonce::new(random::bytes()), restart_mark(services.clock.now()));
        cluster.namespace().await.map_err(|trouble| failed(&format!("namespace `{namespace}`"), &trouble))?;
        let deployments = servers::chosen(&cluster, &wanted).await?;
        let read = |trouble| failed("the secrets of NGC", &trouble);
        let pull = objects::pull_secret(&cluster, &wanted).await.map_err(read)?;
        let env = objects::env_secret(&cluster, &wanted).await.map_err(read)?;
        let ground = servers::Ground { cluster: &cluster, wanted: &wanted, pull: &pull, env: &env, moment: &moment };
        let mut planned = Vec::new();
        for deployment in &deployments {
            planned.push(ground.part(deployment, &nonce).await.map_err(|trouble| failed("the pods", &trouble))?);
        }
        let worked = deployments.iter().any(|d| d["status"]["readyReplicas"].as_i64().unwrap_or(0) > 0);
        let images = servers::images(&deployments);
        let secrets = vec![pull.part(namespace, &nonce), env.part(namespace, &nonce)];
        Ok(Self { cluster, wanted, secrets, servers: planned, images, worked })
    }

    /// What it changes, object by object.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.parts().map(|part| &part.item)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.secrets.iter().chain(&self.servers)
    }

    /// How many objects are changed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.items().filter(|item| item.deed.writes()).count()
    }

    /// What somebody else has to change.
    #[must_use]
    pub fn left(&self) -> usize {
        self.items().filter(|item| item.deed == Deed::Left).count()
    }

    /// What somebody has to agree to beyond the plan as a whole.
    #[must_use]
    pub fn consent(&self) -> Vec<String> {
        let asks = self.parts().filter(|part| part.consent);
        asks.map(|part| format!("{} {}: {}", part.item.object.kind, part.item.object.name, part.item.why)).collect()
    }

    /// NGC's images of the servers, each once.
    #[must_use]
    pub fn images(&self) -> &[String] {
        &self.images
    }

    /// Carries it out, waits for the servers and looks at them.
    pub async fn carry_out(self, services: &Services) -> Outcome {
        carry::carry_out(self, services).await
    }

    /// The plan as lines of a screen.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        text::plan(self.items(), width)
    }
}

/// Why the cluster gave no answer to go by.
fn failed(what: &str, trouble: &Trouble) -> Error {
    let class = match trouble.code {
        code::FORBIDDEN | code::UNAUTHORIZED => Class::Auth,
        code::NOT_FOUND => Class::NotFound,
        _ => Class::Transient,
    };
    Error::new(class, format!("{what} cannot be read: {}", trouble.detail)).hint("nothing was changed")
}
