//! What `--fix` planned and did as a suite of its own: a case a change. What was taken back or not checked has failed, what
//! was not made is skipped with its reason (`tests/diagnose/report_junit.rs`).

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::super::fixing;
use super::clean;
use crate::fix::{Change, Fixing, State};

const NAME: &str = "fix";

/// How many cases there are, how many of them failed, and how many were skipped.
pub(super) fn counts(found: &Fixing) -> (usize, usize, usize) {
    let of = |which: fn(State) -> bool| found.changes.iter().filter(|change| which(change.state)).count();
    (found.changes.len() + found.left.len(), of(has_failed), of(was_not_made) + found.left.len())
}

const fn has_failed(state: State) -> bool {
    matches!(state, State::Failed | State::RolledBack | State::Unchecked)
}

const fn was_not_made(state: State) -> bool {
    matches!(state, State::Planned | State::NotApplied)
}

pub(super) fn write(writer: &mut Writer<Vec<u8>>, found: &Fixing) -> io::Result<()> {
    let (tests, failures, skipped) = counts(found);
    let suite = writer.create_element("testsuite").with_attribute(("name", NAME));
    let suite = suite.with_attribute(("tests", tests.to_string().as_str()));
    let suite = suite.with_attribute(("failures", failures.to_string().as_str()));
    let suite = suite.with_attribute(("errors", "0")).with_attribute(("skipped", skipped.to_string().as_str()));
    suite.with_attribute(("time", "0.000")).write_inner_content(|w| {
        found.changes.iter().try_for_each(|change| made(w, change))?;
        found.left.iter().try_for_each(|left| {
            let why = format!("{}: {}", left.why, fixing::instead(left));
            case(w, &format!("{} {}", left.cause_id, left.target), |w| skip(w, why.trim_end_matches(": ")))
        })
    })?;
    Ok(())
}

fn made(writer: &mut Writer<Vec<u8>>, change: &Change) -> io::Result<()> {
    let (state, why) = (change.state.word(), change.why.as_str());
    let said = format!("{state}: {}{}{why}", fixing::terms(change), if why.is_empty() { "" } else { "; " });
    case(writer, &format!("{} {}: {}", change.cause_id, change.target, fixing::place(change)), |w| match change.state {
        state if was_not_made(state) => skip(w, &said),
        state if has_failed(state) => {
            let failure = w.create_element("failure").with_attribute(("type", change.cause_id.as_str()));
            let failure = failure.with_attribute(("message", state.word()));
            failure.write_text_content(BytesText::new(&clean(&said))).map(drop)
        }
        _ => w.create_element("system-out").write_text_content(BytesText::new(&clean(&said))).map(drop),
    })
}

fn case(
    writer: &mut Writer<Vec<u8>>,
    name: &str,
    inside: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>,
) -> io::Result<()> {
    let case = writer.create_element("testcase").with_attribute(("name", clean(name).as_str()));
    case.with_attribute(("classname", NAME)).with_attribute(("time", "0.000")).write_inner_content(inside).map(drop)
}

fn skip(writer: &mut Writer<Vec<u8>>, why: &str) -> io::Result<()> {
    writer.create_element("skipped").with_attribute(("message", clean(why).as_str())).write_empty().map(drop)
}
