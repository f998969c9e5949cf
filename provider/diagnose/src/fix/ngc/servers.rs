//! The Deployments that serve models: which they are, whether their pods name both secrets, and whether the pods have to
//! be made again (`tests`).

use k8s_openapi::api::core::v1::{Pod, Secret as KubeSecret};
use mops_core::{Class, Error, Nonce};
use mops_probe::checks::ngc::is_of;
use mops_probe::settings::names;
use serde_json::{Value as Json, json};

use super::objects::Found;
use super::{Deed, Part, Wanted, failed};
use crate::age;
use crate::cluster::{Cluster, Trouble};
use crate::fix::edit::{Edit, place};
use crate::fix::field::{at, merge};
use crate::fix::keeper;
use crate::fix::mends::env_stale::MARK;
use crate::fix::mends::pull_secret_not_linked::{LIST, names as named};
use crate::observed::{Object, code};
use crate::workload;

fn list<'a>(value: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    value.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

fn containers(deployment: &Json) -> impl Iterator<Item = &Json> {
    list(deployment, "/spec/template/spec/containers")
}

fn is_ngc(container: &Json) -> bool {
    container["image"].as_str().is_some_and(is_of)
}

/// NGC's images, each once.
pub(super) fn images(deployments: &[Json]) -> Vec<String> {
    let mut all: Vec<String> = deployments
        .iter()
        .flat_map(containers)
        .filter(|c| is_ngc(c))
        .filter_map(|c| c["image"].as_str().map(str::to_owned))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The servers that are named, or all that have to do with NGC.
pub(super) async fn chosen(cluster: &Cluster, wanted: &Wanted) -> Result<Vec<Json>, Error> {
    if wanted.deployments.is_empty() {
        let all = cluster.all("Deployment").await.map_err(|trouble| failed("the deployments", &trouble))?;
        return Ok(all.into_iter().filter(|d| concerns(d, wanted)).collect());
    }
    let mut found = Vec::new();
    for name in &wanted.deployments {
        found.push(cluster.object("Deployment", name).await.map_err(|trouble| match trouble.code {
            code::NOT_FOUND => {
                let text = format!("there is no deployment `{name}` in namespace `{}`", cluster.name());
                Error::new(Class::User, text).hint("`kubectl get deployments` lists them; nothing was changed")
            }
            _ => failed(&format!("deployment `{name}`"), &trouble),
        })?);
    }
    Ok(found)
}

fn concerns(deployment: &Json, wanted: &Wanted) -> bool {
    let pulls = named(&deployment["spec"]["template"]["spec"]["imagePullSecrets"]).contains(&wanted.pull_secret);
    pulls || containers(deployment).any(|c| is_ngc(c) || !matches!(key(c, &wanted.env_secret), Key::Absent))
}

/// Where a container has its key from.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    /// From the secret.
    Linked,
    /// From another one.
    Other(String),
    /// It stands in the pod template itself.
    Written,
    /// It has none.
    Absent,
}

fn key(container: &Json, secret: &str) -> Key {
    let is_key = |v: &&Json| v["name"].as_str().is_some_and(|name| names::NGC_KEYS.contains(&name));
    if let Some(variable) = list(container, "/env").find(is_key) {
        return match variable["valueFrom"]["secretKeyRef"]["name"].as_str() {
            Some(name) if name == secret => Key::Linked,
            Some(name) => Key::Other(name.to_owned()),
            None => Key::Written,
        };
    }
    let plain = |s: &&Json| s["prefix"].as_str().unwrap_or_default().is_empty();
    let mut sources = list(container, "/envFrom").filter(plain);
    if sources.any(|s| s["secretRef"]["name"] == secret) { Key::Linked } else { Key::Absent }
}

/// What the changes of the servers are made from.
pub(super) struct Ground<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) wanted: &'a Wanted,
    pub(super) pull: &'a Found,
    pub(super) env: &'a Found,
    pub(super) moment: &'a str,
}

