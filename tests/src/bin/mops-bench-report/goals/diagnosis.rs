//! `mops diagnose-auth` (DA): a healthy workspace of ten pods in a sandbox, and the rules and forms of a report over what
//! a run in a workspace of a thousand pods has seen.

use std::time::Instant;

use mops_diagnose::Report;
use mops_diagnose::report::{self, Verdict};
use mops_tests::crowd;
use mops_tests::job::{Job, example};

use super::Bench;
use crate::ours;
use crate::row::{Goal, Report as Table, Row, Unit};

/// A form and what writes it.
type Form = (&'static str, fn(&Report) -> String);

const FORMS: [Form; 6] = [
    ("text", |r| report::text(r, 80, false)),
    ("json", |r| serde_json::to_string(r).unwrap_or_default()),
    ("sarif", |r| report::sarif(r).to_string()),
    ("junit", report::junit),
    ("github", report::github),
    ("html", report::html),
];

/// How many observations the rules read, and from how many pods they come at least.
const OBSERVATIONS: usize = 10_000;
const PODS: usize = 1_400;
/// How many rules the goal speaks of; a catalogue that has fewer is asked more than once.
const RULES: usize = 500;

impl Bench<'_> {
    pub(super) async fn diagnosis(&self, table: &mut Table) -> Result<(), String> {
        table.add(self.healthy().await?);
        table.add(self.rules());
        let report = crowd::report();
        for (form, write) in FORMS {
            let row = Row::new("DA", format!("1000 pods as {form}"), Unit::Millis, Goal::AtMost(200.0));
            table.add(row.ours((0..self.few).map(|_| timed(|| write(&report))).collect()));
        }
        table.add(self.memory().await?);
        Ok(())
    }

    /// Everything that the command does, from its start to its exit.
    async fn healthy(&self) -> Result<Row, String> {
        let text = example("unified-infra/unified-infra.yaml").replace("replicas: 2", "replicas: 10");
        let job = Job::of(&text.replace("enabled: true", "enabled: false")).await;
        job.with_images().await;
        job.up().await;
        let mut row = Row::new("DA", "healthy, 10 pods", Unit::Millis, Goal::AtMost(3000.0));
        for _ in 0..self.few {
            let begin = Instant::now();
            let output = job.run(&["mops", "diagnose-auth"]).await;
            row.ours.push(begin.elapsed().as_secs_f64() * 1000.0);
            if output.code != Some(0) {
                return Err(format!("a healthy workspace is not: {}", String::from_utf8_lossy(&output.stdout)));
            }
        }
        Ok(row.note("with a probe pod a pool"))
    }

    fn rules(&self) -> Row {
        let mut capture = crowd::capture(PODS);
        capture.observations.truncate(OBSERVATIONS);
        let count = capture.observations.len();
        let rules: usize = mops_diagnose::catalogue::causes().map(|(_, cause)| cause.rules.len()).sum();
        let rounds = RULES.div_ceil(rules);
        let name = format!("{} rules over {count} seen", rules * rounds);
        let judge = || {
            let all = vec![capture.clone(); rounds];
            timed(move || {
                for capture in all {
                    assert_eq!(capture.report().summary.status, Verdict::Fail, "the crowd cannot pull");
                }
            })
        };
        let row = Row::new("DA", name, Unit::Millis, Goal::AtMost(50.0)).ours((0..self.few).map(|_| judge()).collect());
        row.note(format!("the catalogue's {rules}, {rounds} times"))
    }

    /// The most memory of a whole process that reads the record of that run.
    async fn memory(&self) -> Result<Row, String> {
        let file = self.fresh("diagnosis")?.join("seen.json");
        let text = serde_json::to_vec(&crowd::capture(1000)).map_err(|e| e.to_string())?;
        mops_host::fsx::replace(&file, &text).map_err(|e| e.to_string())?;
        let file = file.display().to_string();
        let mops = self.options.bin.join("mops");
        let peak = ours::peak(&mops, &["diagnose-auth", "--from", &file], 1).await;
        let row = Row::new("DA", "peak, 1000 pods from a record", Unit::MebiBytes, Goal::AtMost(60.0));
        Ok(row.ours(peak.into_iter().collect()))
    }
}

/// How long something took, in milliseconds.
fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let begin = Instant::now();
    std::hint::black_box(work());
    begin.elapsed().as_secs_f64() * 1000.0
}
