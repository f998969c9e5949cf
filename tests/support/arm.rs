//! Azure Resource Manager: groups, registries, storage, clusters, with Azure's validation, its
//! polling forms and its error shapes. Proven by `fast::arm_shapes` and, with
//! recordings at hand, by the replay tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::evidence::RouteInfo;
use crate::http::{Call, Reply};
use crate::openapi;
use crate::route::{self, Route};
use crate::world::World;

pub mod access;
pub mod activity;
pub mod api;
pub mod behind;
pub mod cluster;
pub mod collection;
pub mod container;
pub mod figures;
pub mod group;
pub mod id;
pub mod identity;
pub mod journal;
pub mod kubeconfig;
pub mod lifecycle;
pub mod network;
pub mod operation;
pub mod pool;
pub mod refusal;
pub mod region;
pub mod registry;
pub mod registry_token;
pub mod role;
pub mod role_definition;
pub mod sas;
pub mod storage;
pub mod store;
pub mod subscription;

use store::{Event, State};

/// What runs clusters; told when something of theirs comes or goes.
pub trait Machines: Send + Sync {
    /// Takes note of what happened.
    fn notice(&self, event: &Event);
}

/// The audience that ARM had before its own host name, and that the Azure CLI still asks for.
const OLD_AUDIENCE: &str = "https://management.core.windows.net";

/// The fake.
pub struct Arm {
    /// What all fakes share.
    pub world: Arc<World>,
    state: Mutex<State>,
    machines: Arc<dyn Machines>,
    routes: Vec<Route<Arm>>,
    contract: openapi::Watch,
    /// What was said about each type.
    pub journal: journal::Journal,
}

impl Arm {
    /// An empty subscription.
    #[must_use]
    pub fn new(world: Arc<World>, machines: Arc<dyn Machines>) -> Self {
        Self {
            world,
            state: Mutex::new(State::default()),
            machines,
            routes: routes(),
            contract: openapi::Watch::default(),
            journal: journal::Journal::default(),
        }
    }

    /// The state; everything that has become due has happened before.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.settle();
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everything happen that has become due.
    pub fn settle(&self) {
        let events = self.lock().settle(&self.world);
        for event in &events {
            self.machines.notice(event);
        }
    }

    /// Answers one request; what the official contract forbids is refused, when it is at hand ([`openapi`]).
    #[must_use]
    pub fn answer(&self, call: &Call) -> Reply {
        self.settle();
        let reply = self.checked(call).unwrap_or_else(|refusal| refusal);
        self.settle();
        let reply = self.contract.judged(call, reply);
        self.journal.keep(call, &reply);
        stamped(reply, call)
    }

    fn checked(&self, call: &Call) -> Result<Reply, Reply> {
        self.check_token(call)?;
        let (route, params) = route::find(&self.routes, call).ok_or_else(|| refusal::not_built(call))?;
        api::check(call)?;
        self.check_subscription(&params)?;
        Ok((route.answer)(self, call, &params))
    }

    fn check_token(&self, call: &Call) -> Result<(), Reply> {
        use crate::world::TokenFault;
        let Some(token) = call.bearer() else { return Err(refusal::unauthenticated(None)) };
        let claims = self.world.verify(token).map_err(|fault| match fault {
            TokenFault::Expired => refusal::unauthenticated(Some("ExpiredAuthenticationToken")),
            TokenFault::Foreign => refusal::unauthenticated(Some("InvalidAuthenticationToken")),
        })?;
        let origin = self.world.arm_origin();
        let aud = claims["aud"].as_str().map(|aud| aud.trim_end_matches('/'));
        if aud.is_some_and(|aud| aud == origin || aud == OLD_AUDIENCE) {
            Ok(())
        } else {
            Err(refusal::unauthenticated(Some("InvalidAuthenticationTokenAudience")))
        }
    }

    fn check_subscription(&self, params: &route::Params) -> Result<(), Reply> {
        let sub = params.get("sub");
        if sub.is_empty() || self.world.subscriptions.iter().any(|s| s.eq_ignore_ascii_case(sub)) {
            return Ok(());
        }
        let message = format!("The subscription '{sub}' could not be found.");
        Err(refusal::gateway(404, "SubscriptionNotFound", &message))
    }
}

/// The identifiers that every answer of ARM carries.
fn stamped(reply: Reply, call: &Call) -> Reply {
    let request = crate::world::unique();
    let correlation = call.header("x-ms-correlation-request-id").unwrap_or(&request).to_owned();
    let routing = format!("SANDBOX:{request}");
    reply
        .header("x-ms-request-id", request)
        .header("x-ms-correlation-request-id", correlation)
        .header("x-ms-routing-request-id", routing)
}

fn routes() -> Vec<Route<Arm>> {
    let tables = [
        subscription::routes(),
        region::routes(),
        access::routes(),
        network::routes(),
        group::routes(),
        registry::routes(),
        registry_token::routes(),
        storage::routes(),
        container::routes(),
        lifecycle::routes(),
        sas::routes(),
        activity::routes(),
        cluster::routes(),
        pool::routes(),
        identity::routes(),
        role::routes(),
        role_definition::routes(),
        operation::routes(),
    ];
    tables.into_iter().flatten().collect()
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("arm", &routes())
}
