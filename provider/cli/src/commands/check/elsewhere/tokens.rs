//! The file of tokens on a login node: whether it is there, private and as the stack wrote it, and whether their services
//! take the tokens. The question is that of `mops tokens check`; values cross nowhere.

use std::collections::BTreeSet;
use std::path::PathBuf;

use mops_core::SecretInput;
use mops_engine::state::ResourceState;
use mops_probe::Observation;
use mops_tokens::check::{self, Asked};
use mops_tokens::envfile::Variables;
use mops_tokens::names::{HF, WANDB};
use mops_tokens::ssh::Host;

use super::super::{Subject, input, of_any};
use crate::app::App;
use crate::commands::token_services::TokenServices;
use crate::commands::tokens_check::{Asking, Plan};
use crate::login_node::LoginNode;

pub(super) const FILE: &str = "modelops:slurm:EnvFile";

/// What each host of the stack says, and the services of the tokens that it has; nothing for a stack without a host.
pub(super) async fn look(app: &App, subject: &Subject<'_>) -> Vec<Observation> {
    let mut all = Vec::new();
    for file in of_any(subject.snapshot, FILE) {
        let plan = plan(app, subject, file).await;
        app.printer.tell(&format!("asking {} about its file of tokens", plan.node.host.name()));
        all.extend(asked(app, subject, &plan).await);
    }
    all
}

/// What is asked, by the inputs of the stack's file. A value whose source is not here is compared with nothing.
async fn plan(app: &App, subject: &Subject<'_>, file: &ResourceState) -> Plan {
    let text = |name: &str| input(file, name);
    let path = |name: &str| text(name).map(|path| app.env.path(&path));
    let port = file.inputs.get("port").and_then(|port| u16::try_from(port.masked_json().as_u64()?).ok());
    let host = Host {
        host: text("host").unwrap_or_default(),
        user: text("user").unwrap_or_default(),
        port,
        identity_file: path("identityFile"),
        proxy_command: None,
        config: path("sshConfig"),
    };
    let (names, local) = variables(app, subject, file).await;
    let path = text("path").unwrap_or_default();
    let workdir = PathBuf::from(&path).parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let required: BTreeSet<String> = names.iter().cloned().collect();
    let node = LoginNode { host, workdir, data: None, partition: None, gpu_order: Vec::new() };
    Plan { node, path, local, names, required }
}

/// The names that the stack keeps there, and the values that are at hand.
async fn variables(app: &App, subject: &Subject<'_>, file: &ResourceState) -> (Vec<String>, Variables) {
    let mut inputs = file.inputs.clone();
    if let Ok(sealer) = app.sealer(subject.snapshot) {
        // One that stays sealed is compared with nothing.
        let _ = sealer.open_in(&mut inputs);
    }
    let declared = inputs.get("variables").map(mops_core::Value::exposed_json).unwrap_or_default();
    let (mut names, mut values) = (Vec::new(), Variables::new());
    for (name, declared) in declared.as_object().into_iter().flatten() {
        names.push(name.clone());
        let Ok(declared) = serde_json::from_value::<SecretInput>(declared.clone()) else { continue };
        if let Ok(value) = subject.session.provider.services().resolve(&declared).await {
            values.push((name.clone(), value));
        }
    }
    (names, values)
}

async fn asked(app: &App, subject: &Subject<'_>, plan: &Plan) -> Vec<Observation> {
    let asked = Asked { path: &plan.path, names: &plan.names, required: &plan.required, local: &plan.local };
    let looked = match check::look(&app.env, &plan.node.host, &asked).await {
        Ok(looked) => looked,
        Err(error) => {
            app.printer.note(&format!("`{}` was not asked: {error}", plan.node.host.name()));
            return Vec::new();
        }
    };
    let mut seen = looked.seen;
    let (Some(file), Ok(http)) = (&looked.file, subject.session.http()) else { return seen };
    let asking = Asking { app, plan, file, services: TokenServices::new(app, &http), models: &[] };
    for name in [HF, WANDB].into_iter().filter(|name| plan.required.contains(*name)) {
        match asking.asked(name).await {
            Ok(answer) => seen.extend(answer.into_iter().flat_map(|(answer, _)| answer.seen)),
            Err(_) => app.printer.note(&format!("the service of `{name}` was not asked: its address cannot be used")),
        }
    }
    seen
}
