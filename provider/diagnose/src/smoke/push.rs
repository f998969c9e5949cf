//! The push, by the first login that may do it. What other logins were answered is told as well.

use std::time::Duration;

use mops_core::Secret;
use mops_probe::failure::Failure;
use mops_probe::observation::{check as probe, code as seen, variant};
use mops_probe::{Observation, Outcome};
use mops_wire::registry::{Auth, Client, Digest, Reference, RegistryError};
use mops_wire::{Allowance, Http, Limits};

use super::SmokeTest;
use super::artefact::MANIFEST;
use crate::observed::check;

/// Longest time of one request.
const DEADLINE: Duration = Duration::from_secs(10);
const TRIES: u32 = 3;
/// What a push may ask by itself, beside what the probes of a run may.
const LIMITS: Limits = Limits { requests: 256, at_once: 4, tries: TRIES, deadline: DEADLINE };

/// A login that may be able to push.
#[derive(Clone, Debug)]
pub struct PushLogin {
    /// Whose it is: one of the probe's variants.
    pub variant: &'static str,
    /// With what it signs in.
    pub credential: PushCredential,
}

/// What a login signs in with.
#[derive(Clone, Debug)]
pub enum PushCredential {
    /// As any registry takes it.
    Login(Auth),
    /// A token of the directory, which an Azure registry trades.
    Directory {
        /// The directory.
        tenant: String,
        /// The token.
        token: Secret<String>,
    },
}

/// An artefact that is in the registry, or on its way there.
#[derive(Clone, Debug)]
pub struct Pushed {
    pub(super) client: Client,
    /// `HOST/REPOSITORY:TAG`.
    pub tagged: Reference,
    /// `HOST/REPOSITORY@DIGEST`.
    pub by_digest: Reference,
}

/// Pushes the artefact. `begun` is told before the manifest leaves, so that what an interruption cuts off can be removed.
/// Gives what was seen, and what is there when it worked.
pub async fn push(
    http: &Http,
    registry: &str,
    smoke: &SmokeTest,
    begun: impl FnOnce(&Pushed),
) -> (Vec<Observation>, Option<Pushed>) {
    let Ok(tagged) = format!("{registry}/{}:{}", smoke.repository, smoke.tag).parse::<Reference>() else {
        let failed = Observation::failed(check::PUSH, "", &smoke.repository, seen::REFERENCE_INVALID);
        return (vec![failed.detail("no repository can have this name")], None);
    };
    let by_digest = tagged.at(smoke.artefact.digest());
    let target = by_digest.to_string();
    let http = &http.within(&Allowance::new(LIMITS));
    let mut refused = Vec::new();
    for login in &smoke.logins {
        let client = match sign_in(http, registry, login).await {
            Ok(client) => client,
            Err(error) => {
                refused.push(Failure::from(&error).observation(probe::REGISTRY_V2, login.variant, registry));
                continue;
            }
        };
        let signed_in = Observation::ok(probe::REGISTRY_V2, login.variant, registry).status(200);
        if let Err(error) = blobs(&client, &tagged, smoke).await {
            refused.extend([signed_in, Failure::from(&error).observation(check::PUSH, login.variant, &target)]);
            continue;
        }
        let pushed = Pushed { client, tagged, by_digest };
        begun(&pushed);
        let manifest = smoke.artefact.manifest.clone().into();
        let stored = pushed.client.push_manifest(&pushed.tagged, MANIFEST, manifest).await;
        let (push, pushed) = match stored {
            Ok(digest) => {
                let ok = Observation::ok(check::PUSH, login.variant, &target).status(201).detail(digest.as_str());
                (ok, Some(pushed))
            }
            Err(error) => (Failure::from(&error).observation(check::PUSH, login.variant, &target), None),
        };
        // Another login did it: that these could not is no fault of the registry.
        let failed = refused.into_iter().filter(|o| o.outcome == Outcome::Failed);
        let mut all: Vec<Observation> = failed.map(passed_over).collect();
        all.extend([signed_in, push].into_iter().filter(told_once));
        return (all, pushed);
    }
    (refused.into_iter().filter(told_once).collect(), None)
}

fn passed_over(seen: Observation) -> Observation {
    let detail = format!("another login pushes: {}", seen.detail);
    let code = seen.code.clone().unwrap_or_default();
    Observation::skipped(check::PUSH, &seen.variant, &seen.target, &code).detail(&detail)
}

/// How this machine's logins and the credential that ARM lists sign in is told with the look from here.
fn told_once(o: &Observation) -> bool {
    o.check != probe::REGISTRY_V2 || o.variant == variant::USER
}

async fn sign_in(http: &Http, registry: &str, login: &PushLogin) -> Result<Client, RegistryError> {
    let client = |auth| Client::new(http.clone(), registry, auth).map(|c| c.with_limits(DEADLINE, TRIES));
    let client = match &login.credential {
        PushCredential::Login(auth) => client(auth.clone())?,
        PushCredential::Directory { tenant, token } => {
            client(Auth::Anonymous)?.sign_in_with_directory_token(tenant, token).await?
        }
    };
    client.ping().await?;
    Ok(client)
}

/// The artefact's blobs, those that are not there already.
async fn blobs(client: &Client, repository: &Reference, smoke: &SmokeTest) -> Result<(), RegistryError> {
    for blob in &smoke.artefact.blobs {
        if !client.has_blob(repository, &Digest::of(blob)).await? {
            client.push_blob(repository, blob.clone().into()).await?;
        }
    }
    Ok(())
}
