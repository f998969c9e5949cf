//! The registry logins that Novita keeps: listed, found by their exact id, created and deleted.

use std::collections::BTreeSet;

use mops_core::{Secret, nearest};
use mops_wire::Response;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use super::client::{Call, Novita};
use super::error::{NovitaError, Subject};
use super::limits;
use super::template::AuthRef;

const LIST: &str = "/v1/repository/auths";
const SAVE: &str = "/v1/repository/auth/save";
const DELETE: &str = "/v1/repository/auth/delete";
/// Most ids that are suggested.
const NEAREST: usize = 3;

/// A registry login.
#[derive(Clone, Debug)]
pub struct RegistryAuth {
    /// Its id; upper and lower case count.
    pub id: String,
    /// The registry, as it was given.
    pub name: String,
    /// The user.
    pub username: String,
    /// What the service gives as the password, mostly a mask.
    pub password: Option<Secret<String>>,
}

/// A registry login that was found, among all of them.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The one.
    pub auth: RegistryAuth,
    /// All that the account has.
    pub all: Vec<RegistryAuth>,
}

impl RegistryAuth {
    /// In one line, without its password.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} ({}, user {})", self.id, self.name, self.username)
    }
}

impl Novita {
    /// All registry logins.
    ///
    /// # Errors
    /// See [`NovitaError`].
    pub async fn auths(&self) -> Result<Vec<RegistryAuth>, NovitaError> {
        Ok(self.auths_and_certificate().await?.0)
    }

    /// The same, and when the certificate of the host ends.
    ///
    /// # Errors
    /// See [`NovitaError`].
    pub async fn auths_and_certificate(&self) -> Result<(Vec<RegistryAuth>, Option<OffsetDateTime>), NovitaError> {
        let answer = self.ask_auths(LIST, None, &[]).await?;
        let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
        let entries = json.as_ref().and_then(|json| json["data"].as_array());
        let read = entries.and_then(|entries| entries.iter().map(entry).collect::<Option<Vec<_>>>());
        let all = read.ok_or_else(|| NovitaError::Answer {
            what: "registry auths",
            status: answer.status.as_u16(),
            detail: self.quoted(&answer),
        })?;
        Ok((all, answer.certificate_ends))
    }

    /// The registry login that a template names.
    ///
    /// # Errors
    /// [`NovitaError::AuthNotFound`] with the nearest, [`NovitaError::Several`] for a name that several have.
    pub async fn resolve(&self, wanted: &AuthRef) -> Result<Resolved, NovitaError> {
        let all = self.auths().await?;
        Ok(Resolved { auth: find(&all, wanted)?, all })
    }

    /// Creates one and finds out its id, which the service does not tell: it is what the list has more than before.
    ///
    /// # Errors
    /// See [`NovitaError`].
    pub async fn create_auth(
        &self,
        name: &str,
        username: &str,
        password: &Secret<String>,
    ) -> Result<RegistryAuth, NovitaError> {
        limits::auth(name, username, password)?;
        let before: BTreeSet<String> = self.auths().await?.into_iter().map(|auth| auth.id).collect();
        let body = json!({"name": name, "username": username, "password": password.expose()});
        let sent = self.ask_auths(SAVE, Some(&body), &[password]).await;
        let lost = match sent {
            Err(error) if error.may_be_done() => Some(error),
            other => other.map(|_| None)?,
        };
        let listed = match (self.auths().await, lost) {
            (Ok(listed), lost) => (listed, lost),
            (Err(error), _) => return Err(unsettled(name, error)),
        };
        match (added(&before, listed.0, name, username), listed.1) {
            (Ok(auth), _) => Ok(auth),
            // A lost answer, and nothing there: it was not done, and is not tried again without being asked.
            (Err(NovitaError::NotListed), Some(lost)) => Err(lost),
            (Err(error), _) => Err(error),
        }
    }

