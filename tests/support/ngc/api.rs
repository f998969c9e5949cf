//! The API: the gate of a model's files, the catalogue and the organisations. A key counts by its services and its
//! organisation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::{Key, Ngc, State, refusal, told};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// Where files are given.
const FILES: &str = "https://xfiles.ngc.nvidia.com";

pub(super) fn routes() -> Vec<Route<Ngc>> {
    const FILES_BY: Evidence =
        told("address and styles of login as users' scripts have them; 401, 403, 404 and 451 without a body");
    const REPOSITORY_BY: Evidence = told("address as opendatahub-io/odh-model-controller asks it; 401, 403 and 404");
    vec![
        Route::new("HEAD", "/v2/org/{org}/team/{team}/models/{name}/versions/{version}/zip", FILES_BY, files),
        Route::new("HEAD", "/v2/org/{org}/models/{name}/versions/{version}/zip", FILES_BY, files),
        Route::new(
            "GET",
            "/v2/search/catalog/resources/CONTAINER",
            told("query and answer as opendatahub-io/odh-model-controller has them; 400 for any other query"),
            search,
        ),
        Route::new("GET", "/v2/org/{org}/team/{team}/repos/{name}", REPOSITORY_BY, repository),
        Route::new("GET", "/v2/org/{org}/repos/{name}", REPOSITORY_BY, repository),
        Route::new("GET", "/v2/orgs", told("names as NVIDIADemo/ngc-go has them"), organisations),
    ]
}

fn status(code: u16, words: &str) -> Reply {
    Reply::json(code, &json!({"requestStatus": {"statusCode": words}}))
}

/// The key of a request, in the one style that is taken.
fn key<'a>(state: &'a State, call: &Call, password: bool) -> Option<&'a Key> {
    if !password {
        return state.key(call.bearer()?);
    }
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    state.key(text.strip_prefix("$oauthtoken:")?)
}

/// `ORG[/TEAM]/NAME`.
fn path(params: &Params) -> String {
    let parts = ["org", "team", "name"].map(|name| params.get(name));
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn files(ngc: &Ngc, call: &Call, params: &Params) -> Reply {
    let state = ngc.state();
    let Some(key) = key(&state, call, state.passwords) else { return status(401, "UNAUTHORIZED") };
    let name = format!("{}:{}", path(params), params.get("version"));
    let Some(access) = state.models.get(&name) else { return status(404, "NOT_FOUND") };
    if !key.models {
        return status(403, "ACCESS_DENIED");
    }
    match refusal(Some(access), Some(key)) {
        Some((code, _)) => status(code, "ACCESS_DENIED"),
        None => Reply::empty(302).header("location", format!("{FILES}/{name}?signature=canary")),
    }
}

fn search(ngc: &Ngc, call: &Call, _: &Params) -> Reply {
    let query: Option<Json> = call.query("q").and_then(|text| serde_json::from_str(text).ok());
    let wanted = query.as_ref().and_then(|q| q["query"].as_str()?.strip_prefix("orgName:"));
    let sized = query.as_ref().is_some_and(|q| q["page"].is_u64() && q["pageSize"].is_u64());
    let Some(organisation) = wanted.filter(|_| sized) else { return status(400, "INVALID_REQUEST") };
    let listed = &ngc.state().listed;
    let here = listed.iter().filter(|one| one.split('/').next() == Some(organisation));
    let resources: Vec<Json> = here.map(|one| json!({"resourceId": one})).collect();
    Reply::json(
        200,
        &json!({"resultPageTotal": 1, "params": {"page": 0}, "results": [
            {"groupValue": "MODEL", "resources": [{"resourceId": format!("{organisation}/a-model")}]},
            {"groupValue": "CONTAINER", "resources": resources}
        ]}),
    )
}

fn repository(ngc: &Ngc, call: &Call, params: &Params) -> Reply {
    let state = ngc.state();
    let Some(key) = key(&state, call, false) else { return status(401, "UNAUTHORIZED") };
    let path = path(params);
    match state.images.get(&path) {
        Some(_) if key.organisation == params.get("org") || state.listed.contains(&path) => {
            Reply::json(200, &json!({"name": params.get("name"), "namespace": params.get("org")}))
        }
        // Of others nothing is said, not even whether it is there.
        _ if key.organisation != params.get("org") => status(403, "ACCESS_DENIED"),
        _ => status(404, "NOT_FOUND"),
    }
}

fn organisations(ngc: &Ngc, call: &Call, _: &Params) -> Reply {
    let state = ngc.state();
    let Some(key) = key(&state, call, false) else { return status(401, "UNAUTHORIZED") };
    let own = state.organisations.iter().filter(|(name, _)| *name == key.organisation);
    let all: Vec<Json> = own.map(|(name, shown)| json!({"name": name, "displayName": shown})).collect();
    Reply::json(200, &json!({"organizations": all}))
}
