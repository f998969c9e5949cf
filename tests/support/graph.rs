//! Microsoft Graph, as far as the secrets of applications go. Nothing of it was recorded: the public reference of Graph is
//! followed, and all of it is labelled as assumed. Whoever has signed in for it may change an application that he owns;
//! which ones those are the directory does not know here, so that a test says who may not ([`crate::arm::store::State`]).

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};
use crate::principal::{Added, FIRST, Principal};
use crate::route::{self, Params, Route};
use crate::world::{random_text, unique};

/// Sign-ins that do not know a new secret yet.
const LAG: u32 = 2;
/// Most secrets of an application by its clients.
const MOST: usize = 20;

/// The fake.
pub struct Graph {
    arm: Arc<Arm>,
    routes: Vec<Route<Graph>>,
}

impl Graph {
    /// One for the applications of this world.
    #[must_use]
    pub fn new(arm: Arc<Arm>) -> Self {
        Self { arm, routes: routes() }
    }

    /// Whether a request is for it and not for the sign-in host, which has the same address here.
    #[must_use]
    pub fn serves(call: &Call) -> bool {
        call.path.starts_with("/v1.0/")
    }

    /// Answers one request.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Reply {
        if let Some(refusal) = self.stranger(call) {
            return refusal;
        }
        match route::find(&self.routes, call) {
            Some((route, params)) => (route.answer)(self, call, &params),
            None => refused(404, "Request_ResourceNotFound", "Resource not found for the segment."),
        }
    }

    fn stranger(&self, call: &Call) -> Option<Reply> {
        let world = &self.arm.world;
        let claims = call.bearer().and_then(|token| world.verify(token).ok());
        let fits = claims.is_some_and(|claims| claims["aud"] == world.authority_origin().as_str());
        (!fits)
            .then(|| refused(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience."))
    }
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("graph", &routes())
}

fn routes() -> Vec<Route<Graph>> {
    let page = Evidence::Assumed("Microsoft Graph v1.0, resource application: list, addPassword, removePassword");
    vec![
        Route::new("GET", "/v1.0/applications", page, list),
        Route::new("POST", "/v1.0/applications/{id}/addPassword", page, add),
        Route::new("POST", "/v1.0/applications/{id}/removePassword", page, remove),
    ]
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innerError": {"request-id": unique()}}}))
}

/// The object of an application, which is not its principal's.
fn object(principal: &Principal) -> String {
    format!("object-of-{}", principal.client_id)
}

fn list(graph: &Graph, call: &Call, _: &Params) -> Reply {
    let filter = call.query("$filter").unwrap_or_default();
    let Some(wanted) = filter.strip_prefix("appId eq '").and_then(|rest| rest.strip_suffix('\'')) else {
        return refused(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.");
    };
    let state = graph.arm.state();
    let found = state.principals.get(&wanted.to_lowercase()).map(|principal| {
        json!({"id": object(principal), "appId": principal.client_id, "displayName": "puller", "passwordCredentials": passwords(principal)})
    });
    Reply::json(200, &json!({"value": found.into_iter().collect::<Vec<_>>()}))
}

/// No secret is ever shown again, only how it begins.
fn passwords(principal: &Principal) -> Vec<Value> {
    let shown = |key: &str, name: &str, secret: &str, ends: &str| json!({"keyId": key, "displayName": name, "hint": secret.get(..3), "secretText": null, "endDateTime": ends});
    let first =
        (!principal.without_first).then(|| shown(FIRST, "first", &principal.client_secret, "2027-01-01T00:00:00Z"));
    let added = principal.added.iter().map(|one| shown(&one.key, &one.name, &one.secret, &one.ends));
    first.into_iter().chain(added).collect()
}

fn change(graph: &Graph, params: &Params, change: impl FnOnce(&mut Principal) -> Reply) -> Reply {
    let mut state = graph.arm.state();
    if state.graph_refuses {
        return refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
    }
    match state.principals.values_mut().find(|principal| object(principal) == params.get("id")) {
        Some(principal) => change(principal),
        None => refused(404, "Request_ResourceNotFound", "Resource does not exist."),
    }
}

fn add(graph: &Graph, call: &Call, params: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default()["passwordCredential"].clone();
    let text = |name: &str| wanted[name].as_str().unwrap_or_default().to_owned();
    change(graph, params, |principal| {
        if principal.added.len() >= MOST {
            return refused(400, "Request_BadRequest", "The credential limit of the application is reached.");
        }
        let added = Added {
            key: unique(),
            name: text("displayName"),
            secret: format!("{}~canary", random_text(32)),
            ends: text("endDateTime"),
            unknown_to: AtomicU32::new(LAG),
        };
        let told = json!({"keyId": added.key, "displayName": added.name, "hint": added.secret.get(..3),
            "secretText": added.secret, "endDateTime": added.ends});
        principal.added.push(added);
        Reply::json(200, &told)
    })
}

fn remove(graph: &Graph, call: &Call, params: &Params) -> Reply {
    let key = call.json().unwrap_or_default()["keyId"].as_str().unwrap_or_default().to_owned();
    change(graph, params, |principal| {
        let before = principal.added.len();
        principal.added.retain(|one| one.key != key);
        let first = key == FIRST && !principal.without_first;
        principal.without_first |= first;
        if principal.added.len() == before && !first {
            return refused(400, "Request_BadRequest", "No password credential found with keyId.");
        }
        Reply::empty(204)
    })
}
