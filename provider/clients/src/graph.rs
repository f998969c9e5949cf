//! Microsoft Graph, as far as the secrets of an application go: which there are, another one, one less. A secret is shown
//! once, when it is made: adding is never sent again blindly, and a lost answer is found by the name that was given.
//!
//! Guarantees that a token goes to Graph's own origin only, never after a redirect (`tests/rotate_sp.rs`). By the public
//! reference of Graph v1.0; nothing of it was recorded.

use std::time::Duration;

use http::Method;
use mops_core::cloud::Cloud;
use mops_core::{Cancel, Class, Error, Secret};
use mops_wire::{Credential, Http, Origin, Redirects, Request, Response, Retry, Url, WireError};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Longest time of one question.
const LIMIT: Duration = Duration::from_secs(60);
/// More than any answer of these.
const LONGEST: usize = 1 << 20;
/// Graph's word for an identity that lacks the right.
const DENIED: &str = "Authorization_RequestDenied";

/// Why nothing came of a request.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The address of the cloud's Graph is none.
    #[error("`{0}` is not the address of Microsoft Graph")]
    Address(String),
    /// No answer came.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A refusal, with Graph's own code and sentence.
    #[error("Microsoft Graph answered {status} {code}: {message}")]
    Refused {
        /// HTTP.
        status: u16,
        /// Its code.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// A good answer that is not what was asked for.
    #[error("the answer of Microsoft Graph is not what was asked for")]
    Answer,
    /// The directory has no such application.
    #[error("the directory has no application `{0}`")]
    Unknown(String),
}

impl From<GraphError> for Error {
    fn from(error: GraphError) -> Self {
        let text = error.to_string();
        match error {
            GraphError::Wire(error) => Self::from(error),
            GraphError::Address(_) => Self::new(Class::User, text).hint("mend `graph` in the description of the cloud"),
            GraphError::Unknown(_) => Self::new(Class::User, text).hint("look at the client id, and at the tenant"),
            GraphError::Refused { code, .. } if code == DENIED => Self::new(Class::Auth, text).hint(
                "who runs this has to own the application and to have Graph's role `Application.ReadWrite.OwnedBy`, or \
                 be an application administrator",
            ),
            GraphError::Refused { status: 401 | 403, .. } => Self::new(Class::Auth, text),
            GraphError::Refused { .. } | GraphError::Answer => Self::new(Class::Transient, text),
        }
    }
}

/// A secret of an application, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Its id.
    pub key: String,
    /// What it was called.
    pub name: String,
    /// How the secret begins: three letters, which prove nothing.
    pub hint: String,
    /// When it ends.
    pub ends: Option<OffsetDateTime>,
}

/// An application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its object, which changes are sent to.
    pub object: String,
    /// Its displayed name.
    pub name: String,
    /// Its secrets.
    pub passwords: Vec<Password>,
}

/// Graph, for one identity.
#[derive(Clone)]
pub struct Graph {
    http: Http,
    base: Url,
    token: Secret<String>,
    cancel: Cancel,
}

impl Graph {
    /// The scope of its tokens in a cloud.
    #[must_use]
    pub fn scope(cloud: &Cloud) -> String {
        format!("{}/.default", cloud.graph.trim_end_matches('/'))
    }

    /// The Graph of a cloud.
    ///
    /// # Errors
    /// When its address is no https origin.
    pub fn new(http: Http, cloud: &Cloud, token: Secret<String>, cancel: &Cancel) -> Result<Self, GraphError> {
        let base = Url::parse(&cloud.graph).ok().filter(|url| url.scheme() == "https" && Origin::of(url).is_some());
        let base = base.ok_or_else(|| GraphError::Address(cloud.graph.clone()))?;
        Ok(Self { http, base, token, cancel: cancel.clone() })
    }

    /// An application by its client id.
    ///
    /// # Errors
    /// See [`GraphError`].
    pub async fn application(&self, client_id: &str) -> Result<Application, GraphError> {
        let mut url = self.url("applications");
        url.query_pairs_mut()
            .append_pair("$filter", &format!("appId eq '{}'", client_id.replace('\'', "''")))
            .append_pair("$select", "id,displayName,passwordCredentials");
        let json = self.send(Request::new(Method::GET, url)).await?;
        let found = json["value"].as_array().ok_or(GraphError::Answer)?.first();
        let found = found.ok_or_else(|| GraphError::Unknown(client_id.to_owned()))?;
        let object = found["id"].as_str().filter(|id| !id.is_empty()).ok_or(GraphError::Answer)?.to_owned();
        let name = found["displayName"].as_str().unwrap_or_default().to_owned();
        let passwords = found["passwordCredentials"].as_array().into_iter().flatten().filter_map(password).collect();
        Ok(Application { object, name, passwords })
    }

    /// Adds a secret under a name; it is shown here and never again. Not repeated once it may have arrived.
    ///
    /// # Errors
    /// See [`GraphError`].
    pub async fn add_password(
        &self,
        object: &str,
        name: &str,
        ends: OffsetDateTime,
    ) -> Result<(Password, Secret<String>), GraphError> {
        let ends = ends.format(&Rfc3339).map_err(|_| GraphError::Answer)?;
        let body = json!({"passwordCredential": {"displayName": name, "endDateTime": ends}});
        let json = self.send(self.post(object, "addPassword", &body)).await?;
        let secret = json["secretText"].as_str().filter(|text| !text.is_empty()).map(Secret::from);
        Ok((password(&json).ok_or(GraphError::Answer)?, secret.ok_or(GraphError::Answer)?))
    }

    /// Takes a secret away; one that is not there is as good as taken away.
    ///
    /// # Errors
    /// See [`GraphError`].
    pub async fn remove_password(&self, object: &str, key: &str) -> Result<(), GraphError> {
        let request =
            Request { retry: Retry::Idempotent, ..self.post(object, "removePassword", &json!({"keyId": key})) };
        match self.send(request).await {
            Err(GraphError::Refused { status: 400, message, .. }) if message.contains("No password credential") => {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v1.0/{path}"));
        url
    }

    fn post(&self, object: &str, deed: &str, body: &Json) -> Request {
        let url = self.url(&format!("applications/{object}/{deed}"));
        Request::new(Method::POST, url).body("application/json", body.to_string())
    }

    async fn send(&self, request: Request) -> Result<Json, GraphError> {
        let credential = Origin::of(&request.url).map(|origin| Credential::bearer(origin, &self.token));
        let request = Request {
            redirects: Redirects::Return,
            deadline: LIMIT,
            max_body: LONGEST,
            cancel: Some(self.cancel.clone()),
            ..request.credential(credential)
        };
        let answer = self.http.send(request).await?;
        match answer.status.as_u16() {
            204 => Ok(Json::Null),
            200..=299 => serde_json::from_slice(&answer.body).map_err(|_| GraphError::Answer),
            _ => Err(refused(&answer)),
        }
    }
}

fn password(json: &Json) -> Option<Password> {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let ends = OffsetDateTime::parse(&text("endDateTime"), &Rfc3339).ok();
    Some(Password { key: text("keyId"), name: text("displayName"), hint: text("hint"), ends })
        .filter(|p| !p.key.is_empty())
}

fn refused(answer: &Response) -> GraphError {
    let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| json["error"][name].as_str().unwrap_or_default().to_owned();
    let message = text("message").lines().next().unwrap_or_default().chars().take(300).collect();
    GraphError::Refused { status: answer.status.as_u16(), code: text("code"), message }
}
