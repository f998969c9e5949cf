//! ARM ids. Guarantees that two spellings of one id compare equal (answers mix `resourceGroups` and
//! `resourcegroups`), and that a segment cannot smuggle a path or a query (`tests::hostile_segments_are_refused`).

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An ARM id, spelt as the service or we spelt it, compared without case.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId(String);

/// A text that is not an ARM id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an ARM id")]
pub struct NotAnId(String);

impl ResourceId {
    /// Takes an id as it stands in an answer or in a stack file.
    ///
    /// # Errors
    /// When it does not begin with `/subscriptions/…` or a segment is empty or holds anything but a name.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        let refuse = || NotAnId(text.chars().take(200).collect());
        let trimmed = text.trim_end_matches('/');
        let segments: Vec<&str> = trimmed.strip_prefix('/').ok_or_else(refuse)?.split('/').collect();
        let head = segments.first().is_some_and(|s| s.eq_ignore_ascii_case("subscriptions"));
        if !head || segments.len() < 2 || !segments.len().is_multiple_of(2) || !segments.iter().all(|s| is_segment(s)) {
            return Err(refuse());
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The id of a resource group.
    ///
    /// # Errors
    /// When a part is not a name.
    pub fn group(subscription: &str, group: &str) -> Result<Self, NotAnId> {
        let id = format!("/subscriptions/{subscription}/resourceGroups/{group}");
        Self::of_parts(&id, &[subscription, group])
    }

    /// The id of a resource in a group; `kind` is for example `Microsoft.ContainerRegistry/registries`.
    ///
    /// # Errors
    /// When a part is not a name.
    pub fn resource(subscription: &str, group: &str, kind: &str, name: &str) -> Result<Self, NotAnId> {
        let id = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}");
        Self::of_parts(&id, &[subscription, group, name])
    }

    /// The id of something below this resource.
    ///
    /// # Errors
    /// When a part is not a name.
    pub fn child(&self, kind: &str, name: &str) -> Result<Self, NotAnId> {
        Self::of_parts(&format!("{}/{kind}/{name}", self.0), &[name])
    }

    /// A part with a slash would make a longer, valid id: each is checked by itself.
    fn of_parts(id: &str, parts: &[&str]) -> Result<Self, NotAnId> {
        if parts.iter().all(|part| is_segment(part)) {
            Self::parse(id)
        } else {
            Err(NotAnId(id.chars().take(200).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn segments(&self) -> Vec<&str> {
        self.0.trim_start_matches('/').split('/').collect()
    }

    /// The last segment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The subscription.
    #[must_use]
    pub fn subscription(&self) -> &str {
        self.0.split('/').nth(2).unwrap_or_default()
    }

    /// The resource group, if the id lies in one.
    #[must_use]
    pub fn resource_group(&self) -> Option<&str> {
        let segments = self.segments();
        let inside = segments.get(2).is_some_and(|s| s.eq_ignore_ascii_case("resourceGroups"));
        if inside { segments.get(3).copied() } else { None }
    }

    /// The type, for example `Microsoft.ContainerService/managedClusters/agentPools`; for a group and a
    /// subscription the types that ARM gives them.
    #[must_use]
    pub fn kind(&self) -> String {
        let segments = self.segments();
        let Some(at) = segments.iter().rposition(|s| s.eq_ignore_ascii_case("providers")) else {
            let group = self.resource_group().is_some();
            let kind = if group { "Microsoft.Resources/resourceGroups" } else { "Microsoft.Resources/subscriptions" };
            return kind.to_owned();
        };
        let mut kind = segments.get(at + 1).copied().unwrap_or_default().to_owned();
        for name in segments.iter().skip(at + 2).step_by(2) {
            kind.push('/');
            kind.push_str(name);
        }
        kind
    }

    /// What this lies in: the cluster of a pool, the group of a cluster, the subscription of a group.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let segments = self.segments();
        let keep = match segments.len() {
            0..=2 => return None,
            n if segments.get(n - 4).is_some_and(|s| s.eq_ignore_ascii_case("providers")) => n - 4,
            n => n - 2,
        };
        Some(Self(format!("/{}", segments.get(..keep)?.join("/"))))
    }
}

/// Letters, digits and the few signs that ARM names may hold; no slash, no query, no dot segments.
fn is_segment(segment: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')' | '$');
    !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(allowed)
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for ResourceId {}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ResourceId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        Self::parse(&text)
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p";

    #[test]
    fn parts_come_apart() {
        let pool = ResourceId::parse(POOL).unwrap();
        assert_eq!((pool.name(), pool.subscription(), pool.resource_group()), ("p", "s", Some("rg")));
        assert_eq!(pool.kind(), "Microsoft.ContainerService/managedClusters/agentPools");
        let cluster = pool.parent().unwrap();
        assert_eq!(cluster.kind(), "Microsoft.ContainerService/managedClusters");
        assert_eq!(cluster.child("agentPools", "p").unwrap(), pool);
        let group = cluster.parent().unwrap();
        assert_eq!(
            (group.as_str(), group.kind().as_str()),
            ("/subscriptions/s/resourceGroups/rg", "Microsoft.Resources/resourceGroups")
        );
        assert_eq!(group.parent().unwrap().as_str(), "/subscriptions/s");
        assert!(group.parent().unwrap().parent().is_none());
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(ResourceId::parse(POOL).unwrap(), ResourceId::parse(&POOL.to_ascii_lowercase()).unwrap());
    }

    #[test]
    fn hostile_segments_are_refused() {
        for bad in ["", "x", "/subscriptions", "/subscriptions/a/b", "/subscriptions/../x", "/subscriptions/a?b=c"] {
            assert!(ResourceId::parse(bad).is_err(), "{bad}");
        }
        assert!(ResourceId::group("s", "rg/providers/x/y/z").is_err(), "a group with slashes is a longer id");
        assert!(ResourceId::group("s", "rg%2F..").is_err() && ResourceId::group("s", "a b").is_err());
    }
}
