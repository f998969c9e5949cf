//! The only file writer.
//!
//! Guarantees three things: a file of ours is 0600 in the call that makes it and is never changed
//! afterwards, a replaced file is either the old or the new one after a crash, and nothing is
//! written through somebody else's link (`tests` below, `tests/files.rs`).

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use mops_core::Secret;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

mod lease;
mod lock;

pub use lease::{Lease, LeaseError, read_lease, remove_lease, renew_lease, take_lease};
pub use lock::{FileLock, Holder, LockError, lock};

const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// The system's own reason.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Somebody else could read or change it.
    #[error("its mode is {mode:03o}; group and others must have no access")]
    NotPrivate {
        /// The mode as found.
        mode: u32,
    },
    /// Another user's file.
    #[error("it belongs to user {owner}, not to you")]
    NotOurs {
        /// The owner as found.
        owner: u32,
    },
    /// A link that another user made, or that leads to another user's file.
    #[error("it is a link that does not belong to you, or leads to something that does not")]
    ForeignLink,
    /// A folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Bytes that are no text.
    #[error("it is not UTF-8 text")]
    NotText,
}

/// Reads a file.
///
/// # Errors
/// The system's reason.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Reads a text file.
///
/// # Errors
/// The system's reason, or `InvalidData` when it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// The system's words without its number.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Reads a secret: a regular file of our own without any bit for group or others. One trailing
/// newline is dropped.
///
/// # Errors
/// See [`FsError`].
pub fn read_private(path: &Path) -> Result<Secret<String>, FsError> {
    let target = through_own_link(path)?;
    // Not blocking, so that a pipe put there does not hang the run; the checks are on the open file.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(&target, flags, Mode::empty()).map_err(io::Error::from)?);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(FsError::NotAFile);
    }
    if found.uid() != us() {
        return Err(FsError::NotOurs { owner: found.uid() });
    }
    if found.mode() & 0o077 != 0 {
        return Err(FsError::NotPrivate { mode: found.mode() & 0o777 });
    }
    let text = io::read_to_string(file).map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => FsError::NotText,
        _ => FsError::Io(e),
    })?;
    let text = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t).to_owned()).unwrap_or(text);
    Ok(Secret::new(text))
}

/// Puts new content in place of the old, whole or not at all, durable when it returns. Mode 0600.
///
/// # Errors
/// The system's reason, or `PermissionDenied` for a foreign link.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = through_own_link(path).map_err(into_io)?;
    let (folder, name) = split(&target)?;
    let directory = open_dir(folder)?;
    let temporary = format!(".{}.{}.tmp", name.to_string_lossy(), crate::random::hex::<8>());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(&directory, temporary.as_str(), flags, PRIVATE)?);
    let done = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(rustix::fs::renameat(&directory, temporary.as_str(), &directory, name)?));
    if done.is_err() {
        // The old file stands; whether the temporary one goes is of no further consequence.
        let _ = rustix::fs::unlinkat(&directory, temporary.as_str(), AtFlags::empty());
    }
    done.and_then(|()| directory.sync_all())
}

/// Removes what [`replace`] left in a folder when its process was killed; only for whoever holds the folder's lock.
///
/// # Errors
/// The system's reason.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(is_unfinished) {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// `.NAME.<16 hexadecimal digits>.tmp`
fn is_unfinished(name: &str) -> bool {
    let tag = name.strip_prefix('.').and_then(|n| n.strip_suffix(".tmp")).and_then(|n| n.rsplit_once('.'));
    tag.is_some_and(|(_, tag)| tag.len() == 16 && tag.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Makes a folder and its parents, 0700 each; a folder that is there keeps its mode.
///
/// # Errors
/// The system's reason.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    match rustix::fs::mkdir(path, Mode::RWXU) {
        // Somebody was faster; a file of that name is found by whoever uses the folder.
        Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => path.parent().map_or(Ok(()), sync_dir),
    }
}

/// Opens a file to append to, made 0600 when absent; links are refused.
///
/// # Errors
/// The system's reason.
pub fn append(path: &Path) -> io::Result<File> {
    open_private(path, OFlags::RDWR | OFlags::APPEND)
}

