//! The engine and the container of the folder that `mops env` is called in, and what an error of the engine means to who
//! called (`tests/env_up.rs`).

use std::future::Future;
use std::path::PathBuf;

use mops_containers::engine::Command;
use mops_containers::stream::{Frames, Stream};
use mops_containers::{Container, Endpoint, Engine, EngineError, Trouble, name, spec::label};
use mops_core::{Class, Error, Secret};
use mops_tokens::envfile::{self, Variables};
use tokio::io::AsyncReadExt as _;

use crate::app::App;
use crate::args::EnvNameArgs;
use crate::exit::{Exit, Failure, Sort};

/// What a shell says of a program that is not there.
const NOT_FOUND: i64 = 127;

/// An engine, a folder, and what the folder's container is called.
pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
}

impl Site {
    /// Greets the engine.
    pub(crate) async fn find(app: &App, args: &EnvNameArgs) -> Result<Self, Failure> {
        let folder = here()?;
        let name = args.name.clone().unwrap_or_else(|| name::of(&folder));
        Ok(Self { engine: engine(app).await?, folder, name })
    }

    /// The container, if there is one; one of somebody else is never touched.
    pub(crate) async fn container(&self) -> Result<Option<Container>, Failure> {
        let found = self.engine.container(&self.name).await.map_err(|error| failed(&error, &self.name))?;
        match found {
            Some(container) if !container.is_ours() => {
                let text = format!("the container `{}` was not made by `mops env`", self.name);
                Err(Sort::Config.failed(Error::new(Class::Conflict, text).hint("take another name with `--name`")))
            }
            found => Ok(found),
        }
    }

    /// The container, which has to run.
    pub(crate) async fn running(&self) -> Result<Container, Failure> {
        let state = match self.container().await? {
            Some(container) if container.state.running => return Ok(container),
            Some(_) => "does not run",
            None => "does not exist",
        };
        let error = Error::new(Class::NotFound, format!("the container `{}` {state}", self.name));
        Err(Sort::Container.failed(error.hint("`mops env up` starts it")))
    }

    /// Runs a command to its end; what it writes goes to `heard`. Its exit code.
    pub(crate) async fn run(
        &self,
        command: &Command,
        mut heard: impl FnMut(Stream, &[u8]),
    ) -> Result<i64, EngineError> {
        let exec = self.engine.exec(&self.name, command).await?;
        let mut attached = match self.engine.attach(&exec, false).await {
            Err(error) if error.trouble() == Trouble::Runtime => {
                heard(Stream::Err, format!("{error}\n").as_bytes());
                return Ok(NOT_FOUND);
            }
            attached => attached?,
        };
        let (mut frames, mut buffer) = (Frames::default(), vec![0_u8; 16 << 10]);
        loop {
            let read = attached.read(&mut buffer).await.map_err(|error| self.broke_off(&error))?;
            frames.push(&buffer[..read]).into_iter().for_each(|(stream, bytes)| heard(stream, &bytes));
            if read == 0 {
                return self.code(&exec).await;
            }
        }
    }

    /// The connection to a command ended before the command.
    pub(crate) fn broke_off(&self, error: &std::io::Error) -> EngineError {
        EngineError::Broken { at: self.engine.at().to_string(), why: mops_host::fsx::reason(error) }
    }

    /// The exit code of a command whose output has ended; the engine may notice that a moment later.
    pub(crate) async fn code(&self, exec: &str) -> Result<i64, EngineError> {
        let clock = mops_host::SystemClock::shared();
        for _ in 0..100 {
            if let Some(code) = self.engine.ended(exec).await? {
                return Ok(code);
            }
            clock.sleep(std::time::Duration::from_millis(50)).await;
        }
        let why = "a command closed its output and goes on".to_owned();
        Err(EngineError::Broken { at: self.engine.at().to_string(), why })
    }

    /// The last lines that the container has written.
    pub(crate) async fn last_lines(&self, id: &str, lines: u64) -> Vec<String> {
        let output = mops_containers::engine::Output { tail: Some(lines), ..Default::default() };
        let Ok(mut stream) = self.engine.logs(id, output).await else { return Vec::new() };
        let (mut frames, mut text) = (Frames::default(), Vec::new());
        while let Ok(Some(bytes)) = self.engine.next(&mut stream).await {
            frames.push(&bytes).into_iter().for_each(|(_, bytes)| text.extend_from_slice(&bytes));
        }
        String::from_utf8_lossy(&text).lines().map(plain).collect()
    }
}

/// A line of a program without what would move the cursor of a terminal.
pub(crate) fn plain(line: &str) -> String {
    line.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

/// `NAME=VALUE`, or `NAME` for the value of this shell.
pub(crate) fn given(app: &App, words: &[String]) -> Result<Variables, Failure> {
    let one = |word: &String| {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if !envfile::is_name(name) {
            return Err(Failure::usage(
                "an `--env` does not begin with the name of a variable",
                "NAME=VALUE, or NAME alone",
            ));
        }
        let unset = || Failure::usage(format!("the variable `{name}` is not set"), "export it, or give NAME=VALUE");
        let value = value.map(Secret::from).or_else(|| app.env.secret(name)).ok_or_else(unset)?;
        Ok((name.to_owned(), value))
    };
    words.iter().map(one).collect()
}

/// The folder that the program was started in.
pub(crate) fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| {
        Failure::usage(
            format!("this folder cannot be used: {}", mops_host::fsx::reason(&error)),
            "change to another one",
        )
    })
}

