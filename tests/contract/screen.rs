//! A terminal of 80 columns: no line is left for the terminal to break in the middle of a word, nothing is cut without
//! a sign, and `NO_COLOR` takes the colours away.

use std::path::Path;

use mops_tests::job::Job;

const COLUMNS: usize = 80;

/// What people look at.
const SHOWN: &[&str] = &[
    "infra preview",
    "infra up -c registry,storage --yes",
    "infra status",
    "infra list",
    "infra outputs",
    "infra down --plan --destroy-all",
    "infra preview broken.yaml",
    "infra upp",
    "infra up --help",
    "diagnose-auth",
    "infra down --destroy-all --delete-rg --yes",
];

/// What a terminal of 80 columns was sent.
async fn screen(job: &Job, line: &str) -> String {
    let inside = format!("stty cols {COLUMNS} rows 24; mops {line}");
    let output = job.run(&["script", "-qec", &inside, "/dev/null"]).await;
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Lines without what moves the cursor or colours.
fn lines(sent: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = sent;
    while let Some(at) = rest.find("\u{1b}[") {
        plain += &rest[..at];
        let code = &rest[at + 2..];
        let end = code.find(|c: char| c.is_ascii_alphabetic()).map_or(code.len(), |i| i + 1);
        rest = &code[end..];
    }
    plain += rest;
    plain.split(['\r', '\n']).map(str::to_owned).collect()
}

/// A line that the terminal breaks although there is a blank to break it at. A value that is longer than a line, with
/// the name before it, is data and stays whole.
fn broken(line: &str) -> bool {
    let longest = line.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
    line.chars().count() > COLUMNS && longest < COLUMNS / 2
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts are printed")]
async fn no_line_is_left_for_the_terminal_to_break() {
    if !Path::new("/usr/bin/script").exists() {
        mops_tests::skip::skipped("script", "a terminal of 80 columns");
        return;
    }
    let mut job = Job::new().await;
    let broken_file = format!("registry: {{nmae: {}}}\ncluster: {{aks: 7}}\n", "x".repeat(120));
    job.place.write("broken.yaml", &broken_file);
    job.place.set("TERM", "xterm");
    let (mut count, mut coloured) = (0, 0);
    for line in SHOWN {
        let sent = screen(&job, line).await;
        let wide: Vec<String> = lines(&sent).into_iter().filter(|l| broken(l)).collect();
        assert!(wide.is_empty(), "mops {line}: {wide:#?}");
        (count, coloured) = (count + lines(&sent).len(), coloured + usize::from(sent.contains("\u{1b}[3")));
    }
    assert!(coloured >= 5, "the terminal was not taken for one");
    job.place.set("NO_COLOR", "1");
    for line in ["infra preview", "infra upp", "infra preview broken.yaml"] {
        let sent = screen(&job, line).await;
        assert!(!sent.contains("\u{1b}[3") && !sent.contains("\u{1b}[1m"), "mops {line}: {sent:?}");
    }
    println!("screen columns={COLUMNS} commands={} lines={count} broken=0 coloured={coloured}", SHOWN.len());
}

#[test]
fn a_broken_line_is_noticed() {
    assert!(broken(&"word ".repeat(20)));
    assert!(!broken(&"word ".repeat(15)) && !broken(&format!("name  {}", "x".repeat(90))));
    assert_eq!(lines("a\u{1b}[36mb\u{1b}[0m\r\n\u{1b}[2F\u{1b}[Jc"), ["ab", "", "c"]);
}
