//! The calls: read, apply, list, delete, logs. Bodies are read here and not by the library, which
//! would log one that it cannot read, secrets included.

use std::time::Duration;

use http::{Method, Request, header};
use kube::client::Body;
use mops_core::{Cancel, Secret};
use mops_wire::{Http, HttpConfig, Origin};
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::access::{Access, Auth};
use super::error::{Asked, KubernetesError};
use super::object::{Json, ObjectRef};
use super::transport::{Transport, broken, collect};

/// Our name as a field manager.
const MANAGER: &str = "mops";
/// Objects a page of a list.
const PAGE: usize = 500;

/// Whether an apply may take fields from other managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// A field of another manager is an error that names it.
    Respect,
    /// The user has consented to take it.
    Force,
}

/// Which objects of a kind are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `app=dask,tier in (cpu)`
    pub labels: String,
    /// `spec.nodeName=n1`
    pub fields: String,
}

/// A cluster. Clones share one connection pool.
#[derive(Clone)]
pub struct Kubernetes {
    client: kube::Client,
    pub(super) server: String,
    namespace: String,
    cancel: Option<Cancel>,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kubernetes({})", self.server)
    }
}

impl Kubernetes {
    /// Prepares the connection that a kubeconfig describes; nothing is sent.
    ///
    /// # Errors
    /// When the kubeconfig, its roots or its client certificate cannot be used.
    #[expect(clippy::unused_async, reason = "only inside a runtime can the client be made")]
    pub async fn connect(
        kubeconfig: &Secret<String>,
        context: Option<&str>,
        config: &HttpConfig,
    ) -> Result<Self, KubernetesError> {
        Self::over(&Access::from_text("the cluster", kubeconfig, context, None)?, config)
    }

    /// Prepares the connection; nothing is sent. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When roots or client certificate cannot be used.
    pub fn over(access: &Access, config: &HttpConfig) -> Result<Self, KubernetesError> {
        let mut config = config.clone();
        if let Some(roots) = &access.roots {
            config.roots = vec![roots.clone()];
            config.only_roots = true;
        }
        if let Auth::Certificate(cert, key) = &access.auth {
            config.client_identity = Some((cert.clone(), key.clone()));
        }
        let upgrading = Http::new(HttpConfig { http1_only: true, ..config.clone() })?;
        let http = Http::new(config)?;
        let server = Origin::of(&access.server).map_or_else(String::new, |o| o.authority());
        let transport = Transport { http, upgrading, server: access.server.clone(), auth: access.auth.clone() };
        let client = kube::Client::new(transport, access.namespace.clone());
        Ok(Self { client, server, namespace: access.namespace.clone(), cancel: None })
    }

    /// The same cluster; its calls end when `cancel` is switched on.
    #[must_use]
    pub fn with_cancel(&self, cancel: &Cancel) -> Self {
        Self { cancel: Some(cancel.clone()), ..self.clone() }
    }

