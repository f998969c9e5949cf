//! Keeping a login on this machine and forgetting it: in the program that docker asks for the host, else in docker's file;
//! a key of NGC in mlenv's file as well. Both places change or none (`tests`, `tests/auth_login.rs`).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::{Env, SharedClock, fsx};
use mops_probe::dockerconfig::Login;

use crate::docker::{self, Config};
use crate::edit::{self, Malformed};
use crate::file::{self, FileError};
use crate::mlenv::{self, Current};
use crate::{Kept, ngc_files, program};

/// Where a login is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Where docker would: its program for the host, else its file.
    AsDocker,
    /// In a program, or not at all.
    Program,
    /// In files.
    File,
}

/// What goes into mlenv's file beside the key.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The profile; what is in use when there is none.
    pub name: Option<String>,
    /// The organisation.
    pub org: Option<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A credential program.
    #[error("`docker-credential-{name}` does not do its work: {words}")]
    Program {
        /// Its name in the docker config.
        name: String,
        /// What it did.
        words: String,
    },
    /// A program is wanted and none is named.
    #[error("`{}` names no credential program for this host", path.display())]
    NoProgram {
        /// The docker config.
        path: PathBuf,
    },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The places, in the words of the user's machine.
    pub places: Vec<String>,
    /// What is different from what was asked.
    pub notes: Vec<String>,
}

/// Keeps a login for a host; that of a profile beside the one in use, which stays.
///
/// # Errors
/// [`SaveError`]; then every place is as it was.
pub async fn save(
    env: &Env,
    clock: &SharedClock,
    host: &str,
    kept: &Kept,
    keep: Keep,
    profile: &Profile,
) -> Result<Saved, SaveError> {
    let path = file::path(env)?;
    let _lock = file::lock(&path, clock).await?;
    let mut saved = Saved::default();
    if let (Some(_), Kept::Login(login)) = (&profile.name, kept) {
        // Docker has one login a host, and that is the one in use.
        let current = Current { key: Some(&login.password), registry: host, org: profile.org.as_deref() };
        saved.places.push(mlenv_file(env, profile, &current)?.display().to_string());
        return Ok(saved);
    }
    let mut docker = Docker::read(env, host, &path)?;
    let in_program = docker.save(kept, keep, &mut saved).await?;
    let Kept::Login(Login { password, .. }) = kept else { return Ok(saved) };
    if host != ngc_files::host(env) {
        return Ok(saved);
    }
    let key = (!in_program).then_some(password);
    let current = Current { key, registry: host, org: profile.org.as_deref() };
    match mlenv_file(env, profile, &current) {
        Ok(path) => saved.places.push(path.display().to_string()),
        Err(error) => {
            docker.restore().await;
            return Err(error.into());
        }
    }
    Ok(saved)
}

fn mlenv_file(env: &Env, profile: &Profile, current: &Current<'_>) -> Result<PathBuf, FileError> {
    let path = mlenv::path(env, profile.name.as_deref())?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    fsx::create_dir_all(folder).map_err(|why| FileError::Io { path: folder.to_owned(), why })?;
    file::write(&path, &mlenv::put(&file::text(&path)?, current)).map(|()| path)
}

/// The docker config as it was found, for one host.
struct Docker<'a> {
    env: &'a Env,
    key: &'a str,
    path: &'a Path,
    text: String,
    program: Option<String>,
    /// What the program had, once it was given another login.
    overwritten: Option<Option<Kept>>,
}

impl<'a> Docker<'a> {
    fn read(env: &'a Env, host: &'a str, path: &'a Path) -> Result<Self, SaveError> {
        let text = file::text(path)?;
        let key = docker::key(host);
        let config: Config = match text.trim().is_empty() {
            true => Config::default(),
            false => serde_json::from_str(&text).map_err(|error| {
                let why = if error.is_data() { Malformed::Form } else { Malformed::Line(error.line()) };
                FileError::Malformed { path: path.to_owned(), why }
            })?,
        };
        let program = config.program(key).map(str::to_owned);
        Ok(Self { env, key, path, text, program, overwritten: None })
    }

