//! Promise: behind Pulumi's protocol every listed resource answers as it does in our own process: each sample lives the
//! same life twice, once in process and once in `pulumi-resource-modelops`, every step failed once and taken twice, and
//! what was answered and what exists at the end is the same. One sample of each type; all of them with `MOPS_CASES`.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use mops_core::cloud::{AuthKind, AzureAuth};
use mops_core::provider::{CallContext, Known};
use mops_core::{Cancel, Error, Identity, Lineage, Mark, Provider, StackId, Urn, Value};
use mops_host::{Env, SystemClock};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_tests::fault::Fault;
use mops_tests::place::Place;
use mops_tests::pulumi::GrpcProvider;
use mops_tests::samples::{Case, cases, ground, is_in_a_cluster};
use mops_tests::sandbox::{Options, Sandbox};
use regex::Regex;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// Lives that go on beside each other: most of each is waiting.
const AT_ONCE: usize = 8;

/// The resources over a sandbox of their own, and what was seen of them.
struct Side {
    provider: Box<dyn Provider>,
    sandbox: Sandbox,
    seen: Vec<String>,
    _place: Place,
}

impl Side {
    fn new(over_grpc: bool) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let subscriptions = vec![SUBSCRIPTION.to_owned()];
        let sandbox = Sandbox::start(Options { speed: 1000, subscriptions, ..Options::default() }).expect("a sandbox");
        let mut place = Place::new();
        sandbox.variables().into_iter().for_each(|(name, value)| place.set(&name, value));
        let provider: Box<dyn Provider> =
            if over_grpc { Box::new(GrpcProvider::start(&place)) } else { Box::new(in_process(&sandbox)) };
        Self { provider, sandbox, seen: Vec::new(), _place: place }
    }

    fn context(&self, urn: &Urn) -> CallContext {
        let stack = StackId { project: "modelops".into(), stack: "dev".into() };
        let lineage = Lineage("0123456789abcdef0123456789abcdef".into());
        CallContext {
            urn: urn.clone(),
            mark: Mark { stack, urn: urn.clone(), lineage },
            cancel: Cancel::new(),
            progress: Arc::new(|_| {}),
            timeout: Duration::from_secs(600),
            resume: None,
            takeover: false,
            import: false,
            renew: false,
        }
    }

    fn see(&mut self, step: &str, what: impl std::fmt::Display) {
        self.seen.push(format!("{step}: {what}"));
    }

    /// The next write of that kind is refused, or done and its answer lost.
    fn break_once(&self, case: &Case, verb: &str, fault: Fault) {
        let fake = if is_in_a_cluster(case) { "kubernetes" } else { "arm" };
        self.sandbox.faults().clear();
        self.sandbox.faults().once(&[&format!("{fake} {verb} ")], fault);
    }
}

fn in_process(sandbox: &Sandbox) -> Resources {
    let auth = AzureAuth { kind: AuthKind::ServicePrincipal, ..AzureAuth::default() };
    let config =
        Config::reaching(sandbox.cloud(), auth, sandbox.env(), SystemClock::shared()).expect("a configuration");
    Resources::new(Services::new(config))
}

fn refusal() -> Fault {
    Fault::Status { status: 403, code: "AuthorizationFailed".into(), retry_after: None }
}

/// What may differ from one cloud to the next: identifiers, moments, ports and salts that were drawn.
fn settled(value: &Value) -> String {
    let text = without_nulls(value.masked_json()).to_string();
    let chosen = Regex::new(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|127\.0\.0\.1:\d+|[0-9a-f]{64}|v1:[^\x22]+|-[0-9a-z]{8}\.hcp",
    );
    chosen.expect("a pattern").replace_all(&text, "…").into_owned()
}

