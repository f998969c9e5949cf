//! Carries a plan out: the secrets, the links and restarts, then a look at the servers. Where somebody refuses what was
//! written, and a server was up with what stood there before, that is written back.

use schemars::JsonSchema;
use serde::Serialize;

use super::servers::{pods_of, unstarted};
use super::watch::{Served, Serving, Watch, delete};
use super::{Deed, NgcFix};
use crate::fix::edit::Edit;
use crate::fix::write;
use crate::request::Services;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// There was nothing to do.
    Nothing,
    /// All of it is written, and the servers are ready.
    Done,
    /// All of it is written, and a model loads still.
    Loading,
    /// Written, and a server is not up.
    Failed,
    /// Written, refused, and written back.
    RolledBack,
    /// Nothing is written, or what was begun is taken back.
    NotWritten,
    /// Written, and not looked at.
    Interrupted,
}

/// What became of a plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The servers whose pods were made again.
    pub servers: Vec<Served>,
    /// A few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Outcome {
    fn new(end: End, servers: Vec<Served>, why: impl Into<String>) -> Self {
        Self { end, servers, why: why.into() }
    }
}

pub(super) async fn carry_out(fix: NgcFix, services: &Services) -> Outcome {
    if fix.waiting() == 0 {
        return Outcome::new(End::Nothing, Vec::new(), "");
    }
    let edits: Vec<Edit> = fix.parts().filter_map(|part| part.edit.clone()).collect();
    let written = match write::all(&fix.cluster, &edits).await {
        Ok(written) => written,
        Err((written, trouble)) => {
            let stuck = write::back(&fix.cluster, &written).await;
            return Outcome::new(End::NotWritten, Vec::new(), after(trouble.detail, &stuck));
        }
    };
    renew(&fix).await;
    let restarted = fix.servers.iter().filter(|part| part.item.deed.writes());
    let names: Vec<String> = restarted.map(|part| part.item.object.name.clone()).collect();
    let ready: Vec<String> = fix.servers.iter().flat_map(|part| part.ready.clone()).collect();
    let watch = Watch {
        ready: &ready,
        cluster: &fix.cluster,
        services,
        names: &names,
        wait: fix.wanted.wait,
        allow_downtime: fix.wanted.allow_downtime,
    };
    let servers = watch.until_settled().await;
    let is = |state| servers.iter().any(|one: &Served| one.state == state);
    let end = match () {
        () if services.cancel.is_canceled() => End::Interrupted,
        () if is(Serving::Refused) && fix.worked => {
            let stuck = write::back(&fix.cluster, &written).await;
            return Outcome::new(End::RolledBack, servers, after(String::new(), &stuck));
        }
        () if is(Serving::Refused) || is(Serving::Failed) || is(Serving::Blocked) => End::Failed,
        () if is(Serving::Loading) => End::Loading,
        () if is(Serving::Starting) => End::Failed,
        () => End::Done,
    };
    write::settle(&fix.cluster, &written).await;
    Outcome::new(end, servers, "")
}

fn after(why: String, stuck: &[String]) -> String {
    match (why.is_empty(), stuck.is_empty()) {
        (_, true) => why,
        (true, false) => format!("not taken back: {}", stuck.join("; ")),
        (false, false) => format!("{why}; not taken back: {}", stuck.join("; ")),
    }
}

/// Pods that wait for their image are deleted, so that the next pull is made at once and with the new secret.
async fn renew(fix: &NgcFix) {
    for part in fix.servers.iter().filter(|part| part.item.deed == Deed::Renew) {
        let Ok(deployment) = fix.cluster.object("Deployment", &part.item.object.name).await else { continue };
        for pod in pods_of(&fix.cluster, &deployment).await.unwrap_or_default().iter().filter(|pod| unstarted(pod)) {
            delete(&fix.cluster, pod).await;
        }
    }
}
