//! Requests in, answers out: authentication, RBAC, dispatch.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value as Json, json};

use super::KubernetesFake;
use super::apply::Writer;
use super::ephemeral;
use super::kinds::{Kind, at};
use super::routes::{Target, target, verb};
use super::select::Selector;
use super::status::Refusal;
use super::store::text;
use super::watch::Watch;
use super::write::{Write, Written, delete};

/// The largest request that the real server takes.
const MAX_REQUEST: usize = 3 << 20;

/// One request, read.
pub(super) struct Ask {
    method: Method,
    path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    body: Bytes,
    /// The connection, for a client that asks to have it for something else.
    pub(super) upgrade: Option<OnUpgrade>,
}

impl Ask {
    pub(super) fn query(&self, name: &str) -> &str {
        self.query.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.query(name), "true" | "1")
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Result<Json, Refusal> {
        serde_json::from_slice(&self.body).map_err(|e| {
            Refusal::bad_request(&format!("the object provided is unrecognized (must be of type JSON): {e}"))
        })
    }

    fn selector(&self) -> Result<Selector, Refusal> {
        Selector::parse(self.query("labelSelector"), self.query("fieldSelector"))
    }
}

/// The fake as a service; TLS and the listener are the caller's.
pub fn router(state: Arc<KubernetesFake>) -> Router {
    Router::new().fallback(serve).with_state(state)
}

async fn serve(State(fake): State<Arc<KubernetesFake>>, request: Request<Body>) -> Response<Body> {
    let answer = match read(request).await {
        Ok(ask) => answer(&fake, &ask).await,
        Err(refusal) => Err(refusal),
    };
    fake.settle();
    answer.unwrap_or_else(|refusal| reply(refusal.code, &refusal.body))
}

async fn read(request: Request<Body>) -> Result<Ask, Refusal> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_REQUEST).await.map_err(|_| Refusal::too_large(MAX_REQUEST))?;
    let query = parts.uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let (path, upgrade) = (parts.uri.path().to_owned(), parts.extensions.get::<OnUpgrade>().cloned());
    Ok(Ask { method: parts.method, path, query, headers: parts.headers, body, upgrade })
}

