//! `mops infra passphrase rotate`: seals every secret of a state with a new passphrase (`tests/passphrase.rs`).

use std::io::IsTerminal as _;

use mops_core::{Class, Error, Secret};
use mops_engine::state::{NewPhrase, Rotated};
use mops_host::fsx;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::RotateArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key::piped;

/// The secrets of a state are sealed with a new passphrase.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RotatedLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// How many there are; equal ones count once.
    sealed: usize,
    /// The file of a generated passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// How to give a phrase without a terminal.
const FLAGS: &str = "give `--new-passphrase-file FILE` (`-` for standard input) or `--generate`";

pub(crate) fn run(app: &App, args: &RotateArgs) -> Outcome {
    let (stack, _) = app.stack(&args.stack)?;
    app.wait_for(async {
        // Asked for before the lock is taken: nobody waits for somebody who types.
        let new = new_phrase(app, args)?;
        let mut store = app.open(&stack, None, args.lock.pace()).await?;
        let rotated = store.rotate_passphrase(new).await?;
        app.printer.event(&RotatedLine {
            stack: stack.to_string(),
            sealed: rotated.sealed,
            file: rotated.file.as_ref().map(|f| f.display().to_string()),
        });
        if store.snapshot().salt.is_none() {
            app.printer.tell(&format!("stack {stack} holds no secret yet: there is nothing to seal anew"));
            app.printer.hint("the passphrase that is set at the next `mops infra up` seals the first one");
            return Ok(Exit::Ok);
        }
        app.printer.tell(&format!("{} secrets of stack {stack} are sealed with the new passphrase", rotated.sealed));
        app.printer.note("copies made elsewhere (backups, exports) still open with the old one");
        app.printer.hint(&next(args, &rotated));
        Ok(Exit::Ok)
    })
}

/// What the user has to do so that the next run finds the phrase.
fn next(args: &RotateArgs, rotated: &Rotated) -> String {
    match (&rotated.file, rotated.variable, &args.new_passphrase_file) {
        (Some(file), Some(variable), _) => {
            format!("unset {variable}, which still names the old one; the new one is in `{}`", file.display())
        }
        (Some(file), None, _) => format!("keep a copy of `{}`: without it nobody opens these secrets", file.display()),
        (None, _, Some(file)) if file.as_os_str() != "-" => {
            format!("set PULUMI_CONFIG_PASSPHRASE_FILE={} for every run", file.display())
        }
        (None, ..) => "set PULUMI_CONFIG_PASSPHRASE to the new one for every run".into(),
    }
}

fn new_phrase(app: &App, args: &RotateArgs) -> Result<NewPhrase, Failure> {
    if args.generate {
        return Ok(NewPhrase::Generated);
    }
    let phrase = match &args.new_passphrase_file {
        Some(path) if path.as_os_str() == "-" => piped("new passphrase", FLAGS)?,
        Some(path) => {
            let path = app.env.path(&path.display().to_string());
            fsx::read_private(&path).map_err(|error| {
                let text = format!("the passphrase file `{}` cannot be used: {error}", path.display());
                Error::new(Class::User, text)
                    .hint("it must be your own file without rights for others: `chmod 600 FILE`")
            })?
        }
        None if std::io::stdin().is_terminal() => typed(app)?,
        None => return Err(Failure::usage("there is no new passphrase, and nobody can be asked here", FLAGS)),
    };
    if phrase.expose().is_empty() {
        return Err(Failure::usage("the new passphrase is empty", FLAGS));
    }
    Ok(NewPhrase::Given(phrase))
}

fn typed(app: &App) -> Result<Secret<String>, Failure> {
    let first = app.ask_hidden("new passphrase: ")?;
    if app.ask_hidden("once more: ")? == first {
        return Ok(first);
    }
    Err(Failure::usage("the two passphrases differ", "run it again"))
}
