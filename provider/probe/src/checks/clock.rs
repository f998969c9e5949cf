//! The local clock against those of the services that answered. One service alone does not tell who is wrong.

use time::{Duration, OffsetDateTime};

use crate::observation::{Observation, check, code};

/// What signatures and certificates bear.
const TOLERANCE: Duration = Duration::minutes(5);
const TARGET: &str = "clock";

/// The clock of a service, and the local one when its answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whose it is.
    pub host: String,
    /// By its `Date` header.
    pub theirs: OffsetDateTime,
    /// By the local clock.
    pub ours: OffsetDateTime,
}

impl Reading {
    /// How much the local clock is ahead.
    fn ahead(&self) -> Duration {
        self.ours - self.theirs
    }

    fn is_off(&self) -> bool {
        self.ahead().abs() > TOLERANCE
    }
}

/// Judges the local clock; nothing when nobody told the time.
#[must_use]
pub fn judge(readings: &[Reading]) -> Option<Observation> {
    let (off, right): (Vec<&Reading>, Vec<&Reading>) = readings.iter().partition(|r| r.is_off());
    let ok = || Observation::ok(check::CLOCK, "", TARGET);
    Some(match (off.as_slice(), right.as_slice()) {
        ([], []) => return None,
        ([], _) => ok(),
        ([one, ..], [good, ..]) => {
            let detail = format!("{} is {} this clock, {} is not", one.host, words(-one.ahead()), good.host);
            ok().code(code::ONE_HOST_OFF).detail(&detail)
        }
        ([one, others @ ..], []) => {
            let agrees = |other: &&&Reading| other.host != one.host && (other.ahead() - one.ahead()).abs() <= TOLERANCE;
            match others.iter().find(agrees) {
                Some(other) => Observation::failed(check::CLOCK, "", TARGET, code::CLOCK_OFF).detail(&format!(
                    "{} {} and {}",
                    words(one.ahead()),
                    one.host,
                    other.host
                )),
                None => Observation::skipped(check::CLOCK, "", TARGET, code::NOT_GIVEN).detail(&format!(
                    "{} {}; nobody else tells whose clock is wrong",
                    words(one.ahead()),
                    one.host
                )),
            }
        }
    })
}

/// `7 min ahead of`, `2 h behind`.
fn words(ahead: Duration) -> String {
    let minutes = ahead.abs().whole_minutes();
    let length = if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes / 60) };
    format!("{length} {}", if ahead.is_negative() { "behind" } else { "ahead of" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Outcome;

    fn reading(host: &str, ahead: i64) -> Reading {
        let theirs = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        Reading { host: host.into(), theirs, ours: theirs + Duration::seconds(ahead) }
    }

    #[test]
    fn only_two_hosts_that_agree_prove_that_the_clock_is_wrong() {
        let rows = [
            (vec![], None),
            (vec![reading("a", 300)], Some((Outcome::Ok, None))),
            (vec![reading("a", 301)], Some((Outcome::Skipped, Some(code::NOT_GIVEN)))),
            (vec![reading("a", 900), reading("a", 900)], Some((Outcome::Skipped, Some(code::NOT_GIVEN)))),
            (vec![reading("a", 900), reading("b", -900)], Some((Outcome::Skipped, Some(code::NOT_GIVEN)))),
            (vec![reading("a", 900), reading("b", 5)], Some((Outcome::Ok, Some(code::ONE_HOST_OFF)))),
            (vec![reading("a", -90_000), reading("b", -90_100)], Some((Outcome::Failed, Some(code::CLOCK_OFF)))),
        ];
        for (readings, want) in rows {
            let seen = judge(&readings);
            let got = seen.as_ref().map(|o| (o.outcome, o.code.as_deref()));
            assert_eq!(got, want, "{readings:?}");
        }
        let late = judge(&[reading("a", -90_000), reading("b", -90_000)]).unwrap();
        assert_eq!(late.detail, "25 h behind a and b");
    }
}