    /// The `kube` client over the same pipeline. Its own error texts may quote bodies: not for Secrets.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Host and port of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The namespace of the kubeconfig's context.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The object; `None` when it is not there.
    ///
    /// # Errors
    /// Every refusal but 404.
    pub async fn get(&self, object: &ObjectRef) -> Result<Option<Json>, KubernetesError> {
        let asked = self.asked("get", object);
        match self.json(asked, self.request(Method::GET, &object.path(), &[])).await {
            Err(KubernetesError::NotFound { .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Applies the object as field manager `mops`; gives back what is there now.
    ///
    /// # Errors
    /// Every refusal; a field of another manager is [`KubernetesError::Held`].
    pub async fn apply(&self, object: &Json, mode: Apply) -> Result<Json, KubernetesError> {
        self.apply_as(object, MANAGER, mode).await
    }

    /// Applies the object as another field manager.
    ///
    /// # Errors
    /// As [`Kubernetes::apply`].
    pub async fn apply_as(&self, object: &Json, manager: &str, mode: Apply) -> Result<Json, KubernetesError> {
        let place = ObjectRef::of(object);
        let force = if mode == Apply::Force { "true" } else { "false" };
        let query = [("fieldManager", manager), ("force", force)];
        let mut request = self.request(Method::PATCH, &place.path(), &query);
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/apply-patch+yaml"));
        *request.body_mut() = object.to_string().into_bytes();
        self.json(self.asked("patch", &place), request).await
    }

    /// Makes an object whose name the server may choose (`metadata.generateName`).
    ///
    /// # Errors
    /// Every refusal.
    pub async fn create(&self, object: &Json) -> Result<Json, KubernetesError> {
        let place = ObjectRef::of(object);
        let query = [("fieldManager", MANAGER)];
        let mut request = self.request(Method::POST, &place.collection_path(), &query);
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        *request.body_mut() = object.to_string().into_bytes();
        self.json(self.asked("create", &place), request).await
    }

    /// All objects of a kind that match, page by page.
    ///
    /// # Errors
    /// Every refusal; a list that expires between two pages is begun again once.
    pub async fn list(&self, kind: &ObjectRef, which: &Selection) -> Result<Vec<Json>, KubernetesError> {
        match self.pages(kind, which).await {
            Err(KubernetesError::Expired { .. }) => self.pages(kind, which).await,
            other => other,
        }
        .map(|(items, _)| items)
    }

    /// A list and the revision that a watch goes on from.
    pub(super) async fn pages(
        &self,
        kind: &ObjectRef,
        which: &Selection,
    ) -> Result<(Vec<Json>, String), KubernetesError> {
        let (mut items, mut token) = (Vec::new(), String::new());
        let limit = PAGE.to_string();
        loop {
            let mut query = vec![("limit", limit.as_str())];
            query.extend(selection(which));
            if !token.is_empty() {
                query.push(("continue", &token));
            }
            let request = self.request(Method::GET, &kind.collection_path(), &query);
            let mut page = self.json(self.asked("list", kind), request).await?;
            if let Some(list) = page["items"].as_array_mut() {
                items.extend(list.drain(..).map(|item| named(item, kind)));
            }
            let text = |pointer: &str| page.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
            token = text("/metadata/continue");
            if token.is_empty() {
                return Ok((items, text("/metadata/resourceVersion")));
            }
        }
    }

    /// Deletes the object with this uid, and what it owns, in the background. False: it was gone already.
    ///
    /// # Errors
    /// Every refusal but 404; another object of the same name is [`KubernetesError::Changed`].
    pub async fn delete(&self, object: &ObjectRef, uid: &str) -> Result<bool, KubernetesError> {
        let mut request = self.request(Method::DELETE, &object.path(), &[]);
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
            "preconditions": {"uid": uid}});
        *request.body_mut() = options.to_string().into_bytes();
        match self.json(self.asked("delete", object), request).await {
            Ok(_) => Ok(true),
            Err(KubernetesError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The log of a pod's container (the only one when `container` is absent), as far as it goes.
    ///
    /// # Errors
    /// Every refusal; a container that has not started is [`KubernetesError::Refused`].
    pub async fn logs(&self, namespace: &str, pod: &str, container: Option<&str>) -> Result<String, KubernetesError> {
        let object = ObjectRef::namespaced("v1", "Pod", namespace, pod);
        let query: Vec<(&str, &str)> = container.map(|c| ("container", c)).into_iter().collect();
        let request = self.request(Method::GET, &format!("{}/log", object.path()), &query);
        let bytes = self.bytes(self.asked("get the log of", &object), request).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether we may do this, as the server's own review says.
    ///
    /// # Errors
    /// When the review itself is refused.
    pub async fn may(&self, verb: &str, object: &ObjectRef) -> Result<bool, KubernetesError> {
        let kind = "SelfSubjectAccessReview";
        let place = ObjectRef::cluster_wide("authorization.k8s.io/v1", kind, "");
        let mut attributes = json!({"verb": verb, "group": object.group(), "resource": object.resource()});
        if let Some(namespace) = &object.namespace {
            attributes["namespace"] = json!(namespace);
        }
        let body = json!({"apiVersion": place.api_version, "kind": kind, "spec": {"resourceAttributes": attributes}});
        let mut request = self.request(Method::POST, &place.collection_path(), &[]);
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        *request.body_mut() = body.to_string().into_bytes();
        let answer = self.json(self.asked("review", &place), request).await?;
        Ok(answer["status"]["allowed"] == true)
    }

    pub(super) fn asked<'a>(&'a self, verb: &'static str, object: &'a ObjectRef) -> Asked<'a> {
        Asked { server: &self.server, verb, object }
    }

    pub(super) fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Request<Vec<u8>> {
        let query = Serializer::new(String::new()).extend_pairs(query.iter().copied()).finish();
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut request = Request::new(Vec::new());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().unwrap_or_default();
        if let Some(cancel) = &self.cancel {
            request.extensions_mut().insert(cancel.clone());
        }
        request
    }

    /// Sends and judges the status.
    pub(super) async fn send(&self, asked: Asked<'_>, request: Request<Vec<u8>>) -> Result<Body, KubernetesError> {
        let response = self.client.send(request.map(Body::from)).await.map_err(|e| broken(e.into()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        let body = collect(response.into_body()).await?;
        Err(KubernetesError::of_answer(asked.server, asked.verb, asked.object, status.as_u16(), &body))
    }

    async fn bytes(&self, asked: Asked<'_>, request: Request<Vec<u8>>) -> Result<Vec<u8>, KubernetesError> {
        collect(self.send(asked, request).await?).await
    }

    async fn json(&self, asked: Asked<'_>, request: Request<Vec<u8>>) -> Result<Json, KubernetesError> {
        let bytes = self.bytes(asked, request).await?;
        let (verb, what) = (asked.verb, asked.what());
        let server = self.server.clone();
        serde_json::from_slice(&bytes).map_err(|_| KubernetesError::Unreadable { server, verb, what })
    }

    /// The pieces of a watch from a revision on.
    pub(super) async fn watch(
        &self,
        object: &ObjectRef,
        version: &str,
        limit: Duration,
    ) -> Result<Body, KubernetesError> {
        let fields = format!("metadata.name={}", object.name);
        let seconds = limit.as_secs().clamp(1, 290).to_string();
        let query = [
            ("watch", "true"),
            ("fieldSelector", fields.as_str()),
            ("resourceVersion", version),
            ("timeoutSeconds", seconds.as_str()),
        ];
        let request = self.request(Method::GET, &object.collection_path(), &query);
        self.send(self.asked("watch", object), request).await
    }
}

fn selection(which: &Selection) -> Vec<(&'static str, &str)> {
    let pairs = [("labelSelector", which.labels.as_str()), ("fieldSelector", which.fields.as_str())];
    pairs.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

/// Items of a list carry neither kind nor version; put them back.
fn named(mut item: Json, kind: &ObjectRef) -> Json {
    item["apiVersion"] = json!(kind.api_version);
    item["kind"] = json!(kind.kind);
    item
}
