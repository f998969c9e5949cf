//! Promise R12: a secret is only where it is meant to be. Every secret that the sandbox makes and every one that a
//! user can give is looked for, in every form (`mops_tests::canary`), on every screen, in every file, at every fake
//! and in every child, through the life of a stack with its failures (`story`). What shows secrets on purpose is one
//! control: there they must be found, or the search is blind. The other is a build whose masks can be taken off, which
//! `make crash` makes: in it the same search finds secrets, and a run can be told to panic.

#[path = "secrets/place.rs"]
mod place;
#[path = "secrets/story.rs"]
mod story;
