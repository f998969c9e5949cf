//! E-12: after a login, a fix, a sync and a rotation no key is anywhere but where it belongs: every file that the commands
//! could have written, every object of the cluster, and all that they said (which `Desk` looks at) are searched.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::fsx;
use mops_tests::ngc::{Access, Key};
use mops_tests::skip::skipped;
use mops_tests::sshd::{Node, installed};
use serde_json::{Value as Json, json};

use crate::desk::GOOD;
use crate::ngc_stage::Stage;

const OLD: &str = "nvapi-canary-0123456789-old-wxyz";
const NEXT: &str = "nvapi-canary-0123456789-next=wxyz";
const IMAGE: &str = "nvcr.io/nim/acme/server:1";

/// Whether a text holds a key, as it is or encoded.
fn shows(text: &str) -> bool {
    let encoded = |key: &str| STANDARD.encode(key).trim_end_matches('=').to_owned();
    let keys = [OLD, GOOD, NEXT];
    text.contains("canary") || keys.iter().any(|key| text.contains(&encoded(key)))
}

/// The files below a folder that hold a key, by their paths from there.
fn holders(top: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holders(top, &path, found);
        } else if shows(&String::from_utf8_lossy(&fsx::read(&path).unwrap_or_default())) {
            found.insert(path.strip_prefix(top).expect("below it").display().to_string());
        }
    }
}

#[tokio::test]
async fn e_12_no_key_is_left_anywhere_but_where_it_belongs() {
    const TEST: &str = "e_12_no_key_is_left_anywhere_but_where_it_belongs";
    if !installed() {
        return skipped("sshd", TEST);
    }
    let stage = Stage::new().await;
    let (desk, ngc) = (&stage.desk, stage.desk.sandbox.ngc());
    ngc.key(Key::new(OLD, "acme"));
    ngc.key(Key::new(NEXT, "acme"));
    ngc.image("nim/acme/server", Access::Organisation("acme".to_owned()), true);
    desk.place.write("next", NEXT);
    desk.place.write(".env", "HF_TOKEN=hf_canary0123456789\nNGC_API_KEY=unused\n");
    desk.good("chmod 600 .env next").await;
    let node = Node::start(&desk.place, "").await;
    stage.secrets(OLD).await;
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    let env = json!({"env": [{"name": "NGC_API_KEY", "valueFrom": key}]});
    stage.server("embedding-nim", IMAGE, (env, json!({"imagePullSecrets": [{"name": "ngc-secret"}]}))).await;

    desk.good("mops ngc login --key-file good").await;
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert_eq!(code, 0, "{said}");
    desk.good(&format!("mops tokens sync {}", node.flags())).await;
    desk.good("mops auth rotate ngc --kubeconfig cluster.yaml --key-file next --yes").await;
    desk.good("mops auth status nvcr.io").await;

    let mut found = BTreeSet::new();
    holders(desk.place.path(), desk.place.path(), &mut found);
    let given = [".env", "bad", "cluster.yaml", "good", "next"];
    let kept = ["home/.docker/config.json", "home/.mlenv/config", "node/home/koa-ml/.env"];
    let belongs: BTreeSet<String> = given.iter().chain(&kept).map(|&path| path.to_owned()).collect();
    assert_eq!(found, belongs);
    for mut object in stage.fake.everything() {
        if object["kind"] == "Secret" {
            object["data"] = Json::Null;
        }
        assert!(!shows(&object.to_string()), "{object:#}");
    }
}
