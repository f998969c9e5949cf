//! Applications of the directory that somebody else has made, each with one secret.

use serde::Deserialize;

use crate::arm::store::State;

/// An application and its principal.
#[derive(Clone, Debug, Deserialize)]
pub struct Principal {
    /// The application's id.
    pub client_id: String,
    /// The id that rights are given to.
    pub object_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Whether that has run out.
    #[serde(default)]
    pub expired: bool,
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
        match known {
            known if known.client_secret != secret => Err(Refused::WrongSecret),
            known if known.expired => Err(Refused::SecretExpired),
            known => Ok(known),
        }
    }
}
