//! NGC's two gates before a key is written anywhere: `mops ngc fix` and `mops auth rotate ngc` pass them first.

use std::time::Duration;

use mops_core::{Class, Error, Secret};
use mops_diagnose::pullable::{self, Asked, Pull, Pullable};
use mops_diagnose::{Here, Request};
use mops_host::{Env, SharedClock};
use mops_wire::Http;
use mops_wire::ngc::{Api, KEYS_PAGE, NgcError, REGISTRY, USER};
use mops_wire::registry::{Auth, Client, login};

use crate::app::App;
use crate::exit::{Exit, Failure};

/// Causes that lie in the key itself: another one is needed.
const OF_THE_KEY: [&str; 6] = [
    "KEY_MALFORMED",
    "KEY_PLACEHOLDER",
    "NGC_KEY_INVALID_OR_EXPIRED",
    "NGC_KEY_SERVICES",
    "NGC_MODEL_KEY_REFUSED",
    "NGC_MODEL_SCOPE",
];
const LICENCE: &str = "NGC_LICENSE_NOT_ACCEPTED";
/// How often NGC is asked whether a licence is accepted by now.
const POLL: Duration = Duration::from_secs(10);
const CATALOGUE: &str = "https://catalog.ngc.nvidia.com";
const NOTHING: &str = "nothing was written";

/// NGC's two gates, and the key that is shown there.
pub(super) struct Gates<'a> {
    pub(super) app: &'a App,
    pub(super) http: &'a Http,
    pub(super) clock: &'a SharedClock,
    pub(super) key: &'a Secret<String>,
}

impl Gates<'_> {
    /// Ends well when the key is taken at both. Nothing is written for one that is not.
    pub(super) async fn pass(&self, asked: &Asked, wait_license: Duration) -> Result<(), Failure> {
        self.login().await?;
        self.api().await?;
        let clock = self.clock;
        let end = clock.monotonic() + wait_license;
        let mut waited = false;
        loop {
            let looked = self.look(asked).await?;
            let lacking: Vec<&Pullable> = looked.iter().filter(|one| has(one, &[LICENCE])).collect();
            if lacking.is_empty() {
                return self.judged(&looked);
            }
            if !waited {
                self.ask_for(&lacking).await;
            }
            if clock.monotonic() >= end {
                return Err(licence(&lacking, waited));
            }
            waited = true;
            tokio::select! {
                () = clock.sleep(POLL) => {}
                () = self.app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
            }
        }
    }

    /// Whether NGC's registry knows the key at all.
    async fn login(&self) -> Result<(), Failure> {
        let auth = Auth::Basic { username: USER.to_owned(), password: self.key.clone() };
        let client = Client::new(self.http.clone(), REGISTRY, auth).map_err(Error::from)?;
        match login::shown(&client.with_cancel(&self.app.cancel)).await {
            Ok(_) => Ok(()),
            Err(error) => match error.refusal().filter(|refusal| matches!(refusal.status, 401 | 403)) {
                Some(refusal) => Err(refused(&format!("NGC_KEY_INVALID_OR_EXPIRED: {refusal}"))),
                None => Err(unknown(Error::from(error).summary())),
            },
        }
    }

    /// Whether its API knows the key; which models it gets is known only where one is named.
    async fn api(&self) -> Result<(), Failure> {
        match Api::new(self.http.clone()).organisations(self.key).await {
            Err(NgcError::Refused { status: 401, page: false }) => {
                Err(refused("NGC_MODEL_KEY_REFUSED: the gate of models does not know the key (401)"))
            }
            Err(NgcError::Wire(error)) => Err(unknown(&error.to_string())),
            _ => Ok(()),
        }
    }

    /// Looks with this key and no other.
    async fn look(&self, asked: &Asked) -> Result<Vec<Pullable>, Failure> {
        let env = Env::of([("NGC_API_KEY".to_owned(), self.key.expose().clone())]);
        let here = Here { http: self.http.clone(), env, clock: self.clock.clone() };
        let request = Request::new("", "", "");
        tokio::select! {
            looked = pullable::look(&request, &here, asked) => Ok(looked),
            () = self.app.cancel.canceled() => Err(Failure::Told(Exit::Interrupted)),
        }
    }

    fn judged(&self, looked: &[Pullable]) -> Result<(), Failure> {
        for one in looked {
            if let Some(finding) = one.findings.iter().find(|f| OF_THE_KEY.contains(&f.cause_id.as_str())) {
                return Err(refused(&format!("{}: {}", finding.cause_id, finding.message)));
            }
            match one.pull {
                Pull::Public | Pull::WithLogin | Pull::HarmfulLogin => {}
                Pull::Unknown => return Err(unknown(&format!("`{}` gave no answer that tells", one.image))),
                // It is not the key: a wrong path, or a right that its organisation lacks.
                Pull::LoginRequired | Pull::Refused => {
                    let why = one.findings.first().map(|f| format!("{}: {}", f.cause_id, f.message));
                    let why = why.unwrap_or_else(|| "refused".to_owned());
                    self.app.printer.note(&format!("{} is not given with this key: {why}", one.image));
                }
            }
        }
        Ok(())
    }

    /// What a person has to do.
    async fn ask_for(&self, lacking: &[&Pullable]) {
        let organisations = Api::new(self.http.clone()).organisations(self.key).await.unwrap_or_default();
        let names: Vec<String> = organisations.into_iter().map(|one| one.name).collect();
        let whose = if names.is_empty() { "the organisation of the key".to_owned() } else { names.join(", ") };
        for one in lacking {
            self.app.printer.say(&format!("licence of {}: accept it once for {whose}", one.image));
            self.app.printer.say(&format!("  page: {}", page(&one.image)));
        }
    }
}

/// The page of an image in NGC's catalogue.
fn page(image: &str) -> String {
    let path = image.split(['@', ':']).next().unwrap_or(image);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        [org, name] => format!("{CATALOGUE}/orgs/{org}/containers/{name}"),
        [org, team, name] => format!("{CATALOGUE}/orgs/{org}/teams/{team}/containers/{name}"),
        _ => CATALOGUE.to_owned(),
    }
}

fn has(one: &Pullable, causes: &[&str]) -> bool {
    one.findings.iter().any(|finding| causes.contains(&finding.cause_id.as_str()))
}

fn licence(lacking: &[&Pullable], waited: bool) -> Failure {
    let images: Vec<&str> = lacking.iter().map(|one| one.image.as_str()).collect();
    let text = format!("{LICENCE}: {}", images.join(", "));
    let hint = match waited {
        true => "nobody has accepted it in time, or it has not come into effect; nothing was written",
        false => "accept it on the page above, or wait for that with `--wait-license 15m`; nothing was written",
    };
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::Auth, text).hint(hint)))
}

/// The key is not taken.
fn refused(text: &str) -> Failure {
    let hint = format!("make another key at {KEYS_PAGE}; {NOTHING}");
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::Auth, text).hint(hint)))
}

/// Nobody said whether it is.
fn unknown(text: &str) -> Failure {
    let error = Error::new(Class::Transient, format!("the key could not be tried: {text}"));
    Failure::could_not_run(error.hint(format!("`mops ngc check` says more; {NOTHING}")))
}