    /// Says whether a program has it now.
    async fn save(&mut self, kept: &Kept, keep: Keep, saved: &mut Saved) -> Result<bool, SaveError> {
        let named = self.program.clone();
        let named = match keep {
            Keep::Program => Some(named.ok_or_else(|| SaveError::NoProgram { path: self.path.to_owned() })?),
            Keep::AsDocker => named,
            Keep::File => None,
        };
        let mut entry = Vec::new();
        let mut in_program = false;
        if let Some(name) = &named {
            self.in_program(name, kept).await?;
            in_program = self.in_program_now(name).await.as_ref() == Some(kept);
            saved.places.push(program::program(name));
        }
        if !in_program {
            entry = self.entry(kept);
            saved.places.push(self.path.display().to_string());
        }
        if let (false, Some(name)) = (in_program, &self.program) {
            let name = program::program(name);
            saved.notes.push(match named {
                Some(_) => format!("`{name}` gives back another login than it was given: the file has it as well"),
                None => format!("docker asks `{name}` for this host, and not the file"),
            });
        }
        let members: Vec<(&str, &str)> = entry.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let put = edit::put(&self.text, self.key, &members);
        let put = put.map_err(|why| FileError::Malformed { path: self.path.to_owned(), why });
        match put.and_then(|text| file::write(self.path, &text)) {
            Ok(()) => Ok(in_program),
            Err(error) => {
                self.restore().await;
                Err(error.into())
            }
        }
    }

    async fn in_program(&mut self, name: &str, kept: &Kept) -> Result<(), SaveError> {
        let before = self.in_program_now(name).await;
        let stored = program::store(self.env, name, self.key, kept, program::TIMEOUT).await;
        stored.map_err(|words| SaveError::Program { name: name.to_owned(), words })?;
        self.overwritten = Some(before);
        Ok(())
    }

    /// A store may keep less of a password than it was given.
    async fn in_program_now(&self, name: &str) -> Option<Kept> {
        program::get(self.env, name, self.key, program::TIMEOUT).await.1
    }

    fn entry(&self, kept: &Kept) -> Vec<(&'static str, String)> {
        match kept {
            Kept::Login(Login { username, password }) => {
                vec![("auth", STANDARD.encode(format!("{username}:{}", password.expose())))]
            }
            Kept::Identity(token) => {
                let nobody = format!("{NOBODY}:");
                vec![("auth", STANDARD.encode(nobody)), ("identitytoken", token.expose().clone())]
            }
        }
    }

    /// Puts back what was there.
    async fn restore(&self) {
        if let (Some(name), Some(before)) = (&self.program, &self.overwritten) {
            let _ = match before {
                Some(kept) => program::store(self.env, name, self.key, kept, program::TIMEOUT).await,
                None => program::erase(self.env, name, self.key, program::TIMEOUT).await,
            };
        }
        let _ = match self.text.is_empty() {
            true => fsx::remove(self.path),
            false => fsx::replace(self.path, self.text.as_bytes()),
        };
    }
}

/// The user of an identity token, who is nobody.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Forgets the login of a host wherever this machine keeps one; gives the places that had it. A program that does not do
/// its work leaves the files as they are, so that the user sees that there still is a login.
///
/// # Errors
/// [`SaveError`].
pub async fn forget(env: &Env, clock: &SharedClock, host: &str, profile: &Forget) -> Result<Vec<String>, SaveError> {
    let mut places = Vec::new();
    if !matches!(profile, Forget::Profile(_)) {
        for path in docker::files(env).into_iter().flatten().filter(|path| path.exists()) {
            places.extend(forget_docker(env, clock, host, &path).await?);
        }
    }
    if host == ngc_files::host(env) {
        for path in profile.files(env)? {
            places.extend(forget_mlenv(&path)?);
        }
    }
    Ok(places)
}

/// Which of mlenv's files are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forget {
    /// What is in use.
    Current,
    /// One profile, and nothing else.
    Profile(String),
    /// All of them.
    All,
}

impl Forget {
    fn files(&self, env: &Env) -> Result<Vec<PathBuf>, FileError> {
        let one = |name: Option<&str>| mlenv::path(env, name);
        Ok(match self {
            Self::Current => vec![one(None)?],
            Self::Profile(name) => vec![one(Some(name))?],
            Self::All => [vec![one(None)?], ngc_files::profiles(&one(None)?.with_file_name("profiles"))].concat(),
        })
    }
}