    /// Deletes one.
    ///
    /// # Errors
    /// See [`NovitaError`]; [`NovitaError::is_not_found`] where there is none.
    pub async fn delete_auth(&self, id: &str) -> Result<(), NovitaError> {
        let sent = self.ask_auths(DELETE, Some(&json!({"id": id})), &[]).await;
        match sent {
            // The list tells what a lost answer did not.
            Err(error) if error.may_be_done() && !self.auths().await?.iter().any(|auth| auth.id == id) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn ask_auths(
        &self,
        path: &str,
        body: Option<&Json>,
        secrets: &[&Secret<String>],
    ) -> Result<Response, NovitaError> {
        self.send(Call { subject: Subject::Auths, path, query: &[], body, secrets }).await
    }
}

fn unsettled(name: &str, source: NovitaError) -> NovitaError {
    NovitaError::Unsettled { name: name.to_owned(), source: Box::new(source) }
}

fn entry(json: &Json) -> Option<RegistryAuth> {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let id = text("id").or_else(|| json["id"].as_u64().map(|id| id.to_string())).filter(|id| !id.is_empty())?;
    Some(RegistryAuth {
        id,
        name: text("name").unwrap_or_default(),
        username: text("username").unwrap_or_default(),
        password: text("password").filter(|password| !password.is_empty()).map(Secret::from),
    })
}

/// The one that came in between; of several the one that has name and user as they were sent.
fn added(
    before: &BTreeSet<String>,
    listed: Vec<RegistryAuth>,
    name: &str,
    username: &str,
) -> Result<RegistryAuth, NovitaError> {
    let new: Vec<RegistryAuth> = listed.into_iter().filter(|auth| !before.contains(&auth.id)).collect();
    let own: Vec<&RegistryAuth> = new.iter().filter(|auth| auth.name == name && auth.username == username).collect();
    match (own.as_slice(), new.as_slice()) {
        ([one], _) => Ok((*one).clone()),
        ([], [one]) => Ok(one.clone()),
        (_, []) => Err(NovitaError::NotListed),
        _ => Err(NovitaError::Several(new.iter().map(RegistryAuth::shown).collect())),
    }
}

fn find(all: &[RegistryAuth], wanted: &AuthRef) -> Result<RegistryAuth, NovitaError> {
    let (by, text) = match wanted {
        AuthRef::Id(id) => ("ID", id),
        AuthRef::Name(name) => ("name", name),
    };
    let of = |auth: &RegistryAuth| match wanted {
        AuthRef::Id(_) => auth.id.clone(),
        AuthRef::Name(_) => auth.name.clone(),
    };
    let found: Vec<&RegistryAuth> = all.iter().filter(|auth| of(auth) == *text).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let nearest = near(text, &all.iter().map(of).collect::<Vec<_>>());
            Err(NovitaError::AuthNotFound { by, wanted: text.clone(), nearest })
        }
        several => Err(NovitaError::Several(several.iter().map(|auth| auth.shown()).collect())),
    }
}

fn near(wanted: &str, known: &[String]) -> Vec<String> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let told = |one: &str| match one.eq_ignore_ascii_case(wanted) {
        true => format!("{one} (upper and lower case differ)"),
        false => one.to_owned(),
    };
    nearest::by_nearness(wanted, &known, NEAREST).into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(id: &str, name: &str, username: &str) -> RegistryAuth {
        RegistryAuth { id: id.to_owned(), name: name.to_owned(), username: username.to_owned(), password: None }
    }

    #[test]
    fn v_02_only_the_exact_id_is_found() {
        let all = [auth("cra-7f31", "a.io", "u"), auth("cra-7f13", "b.io", "u"), auth("other", "b.io", "v")];
        assert_eq!(find(&all, &AuthRef::Id("cra-7f13".into())).unwrap().id, "cra-7f13");
        let error = find(&all, &AuthRef::Id("CRA-7f31".into())).unwrap_err();
        assert_eq!(error.to_string(), "Registry authentication not found for ID `CRA-7f31`");
        assert!(error.hint().unwrap().contains("cra-7f31 (upper and lower case differ)"), "{error:?}");
        assert!(
            matches!(find(&all, &AuthRef::Name("b.io".into())), Err(NovitaError::Several(found)) if found.len() == 2)
        );
        assert_eq!(find(&all, &AuthRef::Name("a.io".into())).unwrap().id, "cra-7f31");
    }

    #[test]
    fn v_03_the_new_id_is_what_the_list_has_more() {
        let before = BTreeSet::from(["1".to_owned()]);
        let of = |listed: &[(&str, &str, &str)]| {
            let listed = listed.iter().map(|(id, name, user)| auth(id, name, user)).collect();
            added(&before, listed, "a.io", "u").map(|auth| auth.id)
        };
        assert_eq!(of(&[("1", "a.io", "u"), ("2", "a.io", "u")]).unwrap(), "2");
        assert_eq!(of(&[("1", "a.io", "u"), ("2", "https://a.io", "u")]).unwrap(), "2");
        assert_eq!(of(&[("2", "b.io", "w"), ("3", "a.io", "u")]).unwrap(), "3", "somebody else made one too");
        assert!(
            matches!(of(&[("2", "a.io", "u"), ("3", "a.io", "u")]), Err(NovitaError::Several(found)) if found.len() == 2)
        );
        assert!(matches!(of(&[("1", "a.io", "u")]), Err(NovitaError::NotListed)));
    }
}
