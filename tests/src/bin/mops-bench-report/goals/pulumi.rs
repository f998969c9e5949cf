//! Real resources at the services of a sandbox: our engine over the provider as a process, which answers a whole plan
//! together (P3), and our engine beside Pulumi's own over the same stack file, each with a sandbox of its own, in turn
//! (P3, P4).

use std::sync::Arc;
use std::time::Instant;

use mops_core::Cancel;
use mops_engine::program::{ExpandOptions, Program, expand};
use mops_engine::run::{Engine, UpOptions};
use mops_engine::stackfile;
use mops_engine::state::{self, Snapshot};
use mops_host::{Env, SystemClock};
use mops_tests::job::{FILE, Job};
use mops_tests::pulumi::{GrpcProvider, PASSPHRASE, Pulumi, resources};

use super::Bench;
use crate::row::{Goal, Report, Row, Unit};

/// What a stack of containers has beside them: a group, an account and an SAS.
const BESIDE: usize = 3;

/// How many times faster than Pulumi's engine ours has to be: what is promised for `up`, and no less for the rest.
const FACTOR: f64 = 10.0;

impl Bench<'_> {
    pub(super) async fn both_engines(&self, report: &mut Report) -> Result<(), String> {
        let text = stack_file(self.n);
        let mut job = Job::of(&text).await;
        job.place.set(PASSPHRASE.0, PASSPHRASE.1);
        let mut up = self.against("P4", "up");
        up.ours.push(timed(job.up()).await);
        report.add(self.over_the_protocol(&job, &text).await?);
        let mut preview = self.against("P3", "preview");
        let mut down = self.against("P4", "down");
        match Pulumi::project(&text, "both engines in turn").await {
            Some((_services, pulumi)) => {
                up.peer.push(timed(pulumi.good("up --yes --skip-preview")).await);
                for _ in 0..self.few {
                    preview.ours.push(timed(job.nothing_to_do()).await);
                    preview.peer.push(timed(pulumi.good("preview --expect-no-changes")).await);
                }
                down.ours.push(timed(job.good(&["mops", "infra", "down", "--destroy-all", "--yes"])).await);
                down.peer.push(destroyed(&pulumi).await);
            }
            None => {
                for row in [&mut up, &mut preview, &mut down] {
                    row.ours.clear();
                    "pulumi absent: `make tools` builds it".clone_into(&mut row.note);
                }
            }
        }
        for row in [preview, up, down] {
            report.add(row);
        }
        Ok(())
    }

    /// A row that has nothing yet: whole programs, ours and the peer's, over a sandbox each.
    fn against(&self, id: &'static str, verb: &str) -> Row {
        // The factor is promised for the full size: small stacks are dominated by the start of the process.
        let ratio = (!self.options.quick).then_some(FACTOR);
        let row = Row::new(id, format!("{verb}-{} against pulumi", self.n), Unit::Millis, Goal::Peer);
        Row { ratio, ..row.note("over a sandbox each") }
    }

    /// Preview of a stack that is there, from the start of the provider to the plan.
    async fn over_the_protocol(&self, job: &Job, text: &str) -> Result<Row, String> {
        let env = Env::of(job.place.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let home = env.home().map_err(|e| e.to_string())?;
        let program = program(text)?;
        let snapshot = state::read(&home, &program.stack).map_err(|e| e.to_string())?;
        let snapshot = snapshot.ok_or("`mops infra up` left no state")?;
        let mut row = Row::new("P3", format!("preview-{} over gRPC", self.n), Unit::Millis, Goal::AtMost(250.0));
        for _ in 0..self.few {
            let begin = Instant::now();
            let unchanged = unchanged(GrpcProvider::start(&job.place), &program, &snapshot).await?;
            row.ours.push(millis(begin));
            if unchanged != self.n {
                return Err(format!("over gRPC {unchanged} of {} resources are unchanged", self.n));
            }
        }
        Ok(row.note("with the start of the provider"))
    }
}

/// A stack file of `n` resources, nearly all of them containers, which cost a service little.
fn stack_file(n: usize) -> String {
    let containers: Vec<String> = (0..n - BESIDE).map(|i| format!("thing-{i}")).collect();
    format!(
        "azure: {{subscription_id: 00000000-1111-2222-3333-444444444444}}\nstorage:\n  account_name: modelopsbench\n  \
         resource_group: modelops-bench-rg\n  location: eastus2\n  sas: {{container: thing-0}}\n  \
         containers: [{}]\n",
        containers.join(", ")
    )
}

fn program(text: &str) -> Result<Program, String> {
    let told = |found: Vec<mops_core::Diagnostic>| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let loaded = stackfile::load(FILE, text);
    let file = loaded.file.ok_or_else(|| told(loaded.diagnostics))?;
    expand(&file, &ExpandOptions::default()).map_err(told)
}

/// How many resources a preview leaves as they are.
async fn unchanged(provider: GrpcProvider, program: &Program, snapshot: &Snapshot) -> Result<usize, String> {
    let engine = Engine {
        provider: Arc::new(provider),
        clock: SystemClock::shared(),
        events: Arc::new(|_| {}),
        parallelism: 16,
        cancel: Cancel::new(),
    };
    let plan = engine.preview(program, snapshot, &UpOptions::default()).await.map_err(|e| e.to_string())?;
    Ok(plan.unchanged)
}

async fn destroyed(pulumi: &Pulumi) -> f64 {
    pulumi.good("state unprotect --all --yes").await;
    let state = pulumi.state().await;
    let group = resources(&state).iter().find(|r| r["type"] == "modelops:azure:ResourceGroup");
    let group = group.and_then(|r| r["urn"].as_str()).expect("a group in Pulumi's state");
    timed(pulumi.good(&format!("destroy --yes --skip-preview --exclude {group}"))).await
}

/// How long something took.
async fn timed<T>(work: impl Future<Output = T>) -> f64 {
    let begin = Instant::now();
    work.await;
    millis(begin)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
