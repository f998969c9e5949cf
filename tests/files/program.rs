//! Promise R13 through the built program: whatever the umask, every file that a whole run makes is private in the
//! call that makes it, and nothing is changed afterwards.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mops_host::fsx;

use mops_tests::job::Job;

const CALLS: &str = "trace=open,openat,creat,mkdir,mkdirat,mknod,mknodat,chmod,fchmod,fchmodat,umask,execve";

/// What a life of a stack leaves in files.
const LIFE: &[&str] = &[
    "infra up -c registry,storage,cluster --yes",
    "infra outputs --show-secrets --force",
    "infra kubeconfig --merge",
    "infra status",
    "infra preview --save-plan plan.json -c registry",
    "infra init started.yaml",
];

/// Files that must have been seen.
const KINDS: &[&str] = &[
    "journal",
    "snapshot.json",
    "meta.json",
    "lock",
    "cloud.json",
    "passphrase",
    "passphrase.lock",
    "dev.yaml",
    "config",
    "config.lock",
    "started.yaml",
    "plan.json",
    "plan.key",
    "plan.key.lock",
];

/// The path of a call that made something, and its mode.
fn made(line: &str) -> Option<(String, bool, &str)> {
    let folder = line.contains(" mkdir");
    if !(line.contains("O_CREAT") || folder || line.contains(" creat(") || line.contains(" mknod"))
        || line.contains("= -1 ")
    {
        return None;
    }
    let path = line.split('"').nth(1)?.to_owned();
    let mode = line.rsplit_once(')')?.0.rsplit_once(", ")?.1;
    Some((path, folder, mode))
}

/// The name that a temporary file `.NAME.HEX.tmp` gets in the end.
fn kind(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let temporary = name.strip_prefix('.').and_then(|n| n.strip_suffix(".tmp")).and_then(|n| n.rsplit_once('.'));
    temporary.map_or(name, |(name, _)| name).to_owned()
}

fn modes_on_disk(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let folder = entry.path().is_dir();
        assert_eq!(mode, if folder { 0o700 } else { 0o600 }, "{}", entry.path().display());
        if folder {
            modes_on_disk(&entry.path());
        }
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts are printed")]
async fn a_whole_life_makes_private_files_only() {
    if !Path::new("/usr/bin/strace").exists() {
        mops_tests::skip::skipped("strace", "file modes of a whole life");
        return;
    }
    let job = Job::new().await;
    let (mut creations, mut kinds) = (0, BTreeSet::new());
    for umask in ["000", "022", "077"] {
        for line in LIFE {
            let traced = format!("umask {umask} && exec strace -f -qq -A -o trace -e {CALLS} mops {line}");
            job.good(&["sh", "-c", &traced]).await;
        }
        let trace = fsx::read_text(&job.place.path().join("trace")).expect("a trace");
        assert!(!trace.contains("chmod("), "something is changed afterwards at umask {umask}");
        assert!(!trace.contains(" umask("), "the umask is the user's");
        for line in trace.lines() {
            let Some((path, folder, mode)) = made(line) else { continue };
            assert_eq!(mode, if folder { "0700" } else { "0600" }, "umask {umask}: {line}");
            assert!(folder || (line.contains("O_NOFOLLOW") && line.contains("O_CLOEXEC")), "{line}");
            creations += 1;
            kinds.insert(kind(&path));
        }
        modes_on_disk(&job.place.path().join("home"));
        // The next umask makes everything anew.
        std::fs::remove_dir_all(job.place.path().join("home")).expect("the home");
        for name in ["trace", "started.yaml", "plan.json"] {
            fsx::remove(&job.place.path().join(name)).expect("our own file");
        }
    }
    let unseen: Vec<&&str> = KINDS.iter().filter(|kind| !kinds.contains(**kind)).collect();
    assert!(unseen.is_empty(), "nobody made {unseen:?}: {kinds:#?}");
    println!("R13 umasks=3 kinds={} creations={creations} wrong_mode=0 chmod=0", KINDS.len());
}

#[test]
fn a_wrong_call_is_noticed() {
    let open = r#"7 openat(AT_FDCWD, "/h/journal", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0644) = 9"#;
    assert_eq!(made(open), Some(("/h/journal".to_owned(), false, "0644")));
    assert_eq!(made(r#"7 mkdir("/h", 0755) = 0"#), Some(("/h".to_owned(), true, "0755")));
    assert_eq!(made(r#"7 openat(AT_FDCWD, "/h/x", O_RDONLY|O_CLOEXEC) = 9"#), None);
    assert_eq!(made(r#"7 mkdir("/h", 0700) = -1 EEXIST (File exists)"#), None);
}
