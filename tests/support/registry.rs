//! Registries behind `*.azurecr.io`: Bearer challenges, the token exchange of ACR, scopes, pull
//! and push. docker-registry answers the same, where ACR does not differ by name: proven by
//! `fast::real_registry`. Weaker than ACR: a blob comes from the registry itself, never by a
//! redirect to a storage account (asked of docker-registry alone). Which registries exist, and their admin passwords, comes from the ARM fake.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::arm::registry::View;
use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};
use crate::route::{self, Params, Route};

pub mod blobs;
pub mod content;
pub mod lists;
pub mod manifests;
pub mod rights;
pub mod shelf;
pub mod token;
pub mod uploads;

use shelf::Shelf;

/// The fake: all registries of one cloud.
pub struct Registries {
    arm: Arc<Arm>,
    shelves: Mutex<BTreeMap<String, Shelf>>,
    routes: Vec<Route<Registries>>,
}

impl Registries {
    /// No content yet.
    #[must_use]
    pub fn new(arm: Arc<Arm>) -> Self {
        Self { arm, shelves: Mutex::default(), routes: routes() }
    }

    pub(crate) fn shelves(&self) -> MutexGuard<'_, BTreeMap<String, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arm(&self) -> &Arm {
        &self.arm
    }

    /// The registry that a request is for.
    pub(crate) fn view(&self, host: &str) -> Option<View> {
        crate::arm::registry::by_host(&self.arm, host)
    }

    /// Answers one request; `None` when no such registry exists, which on Azure is a name that
    /// does not resolve.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Option<Reply> {
        self.view(&call.host)?;
        let reply = match route::find(&self.routes, call) {
            Some((route, params)) if content::is_address(&params) => (route.answer)(self, call, &params),
            _ => error(404, "OPERATION_UNKNOWN", "The specified operation does not exist"),
        };
        Some(
            reply
                .header("docker-distribution-api-version", "registry/2.0")
                .header("x-ms-correlation-request-id", crate::world::unique()),
        )
    }
}

/// The error form of the data plane.
#[must_use]
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"errors": [{"code": code, "message": message, "detail": Value::Null}]}))
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("registry", &routes())
}

fn routes() -> Vec<Route<Registries>> {
    const NAME: &str = "acr-login-dataplane-exchange-token";
    const REFEREE: Evidence = Evidence::Client("docker-registry 2.8.2, asked the same by fast::real_registry");
    vec![
        Route::new("GET", "/v2/", Evidence::Recording(NAME, 10), ping),
        Route::new("POST", "/oauth2/exchange", Evidence::Recording(NAME, 11), token::exchange),
        Route::new("POST", "/oauth2/token", Evidence::Recording(NAME, 12), token::post),
        Route::new(
            "GET",
            "/oauth2/token",
            Evidence::Spec("containerregistry data plane 2021-07-01, docker token specification"),
            token::get,
        ),
        Route::new("GET", "/v2/_catalog", REFEREE, lists::catalog),
        Route::new("GET", "/v2/{name*}/tags/list", REFEREE, lists::tags),
        Route::new("HEAD", "/v2/{name*}/manifests/{reference}", REFEREE, manifests::get),
        Route::new("GET", "/v2/{name*}/manifests/{reference}", REFEREE, manifests::get),
        Route::new("PUT", "/v2/{name*}/manifests/{reference}", REFEREE, manifests::put),
        Route::new("DELETE", "/v2/{name*}/manifests/{reference}", REFEREE, manifests::delete),
        Route::new("HEAD", "/v2/{name*}/blobs/{digest}", REFEREE, blobs::get),
        Route::new("GET", "/v2/{name*}/blobs/{digest}", REFEREE, blobs::get),
        Route::new("DELETE", "/v2/{name*}/blobs/{digest}", REFEREE, blobs::delete),
        Route::new("POST", "/v2/{name*}/blobs/uploads/", REFEREE, uploads::begin),
        Route::new("GET", "/v2/{name*}/blobs/uploads/{upload}", REFEREE, uploads::status),
        Route::new("PATCH", "/v2/{name*}/blobs/uploads/{upload}", REFEREE, uploads::append),
        Route::new("PUT", "/v2/{name*}/blobs/uploads/{upload}", REFEREE, uploads::end),
        Route::new("DELETE", "/v2/{name*}/blobs/uploads/{upload}", REFEREE, uploads::cancel),
    ]
}

fn ping(registries: &Registries, call: &Call, _: &Params) -> Reply {
    match token::allowed(registries, call, &[]) {
        Ok(()) => Reply::json(200, &json!({})),
        Err(refusal) => refusal,
    }
}
