//! The sign-in host: client credentials for applications, tokens of service accounts for the identities that trust them,
//! and the metadata documents.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};
use crate::principal::Refused;
use crate::route::{self, Params, Route};
use crate::world::{World, unique};

/// How long a token lives.
const SECONDS: i64 = 3599;

/// The fake.
pub struct Entra {
    world: Arc<World>,
    arm: Arc<Arm>,
    routes: Vec<Route<Entra>>,
}

impl Entra {
    /// A sign-in host for the application of this world and the identities that its ARM has.
    #[must_use]
    pub fn new(arm: Arc<Arm>) -> Self {
        Self { world: Arc::clone(&arm.world), arm, routes: routes() }
    }

    /// Answers one request.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Reply {
        match route::find(&self.routes, call) {
            Some((route, params)) => (route.answer)(self, call, &params),
            None => Reply::json(404, &json!({"error": "invalid_request"})),
        }
    }
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("entra", &routes())
}

fn routes() -> Vec<Route<Entra>> {
    let token = Evidence::Client("azure_identity 1.0 for Rust and azure-identity 1.27.0 for Python");
    let document = Evidence::Client("az 2.91.0");
    vec![
        Route::new("POST", "/{tenant}/oauth2/v2.0/token", token, issue),
        Route::new("GET", "/{tenant}/v2.0/.well-known/openid-configuration", document, configuration),
        Route::new(
            "GET",
            "/common/discovery/instance",
            Evidence::Assumed("the form of public documents; no client here asks for it"),
            instance,
        ),
        Route::new(
            "GET",
            "/metadata/endpoints",
            Evidence::Assumed("the form of public documents; no client here asks for it"),
            endpoints,
        ),
    ]
}

/// The error form of the token endpoint; the codes are Entra's.
fn refused(entra: &Entra, status: u16, error: &str, number: u32, text: &str) -> Reply {
    let (trace, correlation, stamp) = (unique(), unique(), entra.world.stamp());
    let description =
        format!("AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}");
    let body = json!({
        "error": error, "error_description": description, "error_codes": [number], "timestamp": stamp,
        "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("{}/error?code={number}", entra.world.authority_origin()),
    });
    Reply::json(status, &body)
}

fn issue(entra: &Entra, call: &Call, params: &Params) -> Reply {
    let form = call.form();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
    let app = &entra.world.application;
    if !params.get("tenant").eq_ignore_ascii_case(&app.tenant) {
        let text =
            format!("Tenant '{}' not found. Check to make sure you have the correct tenant ID.", params.get("tenant"));
        return refused(entra, 400, "invalid_request", 90002, &text);
    }
    if field("grant_type") != "client_credentials" {
        return refused(entra, 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
    }
    if !field("client_assertion").is_empty() {
        let principal = match federated(entra, field("client_id"), field("client_assertion")) {
            Ok(principal) => principal,
            Err(refusal) => return refusal,
        };
        return token(entra, field("scope"), &Signed { client_id: field("client_id"), principal: &principal });
    }
    match by_secret(entra, field("client_id"), field("client_secret")) {
        Ok(principal) => token(entra, field("scope"), &Signed { client_id: field("client_id"), principal: &principal }),
        Err(why) => no_application(entra, field("client_id"), why),
    }
}

/// The principal of the application that has this secret; that of the world is its own.
fn by_secret(entra: &Entra, client_id: &str, secret: &str) -> Result<String, Refused> {
    let own = &entra.world.application;
    if !client_id.eq_ignore_ascii_case(&own.client_id) {
        return entra.arm.state().application(client_id, secret).map(|known| known.object_id.clone());
    }
    match secret == own.client_secret {
        true if entra.world.secret_ended.load(Ordering::Relaxed) => Err(Refused::SecretExpired),
        true => Ok(own.client_id.clone()),
        false => Err(Refused::WrongSecret),
    }
}

fn no_application(entra: &Entra, client_id: &str, why: Refused) -> Reply {
    let (status, error, number, text) = match why {
        Refused::Unknown => (
            400,
            "unauthorized_client",
            700_016,
            format!("Application with identifier '{client_id}' was not found in the directory."),
        ),
        Refused::WrongSecret => (
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
             not the client secret ID, for a secret added to the app."
                .to_owned(),
        ),
        Refused::SecretExpired => (
            401,
            "invalid_client",
            7_000_222,
            format!("The provided client secret keys for app '{client_id}' are expired."),
        ),
    };
    refused(entra, status, error, number, &text)
}

/// The principal of an identity that trusts an assertion: issuer, subject and audience are compared byte for byte.
fn federated(entra: &Entra, client: &str, assertion: &str) -> Result<String, Reply> {
    let claims = entra.world.verify(assertion).map_err(|_| {
        refused(entra, 401, "invalid_client", 700_024, "Client assertion is not within its valid time range.")
    })?;
    let state = entra.arm.state();
    let mut identities = state.of_kind("Microsoft.ManagedIdentity/userAssignedIdentities");
    let Some(identity) = identities.find(|t| t.body["properties"]["clientId"] == client) else {
        let text = format!("Application with identifier '{client}' was not found in the directory.");
        return Err(refused(entra, 400, "unauthorized_client", 700_016, &text));
    };
    let trusted: Vec<&Value> = state.below(&identity.id).map(|t| &t.body["properties"]).collect();
    let audience = |t: &Value| t["audiences"].as_array().is_some_and(|all| claims["aud"].as_array() == Some(all));
    let rows = [
        (700_211, "issuer", "iss", trusted.iter().any(|t| t["issuer"] == claims["iss"])),
        (
            700_213,
            "subject",
            "sub",
            trusted.iter().any(|t| t["issuer"] == claims["iss"] && t["subject"] == claims["sub"]),
        ),
        (700_212, "audience", "aud", trusted.iter().any(|t| t["subject"] == claims["sub"] && audience(t))),
    ];
    if let Some((number, what, claim, _)) = rows.iter().find(|(_, _, _, fits)| !fits) {
        let given = &claims[*claim];
        let text = format!("No matching federated identity record found for presented assertion {what} '{given}'.");
        return Err(refused(entra, 401, "invalid_client", *number, &text));
    }
    Ok(identity.body["properties"]["principalId"].as_str().unwrap_or_default().to_owned())
}

/// Who has signed in.
pub struct Signed<'a> {
    /// The id that was signed in with.
    pub client_id: &'a str,
    /// The id that rights are given to.
    pub principal: &'a str,
}

