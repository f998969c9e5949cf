//! `make bench`: measures the built programs, runs `terraform` alternately in the same run where it is on the path,
//! prints one line a goal, and writes every sample as JSON. Exits 1 when a goal is missed. Judges absolute goals on
//! the minimum and ratios on medians, because machines are shared and noisy.

mod goals;
mod ours;
mod row;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use mops_host::{Env, fsx};
use mops_tests::{machine, peer, readme};

use row::{Report, Verdict};

/// What the command line says.
pub(crate) struct Options {
    /// Only goals whose id is this.
    pub(crate) only: Option<String>,
    /// Three runs and small stacks, for the developer loop.
    pub(crate) quick: bool,
    /// The file whose table is written anew.
    pub(crate) readme: Option<PathBuf>,
    /// The programs.
    pub(crate) bin: PathBuf,
    /// Scratch.
    pub(crate) work: PathBuf,
}

fn main() -> ExitCode {
    let env = Env::process();
    let Some(options) = options(&env) else {
        say("usage: MOPS_BIN_DIR=FOLDER mops-bench-report [--only P4] [--quick] [--readme FILE]");
        return ExitCode::from(2);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::from(3);
    };
    match runtime.block_on(bench(&env, &options)) {
        Ok(missed) => ExitCode::from(u8::from(missed)),
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(3)
        }
    }
}

fn options(env: &Env) -> Option<Options> {
    let bin = PathBuf::from(env.get("MOPS_BIN_DIR")?);
    let mut options = Options { only: None, quick: env.has("QUICK"), readme: None, work: bin.join("bench"), bin };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--only" => options.only = Some(args.next()?),
            "--quick" => options.quick = true,
            "--readme" => options.readme = Some(PathBuf::from(args.next()?)),
            _ => return None,
        }
    }
    Some(options)
}

async fn bench(env: &Env, options: &Options) -> Result<bool, String> {
    let peer = peer::Terraform::find(env).await;
    let before = machine::load();
    say(&format!("machine   {} · {}", machine::line(), machine::build()));
    say(&format!("peer      {}", peer.as_ref().map_or("absent", |p| p.version.as_str())));
    let mut report = Report::default();
    goals::all(options, peer.as_ref(), &mut report).await?;
    let count = |verdict| report.rows.iter().filter(|r| r.verdict() == verdict).count();
    let missed: Vec<String> =
        report.rows.iter().filter(|r| r.verdict() == Verdict::Missed).map(row::Row::short).collect();
    let names = if missed.is_empty() { String::new() } else { format!(" ({})", missed.join("; ")) };
    let file = save(options, &report, &before)?;
    if let Some(target) = &options.readme {
        readme::write(target, "bench", &table(&report, peer.as_ref().map_or("absent", |p| p.version.as_str())))?;
    }
    say(&format!(
        "result    {} ok · {} MISSED{names} · {} not measured     details {file}",
        count(Verdict::Ok),
        missed.len(),
        count(Verdict::NotMeasured),
    ));
    Ok(!missed.is_empty())
}

/// What README shows.
fn table(report: &Report, peer: &str) -> String {
    let day = time::OffsetDateTime::now_utc().date();
    let lines: String = report.rows.iter().map(|row| row.line() + "\n").collect();
    format!("{day} · {} · {} · peer {peer}\n{lines}", machine::line(), machine::build())
}

fn save(options: &Options, report: &Report, before: &str) -> Result<String, String> {
    let day = time::OffsetDateTime::now_utc().date();
    let file = options.work.join(format!("{day}.json"));
    let json = serde_json::json!({
        "machine": machine::line(), "build": machine::build(), "loadBefore": before, "loadAfter": machine::load(), "date": day.to_string(),
        "rows": report.rows.iter().map(row::Row::json).collect::<Vec<_>>(),
    });
    let text = serde_json::to_vec_pretty(&json).map_err(|e| e.to_string())?;
    fsx::create_dir_all(&options.work).map_err(|e| e.to_string())?;
    fsx::replace(&file, &text).map_err(|e| e.to_string())?;
    Ok(file.display().to_string())
}

/// The one place that prints.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
