//! The settings that are asked for, and the folder that they need.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use mops_containers::gpu::{self, Gpus, Idle};
use mops_containers::spec::{Restart, label};
use mops_containers::{Container, Endpoint, Settings};
use mops_core::{Class, Error};
use mops_host::fsx;
use mops_host::proc::Command;
use mops_tokens::envfile::{self, Variables};
use mops_wire::registry::Reference;

use crate::app::App;
use crate::args::EnvUpArgs;
use crate::containers::{Site, claimed, given};
use crate::exit::{Failure, Sort};
use crate::key;

/// What `mops env up` starts from without `--image`.
const IMAGE: &str = "nvcr.io/nvidia/pytorch:25.12-py3";
const MOUNT: &str = "/workspace";
const SHM: u64 = 16 << 30;
/// The vendor's tool, which says what the GPUs do.
const TOOL: &str = "nvidia-smi";

/// A key on the command line is in the shell's history.
pub(super) fn no_keys(args: &EnvUpArgs) -> Result<(), Failure> {
    let words = [&args.image, &args.profile, &args.name.name].into_iter().flatten();
    key::none_of(words.chain(&args.env).map(String::as_str))
}

/// With the GPUs that the container has, where they were chosen when it was made.
pub(super) async fn read(
    app: &App,
    args: &EnvUpArgs,
    site: &Site,
    found: Option<&Container>,
) -> Result<Settings, Failure> {
    let gpus = match (args.auto_gpu, found.and_then(|found| found.labels().get(label::GPUS).cloned())) {
        (Some(_), Some(had)) if !args.recreate => Gpus::parse(&had).unwrap_or(Gpus::All),
        (Some(count), _) => idle(app, site, count).await?,
        (None, _) => args.gpu.clone().unwrap_or(Gpus::All),
    };
    let own = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    Ok(Settings {
        image: whole(args.image.as_deref().unwrap_or(IMAGE))?,
        folder: site.folder.clone(),
        mount_at: args.mount_at.clone().unwrap_or_else(|| MOUNT.to_owned()),
        ports: args.port.clone(),
        gpus,
        env: variables(app, args)?,
        memory: args.memory,
        nano_cpus: args.cpus,
        shm: args.shm_size.unwrap_or(SHM),
        user: (!args.no_user_mapping).then_some(own),
        home: site.folder.join(".mops/home"),
        restart: args.restart.unwrap_or(Restart::UnlessStopped),
    })
}

/// An image with its registry and a tag or digest, so that no engine has to guess.
fn whole(image: &str) -> Result<String, Failure> {
    let reference: Reference = image
        .parse()
        .map_err(|_| Failure::usage(format!("`{image}` is no image"), "for example nvcr.io/acme/model:1"))?;
    let named = reference.tag().is_some() || reference.digest().is_some();
    Ok(if named { reference.to_string() } else { format!("{reference}:latest") })
}

fn variables(app: &App, args: &EnvUpArgs) -> Result<Variables, Failure> {
    let mut found = Variables::new();
    for file in &args.env_file {
        let path = app.env.path(&file.display().to_string());
        let name = path.display();
        let text = fsx::read_text(&path).map_err(|error| {
            Failure::usage(
                format!("`{name}` cannot be read: {}", fsx::reason(&error)),
                "check the path and its permissions",
            )
        })?;
        let (more, twice) = envfile::parse(&text).map_err(|wrong| {
            Failure::usage(format!("`{name}`: {wrong}"), "lines are NAME=VALUE, with quotes round blanks")
        })?;
        twice.iter().for_each(|twice| app.printer.note(&format!("`{name}` has {twice} twice; the last one counts")));
        found.extend(more);
    }
    found.extend(given(app, &args.env)?);
    let mut names = BTreeSet::new();
    let mut last: Variables = found.into_iter().rev().filter(|(name, _)| names.insert(name.clone())).collect();
    last.sort_by(|a, b| a.0.cmp(&b.0));
    if !last.is_empty() {
        app.printer.note("who may speak to the engine can read the variables of a container");
    }
    Ok(last)
}

/// The home folder of who runs inside.
pub(super) fn prepare(app: &App, settings: &Settings) -> Result<(), Failure> {
    if settings.user.is_none() {
        return Ok(());
    }
    let folder = settings.folder.join(".mops");
    let new = !folder.exists();
    let linked = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    if linked(&folder) || linked(&settings.home) {
        return Err(Failure::usage(format!("`{}` leads elsewhere", settings.home.display()), "remove the link"));
    }
    fsx::create_dir_all(&settings.home).map_err(|error| {
        let text = format!("`{}` cannot be made: {}", settings.home.display(), fsx::reason(&error));
        Failure::usage(text, "`--no-user-mapping` needs no home folder")
    })?;
    if new && settings.folder.join(".git").exists() {
        app.printer.note("`.mops` is the home folder inside; it belongs into `.gitignore`");
    }
    Ok(())
}

/// Idle GPUs of this machine.
async fn idle(app: &App, site: &Site, count: usize) -> Result<Gpus, Failure> {
    let limits = Idle::of(&app.env).map_err(|text| Failure::usage(text, "set it to a number, or unset it"))?;
    if let Endpoint::Loopback(_) = site.engine.at() {
        let text = "the engine is reached by a port and may be on another machine, whose GPUs are not seen here";
        return Err(Failure::usage(text, "name the GPUs with `--gpu`"));
    }
    let command = Command {
        program: TOOL.to_owned(),
        args: gpu::QUESTION.map(str::to_owned).to_vec(),
        env: app.env.only(&["PATH"]),
        stdin: None,
        timeout: Duration::from_secs(20),
        max_output: 1 << 20,
    };
    let printed = command
        .run_checked()
        .await
        .map_err(|error| no_gpu(&error.to_string(), "`--gpu all` leaves the choice to the engine"))?;
    let found = gpu::idle(&String::from_utf8_lossy(&printed.stdout), limits, &claimed(&site.engine, &site.name).await?);
    if found.len() < count {
        let text = format!("{} of {count} GPUs are idle and not given to another container of ours", found.len());
        return Err(no_gpu(
            &text,
            "`mops env ls` shows who has them; MLENV_GPU_UTIL_THRESHOLD and MLENV_GPU_MIN_FREE_MEM set the limits",
        ));
    }
    let chosen: Vec<String> = found.into_iter().take(count).collect();
    app.printer.note(&format!("GPU {} was idle", chosen.join(",")));
    Ok(Gpus::These(chosen))
}

fn no_gpu(text: &str, hint: &str) -> Failure {
    Sort::Resource.failed(Error::new(Class::Conflict, text).hint(hint))
}
