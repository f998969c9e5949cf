//! A login node of one test: OpenSSH's own server on loopback, with keys of its own, for whoever runs the tests. A script of
//! the test may stand before what its clients run: with another home folder, with noise, with another shell.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::proc::{Command, Output};
use mops_host::{Clock as _, SystemClock, fsx};

use crate::place::Place;
use crate::program::Running;

/// The server.
pub const PROGRAM: &str = "/usr/sbin/sshd";
/// What its client's configuration calls it.
pub const HOST: &str = "koa";

/// Whether the machine has it.
#[must_use]
pub fn installed() -> bool {
    Path::new(PROGRAM).exists()
}

/// A running server with its files.
pub struct Node {
    folder: PathBuf,
    /// Where it listens.
    pub port: u16,
    /// Who may sign in.
    pub user: String,
    _running: Running,
}

impl Node {
    /// Starts one in a folder of `place`, with more lines of configuration.
    ///
    /// # Panics
    /// When it does not listen.
    pub async fn start(place: &Place, more: &str) -> Self {
        let folder = place.path().join("node");
        fsx::create_dir_all(&folder.join("home")).expect("a folder");
        for key in ["host", "id"] {
            key_pair(&folder.join(key)).await;
        }
        let user = String::from_utf8_lossy(&tool("id", &["-un"]).await.stdout).trim().to_owned();
        let port = free_port();
        let text = server(&folder, port, more);
        let config = folder.join("sshd_config");
        fsx::replace(&config, text.as_bytes()).expect("a file");
        // Where it puts itself without rights, by a constant path; somebody who is not root has none to give up.
        if user == "root" {
            fsx::create_dir_all(Path::new("/run/sshd")).expect("sshd's folder");
        }
        let (config, log) = (config.display().to_string(), folder.join("log").display().to_string());
        let running = Running::start(place, PROGRAM, &["-D", "-f", &config, "-E", &log]);
        let node = Self { folder, port, user, _running: running };
        node.knows(&node.known_line().await);
        node.client(port, "id");
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return node;
            }
            SystemClock::new().sleep(Duration::from_millis(25)).await;
        }
        panic!("sshd does not listen: {}", node.log());
    }

    /// A file of it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The home folder of whoever signs in.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.file("home")
    }

    /// What it has written so far.
    ///
    /// # Panics
    /// When there is no log.
    #[must_use]
    pub fn log(&self) -> String {
        fsx::read_text(&self.file("log")).expect("the server's log")
    }

    /// Lines that run before what a client asks for, which is `"$@"`; without any it runs at once.
    pub fn before(&self, lines: &str) {
        self.runs(&format!("{lines}\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\""));
    }

    /// All that runs for a client, in the place of its command, which is `$SSH_ORIGINAL_COMMAND`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn runs(&self, lines: &str) {
        let script = format!("HOME={}; export HOME\n{lines}\n", self.home().display());
        fsx::replace(&self.file("command"), script.as_bytes()).expect("a file");
    }

    /// The line by which a client knows it.
    pub async fn known_line(&self) -> String {
        let key = fsx::read_text(&self.file("host.pub")).expect("a key");
        format!("{HOST} {key}")
    }

    /// What its client knows of hosts from now on.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn knows(&self, lines: &str) {
        fsx::replace(&self.file("known_hosts"), lines.as_bytes()).expect("a file");
    }

    /// Its client's configuration: by this port, with this key.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn client(&self, port: u16, key: &str) {
        let folder = self.folder.display();
        let text = format!(
            "Host {HOST}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {HOST}\n  IdentityFile {folder}/{key}\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
        );
        fsx::replace(&self.file("ssh_config"), text.as_bytes()).expect("a file");
    }

    /// The flags by which a verb finds it.
    #[must_use]
    pub fn flags(&self) -> String {
        format!("--host {HOST} --user {} --ssh-config {}", self.user, self.file("ssh_config").display())
    }
}

/// Makes a key pair.
///
/// # Panics
/// When it is not made.
pub async fn key_pair(path: &Path) {
    let path = path.display().to_string();
    let made = tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", &path]).await;
    assert!(made.success(), "{made:?}");
}

/// Runs a program of the system to its end.
///
/// # Panics
/// When it cannot be run.
pub async fn tool(program: &str, words: &[&str]) -> Output {
    let command = Command {
        program: program.into(),
        args: words.iter().map(|&word| word.to_owned()).collect(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        stdin: None,
        timeout: Duration::from_secs(30),
        max_output: 1 << 20,
    };
    command.run().await.unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

fn server(folder: &Path, port: u16, more: &str) -> String {
    let at = folder.display();
    fsx::replace(
        &folder.join("command"),
        format!("HOME={at}/home; export HOME\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n").as_bytes(),
    )
    .expect("a file");
    format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host\nPidFile none\nAuthorizedKeysFile {at}/id.pub\n\
         PasswordAuthentication no\nUsePAM no\nStrictModes no\nPrintMotd no\nPermitRootLogin yes\nLogLevel DEBUG1\n\
         ForceCommand exec /bin/sh {at}/command\n{more}\n"
    )
}
