//! K-01 to K-03, K-05, K-06, K-13, K-14 and M-10 through the built program and a real sshd: the file on the host is the old
//! one or the new one at every moment and nobody else's, whatever happens on the way; and no value is seen on its way.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mops_host::{Clock as _, SystemClock, fsx};
use mops_tests::place::Place;
use mops_tests::skip::skipped;
use mops_tests::sshd::{Node, installed};
use mops_tests::watcher::{Watcher, command_lines};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ENV: &str = "HF_TOKEN=hf_canary0123456789\nWANDB_API_KEY='can ary $(touch pwned)'\n";
const OLD: &str = "# mine\nHF_TOKEN=old\nexport LOG_LEVEL=info\r\n\nHF_TOKEN=twice\n";

/// A desk with a file of tokens, and a host that has a folder for them.
pub(crate) struct Desk {
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Desk {
    pub(crate) async fn with(test: &str, more: &str) -> Option<Self> {
        if !installed() {
            skipped("sshd", test);
            return None;
        }
        let place = Place::new();
        place.write(".env", ENV);
        let node = Node::start(&place, more).await;
        Some(Self { place, node })
    }

    pub(crate) async fn new(test: &str) -> Option<Self> {
        Self::with(test, "").await
    }

    /// A verb of tokens: its code and what it said. No value is ever among that.
    pub(crate) async fn said(&self, line: &str) -> (i32, String) {
        let output = self.place.run(&["sh", "-c", &format!("mops tokens {line} {}", self.node.flags())]).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains("canary") && !said.contains("can ary"), "{line}: {said}");
        (output.code.expect("a code"), said)
    }

    pub(crate) async fn good(&self, line: &str) -> String {
        let (code, said) = self.said(line).await;
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.node.home().join("koa-ml")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join(".env")
    }

    pub(crate) fn there(&self) -> String {
        fsx::read_text(&self.file()).unwrap_or_default()
    }

    /// Puts a file there, as a person would.
    pub(crate) fn put(&self, text: &str, mode: u32) {
        fsx::create_dir_all(&self.folder()).expect("a folder");
        fsx::replace(&self.file(), text.as_bytes()).expect("a file");
        chmod(&self.file(), mode);
    }

    /// What is in the folder beside the file.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != ".env").collect()
    }
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// What is wrong with a folder at this moment: a mode that lets others in, or a file that is neither whole.
fn wrong(folder: &Path, whole: &[String], found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(seen) = std::fs::symlink_metadata(entry.path()) else { continue };
        // An empty file has nothing to read yet.
        if seen.mode() & 0o077 != 0 && seen.size() > 0 {
            found.insert(format!("{name} has mode {:o}", seen.mode()));
        }
        if name == ".env" {
            let text = fsx::read_text(&entry.path()).unwrap_or_default();
            if !whole.contains(&text) {
                found.insert(format!("{name} is in part: {} bytes", text.len()));
            }
        }
    }
}

#[tokio::test]
async fn k_01_m_10_the_file_is_whole_and_private_at_every_moment() {
    let Some(desk) = Desk::new("k_01_m_10_the_file_is_whole_and_private_at_every_moment").await else { return };
    // Who signs in there has the usual mask, and has made the file by hand.
    desk.node.before("umask 022");
    let long = format!("{ENV}MORE={}\n", "canary".repeat(5000));
    desk.place.write("long.env", &long);
    desk.put(OLD, 0o600);
    chmod(&desk.folder(), 0o755);
    let whole = [OLD.to_owned(), ENV.to_owned(), long];
    let folder = desk.folder();
    let watcher = Watcher::over(move |found| wrong(&folder, &whole, found));
    for _ in 0..6 {
        let said = desk.good("sync").await;
        assert!(
            said.contains("mode 600") && said.contains("sent HF_TOKEN, WANDB_API_KEY to koa") || said.contains(":/"),
            "{said}"
        );
        desk.good("sync --env-file long.env").await;
    }
    let (looks, found) = watcher.end();
    assert!(found.is_empty() && looks > 1000, "{looks} looks: {found:?}");
    assert_eq!((mode(&desk.file()), desk.left()), (0o600, Vec::new()));
}

