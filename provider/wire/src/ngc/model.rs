//! A model by its name. Guarantees that every part is safe inside a URL path (`tests`).

use std::fmt;
use std::str::FromStr;

/// A version of a model, `ORG[/TEAM]/NAME:VERSION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    org: String,
    team: Option<String>,
    name: String,
    version: String,
}

/// The text names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form ORG[/TEAM]/NAME:VERSION")]
pub struct ModelError(String);

impl Model {
    /// The path at which its files are given as one archive.
    pub(super) fn files_path(&self) -> String {
        let Self { org, name, version, .. } = self;
        let team = self.team.as_ref().map(|team| format!("/team/{team}")).unwrap_or_default();
        format!("/v2/org/{org}{team}/models/{name}/versions/{version}/zip")
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.org)?;
        if let Some(team) = &self.team {
            write!(f, "{team}/")?;
        }
        write!(f, "{}:{}", self.name, self.version)
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let refuse = || ModelError(text.chars().take(200).collect());
        let (path, version) = text.rsplit_once(':').ok_or_else(refuse)?;
        let parts: Vec<&str> = path.split('/').collect();
        if !parts.iter().copied().chain([version]).all(is_plain) {
            return Err(refuse());
        }
        let (org, team, name) = match parts.as_slice() {
            [org, name] => (*org, None, *name),
            [org, team, name] => (*org, Some((*team).to_owned()), *name),
            _ => return Err(refuse()),
        };
        Ok(Self { org: org.to_owned(), team, name: name.to_owned(), version: version.to_owned() })
    }
}

/// Whether a part stands in a path for itself.
pub(super) fn is_plain(part: &str) -> bool {
    let dots = part.bytes().all(|b| b == b'.');
    !dots && part.len() <= 128 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_an_organisation_and_perhaps_a_team() {
        for (text, path) in [
            ("nim/meta/llama-3.1:1.2", "/v2/org/nim/team/meta/models/llama-3.1/versions/1.2/zip"),
            ("acme/own_model:a-1", "/v2/org/acme/models/own_model/versions/a-1/zip"),
        ] {
            let model: Model = text.parse().unwrap();
            assert_eq!((model.to_string().as_str(), model.files_path().as_str()), (text, path));
        }
    }

    #[test]
    fn what_could_lead_elsewhere_names_no_model() {
        for text in ["", "a", "a:1", "a/b", "a/b/c/d:1", "a/..:1", "a/b:", "a//b:1", "a/b?c:1", "a/b%2f:1", "a/b#c:1"] {
            assert!(text.parse::<Model>().is_err(), "{text}");
        }
    }
}
