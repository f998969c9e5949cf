//! When something that ends has to be made again.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Why it has to be made again although no input changed: it is over, or will be within the window. `expiry` is RFC 3339.
pub(crate) fn due(now: OffsetDateTime, expiry: &str, renew_before_seconds: u64) -> Option<String> {
    let Ok(end) = OffsetDateTime::parse(expiry, &Rfc3339) else {
        return Some("its expiry is not known".to_owned());
    };
    let early = Duration::seconds(i64::try_from(renew_before_seconds).unwrap_or(i64::MAX));
    let renewal = end.checked_sub(early).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    if now >= end {
        Some(format!("it expired at {expiry}"))
    } else if now >= renewal {
        Some(format!("it expires at {expiry}"))
    } else {
        None
    }
}

/// A time as services take it: RFC 3339 in UTC, whole seconds.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    let whole = at.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// The end of something that begins now.
pub(crate) fn end(now: OffsetDateTime, lifetime_seconds: u64) -> OffsetDateTime {
    let lifetime = Duration::seconds(i64::try_from(lifetime_seconds).unwrap_or(i64::MAX));
    now.checked_add(lifetime).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn renewal_window() {
        let expiry = "2026-01-08T00:00:00Z";
        let two_days = 2 * 86_400;
        assert_eq!(due(datetime!(2026-01-01 0:00 UTC), expiry, two_days), None);
        assert_eq!(due(datetime!(2026-01-05 23:59:59 UTC), expiry, two_days), None);
        assert!(due(datetime!(2026-01-06 0:00 UTC), expiry, two_days).unwrap().contains("expires"));
        assert!(due(datetime!(2026-01-08 0:00 UTC), expiry, two_days).unwrap().contains("expired"));
        assert!(due(datetime!(2026-01-01 0:00 UTC), "", two_days).is_some());
    }
}
