//! Adding a resource is one file and one word: a copy of the crate gets exactly these two, and the
//! compiler accepts it.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::fs;
use std::path::{Path, PathBuf};

use mops_host::Env;
use mops_host::fsx;
use mops_host::proc::Command;

const FILE: &str = "provider/resources/src/kubernetes/null.rs";
const LIST: &str = "provider/resources/src/lib.rs";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The crate of the resources, and what it is made of.
const BELOW: [&str; 9] = ["core", "host", "wire", "clients", "probe", "logins", "diagnose", "tokens", "resources"];

fn copy(from: &Path, to: &Path) {
    fsx::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fsx::replace(&target, &fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// The workspace with a copy of `mops-resources` and links to the crates below it.
fn copied_house(root: &Path) {
    let real = workspace();
    for name in BELOW {
        copy(&real.join("provider").join(name), &root.join("provider").join(name));
    }
    let manifest = fs::read_to_string(real.join("Cargo.toml")).unwrap();
    let start = manifest.find("members").unwrap();
    let end = start + manifest[start..].find(']').unwrap() + 1;
    let members = BELOW.map(|name| format!("\"provider/{name}\"")).join(", ");
    let members = format!("members = [{members}]");
    fsx::replace(&root.join("Cargo.toml"), manifest.replacen(&manifest[start..end], &members, 1).as_bytes()).unwrap();
    fsx::replace(&root.join("Cargo.lock"), &fs::read(real.join("Cargo.lock")).unwrap()).unwrap();
}

#[tokio::test]
async fn a_null_resource_needs_one_file_and_one_word() {
    let dir = tempfile::tempdir().unwrap();
    copied_house(dir.path());
    let file = workspace().join("tests/fixtures/null_resource/null.rs.txt");
    fsx::replace(&dir.path().join(FILE), &fs::read(file).unwrap()).unwrap();
    let list = fs::read_to_string(dir.path().join(LIST)).unwrap();
    let longer = list.replacen("kubernetes {", "kubernetes {\n        null::Null,", 1);
    assert_ne!(list, longer, "the list has no `kubernetes {{` any more");
    fsx::replace(&dir.path().join(LIST), longer.as_bytes()).unwrap();

    let manifest = dir.path().join("Cargo.toml").display().to_string();
    let args = ["check", "--offline", "--quiet", "-p", "mops-resources", "--manifest-path", &manifest];
    let check = Command {
        program: env!("CARGO").to_owned(),
        args: args.map(str::to_owned).to_vec(),
        env: Env::process().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        stdin: None,
        timeout: std::time::Duration::from_secs(600),
        max_output: 1 << 20,
    };
    let output = check.run().await.unwrap();
    assert!(output.success(), "the two touched files are not enough:\n{}", String::from_utf8_lossy(&output.stderr));
    println!("house: a null resource touches 2 files ({FILE}, one word in {LIST})");
}
