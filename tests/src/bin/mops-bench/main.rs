//! One operation of the engine on the null resource, measured: check, diff, journal, calls, events, full durability.
//!
//! `mops-bench up|preview|down|seal|recover|throttle --shape blocks|chain --n N --dir DIR [--parallelism 16]
//! [--latency MS] [--value TEXT] [--replace TEXT] [--secret TEXT] [--service DIR]` prints one JSON line. `--service` keeps
//! the objects as files, for kill tests; `--secret` gives the first thing a secret.

mod recover;
mod throttle;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mops_core::provider::Provider;
use mops_core::{Cancel, Value};
use mops_engine::error::{EngineError, Exit};
use mops_engine::program::{Declared, Expr, Program};
use mops_engine::run::{DownOptions, Engine, Report, UpOptions};
use mops_engine::state::{self, OpenOptions, Sealer, Snapshot, Store};
use mops_host::{Env, SystemClock};
use mops_tests::null::{Null, Thing, stack, urn};
use mops_tests::rig::{program, refer, thing};
use serde_json::json;

struct Args {
    verb: String,
    shape: String,
    n: usize,
    dir: PathBuf,
    parallelism: usize,
    latency: u64,
    value: String,
    replace: Option<String>,
    secret: Option<String>,
    service: Option<PathBuf>,
}

fn args() -> Result<Args, String> {
    let mut words = std::env::args().skip(1);
    let verb = words.next().ok_or("which operation?")?;
    let mut args = Args {
        verb,
        shape: "blocks".into(),
        n: 1000,
        dir: PathBuf::new(),
        parallelism: 16,
        latency: 0,
        value: "one".into(),
        replace: None,
        secret: None,
        service: None,
    };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|_| format!("{flag} {value} is not a number"));
        match flag.as_str() {
            "--shape" => args.shape = value,
            "--n" => args.n = number()?,
            "--dir" | "--home" => args.dir = PathBuf::from(value),
            "--parallelism" => args.parallelism = number()?,
            "--latency" => args.latency = number()? as u64,
            "--value" => args.value = value,
            "--replace" => args.replace = Some(value),
            "--secret" => args.secret = Some(value),
            "--service" => args.service = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    if args.dir.as_os_str().is_empty() { Err("--dir is missing".into()) } else { Ok(args) }
}

fn make(args: &Args) -> Program {
    let inputs = || {
        let mut inputs = json!({"value": args.value, "replace": args.replace});
        if args.latency > 0 {
            inputs["latency"] = json!(args.latency);
        }
        inputs
    };
    let block = |i: usize| thing(&format!("thing-{i}"), inputs());
    let link = |i: usize| {
        let mut declared: Declared = block(i);
        if i > 0 {
            refer(&mut declared, "before", &urn(&format!("thing-{}", i - 1)), "id");
        }
        declared
    };
    let mut all: Vec<Declared> = (0..args.n).map(|i| if args.shape == "chain" { link(i) } else { block(i) }).collect();
    if let (Some(secret), Some(Expr::Map(inputs))) = (&args.secret, all.first_mut().map(|first| &mut first.inputs)) {
        inputs.insert("secret".into(), Expr::Value(Value::from(secret.as_str()).into_secret()));
    }
    program(all)
}

/// When the first event was seen, in microseconds.
static FIRST: OnceLock<u64> = OnceLock::new();

fn engine(args: &Args, null: &Null, start: Instant, events: &Arc<AtomicU64>) -> Engine {
    let events = Arc::clone(events);
    Engine {
        provider: Arc::new(null.clone()) as Arc<dyn Provider>,
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

fn open_options() -> OpenOptions {
    OpenOptions {
        scope: None,
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

async fn operate(args: &Args) -> Result<Measured, EngineError> {
    let clock = SystemClock::shared();
    let null = args.service.as_ref().map_or_else(|| Null::new(clock.clone()), |d| Null::in_folder(clock.clone(), d));
    let found = state::read(&args.dir, &stack())?;
    if args.service.is_none()
        && let Some(found) = &found
    {
        populate(&null, found);
    }
    drop(found);
    let events = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let engine = engine(args, &null, start, &events);
    let program = make(args);
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
    let mut store = Store::open(&args.dir, &stack(), open_options()).await?;
    let report = match args.verb.as_str() {
        "down" => engine.down(&mut store, &DownOptions::default()).await?,
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

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this program prints its one line here")]
fn main() -> std::process::ExitCode {
    let code = |exit: Exit| std::process::ExitCode::from(exit as u8);
    let args = match args() {
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
    let result = match args.verb.as_str() {
        "seal" => seal(&args),
        "recover" => runtime.block_on(recover::run(&args)),
        "throttle" => match runtime.block_on(throttle::run(args.n, args.parallelism)) {
            Ok(throttled) => {
                Ok(Measured { millis: throttled.millis, throttled: Some(throttled), ..Measured::default() })
            }
            Err(why) => {
                eprintln!("error: {why}");
                return code(Exit::CouldNotRun);
            }
        },
        "up" | "preview" | "down" => runtime.block_on(operate(&args)),
        other => {
            eprintln!("error: unknown operation {other}");
            return code(Exit::Usage);
        }
    };
    match result {
        Ok(measured) => {
            println!("{}", line(&args, &measured));
            code(measured.report.as_ref().map_or(Exit::Ok, Report::exit))
        }
        Err(error) => {
            eprintln!("error: {error}");
            code(error.exit())
        }
    }
}
