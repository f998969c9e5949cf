//! `make bench`: measures the built programs, runs `terraform` alternately in the same run where it is on the path, and
//! `pulumi` where `make tools` has built it; prints one line a goal, and writes every sample as JSON. Exits 1 when a
//! goal is missed, or when something became much slower than it was on this machine (`baseline`). Judges absolute goals
//! on the best run and ratios on medians, because machines are shared and noisy.

mod baseline;
mod goals;
mod ours;
mod pods;
mod row;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use mops_host::{Env, fsx};
use mops_tests::tools::program;
use mops_tests::{machine, peer, readme};

use baseline::Baseline;
use row::{Report, Verdict};

/// What the command line says.
pub(crate) struct Options {
    /// Only goals whose id is this.
    pub(crate) only: Option<String>,
    /// Three runs and small stacks, for the developer loop; nothing is compared with earlier runs.
    pub(crate) quick: bool,
    /// The file whose table is written anew.
    pub(crate) readme: Option<PathBuf>,
    /// Takes this run as what the machine reaches.
    pub(crate) rebase: bool,
    /// Only measures so many workers in the world that this runs in, for whoever started it there.
    pub(crate) workers: Option<usize>,
    /// The programs.
    pub(crate) bin: PathBuf,
    /// Scratch.
    pub(crate) work: PathBuf,
}

fn main() -> ExitCode {
    let env = Env::process();
    let Some(options) = options(&env) else {
        say("usage: MOPS_BIN_DIR=FOLDER mops-bench-report [--only P4] [--quick] [--rebase] [--readme FILE]");
        return ExitCode::from(2);
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::from(3);
    };
    let benched = match options.workers {
        Some(n) => runtime.block_on(inside(&options, n)).map(|()| false),
        None => runtime.block_on(bench(&env, &options)),
    };
    match benched {
        Ok(missed) => ExitCode::from(u8::from(missed)),
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(3)
        }
    }
}

fn options(env: &Env) -> Option<Options> {
    let bin = PathBuf::from(env.get("MOPS_BIN_DIR")?);
    let mut options = Options {
        only: None,
        quick: env.has("QUICK"),
        readme: None,
        rebase: false,
        workers: None,
        work: bin.join("bench"),
        bin,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--only" => options.only = Some(args.next()?),
            "--quick" => options.quick = true,
            "--rebase" => options.rebase = true,
            "--workers" => options.workers = Some(args.next()?.parse().ok()?),
            "--readme" => options.readme = Some(PathBuf::from(args.next()?)),
            _ => return None,
        }
    }
    Some(options)
}

/// One line with what was measured.
async fn inside(options: &Options, n: usize) -> Result<(), String> {
    let seen = pods::measure(options, n).await?;
    say(&serde_json::to_string(&seen).map_err(|e| e.to_string())?);
    Ok(())
}

async fn bench(env: &Env, options: &Options) -> Result<bool, String> {
    let peer = peer::Terraform::find(env).await;
    let before = machine::load();
    say(&format!("machine   {} · {}", machine::line(), machine::build()));
    let peers = peers(peer.as_ref()).await;
    say(&format!("peers     {peers}"));
    let mut report = Report::default();
    goals::all(options, peer.as_ref(), &mut report).await?;
    let slower = slower(env, options, &report)?;
    let file = save(options, &report, &Versions { before, peers: peers.clone(), tools: tools().await }, &slower)?;
    if let Some(target) = &options.readme {
        readme::write(target, "bench", &table(&report, &peers))?;
    }
    Ok(conclude(&report, &slower, &file))
}

/// Prints what came of it; whether anything is not as it should be.
fn conclude(report: &Report, slower: &[String], file: &str) -> bool {
    let with = |verdict| report.rows.iter().filter(move |r| r.verdict() == verdict);
    let names = |verdict| {
        let names: Vec<String> = with(verdict).map(row::Row::short).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join("; ")) }
    };
    for line in slower {
        say(&format!("SLOWER    {line}"));
    }
    let skipped: Vec<String> = with(Verdict::NotMeasured).map(|r| format!("{}: {}", r.id, r.note)).collect();
    let skipped = if skipped.is_empty() { String::new() } else { format!(" ({})", skipped.join("; ")) };
    let (ok, missed) = (with(Verdict::Ok).count(), with(Verdict::Missed).count());
    say(&format!(
        "result    {ok} ok · {missed} MISSED{} · {} skipped{skipped} · {} slower than before     details {file}",
        names(Verdict::Missed),
        with(Verdict::NotMeasured).count(),
        slower.len(),
    ));
    missed > 0 || !slower.is_empty()
}

/// What became slower on this machine; what became faster is kept.
fn slower(env: &Env, options: &Options, report: &Report) -> Result<Vec<String>, String> {
    let Some(file) = Baseline::file(env, &machine::line()).filter(|_| !options.quick) else { return Ok(Vec::new()) };
    let kept = if options.rebase { Baseline::default() } else { Baseline::read(&file) };
    let slower = kept.exceeded(&report.rows);
    kept.keep(&report.rows, &file)?;
    Ok(slower)
}

/// Both peers with their versions, or that one is absent.
async fn peers(terraform: Option<&peer::Terraform>) -> String {
    let terraform = terraform.map_or("terraform absent", |p| p.version.as_str());
    let pulumi = match program("pulumi", "pulumi") {
        Ok(program) => ours::first_line(&program.display().to_string(), &["version"]).await,
        Err(_) => None,
    };
    let pulumi = pulumi.map_or("pulumi absent".to_owned(), |line| format!("pulumi {}", line.trim_start_matches('v')));
    format!("{terraform} · {pulumi}")
}

/// What this was built with and from, as far as it can be asked.
async fn tools() -> Vec<String> {
    let mut lines = Vec::new();
    for (program, args) in [("rustc", &["--version"][..]), ("git", &["rev-parse", "--short", "HEAD"])] {
        lines.extend(ours::first_line(program, args).await);
    }
    lines
}

/// What README shows.
fn table(report: &Report, peers: &str) -> String {
    let day = time::OffsetDateTime::now_utc().date();
    let lines: String = report.rows.iter().map(|row| row.line() + "\n").collect();
    format!("{day} · {} · {} · peers {peers}\n{lines}", machine::line(), machine::build())
}

/// What stands beside the figures.
struct Versions {
    before: String,
    peers: String,
    tools: Vec<String>,
}

fn save(options: &Options, report: &Report, versions: &Versions, slower: &[String]) -> Result<String, String> {
    let day = time::OffsetDateTime::now_utc().date();
    let file = options.work.join(format!("{day}.json"));
    let json = serde_json::json!({
        "machine": machine::line(), "build": machine::build(), "date": day.to_string(), "quick": options.quick,
        "only": options.only, "loadBefore": versions.before, "loadAfter": machine::load(), "tools": versions.tools,
        "peers": versions.peers, "seeds": "none: nothing is drawn at random", "slower": slower,
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
