//! `mops auth login`: a login is shown to its registry first, and kept only if it is taken (`tests/auth_login.rs`, L-01 to
//! L-07). Nothing is written for a login that is refused, or that could not be tried.

use mops_core::{Class, Error, Secret};
use mops_logins::{Kept, Login, Profile, SaveError, Saved};
use mops_wire::Http;
use mops_wire::ngc::{KEYS_PAGE as NGC_PAGE, USER as NGC_USER};
use mops_wire::registry::login::{self, By};
use mops_wire::registry::{Auth, Client, DIRECTORY_SCOPE, Pair, RealmPolicy, Reference, RegistryError, is_azure};
use schemars::JsonSchema;
use serde::Serialize;

use super::registry_host;
use crate::app::App;
use crate::args::LoginArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key::{self, Asked};

/// A login is kept.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LoggedInLine {
    /// The registry.
    host: String,
    /// The user.
    user: String,
    /// What may be shown of the key: its last four characters.
    key: String,
    /// Where the key was read.
    source: String,
    /// How the registry takes it: `token`, `basic`, or `open` when it asks nobody.
    by: &'static str,
    /// Where it is kept.
    places: Vec<String>,
}

/// The user of an identity's token.
const IDENTITY: &str = "the identity of `mops auth status`";

/// A login that was not shown to anybody yet.
struct Given {
    user: String,
    key: Secret<String>,
    source: String,
}

pub(crate) fn run(app: &App, args: &LoginArgs) -> Outcome {
    key::none_of(
        [&args.host, &args.username, &args.org, &args.profile, &args.scope].into_iter().flatten().map(|w| &**w),
    )?;
    let host = registry_host(app, args.host.as_deref())?;
    name_of_file(args.profile.as_deref())?;
    let given = if args.key.identity { None } else { Some(given(app, args, &host)?) };
    let session = app.session(&app.pointed_without_stack()?)?;
    let http = session.http()?;
    app.wait_for(async {
        let asking = Asking { app, args, host: &host, http: &http };
        let given = match given {
            Some(given) => given,
            None => asking.identity(&session).await?,
        };
        let kept = kept(args, &given);
        let by = asking.shown(&kept).await?;
        let profile = Profile { name: args.profile.clone(), org: args.org.clone() };
        let saved = mops_logins::save(&app.env, &session.clock, &host, &kept, args.store.keep(), &profile).await;
        told(app, &host, &given, by, saved.map_err(not_saved)?);
        Ok(Exit::Ok)
    })
}

fn given(app: &App, args: &LoginArgs, host: &str) -> Result<Given, Failure> {
    let ngc = host == mops_logins::ngc_host(&app.env);
    let user = match &args.username {
        Some(user) if user.is_empty() => return Err(Failure::usage("the user is empty", "name one")),
        Some(user) => user.clone(),
        None if ngc => NGC_USER.to_owned(),
        None => {
            let hint = if is_azure(host) {
                "name one with `--username`, or sign in as an identity with `--identity`"
            } else {
                "name one with `--username`"
            };
            return Err(Failure::usage(format!("no user is given for `{host}`"), hint));
        }
    };
    if ngc {
        app.printer.say(&format!("NGC login for {host}: a key is made at {NGC_PAGE}"));
    }
    let usual = mops_logins::usual_key(&app.env, host);
    let asked = Asked { name: if ngc { "NGC API Key" } else { "password" }, usual };
    let (key, source) = key::read(app, &args.key, asked)?;
    Ok(Given { user, key, source })
}

fn kept(args: &LoginArgs, given: &Given) -> Kept {
    match args.key.identity {
        true => Kept::Identity(given.key.clone()),
        false => Kept::Login(Login { username: given.user.clone(), password: given.key.clone() }),
    }
}

/// A profile is the name of a file.
fn name_of_file(profile: Option<&str>) -> Result<(), Failure> {
    let fits = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    match profile.filter(|name| !fits(name)) {
        Some(name) => Err(Failure::usage(format!("`{name}` is no name of a profile"), "letters, digits, `-` and `_`")),
        None => Ok(()),
    }
}

/// What goes to the registry.
struct Asking<'a> {
    app: &'a App,
    args: &'a LoginArgs,
    host: &'a str,
    http: &'a Http,
}

