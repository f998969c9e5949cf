//! Who may do what at a registry: the challenge, the exchange, the tokens and their scopes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::arm::registry::{self, View};
use crate::http::{Call, Reply};
use crate::registry::rights::Rights;
use crate::registry::{Registries, error};
use crate::route::Params;
use crate::world::World;

const ISSUER: &str = "Azure Container Registry";
/// The user name that goes with a refresh token in a Basic header.
const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";
const REFRESH_SECONDS: i64 = 11_700;
const ACCESS_SECONDS: i64 = 4_500;

/// What a request needs.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    kind: &'static str,
    name: &'a str,
    actions: &'static [&'static str],
}

impl<'a> Needs<'a> {
    /// To read a repository.
    #[must_use]
    pub const fn pull(name: &'a str) -> Self {
        Self { kind: "repository", name, actions: &["pull"] }
    }

    /// To write into a repository.
    #[must_use]
    pub const fn push(name: &'a str) -> Self {
        Self { kind: "repository", name, actions: &["pull", "push"] }
    }

    /// To remove from a repository.
    #[must_use]
    pub const fn delete(name: &'a str) -> Self {
        Self { kind: "repository", name, actions: &["delete"] }
    }

    /// To list all repositories.
    #[must_use]
    pub const fn catalog() -> Self {
        Self { kind: "registry", name: "catalog", actions: &["*"] }
    }

    fn scope(&self) -> String {
        format!("{}:{}:{}", self.kind, self.name, self.actions.join(","))
    }

    /// Whether the claims of a token grant it.
    fn granted(&self, claims: &Value) -> bool {
        let entries = claims["access"].as_array().into_iter().flatten();
        let mut mine = entries.filter(|e| e["Type"] == self.kind && e["Name"] == self.name);
        mine.any(|e| {
            let has = |action: &str| e["Actions"].as_array().is_some_and(|l| l.iter().any(|a| a == action || a == "*"));
            self.actions.iter().all(|action| has(action))
        })
    }
}

/// The 401 of ACR with its challenge: the realm is the registry itself.
fn challenge(host: &str, needs: &[Needs<'_>], fault: Option<&str>) -> Reply {
    let mut header = format!("Bearer realm=\"https://{host}/oauth2/token\",service=\"{host}\"");
    if !needs.is_empty() {
        let scopes: Vec<String> = needs.iter().map(Needs::scope).collect();
        header.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    if let Some(fault) = fault {
        header.push_str(&format!(",error=\"{fault}\""));
    }
    unauthorized().header("www-authenticate", header)
}

fn unauthorized() -> Reply {
    let message = "authentication required, visit https://aka.ms/acr/authorization for more information.";
    error(401, "UNAUTHORIZED", message)
}

/// Checks the credential of a data request.
///
/// # Errors
/// The challenge of the registry.
pub fn allowed(registries: &Registries, call: &Call, needs: &[Needs<'_>]) -> Result<(), Reply> {
    let host = call.host.as_str();
    let refuse = |fault| Err(challenge(host, needs, fault));
    // ACR takes the admin user and refresh tokens as Basic at the data routes too.
    if let Some((user, password)) = basic(call) {
        let rights = registries.view(host).and_then(|v| knows(registries, &v, host, &user, &password));
        let ok = rights.is_some_and(|r| needs.iter().all(|n| n.actions.iter().all(|a| r.allow(n.kind, n.name, a))));
        return if ok { Ok(()) } else { refuse(None) };
    }
    let Some(token) = call.bearer() else { return refuse(None) };
    let Some(claims) = own(registries, host, token, "access_token") else { return refuse(Some("invalid_token")) };
    if needs.iter().all(|n| n.granted(&claims)) { Ok(()) } else { refuse(Some("insufficient_scope")) }
}

fn basic(call: &Call) -> Option<(String, String)> {
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(u, p)| (u.to_owned(), p.to_owned()))
}

/// A token of this registry, of this kind, that has not run out.
fn own(registries: &Registries, host: &str, token: &str, kind: &str) -> Option<Value> {
    let claims = registries.arm().world.verify(token).ok()?;
    let incarnation = registries.view(host)?.incarnation;
    let fits = claims["iss"] == ISSUER
        && claims["aud"] == host
        && claims["grant_type"] == kind
        && claims["jti"] == incarnation;
    fits.then_some(claims)
}

/// The admin user with a current password, a token with one of its own, a refresh token, or an application of the
/// directory with its secret and a right.
fn knows(registries: &Registries, view: &View, host: &str, user: &str, password: &str) -> Option<Rights> {
    if view.admin && user == view.name && view.passwords.iter().any(|p| p == password) {
        return Some(Rights::All);
    }
    if user == TOKEN_USER {
        return refreshed(registries, host, password);
    }
    if let Some(token) = view.tokens.iter().find(|t| t.name == user && t.passwords.iter().any(|p| p == password)) {
        return Some(Rights::Listed(token.actions.clone()));
    }
    let principal = registries.arm().state().application(user, password).ok()?.object_id.clone();
    registry::rights(registries.arm(), view, &principal)
}

/// What a refresh token of this registry allows.
fn refreshed(registries: &Registries, host: &str, token: &str) -> Option<Rights> {
    let claims = own(registries, host, token, "refresh_token")?;
    let listed = claims["permissions"]["Listed"].as_array();
    let rights = |listed: &Vec<Value>| listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(listed.map_or(Rights::All, |listed| Rights::Listed(rights(listed))))
}

/// `repository:NAME:ACTIONS` and `registry:catalog:*` as the claims carry them, without what is not allowed.
fn access(scopes: &[&str], rights: &Rights) -> Vec<Value> {
    let one = |scope: &str| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let actions: Vec<&str> = actions.split(',').filter(|action| rights.allow(kind, name, action)).collect();
        (!actions.is_empty()).then(|| json!({"Type": kind, "Name": name, "Actions": actions}))
    };
    scopes.iter().flat_map(|s| s.split(' ')).filter_map(one).collect()
}

/// Which registry a token is for.
struct For<'a> {
    world: &'a World,
    host: &'a str,
    incarnation: &'a str,
}

