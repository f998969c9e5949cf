//! The registry logins.

use serde_json::json;

use super::{Novita, Passwords, refused, told};
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// A registry login as the service keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// The registry.
    pub name: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

pub(super) fn routes() -> Vec<Route<Novita>> {
    const LIST: &str = "names of the public description; passwords as stars";
    vec![
        Route::new("GET", "/gpu-instance/openapi/v1/repository/auths", told(LIST), list),
        Route::new(
            "POST",
            "/gpu-instance/openapi/v1/repository/auth/save",
            told("204 without an id; 400 for a value that is not there or longer than 500"),
            save,
        ),
        Route::new(
            "POST",
            "/gpu-instance/openapi/v1/repository/auth/delete",
            told("200 with `success`; 404 where there is none"),
            delete,
        ),
    ]
}

impl Novita {
    /// Adds a registry login; its id.
    pub fn auth(&self, name: &str, username: &str, password: &str) -> String {
        let mut state = self.state();
        let id = state.next("cra");
        let (name, username, password) = (name.to_owned(), username.to_owned(), password.to_owned());
        state.auths.push(Kept { id: id.clone(), name, username, password });
        id
    }

    /// Takes one away, as somebody else does.
    pub fn forget(&self, id: &str) {
        self.state().auths.retain(|kept| kept.id != id);
    }

    /// All registry logins with their passwords.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        self.state().auths.clone()
    }
}

fn list(novita: &Novita, _: &Call, _: &Params) -> Reply {
    let state = novita.state();
    let shown = |kept: &Kept| match state.passwords {
        Passwords::Masked => "******".to_owned(),
        Passwords::Shared => "not-your-password".to_owned(),
        Passwords::Real => kept.password.clone(),
    };
    let entry =
        |kept: &Kept| json!({"id": kept.id, "name": kept.name, "username": kept.username, "password": shown(kept)});
    Reply::json(200, &json!({"data": state.auths.iter().map(entry).collect::<Vec<_>>()}))
}

fn save(novita: &Novita, call: &Call, _: &Params) -> Reply {
    let body = call.json().unwrap_or_default();
    let text = |name: &str| body[name].as_str().filter(|t| (1..=500).contains(&t.chars().count())).map(str::to_owned);
    let (Some(name), Some(username), Some(password)) = (text("name"), text("username"), text("password")) else {
        return refused(400, "INVALID_PARAM", "name, username and password have 1 to 500 characters");
    };
    if body.as_object().is_none_or(|members| members.len() != 3) {
        return refused(400, "INVALID_PARAM", "unknown field");
    }
    novita.auth(&name, &username, &password);
    Reply::empty(204)
}

fn delete(novita: &Novita, call: &Call, _: &Params) -> Reply {
    let body = call.json().unwrap_or_default();
    let Some(id) = body["id"].as_str() else { return refused(400, "INVALID_PARAM", "id") };
    let mut state = novita.state();
    let before = state.auths.len();
    state.auths.retain(|kept| kept.id != id);
    match state.auths.len() < before {
        true => Reply::json(200, &json!({"success": true})),
        false => refused(404, "NOT_FOUND", "no such auth"),
    }
}
