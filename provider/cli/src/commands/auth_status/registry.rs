//! The logins that this machine has for a registry: each place that keeps one, which one tools take first, and what the
//! registry says of it. A file that is there proves nothing (`tests/auth_status.rs`; L-09, L-12 to L-14, L-17).

use std::time::Duration;

use mops_logins::{Found, Kept};
use mops_wire::Http;
use mops_wire::ngc::{Api, USER as NGC_USER};
use mops_wire::registry::{Client, login};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::AuthStatusArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// Most logins of a host that are tried: a series of refusals can lock a user out.
const TRIED: usize = 3;
/// Longest wait for one registry.
const PATIENCE: Duration = Duration::from_secs(20);
const DAY: u64 = 24 * 60 * 60;

/// What a registry says of the logins that this machine has for it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RegistryLoginsLine {
    /// The registry.
    host: String,
    /// Of the login that tools take first: `valid`, `refused`, `unreachable`, `open` where the registry asks nobody, `not
    /// checked`, or `none`.
    live: &'static str,
    /// In the order in which tools look.
    logins: Vec<LoginView>,
    /// What a person should know.
    warnings: Vec<String>,
}

/// One login.
#[derive(Serialize, JsonSchema)]
struct LoginView {
    /// Where it is kept.
    place: String,
    /// Further places that keep the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    /// The user.
    user: String,
    /// What may be shown of the key: its last four characters.
    key: String,
    /// As `live` of the whole.
    live: &'static str,
    /// NGC: the organisations of the key by their names in paths, where its API says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisations: Option<Vec<String>>,
    /// Of a file: its mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// Of a file: days since it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u64>,
}

pub(super) fn run(app: &App, args: &AuthStatusArgs, host: &str) -> Outcome {
    let session = app.session(&app.pointed_without_stack()?)?;
    let http = session.http()?;
    app.wait_for(async {
        let found = mops_logins::logins(&app.env, host).await;
        let asking = Asking { app, host, http: &http, offline: args.offline };
        let mut logins = Vec::new();
        for (number, (place, kept)) in found.logins.iter().enumerate() {
            logins.push(asking.login(number, place, kept, &found).await?);
        }
        let warnings = warnings(&found, &logins, args.max_age);
        let live = logins.first().map_or("none", |login| login.live);
        let line = RegistryLoginsLine { host: host.to_owned(), live, logins, warnings };
        show(app, &line);
        Ok(match line.live {
            "valid" | "open" | "not checked" => Exit::Ok,
            "unreachable" => Exit::CouldNotRun,
            _ => Exit::Failed,
        })
    })
}

struct Asking<'a> {
    app: &'a App,
    host: &'a str,
    http: &'a Http,
    offline: bool,
}

impl Asking<'_> {
    async fn login(&self, number: usize, place: &str, kept: &Kept, found: &Found) -> Result<LoginView, Failure> {
        let (user, secret) = match kept {
            Kept::Login(login) => (login.username.as_str(), &login.password),
            Kept::Identity(token) => ("an identity", token),
        };
        let asks = !self.offline && number < TRIED;
        let live = if asks { self.live(kept).await? } else { "not checked" };
        let organisations = match asks && live == "valid" && user == NGC_USER {
            true => self.organisations(secret).await,
            false => None,
        };
        let facts = std::fs::metadata(place).ok();
        let also = found.repeats.iter().filter(|(_, first)| first == place).map(|(other, _)| other.clone());
        Ok(LoginView {
            place: place.to_owned(),
            also: also.collect(),
            user: user.to_owned(),
            key: key::masked(secret),
            live,
            organisations,
            mode: facts.as_ref().map(mode),
            days: facts.and_then(|facts| Some(facts.modified().ok()?.elapsed().ok()?.as_secs() / DAY)),
        })
    }

    /// What the registry says of it.
    async fn live(&self, kept: &Kept) -> Result<&'static str, Failure> {
        let client = Client::new(self.http.clone(), self.host, kept.auth()).map_err(mops_core::Error::from)?;
        let client = client.with_cancel(&self.app.cancel).with_limits(PATIENCE, 2);
        let shown = login::shown(&client).await;
        if self.app.cancel.is_canceled() {
            return Err(Failure::Told(Exit::Interrupted));
        }
        Ok(match shown {
            Ok((login::By::Open, _)) => "open",
            Ok(_) => "valid",
            Err(error) if error.refusal().is_some_and(|r| matches!(r.status, 401 | 403)) => "refused",
            Err(_) => "unreachable",
        })
    }

    async fn organisations(&self, key: &mops_core::Secret<String>) -> Option<Vec<String>> {
        let all = Api::new(self.http.clone()).organisations(key).await.ok()?;
        Some(all.into_iter().map(|one| one.name).collect())
    }
}

fn mode(facts: &std::fs::Metadata) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    format!("{:03o}", facts.permissions().mode() & 0o777)
}

fn warnings(found: &Found, logins: &[LoginView], max_age: u64) -> Vec<String> {
    let mut all: Vec<String> = found.troubles().collect();
    for login in logins {
        if login.mode.as_ref().is_some_and(|mode| !mode.ends_with("00")) {
            all.push(format!(
                "`{}` can be read by others: `chmod 600` it, and log out where the machine is shared",
                login.place
            ));
        }
        if let Some(days) = login.days.filter(|days| *days > max_age) {
            all.push(format!(
                "`{}` was written {days} days ago: make a new key, log in with it, revoke the old one",
                login.place
            ));
        }
    }
    all
}

fn show(app: &App, line: &RegistryLoginsLine) {
    let look = app.printer.look();
    if look.json {
        app.printer.object(line);
        return;
    }
    let mut text = format!("{}: {}\n", line.host, told(line.live));
    line.logins.iter().for_each(|login| text += &login.text());
    app.printer.data(&text);
    line.warnings.iter().for_each(|warning| app.printer.note(warning));
    match line.live {
        "none" | "refused" => app.printer.hint(&format!("`mops auth login {}` logs in", line.host)),
        _ => app.printer.hint(&format!("a login says nothing of an image: `mops auth check {}/IMAGE` does", line.host)),
    }
}

impl LoginView {
    fn text(&self) -> String {
        let age = self.days.map(|days| if days == 0 { "today".to_owned() } else { format!("{days} days ago") });
        let facts: Vec<String> = self.mode.iter().map(|mode| format!("mode {mode}")).chain(age).collect();
        let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        let mut text = format!("  {} {}: {}\n    {}{facts}\n", self.user, self.key, self.live, self.place);
        self.also.iter().for_each(|place| text += &format!("    the same in {place}\n"));
        if let Some(all) = self.organisations.as_ref().filter(|all| !all.is_empty()) {
            text += &format!("    organisations: {}\n", all.join(", "));
        }
        text
    }
}

fn told(live: &str) -> &str {
    match live {
        "none" => "no login is kept here",
        "open" => "the registry asks nobody for a login, so nothing is known of it",
        other => other,
    }
}