#[tokio::test]
async fn k_05_a_file_that_others_could_read_becomes_private_and_a_stricter_one_stays() {
    let Some(desk) = Desk::new("k_05_a_file_that_others_could_read_becomes_private").await else { return };
    for (before, after) in [(0o644, 0o600), (0o400, 0o400), (0o600, 0o600)] {
        desk.put(OLD, before);
        desk.good("sync").await;
        assert_eq!((mode(&desk.file()), desk.there().as_str()), (after, ENV), "{before:o}");
    }
    std::fs::remove_dir_all(desk.folder()).expect("gone");
    let said = desk.good("sync").await;
    assert_eq!((mode(&desk.folder()), mode(&desk.file())), (0o700, 0o600), "{said}");
    assert!(said.contains("--exclude .env") && said.contains("mops tokens loader"), "{said}");
}

/// Carries bytes between a client and a server, and cuts both off after so many to the server.
async fn cutter(to: u16, after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let Ok((client, _)) = listener.accept().await else { return };
        let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let ((mut from, mut back), (mut answers, mut forth)) = (client.into_split(), server.into_split());
        let answering = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
        let (mut left, mut buffer) = (after, [0_u8; 512]);
        while left > 0 {
            let Ok(got) = from.read(&mut buffer).await else { break };
            let pass = got.min(left);
            if got == 0 || forth.write_all(&buffer[..pass]).await.is_err() {
                break;
            }
            left -= pass;
        }
        // The host has read what came, and waits for the rest.
        SystemClock::new().sleep(Duration::from_millis(700)).await;
        answering.abort();
    });
    port
}