/// What a file holds from a place on, for one that grows while it is read.
///
/// # Errors
/// The system's reason.
pub fn read_from(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a folder's entries durable.
///
/// # Errors
/// The system's reason.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    open_dir(path)?.sync_all()
}

/// Removes a file; one that is absent is as good.
///
/// # Errors
/// The system's reason.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether a file or folder lies on a network file system, where kernel locks may not hold.
///
/// # Errors
/// The system's reason.
#[cfg(target_os = "linux")]
pub fn is_network_fs(path: &Path) -> io::Result<bool> {
    // NFS, SMB, CIFS, SMB2, Ceph, AFS, 9P, Lustre, GPFS, Coda, and FUSE, behind which anything may be.
    const NETWORK: [u32; 11] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x00c3_6400,
        0x5346_414f,
        0x0102_1997,
        0x0bd0_0bd0,
        0x4750_4653,
        0x7375_7245,
        0x6573_5546,
    ];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "magic numbers have 32 bits")]
    let kind = rustix::fs::statfs(path)?.f_type as u32;
    Ok(NETWORK.contains(&kind))
}

/// Whether a file or folder lies on a network file system; unknown on this system, so no.
#[cfg(not(target_os = "linux"))]
pub fn is_network_fs(_: &Path) -> io::Result<bool> {
    Ok(false)
}

pub(crate) fn open_private(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(CWD, path, flags, PRIVATE)?))
}

fn open_dir(path: &Path) -> io::Result<File> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The path itself, or what it points at when link and target are ours.
fn through_own_link(path: &Path) -> Result<PathBuf, FsError> {
    let is_ours = |found: &Metadata| found.uid() == us();
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            let target = std::fs::canonicalize(path)?;
            let ours = is_ours(&found) && is_ours(&std::fs::metadata(&target)?);
            if ours { Ok(target) } else { Err(FsError::ForeignLink) }
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(path.to_owned()),
    }
}

fn split(path: &Path) -> io::Result<(&Path, &std::ffi::OsStr)> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok((path.parent().unwrap_or(Path::new("")), name))
}

fn into_io(error: FsError) -> io::Error {
    match error {
        FsError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::PermissionDenied, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn replaced_file_is_private_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        create_dir_all(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        let path = folder.join("f");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!((read(&path).unwrap().as_slice(), mode(&path)), (&b"two"[..], 0o600));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let names = [".f.0123456789abcdef.tmp", ".f.tmp", "f.0123456789abcdef.tmp", ".g.0123456789abcdeX.tmp", "f"];
        names.iter().for_each(|name| replace(&dir.path().join(name), b"x").unwrap());
        remove_unfinished(dir.path()).unwrap();
        let left = |name: &&&str| dir.path().join(**name).exists();
        assert_eq!(names.iter().filter(left).count(), names.len() - 1);
        assert!(!dir.path().join(names[0]).exists());
    }

    #[test]
    fn own_link_is_followed_and_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("t"), dir.path().join("l"));
        replace(&target, b"old").unwrap();
        symlink(&target, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(read(&target).unwrap(), b"new");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(append(&link).is_err());
    }

    #[test]
    fn secret_file_must_be_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        replace(&path, b"secret\n\n").unwrap();
        assert_eq!(read_private(&path).unwrap().expose(), "secret\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_private(&path), Err(FsError::NotPrivate { mode: 0o640 })));
        assert!(matches!(read_private(dir.path()), Err(FsError::NotAFile)));
        assert!(matches!(read_private(&dir.path().join("absent")), Err(FsError::Io(_))));
    }

    #[test]
    fn append_adds_and_remove_forgives() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        append(&path).unwrap().write_all(b"a").unwrap();
        append(&path).unwrap().write_all(b"b").unwrap();
        assert_eq!((read_text(&path).unwrap().as_str(), mode(&path)), ("ab", 0o600));
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!is_network_fs(dir.path()).unwrap());
    }
}
