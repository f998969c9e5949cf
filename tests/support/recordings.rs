//! Recorded traffic with Azure: what lies in `recordings` of the folder that `MOPS_AZURE_DATA` names. `index.json` names
//! the scenarios, so no test knows one by name and anybody can attach recordings of his own. Proven by `fast::replay`.

use std::path::{Path, PathBuf};

use mops_host::{Env, fsx};
use serde_json::Value;

use crate::openapi::is_poll;
use crate::skip::skipped;

/// The host of Resource Manager, as it stands in recordings.
pub const ARM: &str = "management.azure.com";
/// Headers of an answer that say how an operation goes on.
const FOLLOWED: [&str; 2] = ["azure-asyncoperation", "location"];

/// A folder of recordings.
#[derive(Clone, Debug)]
pub struct Recordings(PathBuf);

/// What was said to Resource Manager in one recording, in its order.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of its file, without the ending.
    pub name: String,
    /// Requests with their answers.
    pub interactions: Vec<Interaction>,
}

/// One recorded request and its answer.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// The verb.
    pub method: String,
    /// Whom it was said to.
    pub host: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent.
    pub query: String,
    /// The body, null for none.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
    /// Its headers by lower-case name.
    pub headers: Value,
    /// Its body, null for none.
    pub answer: Value,
}

impl Recordings {
    /// The folder of this machine; `None`, said aloud for this test, when there is none.
    #[must_use]
    pub fn here(test: &str) -> Option<Self> {
        let found = Env::process().get("MOPS_AZURE_DATA").map(|folder| Self::at(Path::new(folder)));
        if found.is_none() {
            skipped("azure-data", test);
        }
        found
    }

    /// Those of a folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self(folder.join("recordings"))
    }

    /// A file of them.
    ///
    /// # Panics
    /// When it is not there or no JSON.
    #[must_use]
    pub fn load(&self, file: &str) -> Value {
        let text = fsx::read_text(&self.0.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    /// Single answers that are kept as a list of their own: errors, failed operations.
    ///
    /// # Panics
    /// When the file is not there or no list.
    #[must_use]
    pub fn answers(&self, file: &str) -> Vec<Interaction> {
        self.load(file).as_array().expect("a list").iter().map(Interaction::read).collect()
    }

    /// Every scenario that the index names.
    ///
    /// # Panics
    /// When the index names none, or a file of it cannot be read.
    #[must_use]
    pub fn scenarios(&self) -> Vec<Scenario> {
        let index = self.load("index.json");
        let files = index.as_array().into_iter().flatten().filter_map(|entry| entry["file"].as_str());
        let scenarios: Vec<Scenario> = files.map(|file| self.scenario(file)).collect();
        assert!(!scenarios.is_empty(), "the index names no scenario");
        scenarios
    }

    fn scenario(&self, file: &str) -> Scenario {
        let recording = self.load(file);
        let all = recording["interactions"].as_array().into_iter().flatten().map(Interaction::read);
        let interactions = all.filter(|interaction| interaction.host == ARM).collect();
        Scenario { name: file.trim_end_matches(".json").to_owned(), interactions }
    }
}

impl Interaction {
    fn read(value: &Value) -> Self {
        let (request, response) = (&value["request"], &value["response"]);
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let query = match &request["query"] {
            Value::Object(pairs) => {
                let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            }
            _ => text("query"),
        };
        Self {
            method: text("method"),
            host: text("host"),
            path: text("path"),
            query,
            body: request["body"].clone(),
            status: response["status"].as_u64().and_then(|s| u16::try_from(s).ok()).expect("a status"),
            headers: response["headers"].clone(),
            answer: response["body"].clone(),
        }
    }

    /// Whether it asks how an operation is going.
    #[must_use]
    pub fn is_poll(&self) -> bool {
        is_poll(&self.path)
    }

    /// Whether it may change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != "GET" && self.method != "HEAD"
    }

    /// The version of the interface that was asked.
    #[must_use]
    pub fn api(&self) -> String {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(name, _)| name == "api-version").map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// The path with its parameters, but for the API version.
    #[must_use]
    pub fn target(&self) -> String {
        let pairs: Vec<&str> =
            self.query.split('&').filter(|p| !p.is_empty() && !p.starts_with("api-version=")).collect();
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }

    /// The code with which the answer, or the operation that it tells of, says no; `None` when it does not.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let words = ["/status", "/properties/provisioningState"].map(|at| self.answer.pointer(at));
        let failed = words.into_iter().flatten().any(|word| word == "Failed" || word == "Canceled");
        if self.status < 400 && !failed {
            return None;
        }
        let codes = ["/error/code", "/code", "/properties/error/code"].map(|at| self.answer.pointer(at));
        let header = self.headers["x-ms-error-code"].as_str();
        Some(codes.into_iter().flatten().find_map(Value::as_str).or(header).unwrap_or_default().to_owned())
    }

    /// The parts of operation addresses that nobody may log.
    #[must_use]
    pub fn signatures(&self) -> Vec<String> {
        let header = |name: &str| self.headers[name].as_str().and_then(|text| url::Url::parse(text).ok());
        let addresses: Vec<url::Url> = FOLLOWED.into_iter().filter_map(header).collect();
        let pairs = addresses.iter().flat_map(|address| address.query().unwrap_or_default().split('&'));
        let signed = pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| ["c", "s", "h"].contains(name));
        signed.map(|(_, value)| value.to_owned()).filter(|value| value.len() >= 16).collect()
    }
}
