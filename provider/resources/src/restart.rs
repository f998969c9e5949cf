//! The pods of a Deployment are made again, as `kubectl rollout restart` has them made: once for a moment, however often
//! it is asked for (`tests/ngc_credentials.rs`).

use mops_clients::kubernetes::{Apply, ClusterRef, ObjectRef};
use mops_core::Error;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cluster::{Object, text};
use crate::resource::Cx;

/// The mark in a template, which other tools set too.
const MARK: &str = "kubectl.kubernetes.io/restartedAt";
/// The manager of that one field of Deployments that are not ours.
const MANAGER: &str = "mops-restart";

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// There is no such Deployment.
    Absent,
    /// Its pods were made again at that moment or later.
    Already,
    /// Its pods are being made again.
    Begun,
}

/// Has the pods of a Deployment made again that may be older than `moment`.
pub(crate) async fn since(
    cx: &Cx<'_>,
    cluster: &ClusterRef,
    (namespace, name): (&str, &str),
    moment: &str,
) -> Result<Restart, Error> {
    let place = ObjectRef::namespaced("apps/v1", "Deployment", namespace, name);
    let object = Object::new(cx, cluster, place).await?;
    let Some(live) = object.get().await? else { return Ok(Restart::Absent) };
    let marks = &live["spec"]["template"]["metadata"]["annotations"];
    if is_reached(marks[MARK].as_str(), moment) {
        return Ok(Restart::Already);
    }
    let patch = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": text(&live, "/metadata/name"), "namespace": namespace},
        "spec": {"template": {"metadata": {"annotations": {MARK: moment}}}},
    });
    object.kube.apply_as(&patch, MANAGER, Apply::Force).await?;
    Ok(Restart::Begun)
}

fn is_reached(mark: Option<&str>, moment: &str) -> bool {
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    mark.and_then(time).zip(time(moment)).is_some_and(|(mark, moment)| mark >= moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_reached_by_a_later_restart_of_anybody() {
        let moment = "2026-01-01T10:00:00.5Z";
        for (mark, reached) in [
            (None, false),
            (Some("soon"), false),
            (Some("2026-01-01T10:00:00Z"), false),
            (Some(moment), true),
            (Some("2026-01-01T11:00:01+01:00"), true),
        ] {
            assert_eq!(is_reached(mark, moment), reached, "{mark:?}");
        }
    }
}
