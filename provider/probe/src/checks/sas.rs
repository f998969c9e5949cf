//! What the text of a SAS promises, judged by the storage's own clock (`tests`). The signature is
//! never looked at.

use mops_core::Secret;
use mops_wire::sas::{Description, describe};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime};

use crate::observation::{Observation, check, code, variant};

/// What a worker may do; everything else is too much.
const ENOUGH: &str = "rl";
const LONGEST: Duration = Duration::days(366);

/// Judges the text; `date` is the storage's `Date` header.
pub(super) fn judge(sas: &Secret<String>, container: &str, date: Option<&str>) -> Observation {
    let described = describe(sas);
    let failed = |code| Observation::failed(check::STORAGE_SAS, variant::SAS, container, code);
    if let Some(missing) = missing(&described, sas) {
        return failed(code::MALFORMED).detail(&format!("no `{missing}`"));
    }
    let (start, end) = (described.st.as_deref().and_then(moment), described.se.as_deref().and_then(moment));
    // Without the server's clock nothing is said about time.
    if let Some(now) = date.and_then(http_date) {
        let words = |word: &str, text: &Option<String>| {
            format!("{word} {}, the storage's clock says {}", text.as_deref().unwrap_or_default(), stamp(now))
        };
        if end.is_some_and(|end| end < now) {
            return failed(code::EXPIRED).detail(&words("it ended", &described.se));
        }
        if start.is_some_and(|start| start > now) {
            return failed(code::NOT_YET_VALID).detail(&words("it begins", &described.st));
        }
    }
    let ok = Observation::ok(check::STORAGE_SAS, variant::SAS, container);
    match too_broad(&described, sas, start, end) {
        Some(why) => ok.code(code::TOO_BROAD).detail(&why),
        None => ok.detail(&format!("ends {}", described.se.as_deref().unwrap_or("by its policy"))),
    }
}

/// The first field that every SAS must have and this one lacks.
fn missing(d: &Description, sas: &Secret<String>) -> Option<&'static str> {
    let policy = field(sas, "si").is_some();
    let rows = [
        ("sv", d.sv.is_some()),
        ("sig", d.signed),
        ("sr", d.sr.is_some() || (d.ss.is_some() && field(sas, "srt").is_some())),
        ("se", d.se.is_some() || policy),
        ("sp", d.sp.is_some() || policy),
    ];
    rows.into_iter().find(|(_, there)| !there).map(|(name, _)| name)
}

fn too_broad(
    d: &Description,
    sas: &Secret<String>,
    start: Option<OffsetDateTime>,
    end: Option<OffsetDateTime>,
) -> Option<String> {
    let more: String = d.sp.iter().flat_map(|sp| sp.chars()).filter(|c| !ENOUGH.contains(*c)).collect();
    if !more.is_empty() {
        return Some(format!("it also gives `{more}`"));
    }
    if field(sas, "spr") != Some("https") {
        return Some("it may be used over http".to_owned());
    }
    let long = start.zip(end).is_some_and(|(start, end)| end - start > LONGEST);
    long.then(|| "it lasts more than a year".to_owned())
}

/// A field whose value needs no decoding.
fn field<'a>(sas: &'a Secret<String>, name: &str) -> Option<&'a str> {
    let mut pairs = sas.expose().trim_start_matches('?').split('&').filter_map(|p| p.split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// The forms that a SAS may have: with or without seconds, or a day.
fn moment(text: &str) -> Option<OffsetDateTime> {
    if let Ok(full) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(full);
    }
    let minutes = format_description!("[year]-[month]-[day]T[hour]:[minute]Z");
    if let Ok(found) = PrimitiveDateTime::parse(text, minutes) {
        return Some(found.assume_utc());
    }
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|d| d.midnight().assume_utc())
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
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
        let early = GOOD.replace("st=2026-11-01T00:00:00Z", "st=2026-11-24T03%3A00Z&x=1");
        assert!(!seen(&early, Some(NOW)).has_code(code::NOT_YET_VALID), "the same minute is valid");
        let early = GOOD.replace("st=2026-11-01T00:00:00Z", "st=2026-11-25");
        assert!(seen(&early, Some(NOW)).has_code(code::NOT_YET_VALID));
    }

    #[test]
    fn each_field_that_must_be_there_is_named() {
        for (gone, name) in [("sv=2022-11-02&", "sv"), ("sr=c&", "sr"), ("sp=rl&", "sp"), ("&sig=canary", "sig")] {
            let seen = seen(&GOOD.replace(gone, ""), Some(NOW));
            assert!(seen.has_code(code::MALFORMED), "{name}");
            assert_eq!(seen.detail, format!("no `{name}`"));
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
