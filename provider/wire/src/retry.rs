//! When a request is sent again, and after which pause.
//!
//! Guarantees three things: what may have made a secret is not repeated once bytes may have left, the
//! server's pause is never shortened, and the pauses of many callers spread (`tests`, R5).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The longest pause of a server that is waited for; beyond it the call ends as throttled.
pub const MAX_SERVER_PAUSE: Duration = Duration::from_secs(300);
/// Most tries a call.
pub const MAX_TRIES: u32 = 8;

/// What may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Everything that is worth another try: GET, HEAD, PUT, DELETE, and a POST that only reads.
    Idempotent,
    /// Only 429, and failures before a byte left: a POST that makes a secret.
    OnlyIfUnsent,
    /// Nothing.
    Never,
}

/// How often a request is sent at most, told beside it to a client that offers no way of its own to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries(pub u32);

/// The pauses between tries: a random part of `first · 2ⁿ`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Upper end of the first pause.
    pub first: Duration,
    /// Lower end of every pause.
    pub floor: Duration,
    /// Upper end of every pause.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), floor: Duration::ZERO, cap: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The pause after the given try (from 1), with `jitter` in `0..=1`.
    #[must_use]
    pub fn pause(&self, tries: u32, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.cap).mul_f64(jitter.clamp(0.0, 1.0)).max(self.floor.min(self.cap))
    }
}

/// What one try came to, as far as retry is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A final answer.
    Done,
    /// An answer that asks for another try; `throttled` for 429.
    Again { throttled: bool },
    /// Nothing left this machine, and another try may do better.
    Unsent,
    /// Bytes may have left and no answer came.
    Lost,
    /// Another try cannot do better.
    Final,
}

impl Retry {
    pub(crate) const fn allows(self, outcome: Outcome) -> bool {
        match (self, outcome) {
            (Self::Never, _) | (_, Outcome::Done | Outcome::Final) => false,
            (Self::Idempotent, _) => true,
            (Self::OnlyIfUnsent, Outcome::Unsent | Outcome::Again { throttled: true }) => true,
            (Self::OnlyIfUnsent, _) => false,
        }
    }
}

/// Judges a status.
pub(crate) fn judge(status: StatusCode) -> Outcome {
    match status.as_u16() {
        429 => Outcome::Again { throttled: true },
        408 | 500 | 502 | 503 | 504 => Outcome::Again { throttled: false },
        _ => Outcome::Done,
    }
}

/// For [`crate::Request::transient`], where every answer is JSON: a success with half of it, or with a page of some
/// proxy in its place. The service may have done its part, so this is for what may be repeated.
#[must_use]
pub fn is_no_json(status: StatusCode, _: &HeaderMap, body: &[u8]) -> bool {
    // Some services send a byte order mark before JSON.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let blank = body.iter().all(u8::is_ascii_whitespace);
    status.is_success() && !blank && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err()
}

/// The pause that an answer asks for: `x-ms-retry-after-ms`, `retry-after-ms`, or `Retry-After` in
/// seconds or as a date.
#[must_use]
pub fn server_pause(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    for name in ["x-ms-retry-after-ms", "retry-after-ms"] {
        if let Some(millis) = text(name).and_then(|value| value.parse().ok()) {
            return Some(Duration::from_millis(millis));
        }
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // HTTP dates end in GMT, which RFC 2822 writes as an obsolete zone.
    let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    Some(Duration::try_from(date - now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use time::macros::datetime;

    #[test]
    fn what_may_be_sent_again() {
        let outcomes = [
            Outcome::Done,
            Outcome::Final,
            Outcome::Unsent,
            Outcome::Lost,
            Outcome::Again { throttled: true },
            Outcome::Again { throttled: false },
        ];
        let allowed = |retry: Retry| outcomes.map(|outcome| retry.allows(outcome));
        assert_eq!(allowed(Retry::Idempotent), [false, false, true, true, true, true]);
        assert_eq!(allowed(Retry::OnlyIfUnsent), [false, false, true, false, true, false]);
        assert_eq!(allowed(Retry::Never), [false; 6]);
    }

    #[test]
    fn statuses() {
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap()), Outcome::Again { throttled: false }, "{status}");
        }
        for status in [200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 412, 501] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap()), Outcome::Done, "{status}");
        }
    }

    #[test]
    fn half_an_answer_and_a_page_are_no_json() {
        let rows: [(u16, &[u8], bool); 7] = [
            (200, b"{}", false),
            (200, b"\xef\xbb\xbf[1]", false),
            (202, b" \n", false),
            (201, b"{\"id\": \"/subs", true),
            (200, b"<html></html>", true),
            (403, b"<html></html>", false),
            (302, b"<html></html>", false),
        ];
        for (status, body, wanted) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_no_json(status, &HeaderMap::new(), body), wanted, "{status} {body:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        let backoff = Backoff::default();
        let rows = [(1, 500), (2, 1000), (3, 2000), (7, 32_000), (8, 60_000), (80, 60_000)];
        for (tries, millis) in rows {
            assert_eq!(backoff.pause(tries, 1.0), Duration::from_millis(millis), "try {tries}");
            assert_eq!(backoff.pause(tries, 0.0), Duration::ZERO);
        }
        let slow = Backoff { first: Duration::from_secs(8), floor: Duration::from_secs(4), ..backoff };
        assert_eq!(slow.pause(1, 0.0), Duration::from_secs(4));
    }

    #[test]
    fn the_servers_pause_in_every_spelling() {
        let now = datetime!(2026-11-24 10:00 UTC);
        let rows = [
            ("retry-after", "17", Some(17_000)),
            ("retry-after", "0", Some(0)),
            ("retry-after", "Tue, 24 Nov 2026 10:00:30 GMT", Some(30_000)),
            ("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT", Some(0)),
            ("retry-after-ms", "250", Some(250)),
            ("x-ms-retry-after-ms", "1500", Some(1500)),
            ("retry-after", "soon", None),
            ("retry-after", "-5", None),
            ("retry-after", "99999999999999999999999", None),
        ];
        for (name, value, millis) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(server_pause(&headers, now), millis.map(Duration::from_millis), "{name}: {value}");
        }
    }
}
