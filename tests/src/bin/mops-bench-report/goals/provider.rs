//! The provider for Pulumi as a process (P8): how soon it answers, what its schema and an idle process cost, and what the
//! protocol adds to a call.

use std::time::{Duration, Instant};

use mops_host::fsx;
use mops_tests::place::Place;
use mops_tests::program::Running;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_provider_client::ResourceProviderClient;
use tonic::transport::Channel;

use super::Bench;
use crate::row::{Goal, Report, Row, Unit, median, quantile};

const PLUGIN: &str = "pulumi-resource-modelops";
/// Calls one after another, for the time of one.
const CALLS: usize = 1000;

/// What one process was measured to take.
#[derive(Default)]
struct Samples {
    answer: Vec<f64>,
    schema: Vec<f64>,
    memory: Vec<f64>,
    half: Vec<f64>,
    nearly_all: Vec<f64>,
}

impl Bench<'_> {
    pub(super) async fn provider(&self, report: &mut Report) -> Result<(), String> {
        let place = Place::new();
        let (mut samples, mut bytes) = (Samples::default(), 0);
        for _ in 0..self.many {
            bytes = one(&place, &mut samples).await?;
        }
        let row = |name: &str, unit, goal, ours| Row::new("P8", name, unit, Goal::AtMost(goal)).ours(ours);
        report.add(row("spawn to first answer", Unit::Millis, 10.0, samples.answer));
        report.add(row("GetSchema", Unit::Millis, 5.0, samples.schema));
        report.add(row("schema", Unit::MebiBytes, 300_000.0 / MIB, vec![bytes as f64 / MIB]));
        report.add(row("idle memory", Unit::MebiBytes, 15.0, samples.memory));
        report.add(row("call over gRPC, p50", Unit::Millis, 0.15, samples.half));
        report.add(row("call over gRPC, p99", Unit::Millis, 1.0, samples.nearly_all));
        Ok(())
    }
}

const MIB: f64 = 1_048_576.0;

/// Starts a process, measures it and ends it; the size of its schema.
async fn one(place: &Place, samples: &mut Samples) -> Result<usize, String> {
    let begin = Instant::now();
    let mut process = Running::start(place, PLUGIN, &[]);
    let port = process.lines().recv_timeout(Duration::from_secs(10)).map_err(|e| format!("no port: {e}"))?;
    let channel = Channel::from_shared(format!("http://127.0.0.1:{port}")).map_err(|e| e.to_string())?;
    let channel = channel.connect().await.map_err(|e| e.to_string())?;
    let mut client = ResourceProviderClient::new(channel).max_decoding_message_size(mops_pulumi::MESSAGE_LIMIT);
    let refused = |status: tonic::Status| status.to_string();
    client.handshake(rpc::ProviderHandshakeRequest::default()).await.map_err(refused)?;
    samples.answer.push(millis(begin));
    samples.memory.push(resident(process.id())?);
    let asked = Instant::now();
    let schema = client.get_schema(rpc::GetSchemaRequest::default()).await.map_err(refused)?.into_inner().schema;
    samples.schema.push(millis(asked));
    let mut calls = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let asked = Instant::now();
        client.get_plugin_info(()).await.map_err(refused)?;
        calls.push(millis(asked));
    }
    samples.half.extend(median(&calls));
    samples.nearly_all.extend(quantile(&calls, 0.99));
    Ok(schema.len())
}

/// Memory of a process that does nothing, in MiB, as the kernel counts it.
fn resident(id: u32) -> Result<f64, String> {
    let path = format!("/proc/{id}/status");
    let text = fsx::read_text(path.as_ref()).map_err(|e| format!("{path}: {e}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB"));
    let kib: f64 = line.and_then(|kib| kib.trim().parse().ok()).ok_or_else(|| format!("{path}: no VmRSS"))?;
    Ok(kib / 1024.0)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
