//! A cause on the page: what it is, what mends it, and the two observations side by side that decided it.

use super::super::owner::{Matter, Matters};
use super::super::phrase;
use super::markup::Markup;
use super::{evidence, outcome, sign};
use crate::finding::{Finding, Fix};
use crate::observed::Observed;
use crate::rule::Severity;

/// The worst cause for the top of the page, and the others in the report's order.
pub(super) fn sections(matters: &Matters<'_>) -> (Markup, Markup) {
    let Some((first, others)) = matters.all.split_first() else { return <(Markup, Markup)>::default() };
    let lead = Markup::fill("<section class=\"lead\">{{body}}</section>", &[("body", finding(matters, first))]);
    if others.is_empty() {
        return (lead, Markup::default());
    }
    let body = others.iter().map(|matter| finding(matters, matter)).collect();
    let title = Markup::text("Other findings");
    (lead, Markup::fill(include_str!("section.html"), &[("title", title), ("body", body)]))
}

fn finding(matters: &Matters<'_>, matter: &Matter<'_>) -> Markup {
    let f = matter.first;
    let seen = matters.evidence(matter);
    Markup::fill(
        include_str!("finding.html"),
        &[
            ("severity", Markup::text(phrase::severity(f.severity))),
            ("sign", Markup::text(severity_sign(f.severity))),
            ("cause", Markup::text(&f.cause_id)),
            ("sure", Markup::text(phrase::sure(f))),
            ("title", Markup::sentence(&f.title)),
            ("message", Markup::sentence(&f.message)),
            ("where", whereabouts(matters, matter)),
            ("fixes", f.fixes.iter().map(fix).collect()),
            ("difference", difference(&seen)),
            ("count", Markup::text(&phrase::plural(seen.len(), "observation"))),
            ("evidence", evidence::answers(&seen)),
            ("ruled-out", ruled_out(f)),
        ],
    )
}

const fn severity_sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✕",
        Severity::Warning => "!",
        Severity::Note => "i",
    }
}

fn whereabouts(matters: &Matters<'_>, matter: &Matter<'_>) -> Markup {
    let text = matters.extent(matter).unwrap_or_default();
    if text.is_empty() {
        return Markup::default();
    }
    Markup::fill("<p class=\"where\">{{text}}</p>", &[("text", Markup::text(&text))])
}

fn fix(fix: &Fix) -> Markup {
    let filled = |template, name, value: &Option<String>| {
        value.as_ref().map_or_else(Markup::default, |value| Markup::fill(template, &[(name, Markup::text(value))]))
    };
    // Any other scheme might be a script.
    let page = fix.page.clone().filter(|page| page.starts_with("https://"));
    Markup::fill(
        include_str!("fix.html"),
        &[
            ("text", Markup::sentence(&fix.text)),
            ("command", filled(include_str!("command.html"), "command", &fix.command)),
            ("page", filled(include_str!("link.html"), "page", &page)),
        ],
    )
}

fn ruled_out(f: &Finding) -> Markup {
    let line = |r: &crate::finding::RuledOut| {
        let text = format!("Ruled out: {}, by {}", r.cause_id, r.probe);
        Markup::fill("<p class=\"ruled\">{{text}}</p>", &[("text", Markup::text(&text))])
    };
    f.ruled_out.iter().map(line).collect()
}

/// What one line of a comparison shows of an observation.
type Value = fn(&Observed) -> String;

/// The first two observations of the evidence, line by line; what differs is marked.
fn difference(seen: &[&Observed]) -> Markup {
    let (caption, two) = match seen {
        [] => return Markup::default(),
        [one] => ("What was seen", vec![*one]),
        [a, b, ..] => ("What decided it", vec![*a, *b]),
    };
    let place = |o: &&Observed| {
        Markup::fill(
            include_str!("place.html"),
            &[
                ("status", outcome(o.status)),
                ("sign", Markup::text(sign(o.status))),
                ("place", Markup::text(&evidence::place(o))),
            ],
        )
    };
    let lines: [(&str, Value); 5] = [
        ("check", |o| phrase::name(&o.check).to_owned()),
        ("credential", |o| o.credential.clone()),
        ("target", |o| o.target.clone()),
        ("answer", Observed::result),
        ("says", |o| o.reason.clone()),
    ];
    let rows = lines.iter().map(|(name, value)| row(name, &two.iter().map(|o| value(o)).collect::<Vec<_>>())).collect();
    Markup::fill(
        include_str!("difference.html"),
        &[("caption", Markup::text(caption)), ("places", two.iter().map(place).collect()), ("rows", rows)],
    )
}

fn row(name: &str, values: &[String]) -> Markup {
    if values.iter().all(String::is_empty) {
        return Markup::default();
    }
    let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
    let template = if differs { include_str!("differs.html") } else { include_str!("same.html") };
    let value = |text: &String| {
        let shown = if text.is_empty() { "–" } else { text };
        Markup::fill("<td>{{text}}</td>", &[("text", Markup::text(shown))])
    };
    Markup::fill(template, &[("name", Markup::text(name)), ("values", values.iter().map(value).collect())])
}
