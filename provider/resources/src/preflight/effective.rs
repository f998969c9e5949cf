//! Whether roles give an action, and whether a deny assignment takes it away.

use mops_clients::arm::{Deny, Permission};

/// Everybody, as a deny assignment names them.
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What is said about one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Given.
    Given,
    /// Given where a condition holds, which nobody evaluates here.
    Perhaps(String),
    /// Given by a role, and taken away by a deny assignment of this name.
    Denied(String),
    /// Not given.
    Missing,
}

/// Whether a pattern such as `Microsoft.Storage/*/read` covers an action, without case.
fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

fn among(patterns: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| covers(pattern, action))
}

/// Judges one action at a scope. Each role counts by itself: what one does not give, another may.
pub(super) fn judge(action: &str, scope: &str, roles: &[Permission], denies: &[Deny], who: Option<&str>) -> Verdict {
    let gives = |role: &&Permission| among(&role.actions, action) && !among(&role.not_actions, action);
    let giving: Vec<&Permission> = roles.iter().filter(gives).collect();
    let Some(first) = giving.first() else { return Verdict::Missing };
    let mut denying = denies.iter().filter(|deny| is_about(deny, action, scope));
    if let Some(deny) = denying.find(|deny| who.is_some_and(|who| names(deny, who))) {
        return Verdict::Denied(deny.name.clone());
    }
    if let Some(group) = denies.iter().find(|deny| is_about(deny, action, scope) && may_name(deny, who)) {
        return Verdict::Perhaps(format!("the deny assignment `{}` may be about it", group.name));
    }
    match &first.condition {
        Some(_) if giving.iter().all(|role| role.condition.is_some()) => {
            Verdict::Perhaps("its role gives it under a condition only".to_owned())
        }
        _ => Verdict::Given,
    }
}

/// Whether a deny assignment is about the action, and holds at the scope.
fn is_about(deny: &Deny, action: &str, scope: &str) -> bool {
    let (at, scope) = (deny.scope.trim_end_matches('/').to_ascii_lowercase(), scope.to_ascii_lowercase());
    let below = scope.strip_prefix(&at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let holds = if deny.only_there { at == scope } else { below };
    holds && among(&deny.actions, action) && !among(&deny.not_actions, action)
}

fn names(deny: &Deny, who: &str) -> bool {
    let named = deny.principals.iter().any(|(id, _)| id == EVERYBODY || id.eq_ignore_ascii_case(who));
    named && !deny.excluded.iter().any(|id| id.eq_ignore_ascii_case(who))
}

/// A group whose members are not known here, or an identity that is not known.
fn may_name(deny: &Deny, who: Option<&str>) -> bool {
    let group = |(_, kind): &(String, String)| kind.eq_ignore_ascii_case("Group");
    let excluded = who.is_some_and(|who| deny.excluded.iter().any(|id| id.eq_ignore_ascii_case(who)));
    !excluded && (who.is_none() || deny.principals.iter().any(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(actions: &[&str], not: &[&str]) -> Permission {
        let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Permission { actions: texts(actions), not_actions: texts(not), condition: None }
    }

    #[test]
    fn patterns_cover_as_azure_does() {
        let action = "Microsoft.Storage/storageAccounts/blobServices/containers/write";
        for yes in [
            "*",
            "*/write",
            "microsoft.storage/*",
            "Microsoft.Storage/*/write",
            "Microsoft.Storage/storageAccounts/*/containers/*",
        ] {
            assert!(covers(yes, action), "{yes}");
        }
        for no in
            ["*/read", "Microsoft.Storage", "Microsoft.Storage/*/delete", "Microsoft.Storage/storageAccounts/write", ""]
        {
            assert!(!covers(no, action), "{no}");
        }
    }

    #[test]
    fn one_role_does_not_take_what_another_gives() {
        let write = "Microsoft.Authorization/roleAssignments/write";
        let contributor = role(&["*"], &["Microsoft.Authorization/*/Write"]);
        let admin = role(&["Microsoft.Authorization/roleAssignments/*"], &[]);
        assert_eq!(judge(write, "/subscriptions/s", std::slice::from_ref(&contributor), &[], None), Verdict::Missing);
        assert_eq!(judge(write, "/subscriptions/s", &[contributor, admin.clone()], &[], None), Verdict::Given);
        let bound = Permission { condition: Some("x".into()), ..admin };
        assert!(matches!(judge(write, "/subscriptions/s", &[bound], &[], None), Verdict::Perhaps(_)));
    }

    #[test]
    fn a_deny_assignment_holds_below_its_scope_for_those_it_names() {
        let deny = |id: &str, kind: &str| Deny {
            name: "lock".into(),
            scope: "/subscriptions/s".into(),
            actions: vec!["*".into()],
            not_actions: vec!["*/read".into()],
            principals: vec![(id.into(), kind.into())],
            ..Deny::default()
        };
        let owner = [role(&["*"], &[])];
        let ask = |deny: Deny, action: &str, scope: &str| judge(action, scope, &owner, &[deny], Some("me"));
        assert_eq!(
            ask(deny(EVERYBODY, "SystemDefined"), "a/write", "/subscriptions/s/resourceGroups/g"),
            Verdict::Denied("lock".into())
        );
        assert_eq!(ask(deny(EVERYBODY, "SystemDefined"), "a/read", "/subscriptions/s"), Verdict::Given);
        assert_eq!(ask(deny(EVERYBODY, "SystemDefined"), "a/write", "/subscriptions/s2"), Verdict::Given);
        assert_eq!(ask(deny("other", "User"), "a/write", "/subscriptions/s"), Verdict::Given);
        assert!(matches!(ask(deny("g", "Group"), "a/write", "/subscriptions/s"), Verdict::Perhaps(_)));
        let spared = Deny { excluded: vec!["me".into()], ..deny(EVERYBODY, "SystemDefined") };
        assert_eq!(ask(spared, "a/write", "/subscriptions/s"), Verdict::Given);
    }
}
