//! The end of `make crash`: collects the counting lines of the tests (`R1 points=… lost=0 …`) from their logs, repeats
//! the kill test with `terraform` where asked, prints all of it, writes it as JSON, and into README between its marks.

mod lines;
mod peer;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use mops_host::{Env, fsx};
use mops_tests::{machine, readme};

use lines::Line;

/// What the command line says.
#[derive(Default)]
struct Options {
    logs: Vec<PathBuf>,
    /// So many kills of the peer; 0 leaves it out.
    peer: u64,
    /// The file whose table is written anew.
    readme: Option<PathBuf>,
    /// Where the JSON goes.
    out: PathBuf,
}

fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        say("usage: mops-crash-report --out FILE [--log FILE]… [--peer KILLS] [--readme FILE]");
        return ExitCode::from(2);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::from(3);
    };
    match runtime.block_on(report(&Env::process(), &options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(3)
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--log" => options.logs.push(value.into()),
            "--peer" => options.peer = value.parse().ok()?,
            "--readme" => options.readme = Some(value.into()),
            "--out" => options.out = value.into(),
            _ => return None,
        }
    }
    (!options.out.as_os_str().is_empty()).then_some(options)
}

async fn report(env: &Env, options: &Options) -> Result<(), String> {
    let mut found = Vec::new();
    for log in &options.logs {
        let text = fsx::read_text(log).map_err(|e| format!("`{}`: {e}", log.display()))?;
        found.extend(text.lines().filter_map(Line::parse));
    }
    found.sort_by_key(|line| line.number);
    let peers = if options.peer > 0 { peer::lines(env, options.peer).await? } else { Vec::new() };
    let head = format!("{} · {}", time::OffsetDateTime::now_utc().date(), machine::line());
    let table: String =
        std::iter::once(head.clone()).chain(found.iter().map(Line::text)).chain(peers).map(|l| l + "\n").collect();
    let _ = std::io::stdout().write_all(table.as_bytes());
    let json = serde_json::json!({"run": head, "lines": found.iter().map(Line::json).collect::<Vec<_>>()});
    let bytes = serde_json::to_vec_pretty(&json).map_err(|e| e.to_string())?;
    fsx::replace(&options.out, &bytes).map_err(|e| format!("`{}`: {e}", options.out.display()))?;
    match &options.readme {
        Some(file) => readme::write(file, "crash", &table),
        None => Ok(()),
    }
}

/// Tells the user.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
