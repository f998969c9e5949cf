//! Azure's built-in roles that stacks give: by the name that people say, or by the id that Azure compares.
//! Guarantees that a name and its id are one role (`tests`).

/// Name and id. The ids are the same in every cloud.
const KNOWN: [(&str, &str); 6] = [
    ("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d"),
    ("AcrPush", "8311e382-0749-4cb8-b61a-304f252e45ec"),
    ("Container Registry Repository Reader", "b93aa761-3e63-49ed-ac28-beffa264f7ac"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a390df84e7d1"),
    ("Storage Blob Delegator", "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"),
];

/// The names, for a message.
pub(crate) fn names() -> String {
    KNOWN.map(|(name, _)| format!("`{name}`")).join(", ")
}

/// The spelling to keep for a role given by name, by id or by the path that ends with its id: the name of a known
/// role, else the id in lower case; `None` when it is neither.
pub(crate) fn normal(text: &str) -> Option<String> {
    if let Some((name, _)) = KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some((*name).to_owned());
    }
    let id = uuid::Uuid::parse_str(text.rsplit('/').next()?).ok()?.to_string();
    let known = KNOWN.iter().find(|(_, known)| *known == id);
    Some(known.map_or(id, |(name, _)| (*name).to_owned()))
}

/// The id of a role in the form of [`normal`].
pub(crate) fn id(normal: &str) -> &str {
    KNOWN.iter().find(|(name, _)| *name == normal).map_or(normal, |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_id_and_path_are_one_role() {
        let pull = "7F951DDA-4ED3-4680-A7CA-43FE172D538D";
        let path = format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{pull}");
        for text in ["acrpull", pull, &path] {
            assert_eq!(normal(text).as_deref(), Some("AcrPull"), "{text}");
        }
        assert_eq!(id("AcrPull"), pull.to_lowercase());
    }

    #[test]
    fn a_role_of_somebody_else_goes_by_its_id() {
        let own = "00000000-1111-2222-3333-44444444444a";
        assert_eq!(normal(&own.to_uppercase()).as_deref(), Some(own));
        assert_eq!(id(own), own);
        assert!(normal("Acr Pull").is_none() && normal("").is_none());
    }
}
