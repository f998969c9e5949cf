//! What a service says it will still take: read from its headers, used up by what is sent, and approached slowly.
//!
//! The headers that are read, and where they were seen: `x-ms-ratelimit-remaining-subscription-reads`, `-writes`,
//! `-deletes` and the same with `global-` (ARM), `x-ms-ratelimit-remaining-calls-per-second` (token endpoints of an
//! Azure registry), `ratelimit-remaining` (Docker Hub: `98;w=21600`).

use std::time::Duration;

use http::{HeaderMap, Method};

/// From here down requests are spaced, by a second when nothing is left.
const LOW: f64 = 16.0;
const WIDEST: Duration = Duration::from_secs(1);

/// What a service counts on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Reads,
    Writes,
    Deletes,
}

impl Class {
    pub(super) const ALL: [Self; 3] = [Self::Reads, Self::Writes, Self::Deletes];

    pub(super) fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Reads,
            Method::DELETE => Self::Deletes,
            _ => Self::Writes,
        }
    }

    const fn headers(self) -> [&'static str; 2] {
        match self {
            Self::Reads => {
                ["x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-subscription-global-reads"]
            }
            Self::Writes => {
                ["x-ms-ratelimit-remaining-subscription-writes", "x-ms-ratelimit-remaining-subscription-global-writes"]
            }
            Self::Deletes => [
                "x-ms-ratelimit-remaining-subscription-deletes",
                "x-ms-ratelimit-remaining-subscription-global-deletes",
            ],
        }
    }
}

/// What is left of a class by these headers.
pub(super) fn of_class(headers: &HeaderMap, class: Class) -> Option<f64> {
    least(headers, class.headers())
}

/// What is left for every request to the host.
pub(super) fn of_host(headers: &HeaderMap) -> Option<f64> {
    least(headers, ["x-ms-ratelimit-remaining-calls-per-second", "ratelimit-remaining"])
}

fn least(headers: &HeaderMap, names: [&str; 2]) -> Option<f64> {
    let number = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        value.split(';').next()?.trim().parse::<f64>().ok().filter(|left| *left >= 0.0)
    };
    names.into_iter().filter_map(number).reduce(f64::min)
}

/// What is left, and when the next may leave; pure, time is given.
///
/// Guarantees no spacing while more than a few are left. Below, the spacing settles where the service refills as
/// fast as we send: at ten a second with 14.4 left, at one a second with none.
#[derive(Debug, Default)]
pub(super) struct Remaining {
    left: Option<f64>,
    next: Duration,
}

impl Remaining {
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }

    pub(super) fn spend(&mut self, now: Duration) {
        let Some(left) = &mut self.left else { return };
        *left = (*left - 1.0).max(0.0);
        self.next = now + WIDEST.mul_f64(1.0 - left.min(LOW) / LOW);
    }

    /// Takes over what an answer says.
    pub(super) fn told(&mut self, left: f64) {
        self.left = Some(left);
    }

    /// Whether the service itself says that nothing is left.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.is_some_and(|left| left < 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn the_least_of_what_the_headers_say() {
        let rows = [
            (&[("x-ms-ratelimit-remaining-subscription-writes", "199")][..], Some(199.0), None),
            (
                &[
                    ("x-ms-ratelimit-remaining-subscription-writes", "199"),
                    ("x-ms-ratelimit-remaining-subscription-global-writes", "12"),
                ],
                Some(12.0),
                None,
            ),
            (&[("x-ms-ratelimit-remaining-subscription-reads", "3")], None, None),
            (&[("x-ms-ratelimit-remaining-calls-per-second", "333.316667")], None, Some(333.316_667)),
            (&[("ratelimit-remaining", "98;w=21600")], None, Some(98.0)),
            (&[("ratelimit-remaining", "many")], None, None),
            (&[("ratelimit-remaining", "-3")], None, None),
        ];
        for (given, writes, host) in rows {
            let pairs = given.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
            let headers: HeaderMap = pairs.collect();
            assert_eq!((of_class(&headers, Class::Writes), of_host(&headers)), (writes, host), "{given:?}");
        }
        assert_eq!([Method::HEAD, Method::PATCH, Method::DELETE].map(|m| Class::of(&m)), Class::ALL);
    }

    #[test]
    fn the_last_ones_are_spaced_and_the_service_is_never_emptied() {
        let mut remaining = Remaining::default();
        let (mut now, mut service, mut sent) = (Duration::ZERO, 200.0_f64, 0);
        while now < Duration::from_secs(60) {
            let wait = remaining.wait(now);
            let step = wait.max(Duration::from_millis(1));
            service = (service + 10.0 * step.as_secs_f64()).min(200.0);
            now += step;
            remaining.spend(now);
            service -= 1.0;
            assert!(service >= 1.0, "empty after {sent} requests");
            remaining.told(service);
            sent += 1;
        }
        assert!(sent >= 200 + 550, "{sent} sent: what the service refills is used");
    }
}
