//! `mops auth rotate novita`: another password for a registry login that Novita keeps. The API changes none, so it is a new
//! login: proven at its registry, created, put into the templates, and only then the old one goes (`tests/rotate_novita.rs`,
//! V-15). A run that was ended anywhere is taken up by the same command.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use mops_clients::novita::{AuthRef, Novita, RegistryAuth};
use mops_core::fingerprint::Fingerprint;
use mops_core::{Class, Error, Secret};
use mops_host::{fsx, random};
use mops_wire::registry::login::{self, By};
use mops_wire::registry::{Auth, Client};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::args::RotateNovitaArgs;
use crate::commands::novita::{client, failure, password, template_file, templates};
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// A registry login of Novita has another password, under another id.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaRotatedLine {
    /// The id that is gone.
    before: String,
    /// The id that took its place.
    after: String,
    /// The templates that name it.
    templates: Vec<String>,
}

/// How far a rotation is.
#[derive(Serialize, Deserialize)]
struct Entry {
    /// The login that is to go.
    before: String,
    /// The ids that existed before another was made.
    known: BTreeSet<String>,
    /// The one that was made.
    after: Option<String>,
    /// By which its password is known again.
    password: Fingerprint,
}

pub(super) fn run(app: &App, args: &RotateNovitaArgs) -> Outcome {
    key::none_of([args.id.as_str()])?;
    let files = templates(app, &args.templates)?;
    let novita = client(app, &args.key)?;
    let password = password(app, &args.password)?;
    let http = app.session(&app.pointed_without_stack()?)?.http()?;
    let journal = app.home()?.join("rotation").join(format!("novita-{}.json", plain(&args.id)));
    let rotation = Rotation { app, novita: &novita, journal };
    app.wait_for(async {
        let users: Vec<PathBuf> = files
            .iter()
            .filter(|(_, one)| one.image_auth == Some(AuthRef::Id(args.id.clone())))
            .map(|(path, _)| path.clone())
            .collect();
        let mut entry = rotation.read()?;
        let all = novita.auths().await.map_err(|error| failure(&novita, error, ""))?;
        let old = all.iter().find(|auth| auth.id == args.id);
        let Some(old) = old else { return rotation.without_old(entry, &args.id, &users).await };
        let registry = Client::new(http.clone(), &old.name, auth(old, &password)).map_err(Error::from)?;
        let registry = registry.with_cancel(&app.cancel);
        prove(&registry, old).await?;
        app.printer.tell(&plan(&args.id, old, &users));
        if args.plan {
            return Ok(Exit::Ok);
        }
        app.asker(&args.id, args.yes).confirm("another login takes the place of")?;
        let entry = entry.get_or_insert_with(|| Entry {
            before: args.id.clone(),
            known: all.iter().map(|auth| auth.id.clone()).collect(),
            after: None,
            password: Fingerprint::new(&random::bytes::<16>(), &password),
        });
        rotation.same_password(entry, &password)?;
        let after = rotation.after(entry, old, &all, &password).await?;
        rotation.move_references(&args.id, &after, &users)?;
        prove(&registry, old).await?;
        rotation.end(&args.id, &after, &users).await
    })
}

fn plan(id: &str, old: &RegistryAuth, users: &[PathBuf]) -> String {
    let names: Vec<String> = users.iter().map(|path| format!("`{}`", path.display())).collect();
    let names = if names.is_empty() { "no template that was given".to_owned() } else { names.join("\n       ") };
    format!(
        "login of {} at Novita, its new password taken by the registry\n  1. make it another login\n  2. name that one in \
         place of `{id}` in\n       {names}\n  3. prove it, then delete `{id}`",
        old.name
    )
}

fn auth(old: &RegistryAuth, password: &Secret<String>) -> Auth {
    Auth::Basic { username: old.username.clone(), password: password.clone() }
}

