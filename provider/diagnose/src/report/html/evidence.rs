//! Observations on the page: alike ones once, with how many and where.

use super::super::{matrix, owner, phrase};
use super::markup::Markup;
use super::{facts, outcome, sign};
use crate::observed::Observed;

/// Each different answer once, the failed first.
pub(super) fn answers(seen: &[&Observed]) -> Markup {
    matrix::alike(seen).iter().map(|group| answer(group)).collect()
}

fn answer(group: &[&Observed]) -> Markup {
    let Some(first) = group.first() else { return Markup::default() };
    let result = match group.len() {
        1 => first.result(),
        many => format!("{} × {}", first.result(), phrase::number(many)),
    };
    let said = Some(&first.reason).filter(|reason| !first.result().contains(reason.as_str()));
    let about: Vec<_> = group.iter().filter_map(|o| o.object.as_ref()).collect();
    let pairs = [
        ("check", phrase::question(first)),
        ("target", first.target.clone()),
        ("says", said.cloned().unwrap_or_default()),
        ("from", places(group)),
        ("object", owner::crowd(&about)),
        ("took", took(group)),
    ];
    Markup::fill(
        include_str!("answer.html"),
        &[
            ("status", outcome(first.status)),
            ("sign", Markup::text(sign(first.status))),
            ("result", Markup::text(&result)),
            ("facts", facts(&pairs)),
        ],
    )
}

/// The places of some observations, the first ones by name.
fn places(group: &[&Observed]) -> String {
    let mut all: Vec<String> = group.iter().map(|o| place(o)).collect();
    all.sort_unstable();
    all.dedup();
    phrase::some(&all)
}

/// Pool, worker and node, or the vantage of what has none.
pub(super) fn place(o: &Observed) -> String {
    let node = if o.node.is_empty() { String::new() } else { format!(" on {}", o.node) };
    let worker = if o.worker.is_empty() { String::new() } else { format!(" for {}", o.worker) };
    format!("{}{worker}{node}", phrase::place(o))
}

fn took(group: &[&Observed]) -> String {
    match group.iter().map(|o| o.latency_ms).max() {
        None | Some(0) => String::new(),
        Some(longest) if group.len() == 1 => format!("{longest} ms"),
        Some(longest) => format!("at most {longest} ms"),
    }
}
