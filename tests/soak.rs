//! R23: a process that brings a stack up again and again needs no more memory, open files or disk than at first.
//! `MOPS_SOAK` ups (default: the short form), `MOPS_SEED` what they add and remove.

use mops_host::proc::Command;
use mops_tests::dice::seed;
use mops_tests::figures::{size, tell};

#[tokio::test]
async fn a_long_life_costs_no_memory_no_files_and_no_disk() {
    let home = tempfile::tempdir().unwrap();
    let (ups, seed) = (size("MOPS_SOAK", 60), seed());
    let words = format!("soak --kind mixed --n {ups} --seed {seed} --dir {}", home.path().display());
    let command = Command {
        program: env!("CARGO_BIN_EXE_mops-bench").into(),
        args: words.split(' ').map(str::to_owned).collect(),
        env: Vec::new(),
        stdin: None,
        timeout: std::time::Duration::from_secs(3600),
        max_output: 1 << 16,
    };
    let output = command.run_checked().await.unwrap();
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| line[name].as_u64().unwrap();
    let names = ["ups", "changes", "rss_early_kib", "rss_late_kib", "files_early", "files_late", "size_per_mille"];
    let mut counts = names.map(|name| (name, number(name))).to_vec();
    counts.push(("seed", seed));
    tell("R23", &counts);
    assert!(number("ups") == ups && number("changes") > ups, "{line}");
    assert!(number("rss_late_kib") * 100 <= number("rss_early_kib") * 105, "memory grows: {line}");
    assert!(number("files_late") <= number("files_early"), "files stay open: {line}");
    assert!(number("size_per_mille") <= 2000, "the state takes more than twice what it holds: {line}");
}
