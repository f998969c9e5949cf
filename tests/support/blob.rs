//! Storage accounts behind `*.blob.core.windows.net`: data by SAS only, and keys of identities to sign with. Which accounts and containers
//! exist, and the keys, comes from the ARM fake.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::arm::Arm;
use crate::arm::storage::{View, by_host};
use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};
use crate::route::{self, Params, Route};
use crate::world::unique;

mod delegation;
pub mod sas;

use sas::{Access, Target};

/// The fake: all accounts of one cloud. Blobs are kept by the incarnation of their container, so
/// that a container made anew is empty.
pub struct Blobs {
    arm: Arc<Arm>,
    content: Mutex<BTreeMap<String, BTreeMap<String, Bytes>>>,
    routes: Vec<Route<Blobs>>,
}

impl Blobs {
    /// No content yet.
    #[must_use]
    pub fn new(arm: Arc<Arm>) -> Self {
        Self { arm, content: Mutex::default(), routes: routes() }
    }

    fn content(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Bytes>>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request; `None` when no such account exists, which on Azure is a name that
    /// does not resolve.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Option<Reply> {
        by_host(&self.arm, &call.host)?;
        let reply = match route::find(&self.routes, call) {
            Some((route, params)) => (route.answer)(self, call, &params),
            None => refused(
                &self.arm,
                405,
                "UnsupportedHttpVerb",
                "The resource doesn't support the specified HTTP verb.",
                None,
            ),
        };
        Some(
            reply
                .header("x-ms-request-id", unique())
                .header("x-ms-version", "2022-11-02")
                .header("date", http_date(&self.arm)),
        )
    }
}

fn http_date(arm: &Arm) -> String {
    let now = arm.world.now().to_offset(time::UtcOffset::UTC);
    let day = &now.weekday().to_string()[..3];
    let month = &now.month().to_string()[..3];
    format!(
        "{day}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        now.day(),
        now.year(),
        now.hour(),
        now.minute(),
        now.second()
    )
}

/// The XML error of the data plane, with the code in a header.
pub(crate) fn refused(arm: &Arm, status: u16, code: &str, message: &str, detail: Option<&str>) -> Reply {
    let detail =
        detail.map(|d| format!("<AuthenticationErrorDetail>{d}</AuthenticationErrorDetail>")).unwrap_or_default();
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}\nRequestId:{}\nTime:{}\
         </Message>{detail}</Error>",
        unique(),
        arm.world.stamp()
    );
    Reply::body(status, "application/xml", body).header("x-ms-error-code", code)
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("blob", &routes())
}

fn routes() -> Vec<Route<Blobs>> {
    const LIST: Evidence = Evidence::Client("azure-storage-blob 12.31.1: signatures of its making are taken");
    const DATA: Evidence = Evidence::Spec("Blob service REST API 2022-11-02; codes as Azurite 3.37.0 gives them");
    vec![
        Route::new(
            "POST",
            "/",
            Evidence::Spec("Blob service REST API 2022-11-02: Get User Delegation Key"),
            delegation::key,
        ),
        Route::new("GET", "/{container}", LIST, list),
        Route::new("HEAD", "/{container}", LIST, list),
        Route::new("GET", "/{container}/{blob*}", DATA, get),
        Route::new("HEAD", "/{container}/{blob*}", Evidence::Recording("errors.json BlobNotFound", 1), get),
        Route::new("PUT", "/{container}/{blob*}", DATA, put),
        Route::new("DELETE", "/{container}/{blob*}", DATA, delete),
    ]
}

/// Checks the signature, then finds the container.
fn open(blobs: &Blobs, call: &Call, params: &Params, permission: char, blob: Option<&str>) -> Result<String, Reply> {
    let view: View = by_host(&blobs.arm, &call.host).ok_or_else(|| Reply::empty(404))?;
    let target = Target { container: params.get("container"), blob };
    sas::check(blobs, &view, call, &Access { target, permission })?;
    let found = view.containers.iter().find(|(name, _)| name == params.get("container"));
    found
        .map(|(_, incarnation)| incarnation.clone())
        .ok_or_else(|| refused(&blobs.arm, 404, "ContainerNotFound", "The specified container does not exist.", None))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn list(blobs: &Blobs, call: &Call, params: &Params) -> Reply {
    if call.query("restype") != Some("container") {
        return refused(
            &blobs.arm,
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters is invalid.",
            None,
        );
    }
    let listing = call.query("comp") == Some("list");
    let incarnation = match open(blobs, call, params, if listing { 'l' } else { 'r' }, None) {
        Ok(incarnation) => incarnation,
        Err(refusal) => return refusal,
    };
    if !listing {
        return Reply::empty(200);
    }
    let prefix = call.query("prefix").unwrap_or_default();
    let most = call.query("maxresults").and_then(|m| m.parse().ok()).unwrap_or(5000_usize);
    let content = blobs.content();
    let empty = BTreeMap::new();
    let inside = content.get(&incarnation).unwrap_or(&empty);
    let rows: String = inside
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .take(most)
        .map(|(name, bytes)| {
            format!(
                "<Blob><Name>{}</Name><Properties><Content-Length>{}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>",
                escaped(name),
                bytes.len()
            )
        })
        .collect();
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"https://{}/\" \
         ContainerName=\"{}\"><Blobs>{rows}</Blobs><NextMarker /></EnumerationResults>",
        call.host,
        params.get("container")
    );
    Reply::body(200, "application/xml", body)
}

fn no_blob(blobs: &Blobs) -> Reply {
    refused(&blobs.arm, 404, "BlobNotFound", "The specified blob does not exist.", None)
}

fn get(blobs: &Blobs, call: &Call, params: &Params) -> Reply {
    let blob = params.get("blob");
    let incarnation = match open(blobs, call, params, 'r', Some(blob)) {
        Ok(incarnation) => incarnation,
        Err(refusal) => return refusal,
    };
    let bytes = blobs.content().get(&incarnation).and_then(|c| c.get(blob)).cloned();
    bytes.map_or_else(
        || no_blob(blobs),
        |b| Reply::body(200, "application/octet-stream", b).header("x-ms-blob-type", "BlockBlob"),
    )
}

fn put(blobs: &Blobs, call: &Call, params: &Params) -> Reply {
    let blob = params.get("blob");
    let incarnation = match open(blobs, call, params, 'w', Some(blob)) {
        Ok(incarnation) => incarnation,
        Err(refusal) => return refusal,
    };
    if call.header("x-ms-blob-type") != Some("BlockBlob") {
        let message = "An HTTP header that's mandatory for this request is not specified.";
        return refused(&blobs.arm, 400, "MissingRequiredHeader", message, None);
    }
    let mut content = blobs.content();
    let inside = content.entry(incarnation).or_default();
    if call.header("if-none-match") == Some("*") && inside.contains_key(blob) {
        return refused(&blobs.arm, 409, "BlobAlreadyExists", "The specified blob already exists.", None);
    }
    inside.insert(blob.to_owned(), call.body.clone());
    Reply::empty(201).header("etag", format!("\"0x{}\"", &unique()[..8].to_uppercase()))
}

fn delete(blobs: &Blobs, call: &Call, params: &Params) -> Reply {
    let blob = params.get("blob");
    let incarnation = match open(blobs, call, params, 'd', Some(blob)) {
        Ok(incarnation) => incarnation,
        Err(refusal) => return refusal,
    };
    match blobs.content().entry(incarnation).or_default().remove(blob) {
        Some(_) => Reply::empty(202),
        None => no_blob(blobs),
    }
}
