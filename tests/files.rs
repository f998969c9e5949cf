//! R13: files of ours are private from the call that makes them, are never changed afterwards, and
//! are never written through somebody else's link.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::Env;
use mops_host::fsx::{self, FsError, LockError};
use mops_host::proc::{Command, Output};

/// Tells the child where to write.
const FOLDER: &str = "MOPS_TEST_FOLDER";
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

/// Runs this test program's own child, below `sh`, with these words before it.
async fn child(before: &str, folder: &Path) -> Output {
    let this = std::env::current_exe().unwrap().display().to_string();
    let script = format!("{before} {this} --ignored --exact files::child_writes_one_of_each");
    let env = [(FOLDER.to_owned(), folder.display().to_string()), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
    let command = Command {
        program: "sh".into(),
        args: vec!["-c".into(), script],
        env: env.into(),
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 64 << 20,
    };
    command.run().await.unwrap()
}

#[test]
#[ignore = "the child of the two tests below, with an umask of its own"]
fn child_writes_one_of_each() {
    let env = Env::process();
    let folder = PathBuf::from(env.get(FOLDER).expect("started by its parent"));
    let deep = folder.join("made/deep");
    fsx::create_dir_all(&deep).unwrap();
    fsx::replace(&deep.join("replaced"), b"one").unwrap();
    fsx::replace(&deep.join("replaced"), b"two").unwrap();
    std::io::Write::write_all(&mut fsx::append(&deep.join("appended")).unwrap(), b"line").unwrap();
    drop(fsx::lock(&deep.join("locked")).unwrap());
}

#[tokio::test]
async fn modes_hold_at_every_umask() {
    for umask in ["000", "022", "077"] {
        let dir = tempfile::tempdir().unwrap();
        let output = child(&format!("umask {umask};"), dir.path()).await;
        assert!(output.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let deep = dir.path().join("made/deep");
        assert_eq!([mode(&dir.path().join("made")), mode(&deep)], [0o700; 2], "umask {umask}");
        for file in ["replaced", "appended", "locked"] {
            assert_eq!(mode(&deep.join(file)), 0o600, "{file} at umask {umask}");
        }
        assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 3, "nothing temporary is left");
    }
}

#[tokio::test]
async fn the_mode_stands_in_the_call_that_makes_the_file() {
    if !Path::new("/usr/bin/strace").exists() {
        mops_tests::skip::skipped("strace", "file modes");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let calls = "chmod,fchmod,fchmodat,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,fsync";
    let output = child(&format!("umask 000; strace -f -o {} -e trace={calls}", trace.display()), dir.path()).await;
    if !output.success() && fsx::read_text(&trace).unwrap_or_default().is_empty() {
        mops_tests::skip::skipped("strace", "file modes");
        return;
    }
    assert!(output.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = fsx::read_text(&trace).unwrap();
    let ours = |line: &&str| line.contains("O_CREAT") || line.contains("mkdir");
    let made: Vec<_> = trace.lines().filter(ours).filter(|line| !line.contains("ENOENT")).collect();
    assert!(made.len() >= 6, "{trace}");
    for line in &made {
        let private = if line.contains("mkdir") { "0700" } else { "0600" };
        assert!(line.contains(private), "{line}");
        assert!(line.contains("mkdir") || (line.contains("O_NOFOLLOW") && line.contains("O_CLOEXEC")), "{line}");
    }
    let temporary: Vec<_> = trace.lines().filter(|line| line.contains(".tmp\"") && line.contains("open")).collect();
    assert!(temporary.len() == 2 && temporary.iter().all(|line| line.contains("O_EXCL")), "{temporary:?}");
    assert_eq!(trace.lines().filter(|line| line.contains("chmod")).count(), 0, "{trace}");
    let order: Vec<_> = trace.lines().filter(|l| l.contains("fsync") || l.contains("rename")).collect();
    assert!(
        order.iter().position(|l| l.contains("fsync")) < order.iter().position(|l| l.contains("rename")),
        "{order:?}"
    );
    println!("R13 creations={} wrong_mode=0 chmod=0", made.len());
}

/// Makes somebody else the owner, of the link itself when it is one.
fn give_away(path: &Path) {
    let nobody = (rustix::fs::Uid::from_raw(NOBODY), rustix::fs::Gid::from_raw(NOBODY));
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chownat(rustix::fs::CWD, path, Some(nobody.0), Some(nobody.1), flags).unwrap();
}

/// A folder with a target `t`, a link `l` to it, and what else a case needs.
struct Case {
    _dir: tempfile::TempDir,
    target: PathBuf,
    link: PathBuf,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("t"), dir.path().join("l"));
        fsx::replace(&target, b"old").unwrap();
        symlink(&target, &link).unwrap();
        Self { _dir: dir, target, link }
    }

    fn untouched(&self, case: &str) {
        assert_eq!(fsx::read(&self.target).unwrap(), b"old", "{case}");
    }
}

#[test]
fn foreign_links_and_files_are_refused() {
    if !rustix::process::geteuid().is_root() {
        mops_tests::skip::skipped("root", "foreign links");
        return;
    }
    let case = Case::new();
    give_away(&case.link);
    assert!(fsx::replace(&case.link, b"new").is_err());
    assert!(matches!(fsx::read_private(&case.link), Err(FsError::ForeignLink)));
    case.untouched("somebody else's link to our file");

    let case = Case::new();
    give_away(&case.target);
    assert!(fsx::replace(&case.link, b"new").is_err());
    assert!(matches!(fsx::read_private(&case.link), Err(FsError::ForeignLink)));
    case.untouched("our link to somebody else's file");

    let case = Case::new();
    give_away(&case.link);
    give_away(&case.target);
    assert!(fsx::replace(&case.link, b"new").is_err());
    case.untouched("somebody else's link to their file");

    let case = Case::new();
    give_away(&case.target);
    assert!(matches!(fsx::read_private(&case.target), Err(FsError::NotOurs { owner: NOBODY })));
    println!("R13 foreign=4 written=0");
}

#[test]
fn links_and_swaps_of_our_own() {
    let case = Case::new();
    fsx::replace(&case.link, b"new").unwrap();
    assert_eq!(fsx::read(&case.target).unwrap(), b"new", "our own link is followed");
    assert!(std::fs::symlink_metadata(&case.link).unwrap().is_symlink(), "and stays");

    let case = Case::new();
    assert!(fsx::append(&case.link).is_err(), "a journal is never behind a link");
    assert!(matches!(fsx::lock(&case.link), Err(LockError::Io { .. })), "nor is a lock");
    case.untouched("append and lock");

    let case = Case::new();
    std::fs::remove_file(&case.target).unwrap();
    assert!(fsx::replace(&case.link, b"new").is_err(), "a link to nowhere");
    assert!(!case.target.exists());

    let case = Case::new();
    let circle = case.link.with_extension("circle");
    symlink(&circle, &circle).unwrap();
    assert!(fsx::replace(&circle, b"new").is_err(), "a circle");

    let case = Case::new();
    let folder = case.link.with_extension("folder");
    fsx::create_dir_all(&folder).unwrap();
    assert!(fsx::replace(&folder, b"new").is_err(), "a folder of that name");
    assert!(matches!(fsx::read_private(&folder), Err(FsError::NotAFile)));

    let case = Case::new();
    let hard = case.link.with_extension("hard");
    std::fs::hard_link(&case.target, &hard).unwrap();
    fsx::replace(&hard, b"new").unwrap();
    case.untouched("the other name of a file keeps the old content");

    let case = Case::new();
    let (folder, moved) = (case.link.with_extension("a"), case.link.with_extension("b"));
    fsx::create_dir_all(&folder).unwrap();
    symlink(&folder, &moved).unwrap();
    fsx::replace(&moved.join("f"), b"new").unwrap();
    assert_eq!(mode(&folder.join("f")), 0o600, "a folder behind a link of ours");

    let case = Case::new();
    let pipe = case.link.with_extension("pipe");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::from_raw_mode(0o600), 0).unwrap();
    assert!(matches!(fsx::read_private(&pipe), Err(FsError::NotAFile)), "a pipe does not hang the run");
}
