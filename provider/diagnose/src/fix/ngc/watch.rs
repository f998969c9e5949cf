//! Watches servers until each is ready or has failed. A model that loads is no failure: the first start may take longer
//! than ten minutes. A new pod that waits for a GPU which the old one holds would wait for ever: the old one goes first,
//! unless it is ready and nobody has agreed.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use mops_probe::observation::code as seen;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::health::{self, Health};
use super::servers::{is_current, is_ready, pods_of};
use crate::cluster::Cluster;
use crate::fix::write::whole;
use crate::log_text::{self, Told};
use crate::request::Services;
use crate::workload;

/// How long a fault has to last: a kubelet that comes back to it may find it gone.
const GRACE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);
/// Lines of a log that are read.
const LINES: i64 = 50;
/// What of a log, or of a kubelet's words, is a matter of keys.
const REFUSALS: [&str; 3] = [seen::LICENSE_SENTENCE, seen::UNAUTHORIZED, seen::DENIED];

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Serving {
    /// All of its pods are ready, and nothing speaks against them.
    Ready,
    /// A pod runs, and its model is not ready yet.
    Loading,
    /// Its pods are on their way.
    Starting,
    /// Its new pod waits for what a ready one holds.
    Blocked,
    /// Somebody refuses its key.
    Refused,
    /// It has failed for another reason.
    Failed,
}

impl Serving {
    /// The word used in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Loading => "loading",
            Self::Starting => "starting",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    const fn is_fault(self) -> bool {
        matches!(self, Self::Blocked | Self::Refused | Self::Failed)
    }
}

/// A server, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Served {
    /// The Deployment.
    pub deployment: String,
    /// How it is.
    pub state: Serving,
    /// A few words on that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Some servers, and how long they are watched.
pub(super) struct Watch<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) services: &'a Services,
    pub(super) names: &'a [String],
    pub(super) wait: Duration,
    pub(super) allow_downtime: bool,
    /// Pods that were ready before; no other one is missed.
    pub(super) ready: &'a [String],
}

