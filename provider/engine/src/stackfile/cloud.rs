//! `cloud:` and the file of `--cloud`: which endpoints are Azure.

use std::net::SocketAddr;
use std::path::PathBuf;

use mops_core::Place;
use mops_core::cloud::{Cloud, GRAPH};
use serde_json::{Value as Json, json};

use super::reader::{Check, Context, Mapping, Read, Spanned, section};
use super::rule::HttpsOrigin;
use super::scalar::word;
use super::tree::{Kind, Node, clip};

/// A known cloud, or the endpoints of another one.
#[derive(Clone, Debug, PartialEq)]
pub enum CloudChoice {
    /// The public cloud.
    Public,
    /// Azure Government.
    Government,
    /// Azure in China.
    China,
    /// Another one.
    Custom(Box<Endpoints>),
}

impl Read for CloudChoice {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        if matches!(node.kind, Kind::Map(_)) {
            return Endpoints::read(node, cx).map(|e| Self::Custom(Box::new(e)));
        }
        let words = [("public", 0_u8), ("government", 1), ("china", 2)];
        word(node, cx, &words).map(|i| match i {
            0 => Self::Public,
            1 => Self::Government,
            _ => Self::China,
        })
    }
    fn schema() -> Json {
        json!({"anyOf": [{"enum": ["public", "government", "china"]}, Endpoints::schema()]})
    }
}

impl CloudChoice {
    /// The endpoints; `name` is what a custom cloud is called.
    #[must_use]
    pub fn cloud(&self, name: &str) -> Cloud {
        match self {
            Self::Public => Cloud::public(),
            Self::Government => Cloud::government(),
            Self::China => Cloud::china(),
            Self::Custom(endpoints) => endpoints.cloud(name),
        }
    }
}

/// A loopback address with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback(pub SocketAddr);

impl Read for Loopback {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let (text, _) = cx.scalar(node, "an address such as `127.0.0.1:4430`")?;
        let address = text.parse::<SocketAddr>().ok().filter(|a| a.ip().is_loopback() && a.port() != 0);
        if address.is_none() {
            let name = cx.name();
            let summary = format!("{name} is `{}`, not a loopback address with a port", clip(text));
            cx.error(
                &node.place,
                summary,
                "only 127.0.0.0/8 and [::1] are accepted here, for example `127.0.0.1:4430`",
            );
        }
        address.map(Self)
    }
    fn schema() -> Json {
        json!({"type": "string"})
    }
}

section! {
    /// Endpoints of a cloud; credentials go to these origins and to no other.
    Strict Endpoints {
        /// Azure Resource Manager.
        "arm" arm: Spanned<HttpsOrigin>,
        /// The sign-in host.
        "authority" authority: Spanned<HttpsOrigin>,
        /// The scope of a token for ARM; default: the origin of `arm` with `/.default`.
        "arm_scope" arm_scope: Option<Spanned<String>>,
        /// Microsoft Graph, for the secrets of applications; default: that of the public cloud.
        "graph" graph: Option<Spanned<HttpsOrigin>>,
        /// A PEM file with more roots to trust.
        "ca_file" ca_file: Option<Spanned<String>>,
        /// Host names, or `*.suffix`, that are reached at a loopback address.
        "connect" connect: Mapping<Loopback>,
    }
}

impl Check for Endpoints {
    fn check(&self, _: &Place, cx: &mut Context) {
        for (host, _) in &self.connect.0 {
            let name = host.strip_prefix("*.").unwrap_or(host);
            if super::rule::HostName::new(name).is_none() || name.contains(':') {
                let summary = format!("`{}` is neither a host name nor `*.SUFFIX`", clip(host));
                cx.error(&host.place, summary, "write for example `\"*.azurecr.io\": 127.0.0.1:4430`");
            }
        }
    }
}

impl Endpoints {
    fn cloud(&self, name: &str) -> Cloud {
        let text = |t: &Option<Spanned<String>>| t.as_ref().map(|s| s.value.clone());
        Cloud {
            name: name.to_owned(),
            arm: self.arm.as_str().to_owned(),
            authority: self.authority.as_str().to_owned(),
            arm_scope: text(&self.arm_scope).unwrap_or_else(|| format!("{}/.default", self.arm.as_str())),
            graph: self.graph.as_ref().map_or(GRAPH, |graph| graph.as_str()).to_owned(),
            ca_file: text(&self.ca_file).map(PathBuf::from),
            connect: self.connect.0.iter().map(|(host, at)| (host.value.clone(), at.0)).collect(),
        }
    }
}
