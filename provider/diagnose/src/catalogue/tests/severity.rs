//! Of one cause some forms are worse than others.

use super::fixture;
use crate::rule::Severity;

fn of(id: &str, file: &str) -> Vec<Severity> {
    let mut worlds = fixture::all().into_iter();
    let world = worlds.find(|w| w.id == id && w.path.ends_with(format!("{file}.yaml"))).expect("a world");
    world.findings().into_iter().filter(|f| f.cause_id == id).map(|f| f.severity).collect()
}

#[test]
fn a_variable_that_few_jobs_need_is_a_warning() {
    assert_eq!(of("ENV_MISSING", "trigger"), [Severity::Error]);
    assert_eq!(of("ENV_MISSING", "trigger-warning"), [Severity::Warning]);
}

#[test]
fn a_short_life_is_a_warning_until_it_has_ended() {
    assert_eq!(of("SECRET_SHORT_LIVED", "trigger"), [Severity::Error]);
    assert_eq!(of("SECRET_SHORT_LIVED", "trigger-likely"), [Severity::Warning]);
}

#[test]
fn old_values_are_a_warning_until_they_were_compared() {
    assert_eq!(of("ENV_STALE", "trigger"), [Severity::Error]);
    assert_eq!(of("ENV_STALE", "trigger-possible"), [Severity::Warning]);
}

#[test]
fn an_absent_pull_secret_without_which_the_image_came_is_a_warning() {
    assert_eq!(of("PULL_SECRET_MISSING", "trigger"), [Severity::Error]);
    assert_eq!(of("PULL_SECRET_MISSING", "near-miss-pulled"), [Severity::Warning]);
}
