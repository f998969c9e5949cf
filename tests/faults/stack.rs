//! A hundred resources of every plane, through engine, resources, clients and pipeline, over a sandbox of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mops_core::{Cancel, Urn, Value};
use mops_engine::error::Exit;
use mops_engine::program::{Component, Declared, Expr, Program};
use mops_engine::run::{Engine, Report, UpOptions};
use mops_engine::state::{self, OpenOptions, Snapshot, Store};
use mops_host::Env;
use mops_tests::rig::program_of;
use serde_json::{Value as Json, json};

use super::weather::Weather;
use crate::stand::{SUBSCRIPTION, Stand};

const GROUPS: usize = 20;
const REGISTRIES: usize = 6;
const CONTAINERS: usize = 48;
const SECRETS: usize = 23;
/// All of them, with group, account and cluster.
pub(crate) const SIZE: usize = GROUPS + REGISTRIES + CONTAINERS + SECRETS + 3;

/// A stack, its sandbox and its home.
pub(crate) struct Stack {
    stand: Stand,
    home: tempfile::TempDir,
    program: Program,
}

/// What is left when all is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Books {
    /// What the ledger calls doubled.
    pub(crate) doubled: Vec<String>,
    /// What exists, as far as it was declared.
    pub(crate) existing: BTreeSet<String>,
    /// Names in state.
    pub(crate) known: BTreeSet<String>,
    /// What another preview would still do.
    pub(crate) left: usize,
}

impl Stack {
    pub(crate) fn new() -> Self {
        let stand = Stand::new();
        let program = program_of(stand.stack.clone(), declared(&stand), Vec::new());
        Self { stand, home: tempfile::tempdir().expect("a folder"), program }
    }

    pub(crate) fn weather(&self, seed: u64, per_cent: u32) -> Arc<Weather> {
        Arc::new(Weather::new(seed, per_cent, Arc::clone(&self.stand.clock)))
    }

    fn engine(&self, weather: &Arc<Weather>) -> Engine {
        let faults = Arc::clone(weather);
        Engine {
            provider: Arc::new(self.stand.provider_with(|http| http.faults = Some(faults))),
            clock: Arc::clone(&self.stand.clock),
            events: Arc::new(|_| {}),
            parallelism: 16,
            cancel: Cancel::new(),
        }
    }

    /// One `up` in this weather; whether it got to its end by itself, and what it said otherwise.
    pub(crate) async fn up(&self, weather: &Arc<Weather>) -> Result<(), String> {
        let options = OpenOptions {
            scope: None,
            create: true,
            lock_timeout: Duration::ZERO,
            env: Env::of([("PULUMI_CONFIG_PASSPHRASE", "faults")]),
            clock: Arc::clone(&self.stand.clock),
            cancel: Cancel::new(),
        };
        let mut store = Store::open(self.home.path(), &self.stand.stack, options).await.map_err(|e| e.to_string())?;
        let report = self.engine(weather).up(&self.program, &mut store, &UpOptions::default()).await;
        match report {
            Ok(report) if report.exit() == Exit::Ok => Ok(()),
            Ok(report) => Err(failures(&report)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What state, service and one more preview say.
    pub(crate) async fn books(&self, weather: &Arc<Weather>) -> Books {
        let snapshot = state::read(self.home.path(), &self.stand.stack).expect("a state");
        let snapshot = snapshot.unwrap_or_else(|| Snapshot::none(&self.stand.stack));
        let plan = self.engine(weather).preview(&self.program, &snapshot, &UpOptions::default()).await.expect("a plan");
        let ledger = self.stand.sandbox.ledger();
        // The first pool of a cluster is part of it, and in the ledger for itself.
        let parts = ["/resourcegroups/r5-", "/secret/default/r5-"];
        let declared = |id: &String| parts.iter().any(|part| id.contains(part)) && !id.contains("/agentpools/");
        Books {
            doubled: ledger.doubled(),
            existing: ledger.existing().into_iter().filter(declared).collect(),
            known: snapshot.resources.iter().map(|r| r.urn.name().to_owned()).collect(),
            left: plan.steps.iter().filter(|step| step.op != mops_engine::plan::Op::Same).count(),
        }
    }
}

fn failures(report: &Report) -> String {
    report.failures.iter().map(|f| format!("{}: {} {:?}; ", f.urn, f.summary, f.notes)).collect()
}

/// Declares resources in one stack.
struct Maker<'a> {
    stand: &'a Stand,
    all: Vec<Declared>,
}

impl Maker<'_> {
    /// Plain inputs, and others that are outputs of what was declared before: input, target, output.
    fn add(&mut self, kind: &str, name: &str, inputs: Json, from: &[(&str, &Urn, &str)]) -> Urn {
        let urn = self.stand.urn(&format!("modelops:{kind}"), name);
        let mut members: BTreeMap<String, Expr> = BTreeMap::new();
        if let Value::Map(map) = Value::from(inputs) {
            members.extend(map.into_iter().map(|(name, value)| (name, Expr::Value(value))));
        }
        for (input, target, output) in from {
            let value = Expr::output(target, output);
            let whole = |inner| Expr::Map(BTreeMap::from([("clusterId".to_owned(), inner)]));
            members.insert((*input).to_owned(), if *input == "cluster" { whole(value) } else { value });
        }
        self.all.push(Declared::new(urn.clone(), Component::Registry, Expr::Map(members)));
        urn
    }
}

fn declared(stand: &Stand) -> Vec<Declared> {
    let mut make = Maker { stand, all: Vec::new() };
    let group = |name: String| json!({"subscriptionId": SUBSCRIPTION, "name": name, "location": "eastus2"});
    let in_group = |name: String, more: Json| {
        let mut inputs = json!({"subscriptionId": SUBSCRIPTION, "name": name, "location": "eastus2"});
        if let (Some(inputs), Json::Object(more)) = (inputs.as_object_mut(), more) {
            inputs.extend(more);
        }
        inputs
    };
    let main = make.add("azure:ResourceGroup", "group", group("r5-main".into()), &[]);
    let inside = [("resourceGroup", &main, "name")];
    let sku = json!({"sku": "Standard_LRS"});
    let storage = make.add("azure:StorageAccount", "storage", in_group("r5st".into(), sku), &inside);
    let pool = json!({"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 1});
    let pool = json!({"dnsPrefix": "r5", "systemPool": pool});
    let cluster = make.add("azure:ManagedCluster", "cluster", in_group("r5-aks".into(), pool), &inside);
    let on_it = ("cluster", &cluster, "id");
    for i in 0..GROUPS {
        make.add("azure:ResourceGroup", &format!("group-{i}"), group(format!("r5-{i}")), &[]);
    }
    for i in 0..REGISTRIES {
        let inputs = in_group(format!("r5acr{i}"), json!({"sku": "Basic", "adminUserEnabled": true}));
        make.add("azure:ContainerRegistry", &format!("registry-{i}"), inputs, &inside);
    }
    for i in 0..CONTAINERS {
        let inputs = json!({"name": format!("r5-{i}")});
        make.add("azure:BlobContainer", &format!("container-{i}"), inputs, &[("accountId", &storage, "id")]);
    }
    for i in 0..SECRETS {
        let data = json!({"TOKEN": {"from_env": "AZURE_CLIENT_SECRET"}});
        let inputs = json!({"name": format!("r5-{i}"), "namespace": "default", "type": "Opaque", "data": data});
        make.add("kubernetes:Secret", &format!("secret-{i}"), inputs, &[on_it]);
    }
    make.all
}
