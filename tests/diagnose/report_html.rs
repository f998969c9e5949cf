//! Promise: the page needs nothing but itself, says verdict, cause and command before any table, and shows what values
//! hold as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_diagnose::report;
use mops_tests::reports;
use regex::Regex;
use sha2::{Digest as _, Sha256};

fn between<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = page.split_once(open).unwrap_or_else(|| panic!("no {open}"));
    rest.split_once(close).unwrap_or_else(|| panic!("no {close}")).0
}

#[test]
fn the_page_asks_for_nothing_and_lets_nothing_else_run() {
    let loads =
        Regex::new(r#"(?i)\b(src|href|srcset|action|data)\s*=|url\(|@import|<(link|img|iframe|base)\b"#).unwrap();
    for (name, report) in reports::all() {
        // A link is followed by a person only.
        let page = report::html(&report).replace("<a href=", "<a ");
        assert_eq!(loads.find(&page).map(|m| m.as_str()), None, "{name}");
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        for (kind, open, close) in [("style", "<style>", "</style>"), ("script", "<script>", "</script>")] {
            let hash = STANDARD.encode(Sha256::digest(between(&page, open, close)));
            assert!(policy.contains(&format!("{kind}-src 'sha256-{hash}'")), "{name}: {kind} is not in {policy}");
            assert_eq!(page.matches(open).count(), 1, "{name}");
        }
        assert!(!page.contains("{{"), "{name}: a name of a template is left");
        assert!(!page.contains("style=\""), "{name}: the policy would refuse it");
    }
}

#[test]
fn verdict_cause_and_command_come_before_the_matrix() {
    let page = report::html(&reports::rotated());
    let marks = [
        "Failed: 2 causes</h1>",
        "data-cause=\"ACR_PASSWORD_ROTATED\"",
        "<code tabindex=\"0\" aria-label=\"command\">mops infra up",
        "What decided it",
        "Each pool, each check",
        "Other findings",
    ];
    let places: Vec<Option<usize>> = marks.iter().map(|mark| page.find(mark)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    let table = between(&page, "<table class=\"difference\">", "</table>");
    for part in ["pool gpu", "workstation", "401 UNAUTHORIZED", "<td>200</td>", "<td>env</td>", "<td>arm</td>"] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    // The registry is the same in both, and is not marked.
    assert!(table.contains("<tr><th scope=\"row\">target</th>"), "{table}");
}

#[test]
fn every_pool_has_every_check_and_the_evidence_of_a_cell_is_its_own() {
    let page = report::html(&reports::rotated());
    let matrix = between(&page, "<div class=\"matrix\">", "</section>");
    let columns = matrix.matches("<th scope=\"col\">").count() - 1;
    let rows: Vec<&str> = matrix.split("<tr><th scope=\"row\">").skip(1).collect();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        assert_eq!(row.matches("<td").count(), columns, "{row}");
    }
    let gpu = rows.iter().find(|row| row.starts_with("gpu<")).expect("the pool");
    assert!(gpu.contains("aria-label=\"pool gpu: /v2/ by env · ACR_PASSWORD_ROTATED: failed\""), "{gpu}");
    assert!(gpu.contains("authentication required") && !gpu.contains("system"), "{gpu}");
    let buttons = Regex::new("class=\"answer [a-z]+\" popovertarget=\"([^\"]+)\"").unwrap();
    for target in buttons.captures_iter(&page) {
        assert_eq!(page.matches(&format!("id=\"{}\"", &target[1])).count(), 1, "{}", &target[1]);
    }
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' onfocus=\"x\u{202e}{{style}}";
    let mut report = reports::odd();
    report.run.env = hostile.into();
    report.findings[0].message = hostile.into();
    report.findings[0].title = hostile.into();
    report.findings[0].fixes[0].command = Some(hostile.into());
    report.findings[0].fixes[0].page = Some("javascript:alert(3)".into());
    report.notices.push(hostile.into());
    for probe in &mut report.probes {
        probe.reason = hostile.into();
        probe.pool = hostile.into();
    }
    let page = report::html(&report);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<img") && !page.contains("\" onfocus") && !page.contains('\u{202e}'));
    assert!(!page.contains("javascript:"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn what_a_fix_has_done_is_a_section_of_the_page() {
    let page = report::html(&reports::fixed());
    let (_, section) =
        page.split_once("<h2>--fix: 1 applied, 1 rolled back, 1 not applied, 1 cause left alone</h2>").expect("it");
    let section = between(section, "<ul", "</section>");
    for words in
        ["<b>applied</b> SECRET_WRONG_TYPE acr-pull", "why: the cause is still there", "5f0c11aa -&gt; 9d3e7b02"]
    {
        assert!(section.contains(words), "{words} is not in {section}");
    }
    assert!(!report::html(&reports::rotated()).contains("--fix:"), "nobody asked for a fix");
}
