//! Copies of secrets that a fix which was killed has kept for its way back. They are found by the names that the workload
//! refers to: secrets are never listed (`tests/diagnose/fix/careful.rs`).

use super::write::KEPT;
use crate::chosen;
use crate::cleaning::Removed;
use crate::cluster::Cluster;
use crate::observed::{Object, code};
use crate::report::{Cleanup, Left};
use crate::request::Request;
use crate::static_reads;

/// Takes away each copy whose original is there; one that is alone is named and stays.
pub(crate) async fn clean(cluster: &Cluster, request: &Request) -> Removed {
    let workers = chosen::workers(cluster, request).await.unwrap_or_default();
    let names = static_reads::named(request, &workers).secrets;
    let each = futures::future::join_all(names.iter().map(|name| one(cluster, name))).await;
    let mut removed = Removed { cleanup: Cleanup { complete: true, ..Cleanup::default() }, ..Removed::default() };
    for found in each.into_iter().flatten() {
        match found {
            Ok(object) => removed.objects.push(object),
            Err(left) => removed.cleanup.left.push(left),
        }
    }
    removed.cleanup.complete = removed.cleanup.left.is_empty();
    removed
}

/// The copy of one secret, gone or left; nothing when there is none, or secrets may not be read.
async fn one(cluster: &Cluster, name: &str) -> Option<Result<Object, Left>> {
    let kept = format!("{KEPT}{name}");
    let copy = cluster.object("Secret", &kept).await.ok()?;
    let object = Object::new("Secret", cluster.name(), &kept);
    let left = |why: String| Err(Left { object: object.clone(), why });
    Some(match cluster.object("Secret", name).await {
        Ok(_) => match cluster.remove(&copy).await {
            Ok(()) => Ok(object),
            Err(trouble) => left(trouble.detail),
        },
        Err(trouble) if trouble.code == code::NOT_FOUND => {
            left(format!("the only copy of secret `{name}`; `mops diagnose-auth --fix` puts it back"))
        }
        Err(trouble) => left(trouble.detail),
    })
}
