//! What somebody who has signed in may do at a registry.

/// What one credential opens.
#[derive(Clone, Debug)]
pub enum Rights {
    /// Everything.
    All,
    /// What a scope map lists: `repositories/NAME/content/read`, a name may end in `*`.
    Listed(Vec<String>),
}

impl Rights {
    /// Whether an action of the registry protocol (`pull`, `push`, `delete`) is allowed there.
    #[must_use]
    pub fn allow(&self, kind: &str, name: &str, action: &str) -> bool {
        match self {
            Self::All => true,
            Self::Listed(listed) => kind == "repository" && listed.iter().any(|entry| covers(entry, name, action)),
        }
    }
}

fn covers(entry: &str, name: &str, action: &str) -> bool {
    let right = match action {
        "pull" => "/content/read",
        "push" => "/content/write",
        "delete" => "/content/delete",
        "metadata_read" => "/metadata/read",
        "metadata_write" => "/metadata/write",
        _ => return false,
    };
    let pattern = entry.strip_prefix("repositories/").and_then(|rest| rest.strip_suffix(right));
    pattern.is_some_and(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_map_opens_what_it_lists() {
        let listed = ["repositories/app/content/read", "repositories/team/*/content/write"].map(str::to_owned);
        let rights = Rights::Listed(listed.into());
        let rows = [
            ("app", "pull", true),
            ("app", "push", false),
            ("apple", "pull", false),
            ("team/a/b", "push", true),
            ("team/a", "pull", false),
            ("app", "*", false),
        ];
        for (name, action, want) in rows {
            assert_eq!(rights.allow("repository", name, action), want, "{name} {action}");
        }
        assert!(!rights.allow("registry", "catalog", "*") && Rights::All.allow("registry", "catalog", "*"));
    }
}
