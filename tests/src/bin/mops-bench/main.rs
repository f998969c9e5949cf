//! One operation of the engine on the null resource, measured: check, diff, journal, calls, events, full durability.
//!
//! `mops-bench up|preview|down|refresh|import|move-in|passphrase|seal|recover|throttle|soak --n N --dir DIR [FLAG VALUE]…`
//! prints one JSON line; the flags are in `shape.rs`. For kill tests the objects outlive the process: `--service DIR` keeps them as files, and
//! `mops-bench serve` is a service of its own, to which `--server ADDRESS` leads.

mod moves;
mod recover;
mod shape;
mod soak;
mod throttle;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mops_core::provider::Provider;
use mops_core::{Cancel, Value};
use mops_engine::error::{EngineError, Exit};
use mops_engine::run::{DownOptions, Engine, RefreshOptions, Report, UpOptions};
use mops_engine::state::{self, OpenOptions, Sealer, Snapshot, Store};
use mops_host::{Env, SystemClock};
use mops_tests::null::{Null, Thing, stack};
use mops_tests::remote::{self, Remote};
use serde_json::json;

use shape::Args;

/// When the first event was seen, in microseconds.
static FIRST: OnceLock<u64> = OnceLock::new();

fn engine(args: &Args, provider: Arc<dyn Provider>, start: Instant) -> Engine {
    let events = AtomicU64::new(0);
    Engine {
        provider,
        clock: SystemClock::shared(),
        events: Arc::new(move |event| {
            FIRST.get_or_init(|| u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
            // As the display does: every event becomes text.
            let size = serde_json::to_string(&event).map_or(0, |t| t.len());
            events.fetch_add(size as u64, Ordering::Relaxed);
        }),
        parallelism: args.parallelism,
        cancel: Cancel::new(),
    }
}

fn open_options(args: &Args) -> OpenOptions {
    OpenOptions {
        scope: args.scope(),
        create: true,
        lock_timeout: Duration::ZERO,
        env: Env::process(),
        clock: SystemClock::shared(),
        cancel: Cancel::new(),
    }
}

/// The service that an earlier process left behind is rebuilt from state.
fn populate(null: &Null, state: &Snapshot) {
    for r in &state.resources {
        let mark = Some((state.stack.to_string(), r.urn.to_string(), state.lineage.0.clone()));
        let name = r.id.trim_start_matches("/things/");
        null.put(name, Thing { inputs: r.inputs.masked_json(), mark, creates: 1 });
    }
}

#[derive(Default)]
struct Measured {
    millis: f64,
    written: Option<state::Written>,
    derivations: u32,
    report: Option<Report>,
    throttled: Option<throttle::Throttled>,
}

/// The service that the flags name; without one, what state knows is there.
fn provider(args: &Args) -> Result<Arc<dyn Provider>, EngineError> {
    let clock = SystemClock::shared();
    if let Some(address) = args.server {
        return Ok(Arc::new(Remote::new(address)));
    }
    if let Some(folder) = &args.service {
        return Ok(Arc::new(Null::in_folder(clock, folder)));
    }
    let null = Null::new(clock);
    if let Some(found) = state::read(&args.dir, &stack())? {
        populate(&null, &found);
    }
    Ok(Arc::new(null))
}

async fn operate(args: &Args) -> Result<Measured, EngineError> {
    let provider = provider(args)?;
    let start = Instant::now();
    let engine = engine(args, provider, start);
    let program = args.program();
    if args.verb == "preview" {
        let snapshot = state::read(&args.dir, &stack())?.unwrap_or_else(|| Snapshot::none(&stack()));
        let sealer = Arc::new(Sealer::new(&args.dir, &stack(), &Env::process(), snapshot.salt.clone()));
        let options = UpOptions { sealer: Some(Arc::clone(&sealer)), ..UpOptions::default() };
        let plan = engine.preview(&program, &snapshot, &options).await?;
        let unchanged = mops_engine::event::Totals { unchanged: plan.unchanged, ..Default::default() };
        let report = Some(Report { totals: unchanged, ..Report::default() });
        return Ok(Measured {
            millis: millis(start),
            derivations: sealer.derivations(),
            report,
            ..Measured::default()
        });
    }
    let mut store = Store::open(&args.dir, &stack(), open_options(args)).await?;
    let report = match args.verb.as_str() {
        "down" => engine.down(&mut store, &DownOptions::default()).await?,
        "refresh" => engine.refresh(&mut store, &RefreshOptions::default()).await?,
        "import" => moves::import(&engine, &program, &mut store).await?,
        "move-in" => moves::move_in(&args.dir, &mut store).await?,
        "passphrase" => moves::passphrase(&mut store).await?,
        _ => engine.up(&program, &mut store, &UpOptions::default()).await?,
    };
    let written = Some(store.written());
    let derivations = store.sealer().derivations();
    Ok(Measured { millis: millis(start), written, derivations, report: Some(report), throttled: None })
}

/// P12: so many secrets sealed and opened, beyond the derivation of the key.
fn seal(args: &Args) -> Result<Measured, EngineError> {
    let env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "bench")]);
    let failed = |e: state::SealError| EngineError::State(e.into());
    let sealer = Sealer::new(&args.dir, &stack(), &env, None);
    sealer.unlock().map_err(failed)?;
    let next = Sealer::new(&args.dir, &stack(), &env, sealer.salt());
    next.unlock().map_err(failed)?;
    let start = Instant::now();
    for i in 0..args.n {
        let ciphertext = sealer.seal(&Value::from(format!("secret number {i} of the bench"))).map_err(failed)?;
        next.open(&ciphertext).map_err(failed)?;
    }
    Ok(Measured { millis: millis(start), derivations: next.derivations(), ..Measured::default() })
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// User and system time, in clock ticks of 10 ms.
fn cpu_millis() -> Option<u64> {
    let text = mops_host::fsx::read_text("/proc/self/stat".as_ref()).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?) * 10)
}

