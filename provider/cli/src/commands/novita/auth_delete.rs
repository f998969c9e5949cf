//! `mops novita auth delete`: has Novita forget a registry login that no template refers to (`tests/novita.rs`, V-03).

use std::path::{Path, PathBuf};

use mops_clients::novita::{AuthRef, NovitaError, Template};
use mops_host::fsx::reason;
use schemars::JsonSchema;
use serde::Serialize;

use super::{client, failure, template_file};
use crate::app::App;
use crate::args::NovitaAuthDeleteArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// Novita has forgotten a registry login.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaAuthDeletedLine {
    /// Its id.
    id: String,
    /// Whether it was there.
    existed: bool,
}

pub(super) fn run(app: &App, args: &NovitaAuthDeleteArgs) -> Outcome {
    key::none_of([args.id.as_str()])?;
    let templates = templates(app, &args.templates)?;
    let novita = client(app, &args.key)?;
    app.wait_for(async {
        let names = match templates.iter().any(|(_, one)| matches!(one.image_auth, Some(AuthRef::Name(_)))) {
            true => novita.auths().await.map_err(|error| failure(&novita, error, ""))?,
            false => Vec::new(),
        };
        let name = names.iter().find(|auth| auth.id == args.id).map(|auth| auth.name.as_str());
        refuse_while_used(&templates, &args.id, name)?;
        let existed = match novita.delete_auth(&args.id).await {
            Ok(()) => true,
            Err(error) if error.is_not_found() && args.idempotent => false,
            Err(error) if error.is_not_found() => return Err(failure(&novita, absent(&novita, &args.id).await, "")),
            Err(error) => return Err(failure(&novita, error, "")),
        };
        app.printer.event(&NovitaAuthDeletedLine { id: args.id.clone(), existed });
        app.printer.tell(&match existed {
            true => format!("Novita has forgotten `{}`", args.id),
            false => format!("there was no `{}`", args.id),
        });
        Ok(Exit::Ok)
    })
}

/// With the nearest ids, when the list can be had.
async fn absent(novita: &mops_clients::novita::Novita, id: &str) -> NovitaError {
    let wanted = AuthRef::Id(id.to_owned());
    match novita.resolve(&wanted).await {
        Err(error) => error,
        Ok(_) => NovitaError::AuthNotFound { by: "ID", wanted: id.to_owned(), nearest: Vec::new() },
    }
}

fn refuse_while_used(templates: &[(PathBuf, Template)], id: &str, name: Option<&str>) -> Result<(), Failure> {
    let refers = |template: &Template| match &template.image_auth {
        Some(AuthRef::Id(own)) => own == id,
        Some(AuthRef::Name(own)) => Some(own.as_str()) == name,
        None => false,
    };
    let users: Vec<String> =
        templates.iter().filter(|(_, one)| refers(one)).map(|(path, _)| format!("`{}`", path.display())).collect();
    if users.is_empty() {
        return Ok(());
    }
    let error = mops_core::Error::new(
        mops_core::Class::Conflict,
        format!("`{id}` is not deleted: {} refers to it", users.join(", ")),
    );
    Err(Failure::Error(Exit::Failed, Box::new(error.hint("have them name another login first"))))
}

/// The templates of files and folders; one that cannot be read is an error, since it may refer to the login.
pub(in crate::commands) fn templates(app: &App, given: &[PathBuf]) -> Result<Vec<(PathBuf, Template)>, Failure> {
    let mut all = Vec::new();
    for path in given {
        let path = app.env.path(&path.display().to_string());
        for file in files(&path)? {
            let template = template_file(app, &file)?;
            all.push((file, template));
        }
    }
    Ok(all)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unread = |error: &std::io::Error| {
        Failure::usage(format!("`{}` cannot be read: {}", path.display(), reason(error)), "check the path")
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| unread(&error))? {
        let file = entry.map_err(|error| unread(&error))?.path();
        if file.is_file() && ["yaml", "yml", "json"].iter().any(|end| file.extension().is_some_and(|e| e == *end)) {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}