impl Ground<'_> {
    pub(super) async fn part(&self, deployment: &Json, nonce: &Nonce) -> Result<Part, Trouble> {
        let object = place(deployment);
        let account = deployment["spec"]["template"]["spec"]["serviceAccountName"].as_str().unwrap_or("default");
        let account = match self.cluster.object("ServiceAccount", account).await {
            Ok(account) => named(&account["imagePullSecrets"]),
            Err(trouble) if trouble.code == code::NOT_FOUND => Vec::new(),
            Err(trouble) => return Err(trouble),
        };
        let links = match self.links(deployment, &account) {
            Ok(links) => links,
            Err(why) => return Ok(Part::left(object, why)),
        };
        let pods = pods_of(self.cluster, deployment).await?;
        let (deed, why) = self.deed(deployment, links.is_some(), &pods);
        if deed == Deed::None {
            return Ok(Part::new(object, (Deed::None, None), nonce, ""));
        }
        let kept = keeper::of(deployment).map(|who| format!("kept by {who}: change and restart it there"));
        if let Some(why) = kept.or_else(|| (!self.wanted.restart).then(|| held(deed))) {
            return Ok(Part::left(object, why));
        }
        let edit = match deed {
            Deed::Renew | Deed::Finish => None,
            _ => self.edit(deployment, links),
        };
        let ready = pods.iter().filter(|pod| is_ready(pod)).filter_map(|pod| pod.metadata.name.clone());
        Ok(Part { ready: ready.collect(), ..Part::new(object, (deed, edit), nonce, why) })
    }

    /// What becomes of the pods, and why.
    fn deed(&self, deployment: &Json, lacks: bool, pods: &[Pod]) -> (Deed, &'static str) {
        let reads = containers(deployment).any(|c| key(c, &self.env.name) == Key::Linked);
        match () {
            () if lacks => (Deed::Link, "its pods name a secret that they did not"),
            // What has not started reads its environment when it does.
            () if reads && self.env.changes() && !pods.is_empty() && pods.iter().all(unstarted) => {
                (Deed::Renew, "they start with the new secrets")
            }
            () if reads && self.env.changes() => (Deed::Restart, "its pods have the old key"),
            () if reads && self.is_stale(pods) => (Deed::Restart, "its pods are older than their secret"),
            () if pods.iter().any(|pod| !is_current(pod, deployment)) => {
                (Deed::Finish, "pods of before are still there")
            }
            () if self.pull.changes() && pods.iter().any(unstarted) => {
                (Deed::Renew, "the next pull reads the new secret")
            }
            () => (Deed::None, ""),
        }
    }

    fn is_stale(&self, pods: &[Pod]) -> bool {
        let secret: Option<KubeSecret> = self.env.live.clone().and_then(|live| serde_json::from_value(live).ok());
        let all: Vec<&Pod> = pods.iter().collect();
        let seen = secret.and_then(|secret| age::of(&secret, &all, self.cluster.name()));
        seen.is_some_and(|seen| seen.code() == code::SECRET_NEWER)
    }

    /// Links that are missing, as a part of the object; why they are not made here.
    fn links(&self, deployment: &Json, account: &[String]) -> Result<Option<Json>, String> {
        let mut patch = json!({});
        let pulls = containers(deployment).any(is_ngc);
        let own = named(&deployment["spec"]["template"]["spec"]["imagePullSecrets"]);
        let linked = own.contains(&self.pull.name) || (own.is_empty() && account.contains(&self.pull.name));
        if pulls && !linked {
            // A list of the template's own hides that of the account.
            let kept = if own.is_empty() { account } else { &[] };
            let names = kept.iter().chain([&self.pull.name]).map(|name| json!({ "name": name }));
            merge(&mut patch, &at(&LIST, names.collect()));
        }
        let servers: Vec<&Json> = containers(deployment).filter(|c| is_ngc(c)).collect();
        let servers = if servers.is_empty() { containers(deployment).take(1).collect() } else { servers };
        for container in servers {
            match key(container, &self.env.name) {
                Key::Linked => {}
                Key::Other(name) if name != self.wanted.env_secret => {
                    return Err(format!("it has its key from secret `{name}`: give `--env-secret {name}`"));
                }
                Key::Written => {
                    return Err("a key stands in its pod template: take it out there, and run this again".to_owned());
                }
                Key::Other(_) | Key::Absent => merge(&mut patch, &self.reference(container)),
            }
        }
        Ok((patch != json!({})).then_some(patch))
    }

    fn reference(&self, container: &Json) -> Json {
        let known = list(container, "/env").filter_map(|v| v["name"].as_str()).find(|n| names::NGC_KEYS.contains(n));
        let key = known.unwrap_or(names::NGC_KEY);
        let reference = json!({"secretKeyRef": {"name": self.env.name, "key": key}});
        let env = json!([{"name": key, "valueFrom": reference}]);
        at(&["spec", "template", "spec", "containers"], json!([{"name": container["name"], "env": env}]))
    }

    /// The links, and the mark by which the new pods are known.
    fn edit(&self, deployment: &Json, links: Option<Json>) -> Option<Edit> {
        let mut patch = links.unwrap_or_else(|| json!({}));
        merge(&mut patch, &at(&["spec", "template", "metadata", "annotations"], json!({ MARK: self.moment })));
        Edit::set(deployment, patch)
    }
}

fn held(deed: Deed) -> String {
    format!("`--no-restart` keeps it from this: {}", deed.word())
}

/// The pods of a deployment.
pub(super) async fn pods_of(cluster: &Cluster, deployment: &Json) -> Result<Vec<Pod>, Trouble> {
    let labels = deployment.pointer("/spec/selector/matchLabels").and_then(Json::as_object).into_iter().flatten();
    let labels: Vec<String> = labels.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    let Object { name, .. } = place(deployment);
    let pods = cluster.pods(&labels.join(",")).await?;
    Ok(pods.into_iter().filter(|pod| workload::owner(pod) == ("Deployment", name.clone())).collect())
}

/// Whether a pod is made from the template as it is now, as far as restarts tell.
pub(super) fn is_current(pod: &Pod, deployment: &Json) -> bool {
    let mark = deployment["spec"]["template"]["metadata"]["annotations"][MARK].as_str();
    pod.metadata.annotations.as_ref().and_then(|all| all.get(MARK)).map(String::as_str) == mark
}

pub(super) fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether a pod has a container that waits for more than the node's work.
pub(super) fn unstarted(pod: &Pod) -> bool {
    workload::awaited(pod).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_05_where_a_container_has_its_key_from() {
        let by = |name: &str, secret: &str| json!({"env": [{"name": name, "valueFrom": {"secretKeyRef": {"name": secret}}}]});
        let rows = [
            (by("NGC_API_KEY", "s"), Key::Linked),
            (by("NIM_NGC_API_KEY", "s"), Key::Linked),
            (by("NGC_API_KEY", "t"), Key::Other("t".into())),
            (by("OTHER", "s"), Key::Absent),
            (json!({"env": [{"name": "NGC_API_KEY", "value": "k"}]}), Key::Written),
            (json!({"envFrom": [{"secretRef": {"name": "s"}}]}), Key::Linked),
            (json!({"envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}}]}), Key::Absent),
            (json!({}), Key::Absent),
        ];
        for (container, want) in rows {
            assert_eq!(key(&container, "s"), want, "{container}");
        }
    }
}