fn peak_kib() -> Option<u64> {
    let text = mops_host::fsx::read_text("/proc/self/status".as_ref()).ok()?;
    text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

fn line(args: &Args, m: &Measured) -> serde_json::Value {
    let snapshot = state::folder(&args.dir, &stack()).join("snapshot.json");
    let totals = m.report.as_ref().map(|r| json!(r.totals));
    json!({
        "bench": args.verb, "shape": args.shape, "n": args.n, "millis": m.millis, "cpu_millis": cpu_millis(),
        "written": m.written.map(|w| w.bytes), "syncs": m.written.map(|w| w.syncs),
        "state": std::fs::metadata(snapshot).ok().map(|f| f.len()), "peak_kib": peak_kib(),
        "first_event_millis": FIRST.get().map(|us| std::time::Duration::from_micros(*us).as_secs_f64() * 1e3),
        "derivations": m.derivations, "totals": totals, "refused": m.throttled.map(|t| t.refused),
        "refused_warm": m.throttled.map(|t| t.refused_warm), "requests_warm": m.throttled.map(|t| t.requests_warm),
    })
}

/// A service of its own, until it is killed.
#[expect(clippy::print_stdout, reason = "this program says here where it listens")]
async fn serve(args: &Args) -> Result<(), EngineError> {
    let ready = |address| println!("ready {address}");
    remote::serve(args.lost, ready).await.map_err(|e| EngineError::Bug(e.to_string()))
}

/// What to print, and how to end.
async fn run(args: &Args) -> Result<(serde_json::Value, Exit), EngineError> {
    let measured = match args.verb.as_str() {
        "seal" => seal(args)?,
        "recover" => recover::run(args).await?,
        "throttle" => {
            let throttled =
                throttle::run(args.n, args.parallelism).await.map_err(|e| EngineError::Bug(e.to_string()))?;
            Measured { millis: throttled.millis, throttled: Some(throttled), ..Measured::default() }
        }
        "up" | "preview" | "down" | "refresh" | "import" | "move-in" | "passphrase" => operate(args).await?,
        "soak" => return Ok((soak::soak(args).await?, Exit::Ok)),
        "serve" => return serve(args).await.map(|()| (json!({}), Exit::Ok)),
        other => return Err(EngineError::Bug(format!("there is no operation {other}"))),
    };
    Ok((line(args, &measured), measured.report.as_ref().map_or(Exit::Ok, Report::exit)))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this program prints its one line here")]
fn main() -> std::process::ExitCode {
    let code = |exit: Exit| std::process::ExitCode::from(exit as u8);
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("error: {why}");
            return code(Exit::Usage);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("error: {why}");
            return code(Exit::CouldNotRun);
        }
    };
    match runtime.block_on(run(&args)) {
        Ok((line, exit)) => {
            println!("{line}");
            code(exit)
        }
        Err(error) => {
            eprintln!("error: {error}");
            code(error.exit())
        }
    }
}