fn reply(code: u16, body: &Json) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn plain(body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

async fn answer(fake: &Arc<KubernetesFake>, ask: &Ask) -> Result<Response<Body>, Refusal> {
    let bearer = ask.header(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    if bearer != fake.options.token.expose() {
        return Err(Refusal::unauthorized());
    }
    let missing = || Refusal::not_implemented(&format!("{} {}", ask.method, ask.path));
    match target(&ask.method, &ask.path).ok_or_else(missing)? {
        Target::Version => Ok(reply(200, &version())),
        Target::Ready => Ok(plain("ok".into())),
        Target::Review => review(fake, &ask.json()?),
        Target::Collection(kind, namespace) => collection(fake, ask, kind, &namespace),
        Target::Object(kind, namespace, name, part) => match part.as_str() {
            "" | "status" => object(fake, ask, kind, (&namespace, &name, &part)),
            ephemeral::PART if kind.kind == "Pod" => object(fake, ask, kind, (&namespace, &name, &part)),
            "log" | "exec" | "portforward" if kind.kind == "Pod" => {
                attended(fake, ask, (&namespace, &name, &part)).await
            }
            _ => Err(missing()),
        },
    }
}

fn version() -> Json {
    json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64"})
}

fn review(fake: &KubernetesFake, body: &Json) -> Result<Response<Body>, Refusal> {
    let asked = &body["spec"]["resourceAttributes"];
    if !asked.is_object() {
        return Err(Refusal::not_implemented("review without resourceAttributes"));
    }
    let parts = [text(asked, "/resource"), text(asked, "/subresource")];
    let resource = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let allowed = !fake.store().denied(text(asked, "/verb"), &resource);
    let mut status = json!({"allowed": allowed});
    if !allowed {
        status["reason"] = json!("");
    }
    Ok(reply(
        201,
        &json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": {}, "spec": body["spec"], "status": status}),
    ))
}

fn permitted(fake: &KubernetesFake, verb: &str, kind: &Kind, place: (&str, &str)) -> Result<(), Refusal> {
    if fake.store().refuses(verb, kind.plural) {
        Err(Refusal::forbidden(kind, verb, kind.plural, place))
    } else {
        Ok(())
    }
}

fn writer(fake: &KubernetesFake, ask: &Ask, kind: &Kind, part: &str) -> Writer {
    let agent = ask.header(header::USER_AGENT).split('/').next().unwrap_or_default();
    let manager = if ask.query("fieldManager").is_empty() { agent } else { ask.query("fieldManager") };
    Writer {
        manager: if manager.is_empty() { "unknown".into() } else { manager.to_owned() },
        api_version: kind.api_version(),
        subresource: part.to_owned(),
        time: fake.now(),
    }
}

fn write(fake: &KubernetesFake, ask: &Ask, kind: &'static Kind, (namespace, name, part): (&str, &str, &str)) -> Write {
    Write {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        writer: writer(fake, ask, kind, part),
        dry_run: ask.query("dryRun") == "All",
    }
}

fn collection(
    fake: &Arc<KubernetesFake>,
    ask: &Ask,
    kind: &'static Kind,
    namespace: &str,
) -> Result<Response<Body>, Refusal> {
    let watching = ask.flag("watch");
    permitted(fake, verb(&ask.method, false, watching), kind, (namespace, ""))?;
    match ask.method.as_str() {
        "GET" if watching => {
            let limit = ask.query("timeoutSeconds").parse().map_or(Duration::from_secs(1800), Duration::from_secs);
            let selector = ask.selector()?;
            let version = ask.query("resourceVersion").to_owned();
            let watch = Watch { kind, namespace: namespace.to_owned(), selector, version, limit };
            super::watch::response(Arc::clone(fake), watch)
        }
        "GET" => list(fake, ask, kind, namespace),
        "POST" if kind.namespaced == namespace.is_empty() => Err(Refusal::not_implemented("creation at this address")),
        "POST" => {
            let body = ask.json()?;
            let write = write(fake, ask, kind, (namespace, "", ""));
            written(write.create(&mut fake.store(), body))
        }
        _ => Err(Refusal::not_implemented("deletion of a collection")),
    }
}

fn written(result: Result<Written, Refusal>) -> Result<Response<Body>, Refusal> {
    result.map(|w| reply(w.code, &w.object))
}

fn list(fake: &KubernetesFake, ask: &Ask, kind: &Kind, namespace: &str) -> Result<Response<Body>, Refusal> {
    let selector = ask.selector()?;
    let limit: usize = ask.query("limit").parse().unwrap_or(0);
    let mut store = fake.store();
    let token = ask.query("continue");
    let mut items: Vec<Json> = if token.is_empty() {
        store.list(at(kind.group, kind.version, kind.plural).unwrap_or(&super::KINDS[0]).kind, namespace)
    } else {
        if let Some(why) = super::select::broken_token(token) {
            return Err(Refusal::bad_request(&why));
        }
        store.page(token, kind, namespace)?
    };
    items.retain(|o| selector.matches(o));
    let mut meta = json!({"resourceVersion": store.revision.to_string()});
    if limit > 0 && items.len() > limit {
        let rest = items.split_off(limit);
        if selector.is_empty() {
            meta["remainingItemCount"] = json!(rest.len());
        }
        meta["continue"] = json!(store.put_aside(rest));
    }
    // items of a list carry neither kind nor version on the real server
    for item in &mut items {
        if let Some(map) = item.as_object_mut() {
            map.shift_remove("kind");
            map.shift_remove("apiVersion");
        }
    }
    let body = json!({"kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": meta, "items": items});
    Ok(reply(200, &body))
}

fn object(
    fake: &Arc<KubernetesFake>,
    ask: &Ask,
    kind: &'static Kind,
    place: (&str, &str, &str),
) -> Result<Response<Body>, Refusal> {
    let (namespace, name, part) = place;
    let verb = verb(&ask.method, true, false);
    // A part is a right of its own.
    let resource = if part.is_empty() { kind.plural.to_owned() } else { format!("{}/{part}", kind.plural) };
    if fake.store().refuses(verb, &resource) {
        return Err(Refusal::forbidden(kind, verb, &resource, (namespace, name)));
    }
    let write = write(fake, ask, kind, place);
    let mut store = fake.store();
    match ask.method.as_str() {
        "GET" => {
            store.get(kind.kind, namespace, name).map(|o| reply(200, o)).ok_or_else(|| Refusal::not_found(kind, name))
        }
        "PUT" => written(write.replace(&mut store, ask.json()?)),
        "PATCH" => patch(ask, &write, &mut store),
        "DELETE" => {
            let mut options = if ask.body.is_empty() { json!({}) } else { ask.json()? };
            if options["propagationPolicy"].is_null() && !ask.query("propagationPolicy").is_empty() {
                options["propagationPolicy"] = json!(ask.query("propagationPolicy"));
            }
            delete(&mut store, &write, &options).map(|body| reply(200, &body))
        }
        _ => Err(Refusal::not_implemented("such a verb on an object")),
    }
}

fn patch(ask: &Ask, write: &Write, store: &mut super::Store) -> Result<Response<Body>, Refusal> {
    let media = ask.header(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    match media {
        "application/apply-patch+yaml" if ask.query("fieldManager").is_empty() => Err(Refusal::no_manager()),
        "application/apply-patch+yaml" => {
            let (kind, place) = (write.kind, (write.namespace.as_str(), write.name.as_str()));
            // What an apply makes is a creation, and needs that right as well.
            if store.get(kind.kind, place.0, place.1).is_none() && store.refuses("create", kind.plural) {
                return Err(Refusal::forbidden(kind, "create", kind.plural, place));
            }
            written(write.apply(store, ask.json()?, ask.flag("force")))
        }
        "application/merge-patch+json" => written(write.merge(store, &ask.json()?)),
        "application/json-patch+json" | "application/strategic-merge-patch+json" => {
            Err(Refusal::not_implemented(&format!("patch of type {media}")))
        }
        _ => Err(Refusal::media_type()),
    }
}

/// Log, commands and ports of a pod; each is a right of its own.
async fn attended(
    fake: &Arc<KubernetesFake>,
    ask: &Ask,
    (namespace, name, part): (&str, &str, &str),
) -> Result<Response<Body>, Refusal> {
    let kind = super::kinds::named("Pod");
    let verb = verb(&ask.method, true, false);
    let resource = format!("pods/{part}");
    // A stream that a GET opens needs the right to create as well on newer servers.
    let verbs = if part == "log" { vec![verb] } else { vec![verb, "create"] };
    for verb in verbs {
        if fake.store().refuses(verb, &resource) {
            return Err(Refusal::forbidden(kind, verb, &resource, (namespace, name)));
        }
    }
    let find = || fake.store().get("Pod", namespace, name).cloned().ok_or_else(|| Refusal::not_found(kind, name));
    match part {
        "exec" => super::exec::exec(fake, ask, &find()?),
        "portforward" => super::forward::forward(fake, ask, &find()?),
        _ => super::log::log(fake, ask, find).await,
    }
}