async fn forget_docker(env: &Env, clock: &SharedClock, host: &str, path: &Path) -> Result<Vec<String>, SaveError> {
    let _lock = file::lock(path, clock).await?;
    let docker = Docker::read(env, host, path)?;
    let mut places = Vec::new();
    if let Some(name) = &docker.program {
        let had = program::get(env, name, docker.key, program::TIMEOUT).await.1.is_some();
        let erased = program::erase(env, name, docker.key, program::TIMEOUT).await;
        erased.map_err(|words| SaveError::Program { name: name.clone(), words })?;
        places.extend(had.then(|| program::program(name)));
    }
    let removed = edit::remove(&docker.text, docker.key);
    let removed = removed.map_err(|why| FileError::Malformed { path: path.to_owned(), why })?;
    if let Some(text) = removed {
        file::write(path, &text)?;
        places.push(path.display().to_string());
    }
    Ok(places)
}

fn forget_mlenv(path: &Path) -> Result<Option<String>, FileError> {
    let text = file::text(path)?;
    if text.is_empty() {
        return Ok(None);
    }
    match mlenv::remove(&text) {
        Some(rest) => file::write(path, &rest)?,
        None => fsx::remove(path).map_err(|why| FileError::Io { path: path.to_owned(), why })?,
    }
    Ok(Some(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fsx::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fsx::replace(&self.path(name), text.as_bytes()).unwrap();
        }

        fn text(&self, name: &str) -> String {
            file::text(&self.path(name)).unwrap()
        }

        /// A program that keeps what it is given in a file, and does what `also` says before that.
        fn program(&self, also: &str) {
            let script = format!(
                "#!/bin/sh\nf={}/kept\n{also}\ncase $1 in\nstore) cat > $f;;\nget) if test -f $f; then cat $f; else echo \
                 'credentials not found in native keychain'; exit 1; fi;;\nerase) rm -f $f;;\nesac\n",
                self.0.path().display()
            );
            self.write("bin/docker-credential-kept", &script);
            let mode = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(self.path("bin/docker-credential-kept"), mode).unwrap();
        }

        fn env(&self) -> Env {
            let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
            Env::of([("HOME", self.0.path().to_str().unwrap()), ("PATH", path.as_str())])
        }

        async fn save(&self, host: &str, keep: Keep) -> Result<Saved, SaveError> {
            let login = Login { username: "u".into(), password: "canary".into() };
            let clock = mops_host::SystemClock::shared();
            save(&self.env(), &clock, host, &Kept::Login(login), keep, &Profile::default()).await
        }

        async fn forget(&self, host: &str) -> Result<Vec<String>, SaveError> {
            forget(&self.env(), &mops_host::SystemClock::shared(), host, &Forget::Current).await
        }
    }

    const CONFIG: &str = ".docker/config.json";
    const MLENV: &str = ".mlenv/config";

    #[tokio::test]
    async fn a_login_is_found_where_it_was_put_and_nowhere_afterwards() {
        for (config, program) in [("", false), (r#"{"credsStore": "kept"}"#, true)] {
            let home = Home::new();
            home.program("");
            home.write(CONFIG, config);
            for host in ["reg.io", "nvcr.io"] {
                home.save(host, Keep::AsDocker).await.unwrap();
                assert_eq!(home.text(CONFIG).contains("auth\""), !program, "{config}");
                assert_eq!(home.text("kept").contains("canary"), program);
                let found = crate::logins(&home.env(), host).await.logins;
                let Kept::Login(login) = &found[0].1 else { panic!("{found:?}") };
                assert_eq!(login.password.expose(), "canary");
                assert_eq!(home.text(MLENV).contains("canary"), host == "nvcr.io" && !program);
                assert!(!home.forget(host).await.unwrap().is_empty());
                assert_eq!(crate::logins(&home.env(), host).await.logins, []);
                assert_eq!(home.forget(host).await.unwrap(), [""; 0], "a second time there is nothing");
            }
            let all = home.text(CONFIG) + &home.text(MLENV) + &home.text("kept");
            assert!(!all.contains("canary") && !all.contains("dTpj"), "{all}");
        }
    }

    #[tokio::test]
    async fn what_a_program_cuts_off_is_in_the_file_as_well() {
        let home = Home::new();
        home.program("test $1 = store && { sed s/canary/can/ > $f; exit; }");
        home.write(CONFIG, r#"{"credsStore": "kept"}"#);
        let saved = home.save("reg.io", Keep::AsDocker).await.unwrap();
        assert_eq!((saved.places.len(), saved.notes.len()), (2, 1), "{saved:?}");
        assert!(home.text(CONFIG).contains("auth\""));
    }

    #[tokio::test]
    async fn a_program_that_fails_leaves_everything_as_it_was() {
        for also in ["exit 7", "echo canary; echo canary >&2; exit 1"] {
            let home = Home::new();
            home.program(also);
            home.write(CONFIG, r#"{"credsStore": "kept"}"#);
            let error = home.save("nvcr.io", Keep::AsDocker).await.unwrap_err().to_string();
            assert!(error.starts_with("`docker-credential-kept` does not do its work: it ended with"), "{error}");
            assert!(!error.contains("canary"), "{error}");
            assert_eq!((home.text(CONFIG).as_str(), home.path(MLENV).exists()), (r#"{"credsStore": "kept"}"#, false));
            home.write(MLENV, "[CURRENT]\napikey = k\n");
            home.forget("nvcr.io").await.unwrap_err();
            assert_eq!(home.text(MLENV), "[CURRENT]\napikey = k\n", "what is left stays to be seen");
        }
    }

    #[tokio::test]
    async fn a_second_file_that_cannot_be_written_undoes_the_first() {
        for config in ["", r#"{"credsStore": "kept"}"#, r#"{"auths": {"nvcr.io": {"auth": "b2xkOm9sZA=="}}}"#] {
            let home = Home::new();
            home.program("");
            home.write(CONFIG, config);
            home.write(".mlenv", "a file in the place of the folder");
            home.save("nvcr.io", Keep::AsDocker).await.unwrap_err();
            assert_eq!((home.text(CONFIG).as_str(), home.path("kept").exists()), (config, false));
        }
    }

    #[tokio::test]
    async fn a_login_that_a_program_had_is_there_again_when_the_second_file_fails() {
        for keep in [Keep::AsDocker, Keep::File] {
            let home = Home::new();
            home.program("");
            home.write(CONFIG, r#"{"credsStore": "kept"}"#);
            let old = r#"{"ServerURL":"nvcr.io","Username":"u","Secret":"old"}"#;
            home.write("kept", old);
            home.write(".mlenv", "a file in the place of the folder");
            home.save("nvcr.io", keep).await.unwrap_err();
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(read(&home.text("kept")), read(old), "{keep:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_config_stays_as_it_is() {
        let home = Home::new();
        home.write(CONFIG, "{ // mine\n}");
        let error = home.save("reg.io", Keep::AsDocker).await.unwrap_err().to_string();
        assert!(error.ends_with("config.json` cannot be changed: line 1 is not JSON"), "{error}");
        assert_eq!(home.text(CONFIG), "{ // mine\n}");
    }

    #[tokio::test]
    async fn where_a_program_is_wanted_there_must_be_one() {
        let error = Home::new().save("reg.io", Keep::Program).await.unwrap_err().to_string();
        assert!(error.ends_with("config.json` names no credential program for this host"), "{error}");
    }

    /// Many at once, as machines that are set up by scripts do it: each keeps the others' (R21).
    #[test]
    fn fifty_at_once_are_fifty() {
        let home = Home::new();
        home.write(CONFIG, r#"{"HttpHeaders": {"a": "b"}}"#);
        let one = |i: usize| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(home.save(&format!("r{i}.io"), Keep::AsDocker)).unwrap();
        };
        std::thread::scope(|scope| (0..50).for_each(|i| drop(scope.spawn(move || one(i)))));
        let read: serde_json::Value = serde_json::from_str(&home.text(CONFIG)).unwrap();
        assert_eq!((read["auths"].as_object().unwrap().len(), read["HttpHeaders"]["a"].as_str()), (50, Some("b")));
    }
}
