//! NGC: its registry behind `proxy_auth`, the gate of its models and its catalogue. Nothing of it was recorded: what public
//! issues and other programs show is followed, the harsher way where they differ, and all of it is labelled as assumed.
//! A service that never answers is made by the faults in front of it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Broken, Call, Handler, Reply, host_of};
use crate::route::{self, Route};
use shelf::Shelf;

mod api;
mod registry;
mod shelf;

/// The registry.
pub const REGISTRY: &str = "nvcr.io";
/// Models, catalogue and organisations.
pub const API: &str = "api.ngc.nvidia.com";
/// Both.
pub const NAMES: [&str; 2] = [REGISTRY, API];

/// A key of somebody.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key itself.
    pub secret: String,
    /// The organisation that it was made in.
    pub organisation: String,
    /// Whether the registry is among its services.
    pub registry: bool,
    /// Whether models are.
    pub models: bool,
}

impl Key {
    /// A key for everything.
    #[must_use]
    pub fn new(secret: &str, organisation: &str) -> Self {
        Self { secret: secret.to_owned(), organisation: organisation.to_owned(), registry: true, models: true }
    }
}

/// Who gets an image or a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, with a key or without.
    Everybody,
    /// Everybody without a key; with a key only organisations that have accepted the licence.
    Anonymous(Vec<String>),
    /// Organisations that have accepted the licence.
    Licensed(Vec<String>),
    /// This organisation.
    Organisation(String),
    /// Nobody without a subscription.
    Subscription,
    /// Nobody here, for legal reasons.
    Withheld,
}

/// How the service misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// A sign-in page with 200 for everything.
    Page,
    /// More bytes than anybody asked for.
    Endless,
    /// The registry sends logins to a stranger.
    ForeignRealm,
    /// Everything has moved to a machine's metadata service.
    Metadata,
}

#[derive(Default)]
struct State {
    keys: Vec<Key>,
    images: BTreeMap<String, Access>,
    models: BTreeMap<String, Access>,
    /// What the catalogue shows to everybody.
    listed: Vec<String>,
    /// What images hold that can be run: a manifest and everything that it names, by digest.
    shelves: BTreeMap<String, Shelf>,
    /// Names and displayed names.
    organisations: Vec<(String, String)>,
    /// Tokens that were given, and for which repository.
    tokens: BTreeMap<String, String>,
    /// Whether the gate of models knows keys as passwords instead of tokens.
    passwords: bool,
    hostile: Option<Hostile>,
}

/// The service.
pub struct Ngc {
    state: Mutex<State>,
    registry: Vec<Route<Ngc>>,
    api: Vec<Route<Ngc>>,
}

impl Default for Ngc {
    fn default() -> Self {
        Self { state: Mutex::default(), registry: registry::routes(), api: api::routes() }
    }
}

impl Ngc {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key, in place of the same one.
    pub fn key(&self, key: Key) {
        let mut state = self.state();
        state.keys.retain(|known| known.secret != key.secret);
        state.keys.push(key);
    }

    /// Takes a key away, with the tokens that it has.
    pub fn revoke(&self, secret: &str) {
        let mut state = self.state();
        state.keys.retain(|key| key.secret != secret);
        state.tokens.clear();
    }

    /// Adds an image, `ORG/…/NAME`, with every tag; one that is listed stands in the catalogue for everybody.
    pub fn image(&self, repository: &str, access: Access, listed: bool) {
        let mut state = self.state();
        state.images.insert(repository.to_owned(), access);
        if listed {
            state.listed.push(repository.to_owned());
        }
    }

    /// Gives an image a content that runs, under every tag, from an OCI layout.
    ///
    /// # Errors
    /// When the layout cannot be read.
    pub fn content(&self, repository: &str, layout: &Path) -> io::Result<()> {
        let shelf = Shelf::of_layout(layout)?;
        self.state().shelves.insert(repository.to_owned(), shelf);
        Ok(())
    }

    /// Adds a model, `ORG[/TEAM]/NAME:VERSION`.
    pub fn model(&self, name: &str, access: Access) {
        self.state().models.insert(name.to_owned(), access);
    }

    /// Adds an organisation with what pages show for it.
    pub fn organisation(&self, name: &str, displayed: &str) {
        self.state().organisations.push((name.to_owned(), displayed.to_owned()));
    }

    /// From now on the gate of models takes keys as passwords only.
    pub fn takes_passwords(&self) {
        self.state().passwords = true;
    }

    /// From now on it misbehaves.
    pub fn turn(&self, hostile: Hostile) {
        self.state().hostile = Some(hostile);
    }

    /// Forgets every token that it has given, as time does.
    pub fn expire_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Answers a request for one of [`NAMES`].
    #[must_use]
    pub fn answer(&self, call: &Call) -> Reply {
        let hostile = self.state().hostile;
        match hostile {
            Some(Hostile::Page) => return Reply::body(200, "text/html", "<html>sign in, token=canary</html>"),
            Some(Hostile::Endless) => return Reply::body(200, "application/json", vec![b'['; 16 << 20]),
            Some(Hostile::Metadata) => {
                return Reply::empty(307).header("location", "http://169.254.169.254/metadata/identity/oauth2/token");
            }
            Some(Hostile::ForeignRealm) | None => {}
        }
        let routes = if call.host == REGISTRY { &self.registry } else { &self.api };
        match route::find(routes, call) {
            Some((route, params)) => (route.answer)(self, call, &params),
            None => Reply::json(404, &json!({"requestStatus": {"statusCode": "NOT_FOUND"}})),
        }
    }

    /// Serves its names; every other name is for `others`.
    #[must_use]
    pub fn before(self: Arc<Self>, others: Handler) -> Handler {
        Arc::new(move |request| {
            if !NAMES.contains(&host_of(&request).as_str()) {
                return others(request);
            }
            let ngc = Arc::clone(&self);
            Box::pin(async move {
                let call = Call::read(request).await?;
                Ok::<_, Broken>(ngc.answer(&call).into_response(&call.method))
            })
        })
    }
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    [route::listing("nvcr", &registry::routes()), route::listing("ngc", &api::routes())].concat()
}

/// What vouches for a route: other people's words.
const fn told(by: &'static str) -> Evidence {
    Evidence::Assumed(by)
}

impl State {
    fn key(&self, secret: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.secret == secret)
    }
}

/// What stands against a key's wish, or nobody's: the status and the words of the refusal.
fn refusal(access: Option<&Access>, key: Option<&Key>) -> Option<(u16, &'static str)> {
    const LICENCE: &str = "Please accept license on the browser to be able to download";
    const DENIED: &str = "Access Denied";
    let Some(access) = access else { return Some((403, DENIED)) };
    let member = |of: &str| key.is_some_and(|key| key.organisation == of);
    let accepted = |by: &[String]| by.iter().any(|organisation| member(organisation));
    match access {
        Access::Everybody => None,
        Access::Anonymous(by) if key.is_none() || accepted(by) => None,
        Access::Licensed(by) if accepted(by) => None,
        Access::Anonymous(_) | Access::Licensed(_) => Some((403, LICENCE)),
        Access::Organisation(of) if member(of) => None,
        Access::Organisation(_) => Some((403, DENIED)),
        Access::Subscription => Some((402, "Payment Required")),
        Access::Withheld => Some((451, "Unavailable For Legal Reasons")),
    }
}
