//! The disk of both nodes is full: where their containerd keeps what it pulls there is room for what is there, and for
//! the manifest of an image, but not for its layer.

use mops_host::{Env, random};
use mops_tests::http::{Call, Reply};
use mops_tests::image::{Entry, Image, MANIFEST};
use mops_tests::private::WORLD;
use mops_tests::private::run::run_words;
use mops_tests::real::hosted::GENERIC;
use mops_tests::tls::{Leaf, Server};
use serde_json::json;

use super::case::{Case, NODES};
use super::places::{ours, port, tls_at};

/// A manifest fits into the room, and a layer does not.
const ROOM: usize = 256 << 10;
const LAYER: usize = 2 << 20;

/// A containerd asks for its files by their paths, so that it goes on with the copy.
const FILL: &str = "mkdir -p \"$copy\"
size=$(( $(du -sk \"$content\" | cut -f1) + $room ))
mount -t tmpfs -o size=${size}k full \"$copy\" && cp -a \"$content/.\" \"$copy/\" && mount --bind \"$copy\" \"$content\"";
const EMPTY: &str = "umount \"$content\" && umount \"$copy\"";

/// Full disks, and a registry whose image does not fit.
pub(super) struct Disks {
    registry: Server,
}

impl Disks {
    /// From now on they are full.
    pub(super) async fn fill() -> Self {
        let bytes: Vec<u8> = (0..LAYER / 32).flat_map(|_| random::bytes::<32>()).collect();
        let entry = Entry { path: "weights", mode: 0o644, content: &bytes };
        let image = Image::of("worker:1", &[entry], &["/nothing"]).expect("an image");
        let registry = tls_at(port(), &ours(Leaf::Good), move |call| answer(call, &image));
        for node in NODES {
            inside(node, FILL).await;
        }
        Self { registry }
    }

    pub(super) fn case(&self) -> Case {
        let image = format!("large.{GENERIC}:{}/example-org/worker:1", self.registry.address().port());
        Case::new("disk-full".to_owned(), image, &["NODE_DISK_FULL"])
    }

    /// From now on they have room.
    pub(super) async fn empty(self) {
        for node in NODES {
            inside(node, EMPTY).await;
        }
    }
}

fn answer(call: &Call, image: &Image) -> Reply {
    if let Some((_, bytes)) = image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest)) {
        return Reply::body(200, "application/octet-stream", bytes.clone());
    }
    let manifest = call.path.contains("/manifests/");
    if manifest { Reply::body(200, MANIFEST, image.manifest.clone()) } else { Reply::json(200, &json!({})) }
}

/// Runs a script where the containerd of a node has its files.
async fn inside(node: &str, script: &str) {
    let world = Env::process().get(WORLD).expect("a world").to_owned();
    let folder = format!("{world}/{node}/containerd");
    let enter = "set -e
for process in /proc/[0-9]*; do
  if tr '\\0' ' ' < $process/cmdline 2>/dev/null | grep -q \"^[^ ]*containerd --config $1/$2/containerd.toml\"; then
    exec nsenter --mount=$process/ns/mnt /bin/sh -ec \"$3\"
  fi
done
echo \"no containerd of $2\" >&2
exit 1";
    let room = ROOM >> 10;
    let root = format!("{folder}/root");
    let content = format!("{root}/io.containerd.content.v1.content");
    let whole = format!("content={content} copy={folder}/full room={room}\n{script}");
    let words = ["/bin/sh", "-c", enter, "sh", &world, node, &whole];
    run_words(&words).await.unwrap_or_else(|error| panic!("{node}: {error}"));
}
