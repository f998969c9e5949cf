//! `mops env logs`: what the container of this folder has written. A key that this machine has for a registry is never
//! shown, whatever a program printed (`tests/env_up.rs`).

use mops_containers::engine::Output;
use mops_containers::stream::{Frames, Stream};
use mops_core::Secret;
use mops_logins::Kept;
use mops_wire::registry::Reference;

use super::env_exec::pass;
use crate::app::App;
use crate::args::EnvLogsArgs;
use crate::containers::{Site, failed, unless_canceled};
use crate::exit::{Exit, Failure, Outcome, Sort};

/// Shorter ones are in too many words.
const SHORTEST: usize = 8;

pub(crate) fn run(app: &App, args: &EnvLogsArgs) -> Outcome {
    app.wait_for(async {
        let site = Site::find(app, &args.name).await?;
        let Some(container) = site.container().await? else {
            let error = mops_core::Error::new(
                mops_core::Class::NotFound,
                format!("the container `{}` does not exist", site.name),
            );
            return Err(Sort::Container.failed(error.hint("`mops env up` makes it")));
        };
        let mask = Mask::of(app, container.image()).await;
        let now = mops_host::SystemClock::shared().now().unix_timestamp();
        let since = args.since.map(|since| now.saturating_sub_unsigned(since.as_secs()));
        let output = Output { follow: args.follow, tail: args.tail, since };
        unless_canceled(app, copy(app, &site, &container.id, output, mask)).await?;
        Ok(Exit::Ok)
    })
}

async fn copy(app: &App, site: &Site, id: &str, output: Output, mask: Mask) -> Result<(), Failure> {
    let wrong = |error| failed(&error, &site.name);
    let mut stream = site.engine.logs(id, output).await.map_err(wrong)?;
    let (mut frames, mut lines) = (Frames::default(), [Vec::new(), Vec::new()]);
    while let Some(bytes) = site.engine.next(&mut stream).await.map_err(wrong)? {
        for (stream, bytes) in frames.push(&bytes) {
            let rest = &mut lines[usize::from(stream == Stream::Err)];
            rest.extend_from_slice(&bytes);
            // Whole lines only: a key that is cut in two would not be known.
            if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
                let whole: Vec<u8> = rest.drain(..=end).collect();
                pass(app, stream, &mask.over(&whole));
            }
        }
    }
    let [out, err] = lines;
    for (stream, rest) in [(Stream::Out, out), (Stream::Err, err)] {
        if !rest.is_empty() {
            pass(app, stream, &mask.over(&rest));
        }
    }
    Ok(())
}

/// What is not to be shown.
pub(super) struct Mask(Vec<Secret<String>>);

impl Mask {
    /// The logins of this machine for the registry of an image, and for NGC.
    async fn of(app: &App, image: &str) -> Self {
        let ngc = mops_logins::ngc_host(&app.env);
        let host = image.parse::<Reference>().map_or_else(|_| ngc.clone(), |image| image.registry().to_owned());
        let mut found = mops_logins::logins(&app.env, &host).await.logins;
        if host != ngc {
            found.extend(mops_logins::logins(&app.env, &ngc).await.logins);
        }
        let secret = |kept: Kept| match kept {
            Kept::Login(login) => login.password,
            Kept::Identity(token) => token,
        };
        Self::over_all(found.into_iter().map(|(_, kept)| secret(kept)))
    }

    /// Over these, as far as they are no everyday words.
    pub(super) fn over_all(secrets: impl IntoIterator<Item = Secret<String>>) -> Self {
        Self(secrets.into_iter().filter(|secret| secret.expose().len() >= SHORTEST).collect())
    }

    pub(super) fn over(&self, bytes: &[u8]) -> Vec<u8> {
        let holds = |secret: &Secret<String>| {
            bytes.windows(secret.expose().len()).any(|part| part == secret.expose().as_bytes())
        };
        if !self.0.iter().any(holds) {
            return bytes.to_vec();
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.iter().fold(text, |text, secret| text.replace(secret.expose().as_str(), "****")).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_masked_and_other_bytes_stay_as_they_are() {
        let mask = Mask(vec![Secret::from("canary-0123")]);
        assert_eq!(mask.over(b"a \xff b\n"), b"a \xff b\n");
        assert_eq!(mask.over(b"key=canary-0123!\n"), b"key=****!\n");
    }
}
