//! Names: the stack and the resources in it, in Pulumi's spelling.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Project and stack name; together they select the state folder and the marks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StackId {
    /// `[a-z][a-z0-9-]{0,29}`.
    pub project: String,
    /// The environment of the stack file.
    pub stack: String,
}

impl fmt::Display for StackId {
    /// `PROJECT.STACK`, the form that marks carry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.project, self.stack)
    }
}

/// `urn:pulumi:STACK::PROJECT::TYPE::NAME`; cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Urn(Arc<str>);

impl Urn {
    /// The name of a resource of a stack.
    #[must_use]
    pub fn new(stack: &StackId, token: &str, name: &str) -> Self {
        Self(format!("urn:pulumi:{}::{}::{token}::{name}", stack.stack, stack.project).into())
    }

    /// Takes a text as it stands in state; `None` when it is not a URN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix("urn:pulumi:")?;
        (body.split("::").count() >= 4).then(|| Self(text.into()))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type token, for example `modelops:azure:NodePool`.
    #[must_use]
    pub fn token(&self) -> &str {
        let chain = self.0.split("::").nth(2).unwrap_or_default();
        chain.rsplit('$').next().unwrap_or_default()
    }

    /// The logical name, unique for its type within the stack.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.splitn(4, "::").nth(3).unwrap_or_default()
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let stack = StackId { project: "modelops".into(), stack: "dev".into() };
        let urn = Urn::new(&stack, "modelops:azure:NodePool", "gpu");
        assert_eq!(urn.as_str(), "urn:pulumi:dev::modelops::modelops:azure:NodePool::gpu");
        assert_eq!((urn.token(), urn.name()), ("modelops:azure:NodePool", "gpu"));
        assert_eq!(Urn::parse(urn.as_str()), Some(urn));
        assert_eq!(Urn::parse("urn:pulumi:x"), None);
    }
}
