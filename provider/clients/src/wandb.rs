//! Weights & Biases: whose key it is, and where its runs are written to.
//!
//! Guarantees that a key goes to the service's own origin only (`tests/tokens_check.rs`).

use http::Method;
use mops_core::Secret;
use mops_wire::{Credential, Http, Origin, Request, Url};
use serde_json::{Value as Json, json};

use crate::huggingface::{Refused, base_of, json_of, judged, unreadable};

/// Where it is, where nothing else is said.
pub const BASE: &str = "https://api.wandb.ai";
/// Whose key it is.
pub const VIEWER: &str = r#"{"query":"query Viewer { viewer { username entity teams { edges { node { name } } } } }"}"#;
const PROJECT: &str =
    "query Project($entity: String!, $name: String!) { project(entityName: $entity, name: $name) { name } }";
/// The user of every key.
const USER: &str = "api";

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The user.
    pub username: String,
    /// Where runs go that name no entity.
    pub entity: String,
    /// The teams of the user.
    pub teams: Vec<String>,
}

impl Viewer {
    /// Whether runs may be written to an entity.
    #[must_use]
    pub fn writes_to(&self, entity: &str) -> bool {
        [&self.username, &self.entity].into_iter().chain(&self.teams).any(|known| known == entity)
    }
}

/// The service.
#[derive(Clone)]
pub struct Wandb {
    http: Http,
    base: Url,
}

impl Wandb {
    /// At an address; `None` for one that is no base of addresses.
    #[must_use]
    pub fn new(http: Http, base: &str) -> Option<Self> {
        Some(Self { http, base: base_of(base)? })
    }

    /// Its host, with a port that is not the usual one.
    #[must_use]
    pub fn host(&self) -> String {
        Origin::of(&self.base).map(|origin| origin.authority()).unwrap_or_default()
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/graphql", self.base.as_str().trim_end_matches('/'))
    }

    /// Whose key it is; nobody's when the service answers and names no user.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn viewer(&self, key: &Secret<String>) -> Result<Option<Viewer>, Refused> {
        let data = self.ask(VIEWER.to_owned(), key).await?;
        let viewer = &data["viewer"];
        let text = |name: &str| viewer[name].as_str().map(str::to_owned);
        let Some(username) = text("username") else { return Ok(None) };
        let teams = viewer["teams"]["edges"].as_array().into_iter().flatten();
        let teams = teams.filter_map(|edge| edge["node"]["name"].as_str().map(str::to_owned)).collect();
        let entity = text("entity").unwrap_or_else(|| username.clone());
        Ok(Some(Viewer { username, entity, teams }))
    }

    /// Whether an entity has a project.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn has_project(&self, key: &Secret<String>, entity: &str, project: &str) -> Result<bool, Refused> {
        let body = json!({"query": PROJECT, "variables": {"entity": entity, "name": project}});
        Ok(self.ask(body.to_string(), key).await?["project"]["name"].is_string())
    }

    async fn ask(&self, body: String, key: &Secret<String>) -> Result<Json, Refused> {
        let url = Url::parse(&self.url()).unwrap_or_else(|_| self.base.clone());
        let credential = Origin::of(&url).map(|origin| Credential::basic(origin, USER, key));
        let request = Request::new(Method::POST, url).body("application/json", body).credential(credential);
        let answer = judged(&self.http, request, Some(key)).await?;
        let mut json = json_of(&answer)?;
        if json["data"].is_object() { Ok(json["data"].take()) } else { Err(unreadable(&answer)) }
    }
}