#[tokio::test]
async fn k_03_a_connection_that_is_cut_keeps_the_old_file() {
    let Some(desk) = Desk::new("k_03_a_connection_that_is_cut_keeps_the_old_file").await else { return };
    let long = format!("HF_TOKEN={}\n", "canary".repeat(8000));
    desk.place.write("long.env", &long);
    desk.put(OLD, 0o600);
    let (mut kept, mut begun) = (0, 0);
    // From the first bytes of the sign-in to the last of the file.
    for cut in [1, 700, 3000, 6000, 9000, 12_000, 20_000, 30_000, 40_000, 50_000, 54_000] {
        desk.node.client(cutter(desk.node.port, cut).await, "id");
        let folder = desk.folder();
        let watcher = Watcher::over(move |begun: &mut bool| {
            *begun |= std::fs::read_dir(&folder).into_iter().flatten().flatten().count() > 1;
        });
        let (code, said) = desk.said("sync --env-file long.env").await;
        assert!(code == 3 && said.contains("SSH_UNREACHABLE"), "{cut}: {code} {said}");
        begun += usize::from(watcher.end().1);
        let start = Instant::now();
        while !desk.left().is_empty() && start.elapsed() < Duration::from_secs(10) {
            SystemClock::new().sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(desk.left(), Vec::<String>::new(), "{cut}");
        let now = desk.there();
        assert!(now == OLD || now == long, "{cut}: {} bytes", now.len());
        kept += usize::from(now == OLD);
    }
    assert!(kept >= 9 && begun >= 2, "{kept} of 11 kept the old file, {begun} had begun a new one");
    desk.node.client(desk.node.port, "id");
    desk.good("sync --env-file long.env").await;
    assert_eq!(desk.there(), long);
}

#[tokio::test]
async fn k_06_no_value_is_in_a_process_list_here_or_there() {
    let Some(desk) = Desk::new("k_06_no_value_is_in_a_process_list_here_or_there").await else { return };
    // Slow enough to be looked at.
    desk.node.before("sleep 0.3");
    let watcher = Watcher::over(|found: &mut BTreeSet<String>| {
        for words in command_lines() {
            if words.contains("hf_canary0123456789") || words.contains("can ary") {
                found.insert(words);
            } else if words.contains("dd bs=1") {
                found.insert("seen".to_owned());
            }
        }
    });
    desk.good("sync").await;
    desk.good("sync --merge").await;
    let (looks, found) = watcher.end();
    let seen: Vec<String> = found.into_iter().collect();
    assert_eq!(seen, ["seen"], "{looks} looks");
    assert!(!desk.node.log().contains("canary"));
}

#[tokio::test]
async fn k_13_merge_replaces_what_is_named_and_keeps_the_rest() {
    let Some(desk) = Desk::new("k_13_merge_replaces_what_is_named_and_keeps_the_rest").await else { return };
    desk.put(OLD, 0o600);
    desk.good("sync --merge").await;
    let want =
        "# mine\nHF_TOKEN=hf_canary0123456789\nexport LOG_LEVEL=info\r\n\nWANDB_API_KEY='can ary $(touch pwned)'\n";
    assert_eq!((desk.there().as_str(), mode(&desk.file())), (want, 0o600));
    desk.put(OLD, 0o600);
    let said = desk.good("sync --merge --only WANDB_API_KEY").await;
    assert!(said.contains("sent WANDB_API_KEY to"), "{said}");
    assert_eq!(desk.there(), format!("{OLD}WANDB_API_KEY='can ary $(touch pwned)'\n"));
    desk.good("sync --only HF_TOKEN").await;
    assert_eq!(desk.there(), "HF_TOKEN=hf_canary0123456789\n");
    let (code, said) = desk.said("sync --only NOTHING").await;
    assert_eq!((code, said.contains("no `NOTHING`")), (2, true), "{said}");
}

#[tokio::test]
async fn what_others_could_turn_elsewhere_is_refused_and_stays_as_it_is() {
    let Some(desk) = Desk::new("what_others_could_turn_elsewhere_is_refused").await else { return };
    desk.put(OLD, 0o600);
    let real = desk.node.home().join("real");
    std::fs::rename(desk.folder(), &real).expect("moved");
    std::os::unix::fs::symlink(&real, desk.folder()).expect("a link");
    let (code, said) = desk.said("sync").await;
    assert!(code == 1 && said.contains("is a link") && said.contains("--remote-path"), "{said}");
    desk.good("sync --remote-path \"~/real/.env\" --merge --only HF_TOKEN").await;
    std::fs::remove_file(desk.folder()).expect("gone");
    std::fs::rename(&real, desk.folder()).expect("moved back");
    let before = desk.there();
    chmod(&desk.folder(), 0o770);
    let (code, said) = desk.said("sync").await;
    assert!(code == 1 && said.contains("may write"), "{said}");
    chmod(&desk.folder(), 0o700);
    chmod(&desk.file(), 0o660);
    let (code, said) = desk.said("sync").await;
    assert!(code == 1 && said.contains("may write"), "{said}");
    assert_eq!(desk.there(), before);
    std::fs::remove_file(desk.file()).expect("gone");
    std::os::unix::fs::symlink("elsewhere", desk.file()).expect("a link");
    let (code, said) = desk.said("sync").await;
    assert!(code == 1 && said.contains("is a link"), "{said}");
    assert!(!desk.folder().join("elsewhere").exists());
    if desk.node.user == "root" {
        std::fs::remove_file(desk.file()).expect("gone");
        desk.put(OLD, 0o600);
        std::os::unix::fs::chown(desk.file(), Some(12_345), None).expect("another owner");
        let (code, said) = desk.said("sync").await;
        assert!(code == 1 && said.contains("SLURM_ENV_OWNER"), "{said}");
        assert_eq!(desk.there(), OLD);
    }
}

#[tokio::test]
async fn k_02_k_14_a_file_that_is_missing_tracked_or_no_such_file_is_not_sent() {
    let Some(desk) = Desk::new("k_02_k_14_a_file_that_is_missing_or_tracked").await else { return };
    let (code, said) = desk.said("sync --env-file none.env").await;
    assert!(code == 1 && said.contains("cp .env.example .env"), "{said}");
    for (text, line) in [("A=1\nnot a canary\n", "line 2"), ("A='canary", "line 1"), ("2A=canary", "line 1")] {
        desk.place.write("bad.env", text);
        let (code, said) = desk.said("sync --env-file bad.env").await;
        assert!(code == 2 && said.contains(line), "{said}");
    }
    let git = "git init -q . && git add -f .env";
    let made = desk.place.run(&["sh", "-c", git]).await;
    assert!(made.success(), "{made:?}");
    let (code, said) = desk.said("sync").await;
    assert!(code == 2 && said.contains("tracked by git") && said.contains("--allow-tracked"), "{said}");
    assert_eq!(desk.there(), "");
    desk.good("sync --allow-tracked").await;
    chmod(&desk.place.path().join(".env"), 0o644);
    assert!(desk.place.run(&["sh", "-c", "git rm -q --cached .env"]).await.success());
    let said = desk.good("sync").await;
    assert!(said.contains("others on this machine") && said.contains("chmod 600"), "{said}");
    desk.place.write(".env", "HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxx\nHF_TOKEN=hf_xxxxxxxx\n");
    let said = desk.good("sync").await;
    assert!(said.contains("HF_TOKEN in `.env` is a sample") && said.contains("HF_TOKEN twice"), "{said}");
}
