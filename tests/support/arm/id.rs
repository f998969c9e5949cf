//! Resource ids of ARM: compared without case, shown as each service shows them.

use crate::route::Params;

/// The start of every id in a group.
#[must_use]
pub fn group(params: &Params) -> String {
    format!("/subscriptions/{}/resourceGroups/{}", params.get("sub"), params.get("rg"))
}

/// A resource of a group.
#[must_use]
pub fn of(params: &Params, kind: &str, name: &str) -> String {
    format!("{}/providers/{kind}/{name}", group(params))
}

/// The key under which an id is kept.
#[must_use]
pub fn key(id: &str) -> String {
    id.trim_end_matches('/').to_lowercase()
}

/// The last segment.
#[must_use]
pub fn name(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The subscription in an id.
#[must_use]
pub fn subscription(id: &str) -> &str {
    id.split('/').nth(2).unwrap_or_default()
}

/// The group's name in an id.
#[must_use]
pub fn group_name(id: &str) -> &str {
    id.split('/').nth(4).unwrap_or_default()
}