impl<'a> Signed<'a> {
    /// An application that is its own principal here.
    #[must_use]
    pub const fn app(client_id: &'a str) -> Self {
        Self { client_id, principal: client_id }
    }
}

fn token(entra: &Entra, scope: &str, who: &Signed<'_>) -> Reply {
    let Some(audience) = scope.strip_suffix("/.default").filter(|a| !a.is_empty()) else {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope \
                            value with /.default suffixed to the resource identifier."
        );
        return refused(entra, 400, "invalid_scope", 1_002_012, &text);
    };
    let token = app_token(&entra.world, who, audience, SECONDS);
    let body = json!({"token_type": "Bearer", "expires_in": SECONDS, "ext_expires_in": SECONDS, "access_token": token});
    Reply::json(200, &body).header("cache-control", "no-store, no-cache")
}

/// An access token of an application or a managed identity for an audience.
#[must_use]
pub fn app_token(world: &World, who: &Signed<'_>, audience: &str, seconds: i64) -> String {
    let (now, tenant) = (world.now().unix_timestamp(), &world.application.tenant);
    world.sign(&json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{tenant}/"), "iat": now, "nbf": now, "exp": now + seconds,
        "appid": who.client_id, "tid": tenant, "oid": who.principal, "idtyp": "app", "ver": "1.0",
    }))
}

fn configuration(entra: &Entra, _: &Call, params: &Params) -> Reply {
    let (host, tenant) = (entra.world.authority_origin(), params.get("tenant"));
    Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{host}/{tenant}/oauth2/v2.0/token"), "issuer": format!("{host}/{tenant}/v2.0"),
            "authorization_endpoint": format!("{host}/{tenant}/oauth2/v2.0/authorize"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{host}/{tenant}/discovery/v2.0/keys"), "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
        }),
    )
}

fn instance(entra: &Entra, _: &Call, _: &Params) -> Reply {
    let origin = entra.world.authority_origin();
    let host = origin.trim_start_matches("https://");
    let tenant = &entra.world.application.tenant;
    let found = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", entra.world.authority_origin());
    let metadata = json!([{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]);
    Reply::json(200, &json!({"tenant_discovery_endpoint": found, "api-version": "1.1", "metadata": metadata}))
}

fn endpoints(entra: &Entra, _: &Call, _: &Params) -> Reply {
    let (arm, login) = (entra.world.arm_origin(), entra.world.authority_origin());
    let audiences = [arm.clone()];
    let authentication =
        json!({"loginEndpoint": login, "audiences": audiences, "tenant": "common", "identityProvider": "AAD"});
    Reply::json(200, &json!([{"name": "Sandbox", "resourceManager": arm, "authentication": authentication}]))
}
