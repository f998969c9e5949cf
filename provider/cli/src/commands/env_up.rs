//! `mops env up`: the container of this folder runs, from an image that may need a login, with the settings that are asked
//! for. What this run makes and cannot bring up it takes away again; image, logins and home stay (`tests/env_up.rs`, L-18).

mod pulling;
mod registry;
mod requirements;
mod settings;

use std::time::Duration;

use mops_containers::decide::{Action, Found, decide};
use mops_containers::ports::Port;
use mops_containers::spec::{self, Difference, Kind, label};
use mops_containers::{Container, Settings, Trouble};
use mops_core::{Class, Error};
use mops_host::fsx;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::EnvUpArgs;
use crate::containers::{Site, failed, told, unless_canceled};
use crate::exit::{Exit, Failure, Outcome, Sort};

pub(crate) use pulling::PulledLine;

/// The container of a folder runs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EnvironmentLine {
    /// Its name.
    name: String,
    /// Its id.
    id: String,
    /// `created`, `started` or `unchanged`.
    action: &'static str,
    /// The image that it was made from.
    image: String,
    /// The folder of the project.
    folder: String,
    /// `all`, `none` or numbers.
    gpus: String,
    /// Ways in, `ADDRESS:HOST:CONTAINER`.
    ports: Vec<String>,
}

/// So long a container has to run before it counts as up.
const WATCHED: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(100);
/// So many looks for a container that another run makes, which copies an image on some storage.
const MADE: u32 = 600;
/// Lines of a container that has ended.
const LINES: u64 = 20;

/// One run of the verb.
struct Up<'a> {
    app: &'a App,
    args: &'a EnvUpArgs,
    site: Site,
    kind: Kind,
    settings: Settings,
}

pub(crate) fn run(app: &App, args: &EnvUpArgs) -> Outcome {
    settings::no_keys(args)?;
    let requirements = requirements::Wanted::read(args)?;
    app.wait_for(async {
        let site = Site::find(app, &args.name).await?;
        let kind = site.engine.kind().await.map_err(|error| failed(&error, &site.name))?;
        let kind = Kind { no_limits: kind.rootless || is_bound_root(), ..kind };
        let found = site.container().await?;
        let settings = settings::read(app, args, &site, found.as_ref()).await?;
        let up = Up { app, args, site, kind, settings };
        let (container, action) = up.bring(found).await?;
        let outcome = match &requirements {
            Some(wanted) => unless_canceled(app, wanted.install(&up, &container.id)).await,
            None => Ok(()),
        };
        if outcome.is_err() && action == "created" {
            up.take_away(&container.id).await;
        }
        outcome?;
        up.show(&container, action);
        Ok(Exit::Ok)
    })
}