/// What a token says besides whose it is and how long it lives.
enum Says<'a> {
    /// A refresh token: what it allows.
    Rights(&'a Rights),
    /// An access token: which repositories it opens.
    Access(&'a [Value]),
}

fn make(of: &For<'_>, says: &Says<'_>) -> String {
    let (kind, seconds) = match says {
        Says::Rights(_) => ("refresh_token", REFRESH_SECONDS),
        Says::Access(_) => ("access_token", ACCESS_SECONDS),
    };
    let now = of.world.now().unix_timestamp();
    let mut claims = json!({
        "aud": of.host, "iss": ISSUER, "exp": now + seconds, "nbf": now, "iat": now, "grant_type": kind,
        "version": "1.0", "roles": [], "sub": crate::world::unique(), "jti": of.incarnation,
    });
    match says {
        Says::Rights(Rights::All) => {
            claims["permissions"] = json!({"Actions": ["read", "write", "delete"], "NotActions": Value::Null});
        }
        Says::Rights(Rights::Listed(listed)) => {
            claims["permissions"] = json!({"Actions": ["read"], "NotActions": Value::Null, "Listed": listed});
        }
        Says::Access(access) => claims["access"] = json!(access),
    }
    of.world.sign(&claims)
}

/// User and password of somebody who has signed in to Azure and may do everything.
#[must_use]
pub fn signed_in(world: &World, host: &str, incarnation: &str) -> (String, String) {
    let token = make(&For { world, host, incarnation }, &Says::Rights(&Rights::All));
    (TOKEN_USER.to_owned(), token)
}

fn access_token(registries: &Registries, host: &str, access: &[Value]) -> String {
    let incarnation = registries.view(host).map(|v| v.incarnation).unwrap_or_default();
    let of = For { world: &registries.arm().world, host, incarnation: &incarnation };
    make(&of, &Says::Access(access))
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
}

/// An Entra token for a refresh token.
#[must_use]
pub fn exchange(registries: &Registries, call: &Call, _: &Params) -> Reply {
    let form = call.form();
    if field(&form, "grant_type") != "access_token" || field(&form, "service") != call.host {
        return error(400, "BAD_REQUEST", "grant_type, service and access_token are required.");
    }
    let world = &registries.arm().world;
    let fits = |claims: &Value| {
        let audience = claims["aud"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
        audience == "https://containerregistry.azure.net" || audience == world.arm_origin()
    };
    let claims = world.verify(field(&form, "access_token")).ok().filter(fits);
    let (Some(claims), Some(view)) = (claims, registries.view(&call.host)) else { return unauthorized() };
    let principal = claims["oid"].as_str().unwrap_or_default();
    let Some(rights) = registry::rights(registries.arm(), &view, principal) else { return unauthorized() };
    let of = For { world, host: &call.host, incarnation: &view.incarnation };
    let refresh = make(&of, &Says::Rights(&rights));
    Reply::json(200, &json!({"refresh_token": refresh}))
}

/// A refresh token or a password for an access token, by form.
#[must_use]
pub fn post(registries: &Registries, call: &Call, _: &Params) -> Reply {
    let form = call.form();
    if field(&form, "service") != call.host {
        return error(400, "BAD_REQUEST", "The service is not this registry.");
    }
    let rights = match field(&form, "grant_type") {
        "refresh_token" => refreshed(registries, &call.host, field(&form, "refresh_token")),
        "password" => registries
            .view(&call.host)
            .and_then(|v| knows(registries, &v, &call.host, field(&form, "username"), field(&form, "password"))),
        _ => return error(400, "BAD_REQUEST", "The grant type is not supported."),
    };
    let Some(rights) = rights else { return unauthorized() };
    let scopes: Vec<&str> = form.iter().filter(|(n, _)| n == "scope").map(|(_, v)| v.as_str()).collect();
    let token = access_token(registries, &call.host, &access(&scopes, &rights));
    Reply::json(200, &json!({"access_token": token}))
}

/// A Basic credential for an access token, by query: docker's way.
#[must_use]
pub fn get(registries: &Registries, call: &Call, _: &Params) -> Reply {
    if call.query("service").is_none_or(|s| s != call.host) {
        return error(400, "BAD_REQUEST", "The service is not this registry.");
    }
    let view = registries.view(&call.host);
    let rights =
        basic(call).and_then(|(user, password)| view.and_then(|v| knows(registries, &v, &call.host, &user, &password)));
    let Some(rights) = rights else { return unauthorized() };
    let scopes: Vec<&str> = call.query.iter().filter(|(n, _)| n == "scope").map(|(_, v)| v.as_str()).collect();
    let token = access_token(registries, &call.host, &access(&scopes, &rights));
    Reply::json(200, &json!({"access_token": token, "token": token, "expires_in": ACCESS_SECONDS}))
}
