//! What the text of a SAS promises, judged by the storage's own clock (`tests`). The signature is
//! never looked at.

use mops_core::Secret;
use mops_wire::sas::SasView;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::observation::{Observation, check, code, variant};

/// What a worker may do; everything else is too much.
const ENOUGH: &str = "rl";
const LONGEST: Duration = Duration::days(366);
/// What ends within this time, or within the last fifth of a shorter life, is named while it works.
const SOON: Duration = Duration::days(3);

/// Judges the text; `date` is the storage's `Date` header.
pub(super) fn judge(sas: &Secret<String>, container: &str, date: Option<&str>) -> Observation {
    let view = SasView::of(sas);
    let failed = |code| Observation::failed(check::STORAGE_SAS, variant::SAS, container, code).ending(view.expiry);
    if let Some(missing) = missing(&view) {
        return failed(code::MALFORMED).detail(&format!("no readable `{missing}`"));
    }
    // Without the server's clock nothing is said about time.
    if let Some(now) = date.and_then(http_date) {
        let words = |word: &str, at| format!("{word} {}, the storage's clock says {}", stamp(at), stamp(now));
        if let Some(end) = view.expiry.filter(|end| *end < now) {
            return failed(code::EXPIRED).detail(&words("it ended", end));
        }
        if let Some(start) = view.start.filter(|start| *start > now) {
            return failed(code::NOT_YET_VALID).detail(&words("it begins", start));
        }
    }
    let ok = Observation::ok(check::STORAGE_SAS, variant::SAS, container).ending(view.expiry);
    let ends = view.expiry.map_or_else(|| "ends by its policy".to_owned(), |at| format!("ends {}", stamp(at)));
    match too_broad(&view) {
        Some(why) => ok.code(code::TOO_BROAD).detail(&why),
        None if date.and_then(http_date).is_some_and(|now| ends_soon(&view, now)) => {
            ok.code(code::EXPIRES_SOON).detail(&ends)
        }
        None => ok.detail(&ends),
    }
}

/// Whether a SAS is near its end, by the length of its own life where it says when it began.
fn ends_soon(view: &SasView, now: OffsetDateTime) -> bool {
    let Some(end) = view.expiry else { return false };
    let window = view.start.map_or(SOON, |start| SOON.min((end - start) / 5));
    end - now < window
}

/// The first field that every SAS must have and this one lacks.
fn missing(view: &SasView) -> Option<&'static str> {
    let policy = !view.policy.is_empty();
    let account = !view.services.is_empty() && !view.resource_types.is_empty();
    let rows = [
        ("sv", !view.version.is_empty()),
        ("sig", view.signed),
        ("sr", !view.resource.is_empty() || account),
        ("se", view.expiry.is_some() || policy),
        ("sp", !view.permissions.is_empty() || policy),
    ];
    rows.into_iter().find(|(_, there)| !there).map(|(name, _)| name)
}

fn too_broad(view: &SasView) -> Option<String> {
    let more: String = view.permissions.chars().filter(|c| !ENOUGH.contains(*c)).collect();
    if !more.is_empty() {
        return Some(format!("it also gives `{more}`"));
    }
    if view.protocol != "https" {
        return Some("it may be used over http".to_owned());
    }
    let long = view.start.zip(view.expiry).is_some_and(|(start, end)| end - start > LONGEST);
    long.then(|| "it lasts more than a year".to_owned())
}

pub(super) fn http_date(text: &str) -> Option<OffsetDateTime> {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    PrimitiveDateTime::parse(text, form).ok().map(PrimitiveDateTime::assume_utc)
}

fn stamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Tue, 24 Nov 2026 03:00:00 GMT";
    const GOOD: &str = "sv=2022-11-02&sr=c&sp=rl&st=2026-11-01T00:00:00Z&se=2027-01-01T00:00:00Z&spr=https&sig=canary";

    fn seen(text: &str, date: Option<&str>) -> Observation {
        judge(&Secret::from(text), "bundles", date)
    }

    #[test]
    fn time_is_judged_by_the_servers_clock_only() {
        let old = GOOD.replace("se=2027-01-01T00:00:00Z", "se=2026-11-24T02:59:59Z");
        assert!(seen(&old, Some(NOW)).has_code(code::EXPIRED));
        assert!(!seen(&old, None).has_code(code::EXPIRED));
        let now = GOOD.replace("st=2026-11-01T00:00:00Z", "st=2026-11-24T03%3A00%3A00Z");
        assert_eq!(seen(&now, Some(NOW)).code, None, "the same second is valid");
        let early = GOOD.replace("st=2026-11-01T00:00:00Z", "st=2026-11-24T03%3A00%3A01Z");
        assert!(seen(&early, Some(NOW)).has_code(code::NOT_YET_VALID));
    }

    #[test]
    fn what_ends_soon_is_named_by_the_length_of_its_life() {
        let rows = [
            ("se=2026-11-27T03:00:00Z", false),
            ("se=2026-11-27T02:59:59Z", true),
            ("st=2026-11-24T02:00:00Z&se=2026-11-24T07:00:00Z", false),
            ("st=2026-11-23T23:10:00Z&se=2026-11-24T03:50:00Z", true),
        ];
        let life = "st=2026-11-01T00:00:00Z&se=2027-01-01T00:00:00Z";
        for (part, soon) in rows {
            let seen = seen(&GOOD.replace(life, part), Some(NOW));
            assert_eq!((seen.has_code(code::EXPIRES_SOON), seen.has_code(code::EXPIRED)), (soon, false), "{part}");
        }
        let near = GOOD.replace(life, "se=2026-11-24T03:00:01Z");
        assert!(!self::seen(&near, None).has_code(code::EXPIRES_SOON), "no clock, no verdict");
    }

    #[test]
    fn each_field_that_must_be_there_is_named() {
        for (gone, name) in [("sv=2022-11-02&", "sv"), ("sr=c&", "sr"), ("sp=rl&", "sp"), ("&sig=canary", "sig")] {
            let seen = seen(&GOOD.replace(gone, ""), Some(NOW));
            assert!(seen.has_code(code::MALFORMED), "{name}");
            assert_eq!(seen.detail, format!("no readable `{name}`"));
        }
        assert!(!seen(&GOOD.replace("sp=rl&", "si=policy&"), Some(NOW)).has_code(code::MALFORMED));
        assert!(!seen(&GOOD.replace("sr=c", "ss=b&srt=sco"), Some(NOW)).has_code(code::MALFORMED));
    }

    #[test]
    fn more_than_reading_is_too_much() {
        let rows = [
            GOOD.replace("sp=rl", "sp=racwl"),
            GOOD.replace("spr=https&", ""),
            GOOD.replace("spr=https", "spr=https,http"),
            GOOD.replace("se=2027", "se=2030"),
        ];
        for text in rows {
            assert!(seen(&text, Some(NOW)).has_code(code::TOO_BROAD), "{text}");
        }
        assert_eq!(seen(GOOD, Some(NOW)).code, None);
        assert!(!format!("{:?}", seen(GOOD, Some(NOW))).contains("canary"));
    }
}
