//! The report's forms on fixed observations: golden texts, the first four lines, the schema.

use std::path::{Path, PathBuf};

use mops_diagnose::report::{self, Report, Verdict};
use mops_tests::reports::{all, passed, rotated};

fn golden(name: &str, got: &str) {
    same_as(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/diagnose").join(name), got);
}

fn same_as(path: &Path, got: &str) {
    if mops_host::Env::process().get("MOPS_GOLDEN") == Some("1") {
        mops_host::fsx::replace(path, got.as_bytes()).expect("written");
        return;
    }
    let want = mops_host::fsx::read_text(path).unwrap_or_default();
    let differs = got.lines().zip(want.lines()).position(|(a, b)| a != b).unwrap_or(want.lines().count());
    let line = got.lines().nth(differs);
    assert!(got == want, "{}:{}: {line:?}; `make golden` writes it again", path.display(), differs + 1);
}

#[test]
fn golden_reports() {
    for (name, report) in all() {
        golden(&format!("{name}.txt"), &report::text(&report, 80, false));
    }
    let json = serde_json::to_string_pretty(&report::json(&rotated())).unwrap() + "\n";
    golden("rotated.json", &json);
    golden("rotated.sarif", &format!("{:#}\n", report::sarif(&rotated())));
    golden("rotated.xml", &report::junit(&rotated()));
    golden("rotated.github", &report::github(&rotated()));
    golden("rotated.html", &report::html(&rotated()));
}

#[test]
fn golden_schema() {
    for (name, schema) in [("report", report::schema()), ("capture", mops_diagnose::capture::schema())] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../schema/{name}.schema.json"));
        same_as(&path, &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    }
}

#[test]
fn the_first_four_lines_say_it_within_80_columns() {
    for (name, report) in all() {
        let text = report::text(&report, 80, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.iter().all(|l| l.chars().count() <= 80 || l.contains("run: ") || l.contains("look: ")),
            "{name}:\n{text}"
        );
        assert!(lines[0].starts_with(report.command.name()), "{name}: {}", lines[0]);
        if report.summary.status != Verdict::Pass
            && report.findings.iter().any(|f| f.cause_id != "PROBE_POD_UNSCHEDULED")
        {
            assert!(lines[1].starts_with("cause: "), "{name}: {}", lines[1]);
            assert!(lines[2].starts_with("proof: "), "{name}: {}", lines[2]);
            assert!(["run:   ", "look:  ", "fix:   "].iter().any(|w| lines[3].starts_with(w)), "{name}: {}", lines[3]);
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, report) in all() {
        let coloured = report::text(&report, 80, true);
        let plain: String = coloured
            .split('\u{1b}')
            .enumerate()
            .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
            .collect();
        assert_eq!(plain, report::text(&report, 80, false), "{name}");
    }
}

#[test]
fn verdict_and_exit_code_come_from_all_checks() {
    let want = [("rotated", 1), ("passed", 0), ("odd", 1), ("unprobed", 3), ("no-cluster", 3), ("refused", 1)];
    for ((name, report), (same, code)) in all().into_iter().zip(want) {
        assert_eq!((name, report.summary.exit_code), (same, code));
        let text = report::text(&report, 80, false);
        let first = text.lines().next().unwrap();
        assert_eq!(first.contains("passed"), code == 0, "{first}");
        assert!(!first.contains("all checks passed"));
    }
    assert!(report::text(&passed(), 80, false).lines().next().unwrap().contains("passed, 2 skipped"));
}

#[test]
fn json_comes_back_as_it_was() {
    for (name, report) in all() {
        let back: Report = serde_json::from_value(report::json(&report)).unwrap();
        assert_eq!(back, report, "{name}");
    }
    let schema = report::schema();
    assert!(schema["properties"]["findings"].is_object());
}
