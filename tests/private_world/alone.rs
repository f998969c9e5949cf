//! A world of somebody who is not root: names, roots of trust and the cloud, as far as the kernel lets users make
//! namespaces; what needs the machine's root says so.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

use mops_host::fsx;
use mops_host::proc::{Command, Output};
use mops_tests::job::{FILE, example};
use mops_tests::place::bin_dir;
use mops_tests::skip::skipped;

/// The user and group `nobody`.
const NOBODY: u32 = 65_534;

/// A folder that nobody owns, with copies of our programs: those of root may lie where he cannot go.
struct Alone {
    dir: tempfile::TempDir,
}

impl Alone {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for program in ["mops", "mops-world"] {
            let copy = dir.path().join(program);
            std::fs::copy(bin_dir().join(program), &copy).expect("a copy");
            std::fs::set_permissions(&copy, Permissions::from_mode(0o755)).expect("a mode");
        }
        fsx::replace(&dir.path().join(FILE), example("minimal/minimal.yaml").as_bytes()).expect("a file");
        for path in [dir.path().to_owned(), dir.path().join(FILE)] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        Self { dir }
    }

    /// Runs words of a shell as nobody, in the folder.
    async fn run(&self, script: &str) -> Output {
        let folder = self.dir.path().display().to_string();
        let as_nobody = format!("--reuid {NOBODY} --regid {NOBODY} --clear-groups env --chdir");
        let words = as_nobody.split(' ').chain([folder.as_str(), "sh", "-c", script]);
        let command = Command {
            program: "/usr/bin/setpriv".into(),
            args: words.map(str::to_owned).collect(),
            env: vec![("PATH".into(), format!("{folder}:/usr/bin:/bin")), ("HOME".into(), folder.clone())],
            stdin: None,
            timeout: Duration::from_secs(120),
            max_output: 1 << 20,
        };
        command.run().await.expect("setpriv")
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn somebody_who_is_not_root_has_a_world_of_his_own() {
    let test = "a private world without root";
    if !super::may().await {
        return skipped("world", test);
    }
    let alone = Alone::new();
    if !alone.run("unshare --map-root-user --net --mount --pid --fork --mount-proc true").await.success() {
        return skipped("userns", test);
    }
    let before = super::machine();
    let inside = "getent hosts management.azure.com; id -u; echo \"group ${MOPS_WORLD_GROUP:-none}\"";
    let output = alone.run(&format!("mops-world run sh -c '{inside}'")).await;
    let text = said(&output);
    let lines: Vec<&str> = text.lines().map(|line| line.split("  ").next().unwrap_or_default()).collect();
    assert_eq!((output.code, lines), (Some(0), vec!["10.89.0.11", "0", "group none"]), "{text}");
    // The machine's trust in a certificate of the world, and its names on port 443.
    let output = alone.run(&format!("mops-world run mops infra preview {FILE} --exit-code")).await;
    assert_eq!(output.code, Some(5), "{}", said(&output));
    let output = alone.run("mops-world run --cluster true").await;
    assert!(output.code == Some(3) && said(&output).contains("needs the machine's root"), "{}", said(&output));
    assert_eq!(super::machine(), before);
    assert!(!Path::new("/run/mops-world").exists());
}
