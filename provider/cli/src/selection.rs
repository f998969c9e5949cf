//! Which stack a verb is about: from a stack file, or from the state folder when no file is needed
//! (`tests/cli.rs`).

use std::path::{Path, PathBuf};

use mops_core::{Severity, StackId};
use mops_engine::program::{ExpandOptions, Program, expand};
use mops_engine::stackfile::{self, RegistryAuth, StackFile};
use mops_engine::state;
use mops_host::fsx::reason;

use crate::app::App;
use crate::args::{FileArgs, StackArgs};
use crate::exit::{Exit, Failure};
use crate::pointed::Pointed;

/// A stack file and what it asks for.
pub(crate) struct Target {
    pub(crate) file: StackFile,
    pub(crate) program: Program,
    pub(crate) pointed: Pointed,
}

impl App {
    /// The folder of state and secrets.
    pub(crate) fn home(&self) -> Result<PathBuf, Failure> {
        Ok(self.env.home()?)
    }

    /// Reads and checks a stack file; warnings are shown, errors end the verb.
    pub(crate) fn stack_file(&self, path: &Path) -> Result<StackFile, Failure> {
        let text = self.read_source(path)?;
        let loaded = stackfile::load(&path.display().to_string(), &text);
        match loaded.file {
            Some(file) => {
                self.printer.diagnostics(&loaded.diagnostics, &self.sources.borrow());
                Ok(file)
            }
            None => Err(Failure::Diagnostics(loaded.diagnostics)),
        }
    }

    /// The program of a stack file. What this version does not build is refused with its place.
    pub(crate) fn program(&self, args: &FileArgs) -> Result<Target, Failure> {
        let file = self.stack_file(args.path())?;
        self.target(file, args, None)
    }

    /// The program of a stack file that is read already, with a way to sign in to its registry beside the file's.
    pub(crate) fn target(
        &self,
        file: StackFile,
        args: &FileArgs,
        beside: Option<RegistryAuth>,
    ) -> Result<Target, Failure> {
        let missing = stackfile::unsupported(&file);
        if missing.iter().any(|d| d.severity == Severity::Error) {
            return Err(missing.into());
        }
        self.printer.diagnostics(&missing, &self.sources.borrow());
        let program = self.expand(&file, args.env.as_deref(), beside)?;
        self.say_derived_group(&file, &program);
        let env_file = file.outputs.as_ref().and_then(|o| o.env_file.as_ref()).map(|f| f.value.clone());
        let stack_file = Some(args.path().display().to_string());
        let pointed = Pointed { cloud: file.cloud(), auth: file.azure_auth(), env_file, stack_file };
        Ok(Target { file, program, pointed })
    }

    /// The name of the resource group, when it is not the one that the file spells.
    fn say_derived_group(&self, file: &StackFile, program: &Program) {
        let spelled = file.cluster.as_ref().and_then(|c| c.resource_group.as_ref()).map(|g| g.as_str().to_owned());
        match &program.scope.resource_group {
            Some(group) if spelled.as_ref() != Some(group) => self.printer.note(&format!("resource group `{group}`")),
            _ => {}
        }
    }

    /// What a file asks for.
    pub(crate) fn expand(
        &self,
        file: &StackFile,
        env_name: Option<&str>,
        beside: Option<RegistryAuth>,
    ) -> Result<Program, Failure> {
        let options = ExpandOptions {
            user: self.env.get("USER").map(ToOwned::to_owned),
            env_name: env_name.map(ToOwned::to_owned),
            project: None,
            home: self.env.user_home().map(|h| h.display().to_string()),
            subscription: self.env.get("AZURE_SUBSCRIPTION_ID").map(ToOwned::to_owned),
            beside,
        };
        Ok(expand(file, &options)?)
    }

    /// The stack that a verb without a file is about.
    pub(crate) fn stack(&self, args: &StackArgs) -> Result<(StackId, Option<Pointed>), Failure> {
        if let Some(path) = &args.file {
            let target = self.program(&FileArgs { file: Some(path.clone()), env: args.env.clone() })?;
            return Ok((target.program.stack, Some(target.pointed)));
        }
        Ok((self.stack_in_state(args.env.as_deref())?, None))
    }

    /// The stack of that name, or the only one.
    pub(crate) fn stack_in_state(&self, env_name: Option<&str>) -> Result<StackId, Failure> {
        let all = self.stacks()?;
        let matching: Vec<&StackId> = all.iter().filter(|id| env_name.is_none_or(|name| is_called(id, name))).collect();
        match (matching.as_slice(), env_name) {
            ([one], _) => Ok((*one).clone()),
            ([], Some(name)) => {
                let known: Vec<String> = all.iter().map(|id| format!("`{}/{}`", id.project, id.stack)).collect();
                let hint = if known.is_empty() { NONE.to_owned() } else { format!("stacks are {}", known.join(", ")) };
                Err(Failure::usage(format!("there is no stack `{name}` in this home folder"), hint))
            }
            ([], None) => Err(Failure::usage("there is no stack in this home folder", NONE)),
            (several, _) => {
                let names: Vec<String> = several.iter().map(|id| format!("`{}/{}`", id.project, id.stack)).collect();
                let text = format!("this home folder holds several stacks: {}", names.join(", "));
                Err(Failure::usage(text, "name one with `--env`"))
            }
        }
    }

    /// Every stack of the home folder.
    pub(crate) fn stacks(&self) -> Result<Vec<StackId>, Failure> {
        let home = self.home()?;
        state::list(&home).map_err(|error| {
            let text = format!("`{}` cannot be listed: {}", home.display(), reason(&error));
            Failure::could_not_run(mops_core::Error::new(mops_core::Class::User, text))
        })
    }

    /// The state of a stack, read without its lock.
    pub(crate) fn snapshot(&self, stack: &StackId) -> Result<state::Snapshot, Failure> {
        let home = self.home()?;
        let found = state::read(&home, stack).map_err(Failure::from)?;
        let Some(snapshot) = found else { return Err(state::StateError::NoStack(stack.to_string()).into()) };
        snapshot.notes.iter().for_each(|note| self.printer.note(note));
        Ok(snapshot)
    }
}

const NONE: &str = "`mops infra up FILE` makes one; MODELOPS_HOME says where it is kept";

fn is_called(id: &StackId, name: &str) -> bool {
    match name.split_once('/') {
        Some((project, stack)) => id.project == project && id.stack == stack,
        None => id.stack == name,
    }
}

impl From<state::StateError> for Failure {
    fn from(error: state::StateError) -> Self {
        mops_engine::error::EngineError::from(error).into()
    }
}

impl From<mops_engine::error::EngineError> for Failure {
    fn from(error: mops_engine::error::EngineError) -> Self {
        use mops_engine::error::EngineError;
        let exit = Exit::from(error.exit());
        let hint = error.hint();
        match error {
            EngineError::Refused(found) if exit == Exit::Usage => Self::Diagnostics(found),
            EngineError::Observe(mut all) if !all.is_empty() => Self::Error(exit, Box::new(all.swap_remove(0).1)),
            other => {
                let mut told = mops_core::Error::new(other.class(), other.to_string());
                if let EngineError::OutdatedPlan(all) = &other {
                    told = all.iter().skip(1).fold(told, |told, difference| told.note(difference.clone()));
                }
                if let Some(hint) = hint {
                    told = told.hint(hint);
                }
                Self::Error(exit, Box::new(told))
            }
        }
    }
}
