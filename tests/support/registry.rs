//! Registries behind `*.azurecr.io`: Bearer challenges, the token exchange of ACR, scopes, pull
//! and push. Which registries exist, and their admin passwords, comes from the ARM fake.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::arm::Arm;
use crate::arm::registry::View;
use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};
use crate::route::{self, Params, Route};

pub mod content;
pub mod token;

/// What one registry holds.
#[derive(Debug, Default)]
pub struct Shelf {
    /// By digest.
    pub blobs: BTreeMap<String, Bytes>,
    /// By repository and tag or digest: media type, digest, bytes.
    pub manifests: BTreeMap<(String, String), (String, String, Bytes)>,
    /// Uploads that have begun: repository and bytes so far.
    pub uploads: BTreeMap<String, (String, Vec<u8>)>,
}

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
            Some((route, params)) => (route.answer)(self, call, &params),
            None => error(404, "OPERATION_UNKNOWN", "The specified operation does not exist"),
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
    const OCI: Evidence = Evidence::Spec("OCI distribution 1.1 and containerregistry data plane 2021-07-01");
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
        Route::new("GET", "/v2/_catalog", OCI, content::catalog),
        Route::new("GET", "/v2/{name*}/tags/list", OCI, content::tags),
        Route::new("HEAD", "/v2/{name*}/manifests/{reference}", OCI, content::manifest),
        Route::new("GET", "/v2/{name*}/manifests/{reference}", OCI, content::manifest),
        Route::new("PUT", "/v2/{name*}/manifests/{reference}", OCI, content::put_manifest),
        Route::new("DELETE", "/v2/{name*}/manifests/{reference}", OCI, content::delete_manifest),
        Route::new("HEAD", "/v2/{name*}/blobs/{digest}", OCI, content::blob),
        Route::new("GET", "/v2/{name*}/blobs/{digest}", OCI, content::blob),
        Route::new("POST", "/v2/{name*}/blobs/uploads/", OCI, content::begin_upload),
        Route::new("PATCH", "/v2/{name*}/blobs/uploads/{upload}", OCI, content::append_upload),
        Route::new("PUT", "/v2/{name*}/blobs/uploads/{upload}", OCI, content::end_upload),
    ]
}

fn ping(registries: &Registries, call: &Call, _: &Params) -> Reply {
    match token::allowed(registries, call, None) {
        Ok(()) => Reply::json(200, &json!({})),
        Err(refusal) => refusal,
    }
}
