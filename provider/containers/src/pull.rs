//! The engine's account of a pull: a JSON object a line under a 200, in which an error may come at any time; and when the
//! same pull is worth another try (`tests`, L-15, L-16).

use std::collections::BTreeMap;
use std::time::Duration;

use mops_host::Env;
use serde::Deserialize;

use crate::failure::{EngineError, Trouble};

/// So often a pull is tried.
const TRIES: u32 = 3;
/// Before the second try; each later pause is twice as long.
const PAUSE: Duration = Duration::from_secs(2);

/// One line. Podman's error comes in either of two forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    id: Option<String>,
    status: Option<String>,
    #[serde(rename = "progressDetail")]
    progress: Option<Progress>,
    #[serde(rename = "errorDetail")]
    detail: Option<Detail>,
    error: Option<String>,
    cause: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Progress {
    current: u64,
    total: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    code: Option<u16>,
    message: Option<String>,
}

/// A pull so far.
#[derive(Debug, Default)]
pub struct Account {
    rest: Vec<u8>,
    layers: BTreeMap<String, (u64, u64)>,
    status: Option<String>,
    error: Option<(u16, String)>,
}

impl Account {
    /// Reads on.
    pub fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(&line);
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Line>(line) else { return };
        if let (Some(id), Some(progress)) = (&line.id, &line.progress)
            && progress.total > 0
        {
            self.layers.insert(id.clone(), (progress.current.min(progress.total), progress.total));
        }
        self.status = line.status.or_else(|| self.status.take());
        let detail = line.detail.unwrap_or_default();
        let words = detail.message.or(line.error).or_else(|| line.cause.and(line.message));
        self.error = words.map(|words| (detail.code.unwrap_or(200), words)).or_else(|| self.error.take());
    }

    /// What was wrong, when it has ended.
    ///
    /// # Errors
    /// The error among its lines.
    pub fn end(mut self) -> Result<(), EngineError> {
        let rest = std::mem::take(&mut self.rest);
        self.line(&rest);
        match self.error {
            None => Ok(()),
            Some((status, words)) => Err(EngineError::answer(status, &words, None)),
        }
    }

    /// Bytes that have come, and bytes that are known of.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        self.layers.values().fold((0, 0), |(done, all), (current, total)| (done + current, all + total))
    }
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    tries: u32,
}

impl Retries {
    /// As `MLENV_IMAGE_PULL_RETRIES` says: how often a pull is tried.
    ///
    /// # Errors
    /// When that is no number from 1 to 20.
    pub fn of(env: &Env) -> Result<Self, String> {
        const NAME: &str = "MLENV_IMAGE_PULL_RETRIES";
        let Some(text) = env.get(NAME) else { return Ok(Self { tries: TRIES }) };
        let tries = text.parse().ok().filter(|tries| (1..=20).contains(tries));
        Ok(Self { tries: tries.ok_or_else(|| format!("{NAME} is no number from 1 to 20: `{text}`"))? })
    }

    /// The pause before another try, if there is one. `tried` counts those that failed; `begun` says that some of the
    /// image had come, `chance` is a number below 1.
    #[must_use]
    pub fn pause(self, tried: u32, error: &EngineError, begun: bool, chance: f64) -> Option<Duration> {
        let ran_out = begun && error.trouble() == Trouble::Login;
        let broke_down =
            matches!(error, EngineError::Answer { status: 500..=599, .. }) && error.trouble() == Trouble::Network;
        if tried >= self.tries || !(error.trouble().passes() || ran_out || broke_down) {
            return None;
        }
        let own = PAUSE.saturating_mul(1 << (tried.saturating_sub(1)).min(5)).mul_f64(1.0 + chance / 4.0);
        Some(error.retry_after().unwrap_or_default().max(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, words: &str) -> EngineError {
        EngineError::answer(status, words, None)
    }

    #[test]
    fn an_error_inside_a_good_answer_is_found_in_every_form() {
        for text in [
            r#"{"errorDetail":{"code":401,"message":"unauthorized"},"error":"unauthorized"}"#,
            r#"{"error":"unauthorized"}"#,
            r#"{"cause":"x","message":"unauthorized","response":500}"#,
        ] {
            let mut account = Account::default();
            account.push(b"{\"status\":\"Pulling fs layer\",\"id\":\"a\"}\r\n");
            account.push(text.as_bytes());
            assert_eq!(account.end().unwrap_err().trouble(), Trouble::Login, "{text}");
        }
    }

    #[test]
    fn bytes_of_all_layers_are_counted_however_the_lines_are_cut() {
        let text = "{\"id\":\"a\",\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":10}}\n\
                    {\"id\":\"b\",\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,\"total\":4}}\n{}\n";
        for cut in 0..text.len() {
            let mut account = Account::default();
            account.push(&text.as_bytes()[..cut]);
            account.push(&text.as_bytes()[cut..]);
            assert_eq!(account.bytes(), (6, 14));
            assert!(account.end().is_ok());
        }
    }

    #[test]
    fn l_15_only_what_may_pass_is_tried_again() {
        let usual = Retries::of(&Env::default()).unwrap();
        let pause =
            |tried, error: &EngineError, begun| usual.pause(tried, error, begun, 0.0).map(|pause| pause.as_secs());
        let down = answer(500, "received unexpected HTTP status: 503 Service Unavailable");
        assert_eq!([1, 2, 3].map(|tried| pause(tried, &down, false)), [Some(2), Some(4), None]);
        for again in [answer(502, ""), answer(429, "toomanyrequests"), answer(200, "i/o timeout")] {
            assert_eq!(pause(1, &again, false), Some(2), "{again}");
        }
        for never in [
            answer(401, "unauthorized"),
            answer(200, "denied: Please accept license"),
            answer(404, "manifest unknown"),
            answer(200, "no space left on device"),
            answer(500, "layer does not exist"),
        ] {
            assert_eq!(pause(1, &never, false), None, "{never}");
        }
        assert_eq!(pause(1, &answer(200, "unauthorized"), true), Some(2), "a token that ran out");
        let told = EngineError::answer(429, "slow down", Some(Duration::from_secs(30)));
        assert_eq!(pause(1, &told, false), Some(30));
        assert!(usual.pause(1, &down, false, 0.99).is_some_and(|pause| pause > Duration::from_secs(2)));
    }

    #[test]
    fn l_16_the_number_of_tries_is_that_of_mlenv() {
        let of = |text: &str| Retries::of(&Env::of([("MLENV_IMAGE_PULL_RETRIES", text)])).map(|retries| retries.tries);
        assert_eq!((of("1"), of("5"), of("")), (Ok(1), Ok(5), Ok(3)));
        assert!(of("0").is_err() && of("many").is_err());
    }
}
