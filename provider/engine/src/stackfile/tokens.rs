//! `tokens:` — tokens of tools by the name of their variable, and a SLURM host that gets them.

use serde_json::{Value as Json, json};

use super::reader::{Check, Context, Mapping, Read, Spanned, read_spanned, section};
use super::rule::{HostName, VariableName};
use super::source::SecretSource;
use super::tree::Node;

section! {
    /// A SLURM host that gets the tokens.
    Strict Slurm {
        /// Login node.
        "host" host: Spanned<HostName>,
        /// User there.
        "user" user: Spanned<String>,
        /// Folder of the environment file; `~/koa-ml` when it is not given.
        "workdir" workdir: Option<Spanned<String>>,
        /// Key file, where the configuration of ssh names none.
        "identity_file" identity_file: Option<Spanned<String>>,
        /// Another file than `~/.ssh/config`.
        "ssh_config" ssh_config: Option<Spanned<String>>,
    }
}
impl Check for Slurm {}

/// The folder of jobs on a host where nothing else is said.
const WORKDIR: &str = "~/koa-ml";

impl Slurm {
    /// The login node and its port; a rule of the file's has seen to it that what stands behind the colon is a number.
    #[must_use]
    pub fn address(&self) -> (&str, Option<u16>) {
        match self.host.as_str().split_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (self.host.as_str(), None),
        }
    }

    /// The folder of jobs there.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.workdir.as_ref().map_or(WORKDIR, |workdir| workdir.value.as_str())
    }
}

/// Tokens of tools.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// Sources by variable.
    pub sources: Mapping<SecretSource>,
    /// A SLURM host.
    pub slurm: Option<Spanned<Slurm>>,
}

impl Read for Tokens {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let mut tokens = Self { sources: Mapping(Vec::new()), slurm: None };
        for (key, value) in cx.map(node)? {
            if key.text == "slurm" {
                tokens.slurm = cx.in_key("slurm", |cx| read_spanned(value, cx));
                continue;
            }
            if VariableName::new(key.text.clone()).is_none() {
                let summary = format!("`{}` is not the name of a variable", super::tree::clip(&key.text));
                cx.error(&key.place, summary, "use letters, digits and `_`, for example `HF_TOKEN`");
                continue;
            }
            if let Some(source) = cx.in_key(&key.text, |cx| read_spanned(value, cx)) {
                let name = Spanned { value: key.text.clone(), place: key.place.clone() };
                tokens.sources.0.push((name, source));
            }
        }
        Some(tokens)
    }
    fn schema() -> Json {
        json!({"type": "object", "properties": {"slurm": Slurm::schema()}, "additionalProperties": SecretSource::schema()})
    }
}