impl Watch<'_> {
    /// Each server as it is in the end.
    pub(super) async fn until_settled(&self) -> Vec<Served> {
        let clock = &self.services.clock;
        let end = clock.monotonic() + self.wait;
        let mut since = BTreeMap::new();
        let mut told: Vec<Served> = Vec::new();
        loop {
            let mut all = Vec::new();
            for name in self.names {
                all.push(self.look(name).await);
            }
            let now = clock.monotonic();
            let mut lasts = |one: &Served| {
                if !one.state.is_fault() {
                    since.remove(&one.deployment);
                    return false;
                }
                now >= *since.entry(one.deployment.clone()).or_insert(now) + GRACE
            };
            let decided: Vec<bool> = all.iter().map(|one| lasts(one) || one.state == Serving::Ready).collect();
            // What is refused is not waited for beside a model that takes its time.
            let refused = all.iter().zip(&decided).any(|(one, decided)| *decided && one.state == Serving::Refused);
            if refused || decided.iter().all(|d| *d) || now >= end || self.services.cancel.is_canceled() {
                return all;
            }
            self.tell(&all, &told);
            told = all;
            clock.sleep(PAUSE).await;
        }
    }

    fn tell(&self, all: &[Served], told: &[Served]) {
        for one in all.iter().filter(|one| !told.contains(one)) {
            let why = if one.why.is_empty() { String::new() } else { format!(": {}", one.why) };
            (self.services.progress)(&format!("deployment/{} {}{why}", one.deployment, one.state.word()));
        }
    }

    async fn look(&self, name: &str) -> Served {
        let (state, why) = match self.state(name).await {
            Ok(found) => found,
            Err(why) => (Serving::Starting, why),
        };
        Served { deployment: name.to_owned(), state, why }
    }

    async fn state(&self, name: &str) -> Result<(Serving, String), String> {
        let cluster = self.cluster;
        let deployment = cluster.object("Deployment", name).await.map_err(|trouble| trouble.detail)?;
        let pods = pods_of(cluster, &deployment).await.map_err(|trouble| trouble.detail)?;
        let stays = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let (new, old): (Vec<Pod>, Vec<Pod>) = stays.partition(|pod| is_current(pod, &deployment));
        for pod in &new {
            if let Some(fault) = self.fault(pod).await {
                return Ok(fault);
            }
        }
        if let Some(words) = new.iter().find_map(short_of) {
            return Ok(self.room(&old, words).await);
        }
        let running = |pod: &&Pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running");
        if !whole(&deployment) {
            return Ok(match new.iter().find(running) {
                Some(pod) => (Serving::Loading, self.progress(pod).await),
                None => (Serving::Starting, String::new()),
            });
        }
        for pod in new.iter().filter(running) {
            match health::of(cluster, self.services, pod).await {
                Health::Ready => {}
                Health::Loading(why) => return Ok((Serving::Loading, why)),
                Health::Unknown(why) => return Ok((Serving::Ready, why)),
            }
        }
        Ok((Serving::Ready, String::new()))
    }

    async fn progress(&self, pod: &Pod) -> String {
        match health::of(self.cluster, self.services, pod).await {
            Health::Loading(why) => why,
            Health::Ready | Health::Unknown(_) => "its pod is not ready yet".to_owned(),
        }
    }

    /// What a pod will not get over by itself.
    async fn fault(&self, pod: &Pod) -> Option<(Serving, String)> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        for (_, waiting) in workload::waiting(pod) {
            let (reason, words) = (waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default());
            let refusal = match reason {
                "ImagePullBackOff" | "InvalidImageName" => refusal(&format!("{words}\n{}", self.events(pod).await)),
                "CrashLoopBackOff" => self.log(pod).await,
                "CreateContainerConfigError" => None,
                _ => continue,
            };
            return Some(match refusal {
                Some(told) => (Serving::Refused, format!("pod {name}: {reason}: {}", told.line)),
                None => (Serving::Failed, format!("pod {name}: {reason}")),
            });
        }
        let told = self.log(pod).await?;
        Some((Serving::Refused, format!("pod {name} says: {}", told.line)))
    }

    async fn events(&self, pod: &Pod) -> String {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let events = self.cluster.events_about(uid).await.unwrap_or_default();
        let failed = events.into_iter().filter(|event| event.reason.as_deref() == Some("Failed"));
        failed.filter_map(|event| event.message).collect::<Vec<_>>().join("\n")
    }

    /// A refusal in the last lines of a container that has run.
    async fn log(&self, pod: &Pod) -> Option<Told> {
        let name = pod.metadata.name.as_deref()?;
        let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
        let mut text = String::new();
        for status in statuses.iter().filter(|s| s.container_id.is_some() || s.restart_count > 0) {
            // The one before tells why this one had to start again, until this one is ready.
            let before = status.restart_count > 0 && !status.ready;
            for previous in [false, true].into_iter().take(if before { 2 } else { 1 }) {
                text += &self.cluster.tail(name, (&status.name, previous), LINES).await.unwrap_or_default();
            }
        }
        refusal(&text)
    }

    /// The old pods make room for a new one.
    async fn room(&self, old: &[Pod], words: &str) -> (Serving, String) {
        let (ready, other): (Vec<&Pod>, Vec<&Pod>) = old.iter().partition(|pod| self.is_missed(pod));
        let starting = |why: &str| (Serving::Starting, why.to_owned());
        match (ready.first(), other.is_empty()) {
            (None, true) => starting(words),
            (Some(first), true) if !self.allow_downtime => {
                let name = first.metadata.name.as_deref().unwrap_or_default();
                let why = "and that one is ready: `--allow-downtime` lets it go first";
                (Serving::Blocked, format!("its new pod waits for what pod {name} holds, {why}"))
            }
            (None, false) => {
                self.remove(&other, true).await;
                starting("an old pod that was not ready makes room")
            }
            (Some(_), _) if self.allow_downtime => {
                self.remove(&old.iter().collect::<Vec<_>>(), true).await;
                starting("the old pod makes room")
            }
            (Some(_), _) => {
                self.remove(&other, false).await;
                starting("old pods that were not ready make room")
            }
        }
    }

    fn is_missed(&self, pod: &Pod) -> bool {
        is_ready(pod) && pod.metadata.name.as_ref().is_some_and(|name| self.ready.contains(name))
    }

    /// A set that is left alone would make a deleted pod again, which would take the room: where all of its pods go, the
    /// set itself is told to have none.
    async fn remove(&self, pods: &[&Pod], all: bool) {
        for pod in pods {
            let owners = pod.metadata.owner_references.iter().flatten();
            let set = owners.filter(|owner| owner.kind == "ReplicaSet").map(|owner| owner.name.as_str()).next();
            let emptied = match set.filter(|_| all) {
                Some(set) => self.cluster.empty(set).await.is_ok(),
                None => false,
            };
            if !emptied {
                delete(self.cluster, pod).await;
            }
        }
    }
}

/// Deletes this very pod. What stands in the way is seen at the next look.
pub(super) async fn delete(cluster: &Cluster, pod: &Pod) {
    let object = json!({"kind": "Pod", "metadata": {"name": pod.metadata.name, "uid": pod.metadata.uid}});
    let _ = cluster.remove(&object).await;
}

/// The scheduler's words when a pod finds no room.
fn short_of(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let waits = conditions.filter(|c| c.type_ == "PodScheduled" && c.status == "False");
    waits.filter_map(|c| c.message.as_deref()).find(|words| words.contains("Insufficient"))
}

fn refusal(text: &str) -> Option<Told> {
    log_text::told(text).filter(|told| REFUSALS.contains(&told.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_13_a_refusal_is_told_from_a_number() {
        assert!(refusal("1401 tokens generated\n403 tokens\nPermission denied: /opt/cache").is_none());
        let told = refusal("loading\nHTTP status client error (401 Unauthorized)").expect("a refusal");
        assert_eq!(told.code, seen::UNAUTHORIZED);
        let pull = "failed to fetch oauth token: unexpected status from GET request to https://nvcr.io/proxy_auth: 403 Forbidden";
        assert_eq!(refusal(pull).map(|told| told.code), Some(seen::DENIED));
    }
}