/// The part of an id that a file name may have.
fn plain(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Nothing is made of a password that its registry does not take.
async fn prove(client: &Client, old: &RegistryAuth) -> Result<(), Failure> {
    let failed = |error: Error| Failure::Error(Exit::Failed, Box::new(error));
    match login::shown(client).await {
        Ok((By::Token | By::Basic, _)) => Ok(()),
        Ok((By::Open, _)) => Err(failed(
            Error::new(Class::Auth, format!("`{}` asks nobody for a login: the password cannot be proven", old.name))
                .hint("nothing was changed"),
        )),
        Err(error) => {
            let error = Error::from(error);
            let text = format!("`{}` does not take the password for `{}`: {}", old.name, old.username, error.summary());
            Err(failed(Error::new(Class::Auth, text).hint("nothing was changed, and the old login is valid")))
        }
    }
}

/// A template in which a login has another id: where it is named, and nowhere else.
fn moved(text: &str, before: &str, after: &str) -> String {
    let line = |line: &str| match line.split_once("imageAuth") {
        Some((head, rest)) => format!("{head}imageAuth{}", rest.replacen(before, after, 1)),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

struct Rotation<'a> {
    app: &'a App,
    novita: &'a Novita,
    journal: PathBuf,
}

impl Rotation<'_> {
    fn read(&self) -> Result<Option<Entry>, Failure> {
        match fsx::read_text(&self.journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(&fsx::reason(&error))),
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|_| self.unusable("it is damaged")),
        }
    }

    /// What an earlier run began it began with one password.
    fn same_password(&self, entry: &Entry, password: &Secret<String>) -> Result<(), Failure> {
        if entry.password.matches(password) {
            return Ok(());
        }
        let text = format!("an earlier run began to put another password in the place of `{}`", entry.before);
        let made = entry.after.as_ref().map(|id| format!(", delete `{id}`")).unwrap_or_default();
        let hint = format!(
            "give that password again; or look at `mops novita auth list`{made} and `{}`",
            self.journal.display()
        );
        Err(Failure::usage(text, hint))
    }

    fn unusable(&self, why: &str) -> Failure {
        let text = format!("`{}` cannot be used: {why}", self.journal.display());
        Failure::could_not_run(
            Error::new(Class::Conflict, text).hint("look at `mops novita auth list`, then delete it"),
        )
    }

    fn write(&self, entry: &Entry) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(entry)
            .map_err(|error| Error::new(Class::Bug, "a journal cannot be written as JSON").caused_by(error))?;
        let folder = self.journal.parent().map_or(Ok(()), fsx::create_dir_all);
        folder.and_then(|()| fsx::replace(&self.journal, &text)).map_err(|error| self.unusable(&fsx::reason(&error)))
    }

    /// The new login: that of an earlier run, else one that is made now.
    async fn after(
        &self,
        entry: &mut Entry,
        old: &RegistryAuth,
        all: &[RegistryAuth],
        password: &Secret<String>,
    ) -> Result<String, Failure> {
        if let Some(after) = entry.after.clone().filter(|id| all.iter().any(|auth| auth.id == *id)) {
            return Ok(after);
        }
        self.write(entry)?;
        let same = |auth: &&RegistryAuth| auth.name == old.name && auth.username == old.username;
        let began = all.iter().filter(same).find(|auth| !entry.known.contains(&auth.id));
        let id = match began {
            Some(made) => made.id.clone(),
            None => {
                let made = self.novita.create_auth(&old.name, &old.username, password).await;
                made.map_err(|error| failure(self.novita, error, ""))?.id
            }
        };
        entry.after = Some(id.clone());
        self.write(entry)?;
        Ok(id)
    }

    /// Only the id changes, and only where a template names its login.
    fn move_references(&self, before: &str, after: &str, users: &[PathBuf]) -> Result<(), Failure> {
        for path in users {
            let text = self.app.read_source(path)?;
            let moved = moved(&text, before, after);
            fsx::replace(path, moved.as_bytes()).map_err(|error| {
                let text = format!("`{}` cannot be written: {}", path.display(), fsx::reason(&error));
                Failure::could_not_run(Error::new(Class::Conflict, text).hint("run the same command again"))
            })?;
            self.app.printer.tell(&format!("`{}` names `{after}`", path.display()));
        }
        Ok(())
    }

    /// The old login goes when nothing names it and the list shows the new one.
    async fn end(&self, before: &str, after: &str, users: &[PathBuf]) -> Outcome {
        let told = |error| failure(self.novita, error, "");
        self.novita.resolve(&AuthRef::Id(after.to_owned())).await.map_err(told)?;
        for path in users {
            if template_file(self.app, path)?.image_auth == Some(AuthRef::Id(before.to_owned())) {
                let text = format!("`{}` still names `{before}`, which stays", path.display());
                let error = Error::new(Class::Conflict, text).hint("have it name the new login, then run it again");
                return Err(Failure::Error(Exit::Failed, Box::new(error)));
            }
        }
        match self.novita.delete_auth(before).await {
            Err(error) if error.is_not_found() => {}
            other => other.map_err(told)?,
        }
        self.close(before, after, users)
    }

    fn close(&self, before: &str, after: &str, users: &[PathBuf]) -> Outcome {
        fsx::remove(&self.journal).map_err(|error| self.unusable(&fsx::reason(&error)))?;
        let templates = users.iter().map(|path| path.display().to_string()).collect();
        let line = NovitaRotatedLine { before: before.to_owned(), after: after.to_owned(), templates };
        self.app.printer.event(&line);
        if !self.app.printer.look().json {
            self.app.printer.data(after);
        }
        self.app.printer.tell(&format!("`{after}` has taken the place of `{before}`, which is gone"));
        self.app.printer.hint("revoke the old password at the registry: Novita does not use it any more");
        Ok(Exit::Ok)
    }

    /// It is gone: an earlier run came so far, or it never was.
    async fn without_old(&self, entry: Option<Entry>, id: &str, users: &[PathBuf]) -> Outcome {
        match entry.and_then(|entry| entry.after) {
            Some(after) => self.close(id, &after, users),
            None => {
                let absent = self.novita.resolve(&AuthRef::Id(id.to_owned())).await;
                match absent {
                    Err(error) => Err(failure(self.novita, error, "")),
                    Ok(_) => Err(self.unusable("the list changed meanwhile")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_moves_where_it_is_named_and_nowhere_else() {
        let text = "image: a\nimageAuth: cra-1   # cra-1\nenvs: [{key: ID, value: cra-1}]\n";
        let want = "image: a\nimageAuth: cra-2   # cra-1\nenvs: [{key: ID, value: cra-1}]\n";
        assert_eq!(moved(text, "cra-1", "cra-2"), want);
        let json = r#"{"imageAuth": {"id": "cra-1"}, "name": "cra-1"}"#;
        assert_eq!(moved(json, "cra-1", "cra-2"), r#"{"imageAuth": {"id": "cra-2"}, "name": "cra-1"}"#);
    }
}
