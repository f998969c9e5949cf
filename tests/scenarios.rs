//! The scenarios of the command line, one text file each in `tests/scenarios/`. A file is read from top to bottom:
//!
//! ```text
//! # comment
//! sandbox                   start a sandbox; the commands are pointed at it
//! --- infra.yaml            a file follows, up to a line `---`
//! $ mops infra validate infra.yaml     a command; `$ NAME=VALUE mops …` sets a variable; in its words `$SANDBOX` is
//!                           the sandbox's folder and `$EXAMPLES` that of the examples
//! exit 2                    its exit code; 0 when not said
//! out TEXT                  a later line of standard output contains TEXT
//! err TEXT                  a later line of standard error contains TEXT
//! no out                    standard output is empty
//! not TEXT                  TEXT is in neither
//! ```
//!
//! Every command has closed standard input, a home of its own, no way out of the machine, and two minutes.

use std::path::Path;

use mops_host::proc::Output;
use mops_tests::place::{Input, Place};

/// `$EXAMPLES` in a command.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// One command and what is expected of it.
#[derive(Debug, Default)]
struct Step {
    line: usize,
    words: Vec<String>,
    exit: i32,
    out: Vec<String>,
    err: Vec<String>,
    no_out: bool,
    not: Vec<String>,
}

enum Item {
    Sandbox,
    File(String, String),
    Step(Step),
}

fn parse(text: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("--- ") {
            let body: Vec<&str> = lines.by_ref().map(|(_, l)| l).take_while(|l| *l != "---").collect();
            items.push(Item::File(name.to_owned(), body.join("\n") + "\n"));
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            let words = command.split_whitespace().map(ToOwned::to_owned).collect();
            items.push(Item::Step(Step { line: number + 1, words, ..Step::default() }));
            continue;
        }
        if line == "sandbox" {
            items.push(Item::Sandbox);
            continue;
        }
        let Some(Item::Step(step)) = items.last_mut() else {
            panic!("line {}: no command before `{line}`", number + 1)
        };
        match line.split_once(' ') {
            Some(("exit", code)) => step.exit = code.trim().parse().unwrap(),
            Some(("out", text)) => step.out.push(text.to_owned()),
            Some(("err", text)) => step.err.push(text.to_owned()),
            Some(("no", "out")) => step.no_out = true,
            Some(("not", text)) => step.not.push(text.to_owned()),
            _ => panic!("line {}: `{line}` is not understood", number + 1),
        }
    }
    items
}

/// What does not hold, if anything.
fn judge(step: &Step, output: &Output) -> Result<(), String> {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let both = format!("stdout:\n{out}\nstderr:\n{err}");
    if output.code != Some(step.exit) {
        return Err(format!("exit {:?}, expected {}\n{both}", output.code, step.exit));
    }
    for (name, text, wanted) in [("out", &out, &step.out), ("err", &err, &step.err)] {
        let mut lines = text.lines();
        for want in wanted {
            if !lines.any(|l| l.contains(want.as_str())) {
                return Err(format!("no (further) line of std{name} contains `{want}`\n{both}"));
            }
        }
    }
    if step.no_out && !out.is_empty() {
        return Err(format!("standard output is not empty\n{both}"));
    }
    match step.not.iter().find(|text| out.contains(text.as_str()) || err.contains(text.as_str())) {
        Some(text) => Err(format!("`{text}` was printed\n{both}")),
        None => Ok(()),
    }
}

async fn play(name: &str, text: &str) {
    let mut place = Place::new();
    let mut sandbox = None;
    for item in parse(text) {
        match item {
            Item::Sandbox => {
                let started = mops_tests::program::Sandbox::start(&place).await;
                started.variables().await.into_iter().for_each(|(name, value)| place.set(&name, value));
                sandbox = Some(started);
            }
            Item::File(file, body) => place.write(&file, &body),
            Item::Step(step) => {
                let dir = sandbox.as_ref().map(|s: &mops_tests::program::Sandbox| s.dir.as_str()).unwrap_or_default();
                let set = step.words.iter().take_while(|w| w.contains('=')).filter_map(|w| w.split_once('='));
                let set: Vec<(String, String)> = set.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                let words: Vec<String> = step.words[set.len()..]
                    .iter()
                    .map(|w| w.replace("$SANDBOX", dir).replace("$EXAMPLES", EXAMPLES))
                    .collect();
                let output =
                    place.run_with(Input::Null, &set, &words.iter().map(String::as_str).collect::<Vec<_>>()).await;
                if let Err(why) = judge(&step, &output) {
                    panic!("{name}:{}: `{}`: {why}", step.line, step.words.join(" "));
                }
            }
        }
    }
}

/// One test a file, so that a failure names it.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            play(concat!(stringify!($name), ".txt"), include_str!(concat!("scenarios/", stringify!($name), ".txt"))).await;
        }
    )*};
}

scenarios!(
    first_contact,
    exit_codes,
    auth_status,
    closed_input,
    secrets,
    whole_story,
    other_cloud,
    drift,
    imports,
    state,
    state_moves,
    saved_plan
);

#[test]
fn every_scenario_file_is_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let this = include_str!("scenarios.rs");
    let list = this.split("scenarios!(").nth(1).and_then(|t| t.split(')').next()).unwrap_or_default();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".txt").unwrap();
        assert!(list.split(',').any(|n| n.trim() == stem), "`{name}` is not in the list of this file");
    }
}

#[test]
fn a_broken_expectation_is_noticed() {
    let output = Output { code: Some(2), stdout: b"one\ntwo\n".to_vec(), stderr: b"error: x\n".to_vec() };
    let step = |text: &str| match parse(&format!("$ mops x\nexit 2\n{text}\n")).pop() {
        Some(Item::Step(step)) => step,
        _ => panic!("no step"),
    };
    for good in ["out one\nout two", "err error: x", "not three"] {
        assert_eq!(judge(&step(good), &output), Ok(()), "{good}");
    }
    for bad in ["exit 0", "out two\nout one", "err two", "no out", "not error:"] {
        assert!(judge(&step(bad), &output).is_err(), "{bad}");
    }
}
