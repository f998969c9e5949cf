//! What the registry itself says of an image before the engine is sent for it, and after the engine came back without: who
//! gets it, with which login, or why nobody does. The engine's words prove nothing of this.

use mops_core::{Class, Error};
use mops_logins::Kept;
use mops_wire::Http;
use mops_wire::registry::{Auth, Client, LICENCE, Reference, Refusal, RegistryError, login};

use crate::app::App;
use crate::args::EnvUpArgs;
use crate::containers::told;
use crate::exit::{Failure, Sort};

/// How an image is to be had.
pub(super) enum Way {
    /// By anybody.
    Public,
    /// With a login, from that place.
    Login(String, Auth),
    /// The registry could not be asked from here; the engine may reach it.
    Unproved(String, Auth),
}

/// One image and what this machine has for its registry.
pub(super) struct Desk<'a> {
    app: &'a App,
    image: &'a Reference,
    http: Http,
    logins: Vec<(String, Kept)>,
}

impl<'a> Desk<'a> {
    pub(super) async fn open(app: &'a App, args: &EnvUpArgs, image: &'a Reference) -> Result<Self, Failure> {
        let http = app.session(&app.pointed_without_stack()?)?.http()?;
        let host = image.registry();
        let mut logins = match args.anonymous {
            true => Vec::new(),
            false => mops_logins::logins(&app.env, host).await.logins,
        };
        if let Some(profile) = &args.profile {
            logins.retain(|(place, _)| place.ends_with(&format!("profiles/{profile}")));
            if logins.is_empty() {
                let text = format!("there is no profile `{profile}` with a key for `{host}`");
                return Err(Failure::usage(text, format!("`mops auth login --profile {profile}` makes one")));
            }
        }
        Ok(Self { app, image, http, logins })
    }

    fn client(&self, auth: Auth) -> Result<Client, Failure> {
        let client = Client::new(self.http.clone(), self.image.registry(), auth).map_err(Error::from)?;
        Ok(client.with_cancel(&self.app.cancel))
    }

    /// Asks as nobody first: a login that is not needed is sent to nobody.
    pub(super) async fn way(&self) -> Result<Way, Failure> {
        let stranger = match self.client(Auth::Anonymous)?.manifest(self.image).await {
            Ok(_) => return Ok(Way::Public),
            Err(error) => error,
        };
        let Some(refusal) = no(&stranger) else { return self.unproved(stranger) };
        let mut first = None;
        for (place, kept) in &self.logins {
            match self.client(kept.auth())?.manifest(self.image).await {
                Ok(_) => return Ok(Way::Login(place.clone(), kept.auth())),
                Err(error) => match no(&error) {
                    Some(refusal) => first = first.or_else(|| Some((place, kept, refusal.clone()))),
                    None => return self.unproved(error),
                },
            }
        }
        match first {
            Some((place, kept, refusal)) => Err(self.refused(place, kept, &refusal).await),
            None => Err(self.needs_login(refusal)),
        }
    }

    /// A registry that wants its logins sent to a stranger gets none, neither from here nor from the engine.
    fn unproved(&self, error: RegistryError) -> Result<Way, Failure> {
        if matches!(error, RegistryError::Realm(_)) {
            return Err(Sort::Auth.failed(error.into()));
        }
        let auth = self.logins.first().map_or(Auth::Anonymous, |(_, kept)| kept.auth());
        Ok(Way::Unproved(Error::from(error).summary().to_owned(), auth))
    }

    fn needs_login(&self, refusal: &Refusal) -> Failure {
        let host = self.image.registry();
        if refusal.status == 404 {
            return self.not_found(refusal);
        }
        let text = format!("`{}` is not given to strangers, and there is no login for `{host}` here", self.image);
        told(Sort::Auth, "NOT_LOGGED_IN", &text, &format!("`mops auth login {host}` makes one"), said(refusal))
    }

    fn not_found(&self, refusal: &Refusal) -> Failure {
        let text = format!("`{}` has no `{}`", self.image.registry(), self.image);
        let whole = refusal.code.as_deref() == Some("NAME_UNKNOWN");
        let cause = if whole { "REPOSITORY_NOT_FOUND" } else { "TAG_NOT_FOUND" };
        told(Sort::Image, cause, &text, "check name and tag", said(refusal))
    }

    /// Why a login that is here does not get the image.
    async fn refused(&self, place: &str, kept: &Kept, refusal: &Refusal) -> Failure {
        let host = self.image.registry();
        let ngc = host == mops_logins::ngc_host(&self.app.env);
        if refusal.status == 404 {
            return self.not_found(refusal);
        }
        if ngc && refusal.message.as_deref().is_some_and(|message| message.contains(LICENCE)) {
            let text = format!("the licence of `{}` is not accepted by the organisation of the key", self.image);
            let hint = format!("accept it at {}", page(self.image));
            return told(Sort::Auth, "NGC_LICENSE_NOT_ACCEPTED", &text, &hint, said(refusal));
        }
        if self.is_bad(kept).await {
            let cause = if ngc { "NGC_KEY_INVALID_OR_EXPIRED" } else { "REGISTRY_CREDENTIAL_REFUSED" };
            let text = format!("`{host}` refuses the login from `{place}`");
            return told(Sort::Auth, cause, &text, &format!("`mops auth login {host}` makes a new one"), said(refusal));
        }
        // NGC answers a wrong name, a missing right and a licence alike: which one it is takes more than this answer.
        let text = format!("`{host}` takes the login from `{place}` and does not give `{}`", self.image);
        let hint = format!("`mops auth check {}` tells a wrong name from a missing right", self.image);
        told(Sort::Auth, "REGISTRY_REFUSED", &text, &hint, said(refusal))
    }

    /// Whether the registry refuses the login for everything.
    async fn is_bad(&self, kept: &Kept) -> bool {
        let Ok(client) = self.client(kept.auth()) else { return false };
        let Ok(greeting) = client.greet().await else { return false };
        let taken = login::taken(&client, greeting.challenge.as_ref()).await;
        taken.is_err_and(|error| error.refusal().is_some_and(|refusal| matches!(refusal.status, 401 | 403)))
    }

    /// The registry gives here what the engine says that it did not get.
    pub(super) fn only_the_engine(&self, words: &str) -> Failure {
        let text =
            format!("the engine did not get `{}`, which `{}` gives from here", self.image, self.image.registry());
        let error = Error::new(Class::Auth, text).note(format!("the engine says: {words}"));
        Sort::Image.failed(error.hint("look at the engine's proxy, mirrors and clock: they differ from those here"))
    }
}

/// An answer that says no, for good.
fn no(error: &RegistryError) -> Option<&Refusal> {
    error.refusal().filter(|refusal| !refusal.html && matches!(refusal.status, 401..=404 | 451))
}

fn said(refusal: &Refusal) -> Vec<String> {
    let words = refusal.message.as_ref().map(|message| format!("the registry says: {message}"));
    std::iter::once(refusal.to_string()).chain(words).collect()
}

/// The page of an image in NGC's catalogue.
fn page(image: &Reference) -> String {
    let mut parts = image.repository().split('/');
    let org = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    match rest.as_slice() {
        [name] => format!("https://catalog.ngc.nvidia.com/orgs/{org}/containers/{name}"),
        [team, name] => format!("https://catalog.ngc.nvidia.com/orgs/{org}/teams/{team}/containers/{name}"),
        _ => "https://catalog.ngc.nvidia.com".to_owned(),
    }
}
