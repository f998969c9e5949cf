//! The login node of the world: an sshd under a name of its own, for one user with one key. Its files, with a client's
//! configuration among them, are in the world's folder `login`.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use mops_host::fsx;

use super::address::LOGIN;
use super::part::Part;
use super::run::run_words;
use super::scratch;
use super::slurm::CONFIG;

/// What the node is called.
pub const HOST: &str = "koa.its.hawaii.edu";
/// Who may sign in.
pub const USER: &str = "me";
/// A number that no user of the machine has.
const ID: u32 = 20_001;
/// Outside the world's folder, which is nobody's but root's.
const HOME: &str = "/run/home/me";
const PROGRAM: &str = "/usr/sbin/sshd";

/// Whether the program is there; without it a world has no login node.
#[must_use]
pub fn installed() -> bool {
    Path::new(PROGRAM).exists()
}

/// Where the files are: `host`, `id` and `ssh_config` among them.
#[must_use]
pub fn folder(world: &Path) -> PathBuf {
    world.join("login")
}

/// Starts the node; it runs as long as the world.
///
/// # Errors
/// When it does not listen, with its own words.
pub async fn start(world: &Path) -> io::Result<Part> {
    let folder = folder(world);
    fsx::create_dir_all(&folder)?;
    for key in ["host", "id"] {
        key_pair(&folder.join(key)).await?;
    }
    move_in(&folder).await?;
    let known = format!("{HOST} {}", fsx::read_text(&folder.join("host.pub"))?);
    fsx::replace(&folder.join("known_hosts"), known.as_bytes())?;
    fsx::replace(&folder.join("ssh_config"), client(&folder).as_bytes())?;
    fsx::replace(&folder.join("sshd_config"), server(&folder).as_bytes())?;
    // Where it puts itself without rights, by a constant path.
    fsx::create_dir_all(Path::new("/run/sshd"))?;
    let config = folder.join("sshd_config").display().to_string();
    let words = ["-D", "-e", "-f", &config].map(str::to_owned);
    let mut node = Part::start(&folder, "sshd", Path::new(PROGRAM), &words)?;
    node.until_it_listens((LOGIN, 22).into()).await?;
    Ok(node)
}

/// Makes the user known to this world only, with a home and the key that opens it. Nobody here has a password, but an
/// account needs a line about one to be open.
async fn move_in(folder: &Path) -> io::Result<()> {
    let users = fsx::read_text(Path::new("/etc/passwd"))?;
    let users = format!("{users}{USER}:x:{ID}:{ID}::{HOME}:/bin/sh\n");
    scratch::replace(Path::new("/etc/passwd"), folder, users.as_bytes()).await?;
    let locks = format!("root:*:20000::::::\n{USER}:*:20000::::::\n");
    scratch::replace(Path::new("/etc/shadow"), folder, locks.as_bytes()).await?;
    let keys = Path::new(HOME).join("authorized_keys");
    fsx::create_dir_all(Path::new(HOME))?;
    fsx::replace(&keys, &fsx::read(&folder.join("id.pub"))?)?;
    std::fs::set_permissions("/run/home", Permissions::from_mode(0o755))?;
    for owned in [Path::new(HOME), &keys] {
        chown(owned, Some(ID), Some(ID))?;
    }
    Ok(())
}

async fn key_pair(path: &Path) -> io::Result<()> {
    run_words(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "world", "-f", &path.display().to_string()])
        .await?;
    Ok(())
}

fn client(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Host {HOST}\n  User {USER}\n  IdentityFile {folder}/id\n  IdentitiesOnly yes\n  BatchMode yes\n  \
         UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n"
    )
}

fn server(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "ListenAddress {LOGIN}\nHostKey {folder}/host\nPidFile none\nAuthorizedKeysFile {HOME}/authorized_keys\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPrintMotd no\n\
         AcceptEnv HF_* NGC_* WANDB_*\nSetEnv SLURM_CONF={CONFIG}\nSubsystem sftp internal-sftp\n"
    )
}
