//! The image comes to the engine: the registry is asked first, then the engine is sent with the login that is needed and no
//! other, again where that may help (L-15, L-16).

use std::time::{Duration, Instant};

use mops_containers::pull::{Account, Retries};
use mops_containers::{EngineError, Trouble};
use mops_core::{Class, Error};
use mops_wire::registry::{Auth, Reference};
use schemars::JsonSchema;
use serde::Serialize;

use super::Up;
use super::registry::{Desk, Way};
use crate::args::Pull;
use crate::containers::{failed, told};
use crate::exit::{Failure, Sort};

/// The engine has pulled an image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PulledLine {
    /// The image.
    image: String,
    /// `anonymous` or `login`.
    by: &'static str,
    /// Where the login was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// How often it was tried.
    tries: u32,
}

/// So often somebody who looks is told how far it is.
const BEAT: Duration = Duration::from_millis(200);

impl Up<'_> {
    /// Sees to it that the engine has the image.
    pub(super) async fn image(&self) -> Result<(), Failure> {
        let image = &self.settings.image;
        let there = self.site.engine.has_image(image).await.map_err(|error| failed(&error, image))?;
        match self.args.pull {
            Pull::Missing | Pull::Never if there => Ok(()),
            Pull::Never => Err(self.no_image()),
            Pull::Missing | Pull::Always => self.pull().await,
        }
    }

    pub(super) fn no_image(&self) -> Failure {
        let error = Error::new(Class::NotFound, format!("the engine does not have `{}`", self.settings.image));
        Sort::Image.failed(error.hint("leave out `--pull never`, so that it is pulled"))
    }

    async fn pull(&self) -> Result<(), Failure> {
        let retries =
            Retries::of(&self.app.env).map_err(|text| Failure::usage(text, "it says how often a pull is tried"))?;
        let image: Reference = self.settings.image.parse().map_err(|_| self.no_image())?;
        let desk = Desk::open(self.app, self.args, &image).await?;
        let (auth, place) = self.told(&image, desk.way().await?);
        let clock = mops_host::SystemClock::shared();
        for tried in 1.. {
            let Err((error, known)) = self.once(&image, &auth).await else {
                let by = if matches!(auth, Auth::Anonymous) { "anonymous" } else { "login" };
                self.app.printer.event(&PulledLine { image: image.to_string(), by, place, tries: tried });
                self.app.printer.tell(&format!("pulled {image}"));
                return Ok(());
            };
            let Some(pause) = retries.pause(tried, &error, known.0 > 0, mops_host::random::fraction()) else {
                return Err(self.cause(&desk, &error, known.1).await);
            };
            self.app.printer.note(&format!("{error}; try {} in {:.1} s", tried + 1, pause.as_secs_f64()));
            clock.sleep(pause).await;
        }
        Err(self.no_image())
    }

    /// Says who pulls.
    fn told(&self, image: &Reference, way: Way) -> (Auth, Option<String>) {
        let tell = |how: &str| self.app.printer.tell(&format!("pulling {image} {how}"));
        match way {
            Way::Public => {
                tell("without a login, which it does not need");
                (Auth::Anonymous, None)
            }
            Way::Login(place, auth) => {
                tell(&format!("with the login from `{place}`"));
                (auth, Some(place))
            }
            Way::Unproved(why, auth) => {
                self.app.printer.note(&format!("the registry could not be asked from here: {why}"));
                tell(if matches!(auth, Auth::Anonymous) { "without a login" } else { "with the login that is here" });
                (auth, None)
            }
        }
    }

    /// One try; with the error how many bytes had come, and how many were known of.
    async fn once(&self, image: &Reference, auth: &Auth) -> Result<(), (EngineError, (u64, u64))> {
        let mut stream = self.site.engine.pull(image, auth).await.map_err(|error| (error, (0, 0)))?;
        let (mut account, mut shown) = (Account::default(), None::<Instant>);
        loop {
            let known = account.bytes();
            let part = self.site.engine.next(&mut stream).await.map_err(|error| (error, known))?;
            let Some(bytes) = part else { return account.end().map_err(|error| (error, known)) };
            account.push(&bytes);
            if shown.is_none_or(|at| at.elapsed() > BEAT) {
                shown = Some(Instant::now());
                self.app.printer.passing(&far(account.bytes()));
            }
        }
    }

    /// Why the engine has no image. Of logins and names the registry has the word.
    async fn cause(&self, desk: &Desk<'_>, error: &EngineError, size: u64) -> Failure {
        let image = &self.settings.image;
        let says = [format!("the engine says: {error}")];
        match error.trouble() {
            Trouble::Login | Trouble::NoImage => {}
            Trouble::DiskFull => {
                let text = format!("the engine's disk has no room for `{image}`");
                let needed =
                    (size > 0).then(|| format!("at least {} are needed, and more to unpack them", bytes(size)));
                let hint = "remove what nobody needs (`docker system df` shows it), or give the engine a larger disk";
                return told(Sort::Resource, "ENGINE_DISK_FULL", &text, hint, needed.into_iter().chain(says));
            }
            Trouble::Throttled => {
                let text = format!("the registry gives `{image}` to nobody for now: too many pulls");
                return told(Sort::Image, "RATE_LIMITED", &text, "wait, or log in with `mops auth login HOST`", says);
            }
            Trouble::Network => {
                let text = format!("the engine does not reach the registry of `{image}`");
                let error = says.into_iter().fold(Error::new(Class::Transient, text), Error::note);
                return Sort::Image.failed(error.hint("look at the engine's network and proxy, then run again"));
            }
            _ => return failed(error, image),
        }
        match desk.way().await {
            Err(failure) => failure,
            Ok(Way::Unproved(why, _)) => {
                let text = format!("the engine did not get `{}`", self.settings.image);
                let error = Error::new(Class::Auth, text).note(format!("the engine says: {error}"));
                let error = error.note(format!("the registry could not be asked from here: {why}"));
                let sort = Sort::Image;
                sort.failed(error.hint("check name and tag, and that `mops auth login HOST` takes your login"))
            }
            Ok(_) => desk.only_the_engine(&error.to_string()),
        }
    }
}

fn far((done, all): (u64, u64)) -> String {
    format!("  {} of {} known so far", bytes(done), bytes(all))
}

fn bytes(count: u64) -> String {
    match count {
        0..100_000_000 => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
        _ => format!("{}.{} GB", count / 1_000_000_000, count / 100_000_000 % 10),
    }
}
