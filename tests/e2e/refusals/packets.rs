//! Packets that get lost between pods and a registry, by the firewall of the world.

use mops_tests::http::{Call, Reply};
use mops_tests::image::{Image, MANIFEST};
use mops_tests::private::cluster::images::workload;
use mops_tests::private::firewall::Lost;
use mops_tests::real::hosted::GENERIC;
use mops_tests::tls::{Leaf, Server};
use serde_json::json;

use super::case::Case;
use super::environment::with_variables;
use super::places::{ours, port, tls_at};

/// Whose packets get lost.
pub(super) struct Dropped {
    /// Also the name of its scenario.
    name: &'static str,
    from: &'static str,
}

/// Those of all pods, and those of the pods of one node.
pub(super) const ALL: &[Dropped] =
    &[Dropped { name: "drop-all-pods", from: "10.88.0.0/16" }, Dropped { name: "drop-one-node", from: "10.88.1.0/24" }];

/// Where the world's own registries listen.
pub(super) const HTTPS: u16 = 443;

/// A registry for each, on a port of its own, so that nobody else is cut off.
pub(super) struct Packets {
    registries: Vec<Server>,
}

impl Packets {
    /// From now on they get lost.
    pub(super) async fn drop() -> Self {
        let image = workload("worker:1").expect("busybox");
        let open = |_: &Dropped| {
            let image = image.clone();
            tls_at(port(), &ours(Leaf::Good), move |call| answer(call, &image))
        };
        let all = Self { registries: ALL.iter().map(open).collect() };
        for (dropped, port) in all.rules() {
            dropped.to(port).begin().await;
        }
        all
    }

    /// From now on they arrive.
    pub(super) async fn arrive(self) {
        for (dropped, port) in self.rules() {
            dropped.to(port).end().await;
        }
    }

    fn rules(&self) -> impl Iterator<Item = (&'static Dropped, u16)> {
        ALL.iter().zip(self.registries.iter().map(|registry| registry.address().port()))
    }

    /// A worker in whose network one of these is dropped finds its registry from here and from its node, and not from
    /// itself.
    pub(super) fn cases(&self) -> Vec<Case> {
        let case = |(dropped, port): (&Dropped, u16)| {
            let host = format!("dropped.{GENERIC}:{port}");
            // Nothing answers, however long it is waited for.
            Case { patience: "10", ..with_variables(dropped.name, &host, &["NETWORK_POLICY"], &[]) }
        };
        self.rules().map(case).collect()
    }
}

fn answer(call: &Call, image: &Image) -> Reply {
    if call.path.contains("/manifests/") {
        return Reply::body(200, MANIFEST, image.manifest.clone());
    }
    if !call.path.contains("/blobs/") {
        return Reply::json(200, &json!({}));
    }
    let blob = image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest));
    blob.map_or_else(|| Reply::empty(404), |(_, bytes)| Reply::body(200, "application/octet-stream", bytes.clone()))
}

impl Dropped {
    /// What gets lost on the way to this port.
    pub(super) const fn to(&self, port: u16) -> Lost {
        Lost { from: Some(self.from), port }
    }
}
