//! What `mops env up` does with what it finds. A table without a look at the world (`tests`).

use crate::spec::Difference;

/// The container of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Absent,
    /// It is there and does not run.
    Stopped,
    /// It runs.
    Running,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make it and start it.
    Create,
    /// Take it away, then make it and start it.
    Recreate,
    /// Start it.
    Start,
    /// It runs as it is wanted.
    Nothing,
    /// It was made with other settings.
    Refuse(Vec<Difference>),
}

/// The table. `asked` is false when no setting is given at all: then the container is wanted as it is.
#[must_use]
pub fn decide(found: Found, differences: Vec<Difference>, asked: bool, recreate: bool) -> Action {
    match found {
        Found::Absent => Action::Create,
        _ if recreate => Action::Recreate,
        _ if asked && !differences.is_empty() => Action::Refuse(differences),
        Found::Stopped => Action::Start,
        Found::Running => Action::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_action() {
        let other = || vec![Difference { name: "image".into(), was: "a".into(), wanted: "b".into() }];
        for (found, changed, asked, recreate, action) in [
            (Found::Absent, false, true, false, Action::Create),
            (Found::Absent, true, true, true, Action::Create),
            (Found::Stopped, false, true, false, Action::Start),
            (Found::Running, false, true, false, Action::Nothing),
            (Found::Stopped, true, true, false, Action::Refuse(other())),
            (Found::Running, true, true, false, Action::Refuse(other())),
            (Found::Running, true, true, true, Action::Recreate),
            (Found::Running, false, true, true, Action::Recreate),
            (Found::Stopped, true, false, false, Action::Start),
            (Found::Running, true, false, false, Action::Nothing),
        ] {
            let differences = if changed { other() } else { Vec::new() };
            assert_eq!(decide(found, differences, asked, recreate), action, "{found:?} {changed} {asked} {recreate}");
        }
    }
}
