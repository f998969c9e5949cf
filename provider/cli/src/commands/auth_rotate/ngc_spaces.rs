//! The namespaces of a cluster whose secrets hold the key of NGC that is to go.

use mops_clients::kubernetes::{ClusterRef, Kubernetes, ObjectRef, Selection};
use mops_core::mark::names;
use mops_core::{Error, Secret};
use mops_diagnose::Services;
use mops_diagnose::fix::ngc::{Deed, End, NgcFix, Wanted};
use mops_wire::ngc::{ENV_SECRET, PULL_SECRET};
use serde_json::Value as Json;

use super::journal::Entry;
use super::ngc::Left;
use super::pods;
use crate::app::App;
use crate::args::RotateNgcArgs;
use crate::commands::ngc_fix;
use crate::exit::{Exit, Failure};
use crate::kubeconfig;
use crate::session::Session;

/// A cluster, as far as one is known.
pub(super) struct Spaces<'a> {
    app: &'a App,
    args: &'a RotateNgcArgs,
    known: Option<(Kubernetes, Services)>,
    /// Why nothing in a cluster was looked at.
    unseen: Option<String>,
}

impl<'a> Spaces<'a> {
    /// The cluster that is named, else that of the kubeconfig that `kubectl` would take.
    pub(super) async fn find(app: &'a App, args: &'a RotateNgcArgs, session: &Session) -> Result<Self, Failure> {
        let named = &args.cluster;
        let is_named = named.kubeconfig.is_some() || named.context.is_some() || !args.namespace.is_empty();
        let path = match &named.kubeconfig {
            Some(path) => app.env.path(path),
            None => kubeconfig::target(&app.env)?,
        };
        if !is_named && !path.exists() {
            let unseen = Some("no kubeconfig is known here: `--kubeconfig FILE` names one".to_owned());
            return Ok(Self { app, args, known: None, unseen });
        }
        let services = ngc_fix::cluster(app, session, named).await?;
        let cluster =
            ClusterRef::Kubeconfig { kubeconfig: path.to_string_lossy().into_owned(), context: named.context.clone() };
        let kubernetes = session.provider.services().kubernetes(&cluster).await?.with_cancel(&app.cancel);
        Ok(Self { app, args, known: Some((kubernetes, services)), unseen: None })
    }

    /// The keys in the secrets of the namespaces that are named.
    pub(super) async fn keys(&self) -> Result<Vec<Secret<String>>, Failure> {
        let Some((kubernetes, _)) = &self.known else { return Ok(Vec::new()) };
        let mut keys = Vec::new();
        for space in &self.args.namespace {
            for name in [ENV_SECRET, PULL_SECRET] {
                let place = ObjectRef::namespaced("v1", "Secret", space, name);
                let live = kubernetes.get(&place).await.map_err(|error| error.into_core())?;
                keys.extend(live.iter().flat_map(pods::credentials));
            }
        }
        Ok(keys)
    }

    /// Those that are named, else every one that has a secret with the old key.
    pub(super) async fn of(&mut self, entry: &Entry, args: &RotateNgcArgs) -> Result<Vec<String>, Failure> {
        let Some((kubernetes, _)) = &self.known else { return Ok(Vec::new()) };
        if !args.namespace.is_empty() {
            return Ok(args.namespace.clone());
        }
        match everywhere(kubernetes, entry).await {
            Ok(spaces) => Ok(spaces),
            Err(error) => {
                let why = format!("its secrets cannot be listed ({}): `--namespace NAME` names some", error.summary());
                self.unseen = Some(why);
                Ok(Vec::new())
            }
        }
    }

    /// Brings the key into both secrets and to the servers; what is left, or how it failed.
    pub(super) async fn rotate(
        &self,
        space: &str,
        key: &Secret<String>,
        entry: &Entry,
    ) -> Result<Result<Vec<Left>, Exit>, Failure> {
        let Some((kubernetes, services)) = &self.known else { return Ok(Ok(Vec::new())) };
        let wanted = Wanted {
            deployments: Vec::new(),
            key: key.clone(),
            pull_secret: PULL_SECRET.to_owned(),
            env_secret: ENV_SECRET.to_owned(),
            restart: true,
            allow_downtime: false,
            wait: self.args.wait,
        };
        let fix = NgcFix::plan(space, wanted, services).await?;
        let asks = fix.consent();
        if !asks.is_empty() {
            let asker = self.app.asker(space, self.args.yes);
            asker.confirm(&format!("{}; this is done in namespace", asks.join("; ")))?;
        }
        let kept = fix.items().filter(|item| item.deed == Deed::Left);
        let place = |kind: &str, name: &str| format!("{} {name} of namespace {space}", kind.to_lowercase());
        let mut left: Vec<Left> = kept
            .map(|item| Left { place: place(&item.object.kind, &item.object.name), why: item.why.clone() })
            .collect();
        let outcome = fix.carry_out(services).await;
        let good = matches!(outcome.end, End::Nothing | End::Done | End::Loading);
        let exit = ngc_fix::told(self.app, space, &outcome);
        if !good {
            return exit.map(Err);
        }
        for name in pods::copies(kubernetes, space, entry).await? {
            if !left.iter().any(|one| one.place == place("secret", &name)) {
                left.push(Left {
                    place: place("secret", &name),
                    why: "it holds the old key under another name".into(),
                });
            }
        }
        left.extend(kept_by_a_stack(kubernetes, space).await);
        Ok(Ok(left))
    }

    /// What could not be looked at.
    pub(super) fn unseen(&self) -> Option<Left> {
        self.unseen.clone().map(|why| Left { place: "clusters".to_owned(), why })
    }
}

/// A stack writes what its source says at its next run.
async fn kept_by_a_stack(kubernetes: &Kubernetes, space: &str) -> Option<Left> {
    let live = kubernetes.get(&ObjectRef::namespaced("v1", "Secret", space, ENV_SECRET)).await.ok()??;
    let stack = live["metadata"]["labels"][names::LABEL_STACK].as_str()?.to_owned();
    let why = "its next `mops infra up` writes what `ngc.api_key` of its file names: put the new key there".to_owned();
    Some(Left { place: format!("the source of stack {stack}"), why })
}

/// Every namespace with a secret of NGC's that has the old key.
async fn everywhere(kubernetes: &Kubernetes, entry: &Entry) -> Result<Vec<String>, Error> {
    let mut spaces = Vec::new();
    for name in [PULL_SECRET, ENV_SECRET] {
        let named = Selection { fields: format!("metadata.name={name}"), ..Selection::default() };
        let all = kubernetes.list(&ObjectRef::cluster_wide("v1", "Secret", ""), &named).await;
        let old = |secret: &&Json| pods::credentials(secret).iter().any(|one| entry.is_before(one));
        let found = all.map_err(|error| error.into_core())?;
        spaces.extend(found.iter().filter(old).filter_map(|s| Some(s["metadata"]["namespace"].as_str()?.to_owned())));
    }
    spaces.sort();
    spaces.dedup();
    Ok(spaces)
}
