//! The requests. None of these answers has been seen from here: they are known from vendors' and users' programs, so an
//! unknown one stays an error with its status, and is never guessed.

use http::{Method, StatusCode};
use mops_core::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::model::{Model, is_plain};
use super::{API, USER};
use crate::error::WireError;
use crate::origin::{Credential, Origin};
use crate::pipeline::Http;
use crate::registry::is_page;
use crate::request::{Redirects, Request};
use crate::response::Response;

/// Longest list that is read.
const MAX_LIST: usize = 8 << 20;
/// Images that are asked for at once; more than one organisation has.
const PAGE: u32 = 1000;

/// Why there is no answer to go by.
#[derive(Debug, thiserror::Error)]
pub enum NgcError {
    /// None came.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It is a refusal.
    #[error("`{API}` answered {status}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Whether it is a web page, so that a proxy or a portal answered.
        page: bool,
    },
    /// It has not the form that it should have.
    #[error("`{API}` gave an answer that is of no use: {0}")]
    Answer(&'static str),
    /// What is asked for cannot stand in an address.
    #[error("`{0}` is not the path of an image at NGC")]
    Path(String),
}

/// A model's files are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The host to which the key is sent for them, when that is another one; it was not asked.
    pub elsewhere: Option<String>,
}

/// An organisation that a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Its name, which stands in paths.
    pub name: String,
    /// What pages show.
    #[serde(default)]
    pub display_name: String,
}

#[derive(Deserialize)]
struct Organisations {
    organizations: Vec<Organisation>,
}

#[derive(Deserialize)]
struct Listing {
    results: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    group_value: String,
    #[serde(default)]
    resources: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    resource_id: String,
}

/// NGC's API.
#[derive(Clone, Debug)]
pub struct Api {
    http: Http,
}

impl Api {
    /// By this way, within its limits.
    #[must_use]
    pub const fn new(http: Http) -> Self {
        Self { http }
    }

    /// Whether a key may have the files of a model; nothing of them is read. The key is sent as a token, and when that is
    /// not taken as a password: services of NGC differ in which one they know.
    ///
    /// # Errors
    /// See [`NgcError`].
    pub async fn files(&self, model: &Model, key: &Secret<String>) -> Result<Files, NgcError> {
        let url = address(&model.files_path())?;
        let answer = self.ask(Method::HEAD, url.clone(), Some(Style::Token(key))).await?;
        match given(&answer) {
            Err(NgcError::Refused { status: 401, page: false }) => {
                given(&self.ask(Method::HEAD, url, Some(Style::Password(key))).await?)
            }
            judged => judged,
        }
    }

    /// The images that an organisation shows to everybody, as `ORG/…/NAME`.
    ///
    /// # Errors
    /// See [`NgcError`].
    pub async fn listed(&self, organisation: &str) -> Result<Vec<String>, NgcError> {
        if !is_plain(organisation) {
            return Err(NgcError::Path(organisation.chars().take(200).collect()));
        }
        let mut url = address("/v2/search/catalog/resources/CONTAINER")?;
        let query = format!("{{\"query\":\"orgName:{organisation}\",\"page\":0,\"pageSize\":{PAGE}}}");
        url.query_pairs_mut().append_pair("q", &query);
        let listing: Listing = read(&self.ask(Method::GET, url, None).await?)?;
        let containers = listing.results.into_iter().filter(|group| group.group_value == "CONTAINER");
        Ok(containers.flat_map(|group| group.resources).map(|one| one.resource_id).collect())
    }

    /// Whether the image is among those that a key may see; its path is `ORG[/TEAM]/NAME`.
    ///
    /// # Errors
    /// See [`NgcError`].
    pub async fn knows(&self, repository: &str, key: &Secret<String>) -> Result<bool, NgcError> {
        let wrong = || NgcError::Path(repository.chars().take(200).collect());
        let parts: Vec<&str> = repository.split('/').collect();
        let path = match parts.as_slice() {
            all if !all.iter().all(|part| is_plain(part)) => return Err(wrong()),
            [org, name] => format!("/v2/org/{org}/repos/{name}"),
            [org, team, name] => format!("/v2/org/{org}/team/{team}/repos/{name}"),
            _ => return Err(wrong()),
        };
        let answer = self.ask(Method::GET, address(&path)?, Some(Style::Token(key))).await?;
        match answer.status {
            StatusCode::OK if !is_page(&answer) => Ok(true),
            StatusCode::NOT_FOUND if !is_page(&answer) => Ok(false),
            _ => Err(refused(&answer)),
        }
    }

    /// The organisations of a key.
    ///
    /// # Errors
    /// See [`NgcError`].
    pub async fn organisations(&self, key: &Secret<String>) -> Result<Vec<Organisation>, NgcError> {
        let answer = self.ask(Method::GET, address("/v2/orgs")?, Some(Style::Token(key))).await?;
        read::<Organisations>(&answer).map(|all| all.organizations)
    }

    async fn ask(&self, method: Method, url: Url, key: Option<Style<'_>>) -> Result<Response, NgcError> {
        let credential = key.zip(Origin::of(&url)).map(|(style, to)| style.credential(to));
        let mut request = Request::new(method, url).credential(credential);
        request.redirects = Redirects::Return;
        request.max_body = MAX_LIST;
        Ok(self.http.send(request).await?)
    }
}

/// How a key is sent.
#[derive(Clone, Copy)]
enum Style<'a> {
    Token(&'a Secret<String>),
    Password(&'a Secret<String>),
}

impl Style<'_> {
    fn credential(self, to: Origin) -> Credential {
        match self {
            Self::Token(key) => Credential::bearer(to, key),
            Self::Password(key) => Credential::basic(to, USER, key),
        }
    }
}

fn address(path: &str) -> Result<Url, NgcError> {
    Url::parse(&format!("https://{API}{path}")).map_err(|_| NgcError::Path(path.to_owned()))
}

/// A success, or the way to another host of the vendor's choice.
fn given(answer: &Response) -> Result<Files, NgcError> {
    let to = answer.header("location").and_then(|to| answer.url.join(to).ok()).filter(|to| to.scheme() == "https");
    match answer.status {
        StatusCode::OK if !is_page(answer) => Ok(Files { elsewhere: None }),
        status if status.is_redirection() => match to.as_ref().and_then(Origin::of) {
            Some(origin) => Ok(Files { elsewhere: Some(origin.authority()) }),
            None => Err(refused(answer)),
        },
        _ => Err(refused(answer)),
    }
}

fn refused(answer: &Response) -> NgcError {
    NgcError::Refused { status: answer.status.as_u16(), page: is_page(answer) }
}

fn read<T: DeserializeOwned>(answer: &Response) -> Result<T, NgcError> {
    if answer.status != StatusCode::OK || is_page(answer) {
        return Err(refused(answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| NgcError::Answer("it is not the JSON that it should be"))
}
