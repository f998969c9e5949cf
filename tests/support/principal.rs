//! Applications of the directory that somebody else has made, each with one secret at first.

use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;

use crate::arm::store::State;

/// An application and its principal.
#[derive(Debug, Deserialize)]
pub struct Principal {
    /// The application's id.
    pub client_id: String,
    /// The id that rights are given to.
    pub object_id: String,
    /// Its first secret.
    pub client_secret: String,
    /// Whether that has run out.
    #[serde(default)]
    pub expired: bool,
    /// Whether the first one is gone.
    #[serde(skip)]
    pub without_first: bool,
    /// Those that were added.
    #[serde(skip)]
    pub added: Vec<Added>,
}

/// The id of the first one.
pub const FIRST: &str = "first-key";

/// A secret that was added to an application.
#[derive(Debug)]
pub struct Added {
    /// Its id.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// The secret.
    pub secret: String,
    /// Until when.
    pub ends: String,
    /// Sign-ins that do not know it yet: the directory is several machines.
    pub unknown_to: AtomicU32,
}

/// Why somebody may not sign in as an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The directory has no such application.
    Unknown,
    /// It has another secret.
    WrongSecret,
    /// Its secret has run out.
    SecretExpired,
}

/// An application that somebody else has made, as a stack file and a job know it.
pub mod puller {
    use serde_json::json;

    use crate::job::{Job, example};

    /// Its id.
    pub const CLIENT: &str = "00000000-0000-0000-0000-0000000000c1";
    const OBJECT: &str = "00000000-0000-0000-0000-0000000000d1";
    /// Where its secret is.
    pub const VARIABLE: &str = "PULLER_SECRET";
    /// Its secret.
    pub const SECRET: &str = "puller-secret-canary-0123456789";

    /// The example of everything, whose pods pull as that application.
    ///
    /// # Panics
    /// When the example has no place for it any more.
    #[must_use]
    pub fn stack() -> String {
        let secret = format!("{{from_env: {VARIABLE}}}");
        let principal = format!("{{client_id: {CLIENT}, object_id: {OBJECT}, client_secret: {secret}}}");
        let sku = "  sku: Basic\n";
        let text = example("unified-infra/unified-infra.yaml");
        let text = text.replace(sku, &format!("{sku}  auth: {{service_principal: {principal}}}\n"));
        assert!(text.contains(CLIENT));
        text
    }

    /// The directory has the application, with this secret.
    ///
    /// # Panics
    /// When the cloud does not answer.
    pub fn register(job: &Job, secret: &str, expired: bool) {
        let principal = json!({"client_id": CLIENT, "object_id": OBJECT, "client_secret": secret, "expired": expired});
        job.tell("POST", "/principals", &principal);
    }

    /// The directory has it, and the environment of the job its secret.
    ///
    /// # Panics
    /// When the cloud does not answer.
    pub fn introduce(job: &mut Job) {
        job.place.set(VARIABLE, SECRET);
        register(job, SECRET, false);
    }
}

impl Principal {
    /// One with an id, that of its principal, and a secret, which may have run out.
    #[must_use]
    pub fn new([client, object, secret]: [&str; 3], expired: bool) -> Self {
        Self {
            client_id: client.into(),
            object_id: object.into(),
            client_secret: secret.into(),
            expired,
            without_first: false,
            added: Vec::new(),
        }
    }

    /// The ids of the secrets that it has.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        let first = (!self.without_first).then_some(FIRST);
        first.into_iter().chain(self.added.iter().map(|one| one.key.as_str())).collect()
    }
}

impl State {
    /// An application with this id is there from now on, with this secret and no other.
    pub fn register(&mut self, principal: Principal) {
        self.principals.insert(principal.client_id.to_lowercase(), principal);
    }

    /// The application that somebody with this secret is.
    ///
    /// # Errors
    /// Why there is none.
    pub fn application(&self, client_id: &str, secret: &str) -> Result<&Principal, Refused> {
        let known = self.principals.get(&client_id.to_lowercase()).ok_or(Refused::Unknown)?;
        let first = !known.without_first && known.client_secret == secret;
        let seen = |one: &&Added| {
            let lag = one.unknown_to.load(Ordering::Relaxed);
            one.unknown_to.store(lag.saturating_sub(1), Ordering::Relaxed);
            lag == 0
        };
        match known.added.iter().filter(|one| one.secret == secret).find(seen) {
            Some(_) => Ok(known),
            None if !first => Err(Refused::WrongSecret),
            None if known.expired => Err(Refused::SecretExpired),
            None => Ok(known),
        }
    }
}