impl Up<'_> {
    /// From what is there to a container that runs.
    async fn bring(&self, mut found: Option<Container>) -> Result<(Container, &'static str), Failure> {
        // Somebody who was faster is seen by the second look.
        for last in [false, true] {
            let made = match self.action(found.as_ref()) {
                Action::Nothing => Ok((found.ok_or_else(gone)?, "unchanged")),
                Action::Refuse(differences) => Err(self.other_settings(&differences)),
                Action::Start => {
                    let id = found.ok_or_else(gone)?.id;
                    self.started(&id).await.map(|container| (container, "started"))
                }
                Action::Create | Action::Recreate => match self.create(found.as_ref()).await? {
                    Some(container) => Ok((container, "created")),
                    None if last => Err(gone()),
                    None => {
                        found = self.of_another_run().await?;
                        continue;
                    }
                },
            };
            return made;
        }
        Err(gone())
    }

    /// The container that another run is making: its name is taken a while before it is there.
    async fn of_another_run(&self) -> Result<Option<Container>, Failure> {
        let clock = mops_host::SystemClock::shared();
        for _ in 0..MADE {
            let found = self.site.container().await?;
            if found.is_some() {
                return Ok(found);
            }
            clock.sleep(BETWEEN).await;
        }
        Ok(None)
    }

    fn action(&self, found: Option<&Container>) -> Action {
        let state = match found {
            None => Found::Absent,
            Some(container) if container.state.running => Found::Running,
            Some(_) => Found::Stopped,
        };
        let differences = found.map(|found| self.settings.differences(&found.labels())).unwrap_or_default();
        decide(state, differences, self.args.asks(), self.args.recreate)
    }

    /// Makes the container and starts it; `None` when another run was faster.
    async fn create(&self, old: Option<&Container>) -> Result<Option<Container>, Failure> {
        self.ports_are_free(old)?;
        unless_canceled(self.app, self.image()).await?;
        if let Some(old) = old {
            self.site.engine.remove(&old.id).await.map_err(|error| failed(&error, &self.site.name))?;
        }
        settings::prepare(self.app, &self.settings)?;
        self.made(self.kind).await
    }

    /// The same without a look at what is there.
    async fn made(&self, kind: Kind) -> Result<Option<Container>, Failure> {
        let (engine, name) = (&self.site.engine, &self.site.name);
        let id = match engine.create(name, &self.settings, kind).await {
            Err(error) if error.is_name_taken() => return Ok(None),
            Err(error) if error.status() == Some(404) => return Err(self.no_image()),
            made => made.map_err(|error| failed(&error, name))?,
        };
        let started = unless_canceled(self.app, async {
            match engine.start(&id).await {
                Err(error) if error.trouble() == Trouble::Limits && !kind.no_limits => Ok(None),
                Err(error) => Err(failed(&error, name)),
                Ok(()) => self.stays_up(&id).await.map(Some),
            }
        })
        .await;
        if !matches!(started, Ok(Some(_))) {
            self.take_away(&id).await;
        }
        if let Some(container) = started? {
            return Ok(Some(container));
        }
        self.app.printer.note("the engine may not raise limits: locked memory and stack stay as it has them");
        Box::pin(self.made(Kind { no_limits: true, ..kind })).await
    }

    /// Starts a container that was there.
    async fn started(&self, id: &str) -> Result<Container, Failure> {
        self.site.engine.start(id).await.map_err(|error| failed(&error, &self.site.name))?;
        self.stays_up(id).await
    }

    /// Looks for a moment whether a container that was started ends.
    async fn stays_up(&self, id: &str) -> Result<Container, Failure> {
        let clock = mops_host::SystemClock::shared();
        for _ in 0..WATCHED {
            clock.sleep(BETWEEN).await;
            let found = self.site.engine.container(id).await.map_err(|error| failed(&error, &self.site.name))?;
            let container = found.ok_or_else(gone)?;
            if !container.state.running || container.state.restarting {
                return Err(self.ended(&container).await);
            }
        }
        self.site.container().await?.ok_or_else(gone)
    }

    async fn ended(&self, container: &Container) -> Failure {
        let state = &container.state;
        let memory = if state.out_of_memory { "; it had used up its memory" } else { "" };
        let text =
            format!("container `{}` ended right after its start with code {}{memory}", self.site.name, state.exit_code);
        let engine = (!state.error.is_empty()).then(|| format!("the engine says: {}", state.error));
        let lines = self.site.last_lines(&container.id, LINES).await;
        told(Sort::Container, "RUN_EXITED", &text, "read its last lines above", engine.into_iter().chain(lines))
    }

    /// What this run made goes; that it could not go is worth a line.
    async fn take_away(&self, id: &str) {
        if let Err(error) = self.site.engine.remove(id).await {
            self.app.printer.note(&format!("the container `{}` could not be removed: {error}", self.site.name));
        }
    }

    /// Before anything is pulled or made. Those of the container that is to go count as free.
    fn ports_are_free(&self, old: Option<&Container>) -> Result<(), Failure> {
        let running = old.filter(|old| old.state.running);
        let own: Vec<Port> = running.map(|old| spec::ports(&old.labels())).unwrap_or_default();
        for port in self.settings.ports.iter().filter(|port| own.iter().all(|own| own.host != port.host)) {
            if let Err(near) = port.free() {
                let other = near.map(|near| Port { host: (port.host.ip(), near).into(), ..*port });
                let hint = other.map_or_else(
                    || "give another one with `--port`".to_owned(),
                    |other| format!("{} is free: `--port {other}`", other.host.port()),
                );
                let text = format!("something else listens at `{}`", port.host);
                return Err(told(Sort::Resource, "RUN_PORT_BUSY", &text, &hint, []));
            }
        }
        Ok(())
    }

    fn other_settings(&self, differences: &[Difference]) -> Failure {
        let text = format!("settings changed: the container `{}` was made with others", self.site.name);
        let error = Error::new(Class::Conflict, text);
        let shown = |one: &Difference| match one.name.strip_prefix("env ") {
            Some(variable) => format!("variable {variable} differs"),
            None => format!("{}: it has {}, and {} is asked for", one.name, one.was, one.wanted),
        };
        let error = differences.iter().fold(error, |error, one| error.note(shown(one)));
        let hint = "`--recreate` replaces it, `mops env up` alone starts it as it is; the folder and its home stay";
        Sort::Config.failed(error.hint(hint))
    }

    fn show(&self, container: &Container, action: &'static str) {
        let labels = container.labels();
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let ports: Vec<String> = spec::ports(&labels).iter().map(Port::to_string).collect();
        let line = EnvironmentLine {
            name: self.site.name.clone(),
            id: container.id.clone(),
            action,
            image: container.image().to_owned(),
            folder: label(label::FOLDER),
            gpus: label(label::GPUS),
            ports: ports.clone(),
        };
        self.app.printer.event(&line);
        let word = if action == "unchanged" { "runs already" } else { "runs" };
        self.app.printer.tell(&format!("{} {word}: {}, GPUs {}", line.name, line.image, line.gpus));
        for port in ports {
            self.app.printer.tell(&format!("port {port}"));
        }
        self.app.printer.hint("`mops env exec` opens a shell in it, `mops env down` stops it");
    }
}

/// Whether we are root and may not raise limits: then an engine of this machine may not either, and one that fails at
/// its start may keep the ports of the container.
fn is_bound_root() -> bool {
    const RAISES_LIMITS: u64 = 1 << 24;
    let status = fsx::read_text(std::path::Path::new("/proc/self/status")).unwrap_or_default();
    let rights = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    rustix::process::geteuid().is_root() && rights.is_some_and(|rights| rights & RAISES_LIMITS == 0)
}

fn gone() -> Failure {
    let error = Error::new(Class::Conflict, "the container was changed by somebody else meanwhile");
    Sort::Container.failed(error.hint("run the same command again"))
}
