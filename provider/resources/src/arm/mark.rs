//! Our mark on what we make: tags, or metadata for containers. Guarantees that what strangers wrote there stays
//! (`tests::strangers_tags_stay_and_ours_come_back`).

use mops_clients::arm::{ResourceId, version};
use mops_core::mark::names;
use mops_core::{Error, Mark, Ownership};
use serde_json::{Map, Value as Json, json};

use super::Target;

/// Longest value of a tag.
const TAG_LIMIT: usize = 256;

/// The tags that something has, with our mark in them.
pub(crate) fn tags(mark: &Mark, present: Option<&Json>) -> Json {
    let mut tags = present.and_then(Json::as_object).cloned().unwrap_or_default();
    tags.extend(mark_of(mark));
    Json::Object(tags)
}

fn mark_of(mark: &Mark) -> Map<String, Json> {
    let entries = [
        (names::TAG_STACK, mark.stack.to_string()),
        (names::TAG_URN, mark.urn.to_string()),
        (names::TAG_LINEAGE, mark.lineage.to_string()),
    ];
    let fits = |(_, value): &(&str, String)| value.chars().count() <= TAG_LIMIT;
    entries.into_iter().filter(fits).map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// Whose something is, by its tags.
pub(crate) fn owner(mark: &Mark, tags: Option<&Json>) -> Ownership {
    let text = |name: &str| tags?.get(name)?.as_str();
    Ownership::judge(mark, text(names::TAG_STACK), text(names::TAG_URN), text(names::TAG_LINEAGE))
}

/// Metadata names of containers may not hold a hyphen.
pub(crate) fn metadata(mark: &Mark, present: Option<&Json>) -> Json {
    let mut metadata = present.and_then(Json::as_object).cloned().unwrap_or_default();
    metadata.extend(mark_of(mark).into_iter().map(|(name, value)| (name.replace('-', "_"), value)));
    Json::Object(metadata)
}

/// Whose a container is, by its metadata.
pub(crate) fn metadata_owner(mark: &Mark, metadata: Option<&Json>) -> Ownership {
    let text = |name: &str| metadata?.get(name.replace('-', "_"))?.as_str();
    Ownership::judge(mark, text(names::TAG_STACK), text(names::TAG_URN), text(names::TAG_LINEAGE))
}

/// A part of something that is ours is ours; a part of somebody else's is not.
pub(crate) async fn owner_by_parent(target: &Target<'_>, mark: &Mark, parent: &ResourceId) -> Result<Ownership, Error> {
    let Some(api) = version::for_kind(&parent.kind()) else { return Ok(Ownership::Unmarked) };
    let body = target.arm.get(parent.as_str(), api).await.map_err(|e| target.failed(e, "read"))?;
    let stack = body.as_ref().and_then(|b| b.pointer("/tags")?.get(names::TAG_STACK)?.as_str());
    Ok(match stack {
        Some(stack) if *stack == mark.stack.to_string() => Ownership::Derived,
        Some(stack) => Ownership::Other { stack: stack.to_owned(), urn: String::new() },
        None => Ownership::Unmarked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Lineage, StackId, Urn};

    fn mark() -> Mark {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        Mark { urn: Urn::new(&stack, "modelops:azure:NodePool", "gpu"), stack, lineage: Lineage("l".into()) }
    }

    #[test]
    fn strangers_tags_stay_and_ours_come_back() {
        let merged = tags(&mark(), Some(&json!({"cost": "a", names::TAG_STACK: "old"})));
        assert_eq!((merged["cost"].as_str(), merged[names::TAG_STACK].as_str()), (Some("a"), Some("p.s")));
        assert_eq!(owner(&mark(), Some(&merged)), Ownership::Ours { lineage: Lineage("l".into()) });
        assert_eq!(owner(&mark(), None), Ownership::Unmarked);
    }

    #[test]
    fn metadata_names_are_identifiers() {
        let marked = metadata(&mark(), None);
        assert!(marked.as_object().unwrap().keys().all(|k| !k.contains('-')));
        assert!(matches!(metadata_owner(&mark(), Some(&marked)), Ownership::Ours { .. }));
    }

    #[test]
    fn a_urn_too_long_for_a_tag_is_left_out() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let long = Mark { urn: Urn::new(&stack, "t:t:T", &"n".repeat(300)), ..mark() };
        let tags = tags(&long, None);
        assert!(tags.get(names::TAG_URN).is_none());
        assert!(matches!(owner(&long, Some(&tags)), Ownership::Ours { .. }));
    }
}
