//! `mops infra kubeconfig`: the user credentials of the stack's cluster, fetched now and kept nowhere by us.

use mops_core::{Class, Error};
use mops_engine::state::Snapshot;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::KubeconfigArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::kubeconfig;

/// The user credentials of the cluster; they are what was asked for, in clear.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KubeconfigLine {
    /// A kubeconfig in YAML.
    text: String,
}

/// The user credentials were merged into a kubeconfig.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MergedLine {
    /// The kubeconfig.
    file: String,
    /// The context that is current now.
    context: String,
    /// Whether the file had to be written.
    changed: bool,
}

pub(crate) fn run(app: &App, args: &KubeconfigArgs) -> Outcome {
    let (stack, file) = app.stack(&args.stack)?;
    let cluster = cluster_id(&app.snapshot(&stack)?)?;
    let session = app.session(&app.pointed(&stack, file)?)?;
    app.wait_for(async {
        let text = session.provider.services().arm()?.user_kubeconfig(&cluster).await.map_err(Error::from)?;
        if !args.merge {
            match app.printer.look().json {
                true => app.printer.object(&KubeconfigLine { text: text.expose().clone() }),
                false => app.printer.data(text.expose()),
            }
            return Ok(Exit::Ok);
        }
        let merged = kubeconfig::merge_into(&kubeconfig::target(&app.env)?, &text)?;
        let path = merged.path.display().to_string();
        app.printer.event(&MergedLine { file: path.clone(), context: merged.context.clone(), changed: merged.changed });
        let what = if merged.changed { "is now current in" } else { "was already current in" };
        app.printer.tell(&format!("context `{}` {what} `{path}`", merged.context));
        Ok(Exit::Ok)
    })
}

fn cluster_id(snapshot: &Snapshot) -> Result<String, Failure> {
    let found =
        snapshot.resources.iter().find(|r| r.urn.token() == "modelops:azure:ManagedCluster" && !r.pending_delete);
    found.map(|r| r.id.clone()).ok_or_else(|| {
        Error::new(Class::User, format!("stack `{}` has no cluster of its own", snapshot.stack))
            .hint("`mops infra up FILE -c cluster` makes it")
            .into()
    })
}