impl Asking<'_> {
    fn client(&self, auth: Auth) -> Result<Client, Failure> {
        let client = Client::new(self.http.clone(), self.host, auth).map_err(Error::from)?;
        let client = client.with_cancel(&self.app.cancel);
        let Some(realm) = &self.args.realm else { return Ok(client) };
        let pair = Pair::new(self.host, realm);
        let pair = pair.ok_or_else(|| Failure::usage(format!("`{realm}` is no realm"), "give an https URL"))?;
        Ok(client.with_realms(RealmPolicy::with([pair])))
    }

    /// A refresh token of an Azure registry for who is signed in.
    async fn identity(&self, session: &crate::session::Session) -> Result<Given, Failure> {
        if !is_azure(self.host) {
            let text = format!("`{}` is no registry of Azure, which alone takes identities", self.host);
            return Err(Failure::usage(text, "give a user and a key"));
        }
        let services = session.provider.services();
        let claims = services.sign_in().await?;
        let token = services.token(DIRECTORY_SCOPE).await?;
        let tenant = claims.tenant.unwrap_or_default();
        let client = self.client(Auth::Anonymous)?.sign_in_with_directory_token(&tenant, &token).await;
        match client.map_err(|error| self.refused(error))?.into_auth() {
            Auth::Refresh(key) => Ok(Given { user: IDENTITY.to_owned(), key, source: "Azure".to_owned() }),
            Auth::Anonymous | Auth::Basic { .. } => Err(Error::new(Class::Bug, "an exchange gave no token").into()),
        }
    }

    /// Shows a login to the registry; how it was taken.
    async fn shown(&self, kept: &Kept) -> Result<&'static str, Failure> {
        let client = self.client(kept.auth())?;
        let (by, challenge) = login::shown(&client).await.map_err(|error| self.refused(error))?;
        if by == By::Open && !self.args.force {
            let text = format!("`{}` asks nobody for a login: what is right and wrong cannot be told", self.host);
            let error = Error::new(Class::Auth, text);
            return Err(failed(error.hint("nothing was written; `--force` keeps the login all the same")));
        }
        if let (Some(scope), Some(challenge)) = (&self.args.scope, &challenge) {
            let reference: Reference = format!("{}/{scope}", self.host).parse().map_err(|_| {
                Failure::usage(format!("`{scope}` is no repository"), "for example `team/image`, without a tag")
            })?;
            client.pull_token(challenge, &reference).await.map_err(|error| self.refused(error))?;
        }
        Ok(by.word())
    }

    /// A login that is refused failed the check; one that could not be shown proves nothing.
    fn refused(&self, error: RegistryError) -> Failure {
        let Some(refusal) = error.refusal().filter(|refusal| matches!(refusal.status, 401 | 403)) else {
            let error = Error::from(error);
            let summary = format!("the login could not be tried: {}", error.summary());
            let hint = error.hint_text().map_or_else(|| NOTHING.to_owned(), |hint| format!("{hint}; {NOTHING}"));
            return Failure::could_not_run(Error::new(error.class(), summary).hint(hint));
        };
        let ngc = self.host == mops_logins::ngc_host(&self.app.env);
        let cause = if ngc { "NGC_KEY_INVALID_OR_EXPIRED" } else { "REGISTRY_CREDENTIAL_REFUSED" };
        let text = format!("{cause}: {refusal}; earlier logins stay as they were");
        let hint = match ngc {
            true => format!("make a new key at {NGC_PAGE}; `mops explain {cause}` says more"),
            false => format!("check user and password; `mops explain {cause}` says more"),
        };
        failed(Error::new(Class::Auth, text).hint(hint))
    }
}

const NOTHING: &str = "nothing was written";

/// The check ran, and failed.
fn failed(error: Error) -> Failure {
    Failure::Error(Exit::Failed, Box::new(error))
}

pub(super) fn not_saved(error: SaveError) -> Failure {
    let hint = match &error {
        SaveError::NoProgram { .. } => "leave out `--store program`, or name one in `credHelpers`",
        SaveError::Program { .. } => "mend the program, or keep the login in files with `--store file`",
        SaveError::File(_) => "mend the file; nothing was changed",
    };
    Failure::could_not_run(Error::new(Class::Conflict, error.to_string()).hint(hint).caused_by(error))
}

fn told(app: &App, host: &str, given: &Given, by: &'static str, saved: Saved) {
    let Saved { places, notes } = saved;
    app.printer.event(&LoggedInLine {
        host: host.to_owned(),
        user: given.user.clone(),
        key: key::masked(&given.key),
        source: given.source.clone(),
        by,
        places: places.clone(),
    });
    app.printer.tell(&format!(
        "logged in to {host} as {} with the key {} from {}",
        given.user,
        key::masked(&given.key),
        given.source
    ));
    app.printer.tell(&format!("authentication complete: kept in {}", named(&places)));
    app.printer.tell("private images can be pulled, where the key has the right to them");
    notes.iter().for_each(|note| app.printer.note(note));
    let check = format!("`mops auth check {host}/IMAGE` says whether one of them can be pulled");
    app.printer.hint(&format!("{check}, `mops env up --image {host}/IMAGE` starts a container from it"));
}

/// Places of this machine, in a sentence.
pub(super) fn named(places: &[String]) -> String {
    places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(" and ")
}
