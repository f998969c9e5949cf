//! The artefact of a smoke test within a run: pushed before anybody looks, removed on every way out.

use std::time::Duration;

use mops_host::Env;
use mops_probe::Outcome;
use mops_probe::observation::variant;
use mops_wire::Http;

use super::{Ended, Seen, finish};
use crate::capture::Capture;
use crate::observed::Vantage;
use crate::report::{Cleanup, Command, Left};
use crate::request::{Request, Services};
use crate::smoke::{self, PushCredential, PushLogin, Pushed};

/// Longest time of one request of the clean-up.
const LIMIT: Duration = Duration::from_secs(4);

/// The request with the artefact of a smoke test among its images, once it is pushed.
pub(super) async fn with_artefact(request: &Request, services: &Services, seen: &mut Seen) -> Request {
    let mut request = request.clone();
    if request.smoke.is_some() {
        (services.progress)("pushing the artefact");
        let pushed = push(&request, &services.http, &services.env, seen).await;
        request.images.extend(pushed.map(|pushed| pushed.by_digest.to_string()));
    }
    request
}

/// Pushes what the request asks for, and keeps what may have to be removed.
async fn push(request: &Request, http: &Http, env: &Env, seen: &mut Seen) -> Option<Pushed> {
    let smoke = request.smoke.as_ref()?;
    let Some(registry) = &request.registry else {
        seen.skip("push of the artefact", "no registry is known; `--registry HOST` names one", true);
        return None;
    };
    let mut smoke = smoke.clone();
    let own = mops_logins::logins(env, registry).await.logins;
    let own = own.into_iter().map(|(_, kept)| PushCredential::Login(kept.auth()));
    smoke.logins.splice(0..0, own.map(|credential| PushLogin { variant: variant::LOCAL, credential }));
    if smoke.logins.is_empty() {
        seen.skip("push of the artefact", "nobody here can sign in to the registry to push", true);
        return None;
    }
    let kept = &mut seen.pushed;
    let (told, pushed) = smoke::push(http, registry, &smoke, |begun| *kept = Some(begun.clone())).await;
    // What was not refused and not done either must not pass.
    if pushed.is_none() && told.iter().all(|o| o.outcome != Outcome::Failed) {
        let why = told.last().map_or("it was not done", |o| o.detail.as_str()).to_owned();
        seen.skip("push of the artefact", &why, true);
    }
    told.into_iter().for_each(|o| seen.add(Vantage::W, o));
    pushed
}

/// Pushes and does nothing else.
pub(crate) async fn push_only(request: &Request, http: &Http, env: &Env) -> Result<Pushed, Box<Capture>> {
    let mut seen = Seen::default();
    match push(request, http, env, &mut seen).await {
        Some(pushed) => Ok(pushed),
        None => {
            let cleanup = Cleanup { complete: true, ..Cleanup::default() };
            Err(Box::new(finish(Command::SmokeTest, request, Ended { seen, cleanup, ..Ended::default() })))
        }
    }
}

fn stays(request: &Request) -> bool {
    request.smoke.as_ref().is_some_and(|smoke| smoke.keep)
}

/// Removes what may have been pushed; gives what is left.
pub(super) async fn gone(seen: &Seen, request: &Request) -> Option<Left> {
    let pushed = seen.pushed.as_ref().filter(|_| !stays(request))?;
    smoke::remove(pushed, LIMIT).await
}

/// Says what stays in the registry.
pub(super) fn told(seen: &mut Seen, request: &Request, left: Option<Left>, cleanup: &mut Cleanup) {
    if let Some(pushed) = seen.pushed.as_ref().filter(|_| stays(request)) {
        seen.notices.push(format!("{} stays in the registry, as asked", pushed.by_digest));
    }
    if let Some(left) = left {
        seen.notices.push(format!("{} is left in the registry: {}", left.object.name, left.why));
        cleanup.complete = false;
        cleanup.left.push(left);
    }
}