/// What is absent does not travel.
fn without_nulls(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match json {
        Json::Object(map) => {
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Json::Array(list) => list.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn ended<T>(result: &Result<T, Error>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{:?}, exists: {}", error.class(), error.partial().is_some()),
    }
}

async fn made(side: &mut Side, case: &Case, inputs: &Value) -> Known {
    let broken = [("PUT", refusal()), ("PATCH", refusal()), ("PUT", Fault::LostAfterCommit)];
    for (verb, fault) in broken {
        side.break_once(case, verb, fault);
        let result = side.provider.create(side.context(&case.urn), inputs).await;
        side.see(&format!("create, {verb} broken"), ended(&result));
    }
    side.sandbox.faults().clear();
    let mut known = Known::default();
    for _ in 0..2 {
        let done = side.provider.create(side.context(&case.urn), inputs).await;
        let done = done.unwrap_or_else(|e| panic!("{}: create: {e:?}", case.name));
        side.see("create", format!("{} {}", done.id, settled(&done.outputs)));
        known = Known { id: done.id, inputs: inputs.clone(), outputs: done.outputs };
    }
    known
}

fn checked(side: &mut Side, urn: &Urn, inputs: &Value) -> Value {
    let first = side.provider.check(urn, inputs, true);
    assert!(first.failures.is_empty(), "{urn}: {:?}", first.failures);
    let again = side.provider.check(urn, &first.inputs, true);
    assert_eq!(settled(&again.inputs), settled(&first.inputs), "{urn}: check is not stable");
    side.see("check", settled(&first.inputs));
    let nonsense = Value::Map([("nonsense".to_owned(), Value::from(1))].into());
    let refused = side.provider.check(urn, &nonsense, true).failures;
    side.see("check of nonsense", !refused.is_empty());
    first.inputs
}

fn compared(side: &mut Side, case: &Case, old: &Known, inputs: &Value, when: &str) -> bool {
    let difference = side.provider.diff(&case.urn, old, inputs);
    let changes: Vec<_> = difference.changes.iter().map(|c| format!("{:?} {}", c.change, c.path)).collect();
    let tops: std::collections::BTreeSet<_> =
        difference.replace.iter().filter_map(|path| path.split('.').next()).collect();
    let rest = (difference.reason.is_some(), difference.impossible.is_some());
    side.see(&format!("diff {when}"), format!("{changes:?} {tops:?} {rest:?}"));
    difference.is_empty()
}

/// Whether nothing outside holds it.
fn reissued(side: &Side, case: &Case) -> bool {
    matches!(side.provider.identity(&case.urn, &case.inputs), Some(Identity::Reissue))
}

async fn read(side: &mut Side, case: &Case, known: &Known) {
    side.break_once(case, "GET", refusal());
    let result = side.provider.read(side.context(&case.urn), Some(&known.id), known).await;
    side.see("read, GET broken", ended(&result));
    side.sandbox.faults().clear();
    for _ in 0..2 {
        let found = side.provider.read(side.context(&case.urn), Some(&known.id), known).await;
        let found = found.unwrap_or_else(|e| panic!("{}: read: {e:?}", case.name));
        let found = found.unwrap_or_else(|| panic!("{}: not found again", case.name)).known;
        side.see("read", format!("{} {}", found.id, settled(&found.outputs)));
        assert!(compared(side, case, &found, &known.inputs, "when read back"), "{}: {:?}", case.name, side.seen.last());
    }
}

async fn changed(side: &mut Side, case: &Case, known: Known, next: &Value) -> Known {
    let wanted = checked(side, &case.urn, next);
    compared(side, case, &known, &wanted, "to the next sample");
    if !side.provider.diff(&case.urn, &known, &wanted).replace.is_empty() {
        return known;
    }
    for verb in ["PUT", "PATCH"] {
        side.break_once(case, verb, refusal());
        let result = side.provider.update(side.context(&case.urn), &known, &wanted).await;
        side.see(&format!("update, {verb} broken"), ended(&result));
    }
    side.sandbox.faults().clear();
    let mut now = known;
    for _ in 0..2 {
        let done = side.provider.update(side.context(&case.urn), &now, &wanted).await;
        let done = done.unwrap_or_else(|e| panic!("{}: update: {e:?}", case.name));
        side.see("update", format!("{} {}", done.id, settled(&done.outputs)));
        now = Known { id: done.id, inputs: wanted.clone(), outputs: done.outputs };
        assert!(compared(side, case, &now, &wanted, "after the update"), "{}", case.name);
    }
    now
}

async fn deleted(side: &mut Side, case: &Case, known: &Known) {
    side.break_once(case, "DELETE", refusal());
    let result = side.provider.delete(side.context(&case.urn), known).await;
    side.see("delete, DELETE broken", ended(&result));
    side.sandbox.faults().clear();
    for _ in 0..2 {
        let result = side.provider.delete(side.context(&case.urn), known).await;
        result.unwrap_or_else(|e| panic!("{}: delete: {e:?}", case.name));
    }
    if !reissued(side, case) {
        let found = side.provider.read(side.context(&case.urn), Some(&known.id), known).await;
        assert!(found.expect("an answer").is_none(), "{}: still there", case.name);
    }
}

/// The whole life of a sample, and what it leaves.
async fn life(side: &mut Side, case: &Case, next: Option<&Value>) -> Vec<String> {
    for (token, sample) in ground(case, &side.sandbox) {
        let urn = Urn::new(&StackId { project: "modelops".into(), stack: "dev".into() }, token, "ground");
        let inputs = checked(side, &urn, &sample);
        let made = side.provider.create(side.context(&urn), &inputs).await;
        made.unwrap_or_else(|e| panic!("{}: ground {token}: {e:?}", case.name));
    }
    let before = side.sandbox.ledger().existing();
    let inputs = checked(side, &case.urn, &case.inputs);
    let mut known = made(side, case, &inputs).await;
    compared(side, case, &known, &inputs, "right after it was made");
    if !reissued(side, case) {
        read(side, case, &known).await;
    }
    if let Some(next) = next {
        known = changed(side, case, known, next).await;
    }
    deleted(side, case, &known).await;
    assert_eq!(side.sandbox.ledger().existing(), before, "{}: something is left", case.name);
    assert_eq!(side.sandbox.ledger().doubled(), Vec::<String>::new(), "{}", case.name);
    std::mem::take(&mut side.seen)
}

/// Both lives of a sample; how many steps they had.
async fn lives([here, there]: &mut [Side; 2], case: &Case, next: Option<&Value>) -> usize {
    let (here, there) = futures::join!(life(here, case, next), life(there, case, next));
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(there, here, "{}: over gRPC, and in process", case.name);
    }
    assert_eq!(there.len(), here.len(), "{}", case.name);
    here.len()
}

/// Whether no sample of the type stands before it.
fn is_first(cases: &[Case], index: usize) -> bool {
    index == 0 || cases[index - 1].urn.token() != cases[index].urn.token()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn every_sample_lives_the_same_life_in_process_and_over_grpc() {
    let cases = cases();
    let all = Env::process().has("MOPS_CASES");
    let played = (0..cases.len()).filter(|index| all || is_first(&cases, *index));
    let (in_a_cluster, in_azure): (Vec<usize>, Vec<usize>) = played.partition(|index| is_in_a_cluster(&cases[*index]));
    let samples = in_a_cluster.len() + in_azure.len();
    let sides = || [Side::new(false), Side::new(true)];
    let next = |index: usize| {
        let next = cases.get(index + 1).filter(|next| next.urn.token() == cases[index].urn.token());
        next.map(|next| &next.inputs)
    };
    let alone = async |index: usize| lives(&mut sides(), &cases[index], next(index)).await;
    let together = async || {
        let (mut sides, mut steps) = (sides(), 0);
        for index in in_a_cluster {
            steps += lives(&mut sides, &cases[index], next(index)).await;
        }
        steps
    };
    let in_azure = stream::iter(in_azure).map(alone).buffer_unordered(AT_ONCE).fold(0, async |all, n| all + n);
    let (azure, cluster) = futures::join!(in_azure, together());
    println!("R6 samples={samples} steps={} different=0 left=0", azure + cluster);
}