/// The engine that `DOCKER_HOST` or the usual sockets name.
pub(crate) async fn engine(app: &App) -> Result<Engine, Failure> {
    let at = Endpoint::find(&app.env)?;
    Engine::greet(at.clone()).await.map_err(|error| failed(&error, &at.to_string()))
}

/// A run that Ctrl-C ends.
pub(crate) async fn unless_canceled<T>(
    app: &App,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = app.cancel.canceled() => Err(Error::new(Class::Canceled, "interrupted").into()),
        done = work => done,
    }
}

/// What an error of the engine means. Its word on a login is never taken here.
pub(crate) fn failed(error: &EngineError, target: &str) -> Failure {
    match error {
        EngineError::Unreachable { at, why } => unreachable(at, why),
        EngineError::Broken { .. } => {
            let error = Error::new(Class::Transient, error.to_string());
            Failure::Sorted(Sort::Container, Exit::CouldNotRun, Box::new(error.hint("run the same command to go on")))
        }
        EngineError::Answer { .. } => refused(error, target),
    }
}

fn unreachable(at: &str, why: &str) -> Failure {
    let hint = match why.contains("denied") || why.contains("not permitted") {
        true => "join the group of the socket (`sudo usermod -aG docker $USER`, then log in again), or set DOCKER_HOST",
        false => {
            "start the engine (`sudo systemctl start docker`, or `systemctl --user start podman.socket`), or set DOCKER_HOST"
        }
    };
    let text = format!("ENGINE_UNREACHABLE: no container engine answers at `{at}`: {why}");
    let error = Error::new(Class::Transient, text).hint(format!("{hint}; `mops explain ENGINE_UNREACHABLE` says more"));
    Failure::Sorted(Sort::Container, Exit::CouldNotRun, Box::new(error))
}

fn refused(error: &EngineError, target: &str) -> Failure {
    let (sort, cause, text, hint) = match error.trouble() {
        Trouble::DiskFull => (
            Sort::Resource,
            "ENGINE_DISK_FULL",
            format!("the engine's disk has no room for `{target}`"),
            "remove what nobody needs (`docker system df` shows it), or give the engine a larger disk",
        ),
        Trouble::NoGpu => (
            Sort::Resource,
            "ENGINE_NO_GPU",
            format!("the engine has no GPU for `{target}`"),
            "install driver and container runtime of the GPU, or `mops env up --gpu none`",
        ),
        Trouble::PortBusy => (
            Sort::Resource,
            "RUN_PORT_BUSY",
            format!("a port of `{target}` is taken"),
            "give another one with `--port`",
        ),
        Trouble::Runtime => (
            Sort::Container,
            "RUN_EXITED",
            format!("nothing could be started in `{target}`"),
            "look whether the image has a shell, and is for this kind of processor",
        ),
        _ => (
            Sort::Container,
            "ENGINE_ERROR",
            format!("the engine failed at `{target}`"),
            "read the engine's words and its log",
        ),
    };
    told(sort, cause, &text, hint, [format!("the engine says: {error}")])
}

/// A cause of the catalogue that ends the verb with 1.
pub(crate) fn told(
    sort: Sort,
    cause: &str,
    text: &str,
    hint: &str,
    notes: impl IntoIterator<Item = String>,
) -> Failure {
    let class = if sort == Sort::Auth { Class::Auth } else { Class::Conflict };
    let error = Error::new(class, format!("{cause}: {text}")).hint(format!("{hint}; `mops explain {cause}` says more"));
    sort.failed(notes.into_iter().fold(error, Error::note))
}

/// GPUs that our containers which run have.
pub(crate) async fn claimed(engine: &Engine, but: &str) -> Result<std::collections::BTreeSet<String>, Failure> {
    let all = engine.list().await.map_err(|error| failed(&error, "the list of containers"))?;
    let others = all.iter().filter(|one| one.state == "running" && one.name() != but);
    let gpus: Vec<&str> = others.map(|one| one.label(label::GPUS)).filter(|gpus| *gpus != "none").collect();
    Ok(gpus.iter().flat_map(|gpus| gpus.split(',')).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, message: &str) -> String {
        let error = EngineError::Answer { status, message: message.to_owned(), retry_after: None };
        match failed(&error, "x") {
            Failure::Sorted(sort, exit, error) => format!("{} {} {}", sort.word(), exit.code(), error.summary()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_error_of_the_engine_has_its_cause() {
        for (message, starts) in [
            ("no space left on device", "resource 1 ENGINE_DISK_FULL"),
            ("could not select device driver \"\" with capabilities: [[gpu]]", "resource 1 ENGINE_NO_GPU"),
            ("port is already allocated", "resource 1 RUN_PORT_BUSY"),
            ("OCI runtime create failed", "container 1 RUN_EXITED"),
            ("layer does not exist", "container 1 ENGINE_ERROR"),
            ("unauthorized", "container 1 ENGINE_ERROR"),
        ] {
            assert!(of(500, message).starts_with(starts), "{message}: {}", of(500, message));
        }
        let denied = EngineError::Unreachable { at: "/s".into(), why: "permission denied".into() };
        let Failure::Sorted(Sort::Container, Exit::CouldNotRun, error) = failed(&denied, "x") else { panic!("3") };
        assert!(
            error.summary().starts_with("ENGINE_UNREACHABLE") && error.hint_text().is_some_and(|h| h.contains("group"))
        );
    }
}
