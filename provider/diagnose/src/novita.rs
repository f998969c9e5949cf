//! What Novita said, or did not say, as observations; the catalogue names the causes. An answer that nobody has described
//! stays UNCLASSIFIED with its redacted body (`tests/novita_client.rs`, V-08).

use mops_clients::novita::{Instance, Kind, NovitaError, Refusal, Subject};
pub use mops_probe::Observation;
use mops_probe::failure::Failure;
use mops_probe::observation::{check as probe, code as seen, variant};
use mops_wire::WireError;

use crate::finding::{Finding, classify};
use crate::observed::services::{check, code};
use crate::observed::{Observed, Vantage};
use crate::words::Words;

/// The variable that usually has the key.
pub const KEY: &str = "NOVITA_API_KEY";

/// The causes behind observations of this machine, the first one deciding.
#[must_use]
pub fn causes(seen: &[Observation]) -> Vec<Finding> {
    let observed: Vec<Observed> = seen.iter().cloned().map(|o| Observed::at(Vantage::W, o).named()).collect();
    classify(&observed, &Words::default())
}

/// There is no key, and so nothing was asked of the host.
#[must_use]
pub fn no_key(host: &str) -> Vec<Observation> {
    vec![
        Observation::failed(check::NOVITA_KEY, variant::LOCAL, KEY, code::NOT_SET),
        Observation::skipped(check::NOVITA_AUTHS, variant::LOCAL, host, code::NOT_SET).detail("there is no key"),
    ]
}

/// Nothing was asked of the host, for this reason.
#[must_use]
pub fn unasked(host: &str, why: &str) -> Observation {
    Observation::skipped(check::NOVITA_AUTHS, variant::LOCAL, host, code::NOT_SET).detail(why)
}

/// There is a key.
#[must_use]
pub fn key() -> Observation {
    Observation::ok(check::NOVITA_KEY, variant::LOCAL, KEY)
}

/// The list of registry logins came.
#[must_use]
pub fn listed(host: &str) -> Observation {
    Observation::ok(check::NOVITA_AUTHS, variant::LOCAL, host).status(200)
}

/// The list came and has this registry login.
#[must_use]
pub fn kept(host: &str, id: &str) -> Vec<Observation> {
    vec![key(), listed(host), Observation::ok(check::NOVITA_AUTH, variant::LOCAL, id)]
}

/// What an instance does; one with a fault has failed, in Novita's words.
#[must_use]
pub fn instance(one: &Instance) -> Observation {
    match &one.fault {
        None => Observation::ok(check::NOVITA_INSTANCE, variant::LOCAL, &one.name).detail(&one.status),
        Some((state, message)) => {
            let failed = Observation::failed(check::NOVITA_INSTANCE, variant::LOCAL, &one.name, seen::UNEXPECTED);
            failed.detail(&format!("{}: {state} {message}", one.status))
        }
    }
}

/// The password of a registry login was needed, and mask characters came.
#[must_use]
pub fn masked(host: &str, id: &str) -> Vec<Observation> {
    vec![
        key(),
        listed(host),
        Observation::ok(check::NOVITA_AUTH, variant::LOCAL, id),
        Observation::failed(check::NOVITA_PASSWORD, variant::LOCAL, id, code::MASKED),
    ]
}

/// What an error shows; `target` is the instance, template or host that was asked for. Nothing, when nothing was sent.
#[must_use]
pub fn failed(error: &NovitaError, host: &str, target: &str) -> Vec<Observation> {
    let (check, target) = match subject(error) {
        Subject::Instances if target != host => (check::NOVITA_INSTANCE, target),
        Subject::Instances | Subject::Auths => (check::NOVITA_AUTHS, host),
    };
    let mut all = vec![key()];
    match error {
        NovitaError::Limits(_) | NovitaError::Several(_) | NovitaError::NotListed => return Vec::new(),
        NovitaError::Unsettled { source, .. } => return failed(source, host, target),
        NovitaError::AuthNotFound { wanted, nearest, .. } => {
            all.push(listed(host));
            let near = if nearest.is_empty() { "none, the list is empty".to_owned() } else { nearest.join(", ") };
            let absent = Observation::failed(check::NOVITA_AUTH, variant::LOCAL, wanted, code::NOT_FOUND);
            all.push(absent.detail(&near));
        }
        NovitaError::Wire(error) => all.extend(silent(error, check, host, target)),
        NovitaError::Refused(refusal) => all.push(refused(refusal, error.kind(), check, target)),
        NovitaError::Answer { status, detail, .. } => {
            let odd = Observation::failed(check, variant::LOCAL, target, code::MALFORMED);
            all.push(odd.status(*status).detail(detail));
        }
        NovitaError::BreakerOpen(_) => {
            let kept = Observation::failed(check, variant::LOCAL, target, error.kind().word());
            all.push(kept.detail(&error.to_string()));
        }
    }
    all
}

/// What an error is about, where it says so.
fn subject(error: &NovitaError) -> Subject {
    match error {
        NovitaError::Refused(refusal) => refusal.subject,
        NovitaError::Answer { what: "registry auths", .. } | NovitaError::AuthNotFound { .. } => Subject::Auths,
        NovitaError::Unsettled { source, .. } => subject(source),
        _ => Subject::Instances,
    }
}

fn silent(error: &WireError, check: &str, host: &str, target: &str) -> Vec<Observation> {
    let failure = Failure::from(error);
    match error {
        WireError::Tls { .. } => vec![
            failure.observation(probe::NET_TLS, "", host),
            Observation::skipped(check, variant::LOCAL, target, &failure.code).detail("nothing was sent"),
        ],
        WireError::Dns { .. } => {
            vec![failure.observation(check, variant::LOCAL, target).code(seen::NAME_NOT_RESOLVED)]
        }
        _ => vec![failure.observation(check, variant::LOCAL, target)],
    }
}

fn refused(refusal: &Refusal, kind: Kind, check: &str, target: &str) -> Observation {
    let ours = match kind {
        Kind::InsufficientResource => code::INSUFFICIENT_RESOURCE,
        Kind::ResourceConstraints => code::LIMIT,
        Kind::AccessForbidden => code::FORBIDDEN,
        Kind::AuthenticationFailed => seen::UNAUTHORIZED,
        Kind::RateLimit => seen::RATE_LIMITED,
        Kind::ServerError => seen::SERVER_ERROR,
        _ if refusal.page => seen::HTML,
        _ => refusal.code.as_deref().unwrap_or(seen::UNEXPECTED),
    };
    let words = [Some(refusal.words.clone()).filter(|w| !w.is_empty()), refusal.body.clone()];
    let said: Vec<String> = words.into_iter().flatten().collect();
    let failed = Observation::failed(check, variant::LOCAL, target, ours);
    // A page says nothing of the key, whatever its status.
    match refusal.page {
        true => failed.detail(&format!("a web page with {}: {}", refusal.status, said.join(": "))),
        false => failed.status(refusal.status).detail(&said.join(": ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "api.novita.ai";

    fn refusal(subject: Subject, status: u16, code: &str, words: &str) -> NovitaError {
        let (code, words) = ((!code.is_empty()).then(|| code.to_owned()), words.to_owned());
        let body = words.is_empty().then(|| "{\"x\": [masked]}".to_owned());
        NovitaError::Refused(Box::new(Refusal { subject, status, code, words, body, page: false, pause: None }))
    }

    fn first(error: &NovitaError) -> String {
        let target = if subject(error) == Subject::Auths { HOST } else { "trainer" };
        causes(&failed(error, HOST, target)).first().map(|f| f.cause_id.clone()).unwrap_or_default()
    }

    #[test]
    fn v_08_the_catalogue_names_every_row_and_none_of_its_near_misses() {
        use Subject::{Auths, Instances};
        let rows = [
            (refusal(Auths, 401, "", "Unauthorized access to registry auths"), "NOVITA_KEY_INVALID"),
            (refusal(Auths, 401, "", "Authentication failed - check API key"), "NOVITA_KEY_INVALID"),
            (refusal(Auths, 403, "", "not your team"), "NOVITA_FORBIDDEN"),
            (refusal(Instances, 403, "", "instance quota exceeded"), "NOVITA_CAPACITY"),
            (refusal(Instances, 400, "INSUFFICIENT_RESOURCE", ""), "NOVITA_CAPACITY"),
            (refusal(Instances, 400, "INVALID_PARAM", "rootfsSize"), "UNCLASSIFIED"),
            (refusal(Instances, 404, "", ""), "UNCLASSIFIED"),
            (refusal(Instances, 409, "", ""), "UNCLASSIFIED"),
            (refusal(Auths, 429, "", ""), "RATE_LIMITED"),
            (refusal(Auths, 503, "", ""), "UNCLASSIFIED"),
            (refusal(Auths, 418, "", ""), "UNCLASSIFIED"),
            (NovitaError::Answer { what: "registry auths", status: 200, detail: "{}".into() }, "NOVITA_BAD_RESPONSE"),
            (NovitaError::Answer { what: "instance", status: 200, detail: "{}".into() }, "UNCLASSIFIED"),
            (
                NovitaError::AuthNotFound { by: "ID", wanted: "cra-1".into(), nearest: Vec::new() },
                "NOVITA_AUTH_NOT_FOUND",
            ),
        ];
        for (error, cause) in rows {
            assert_eq!(first(&error), cause, "{error:?}");
        }
        assert_eq!(causes(&no_key(HOST))[0].cause_id, "NOVITA_KEY_MISSING");
        assert_eq!(causes(&masked(HOST, "cra-1"))[0].cause_id, "NOVITA_PASSWORD_MASKED");
    }

    #[test]
    fn v_08_silence_has_its_causes() {
        let host = || HOST.to_owned();
        let rows = [
            (WireError::Dns { host: host(), trouble: false, reason: "x".into() }, "NOVITA_NETWORK"),
            (WireError::Dns { host: host(), trouble: true, reason: "x".into() }, "NOVITA_NETWORK"),
            (WireError::Connect { host: host(), refused: true, reason: "x".into() }, "NOVITA_NETWORK"),
            (WireError::Broken { host: host(), reason: "x".into() }, "NOVITA_NETWORK"),
            (WireError::Timeout { host: host(), after: std::time::Duration::from_secs(30) }, "NOVITA_NETWORK"),
            (
                WireError::Tls { host: host(), kind: mops_wire::TlsFault::Untrusted, reason: "x".into() },
                "TLS_UNTRUSTED",
            ),
        ];
        for (error, cause) in rows {
            assert_eq!(first(&NovitaError::from(error)), cause);
        }
    }

    #[test]
    fn a_page_is_no_refusal_of_the_key_and_what_nobody_described_is_quoted() {
        let NovitaError::Refused(one) = refusal(Subject::Auths, 401, "", "") else { unreachable!() };
        let page = NovitaError::Refused(Box::new(Refusal { page: true, ..*one }));
        assert_eq!(first(&page), "UNCLASSIFIED");
        let odd = causes(&failed(&refusal(Subject::Auths, 418, "", ""), HOST, HOST));
        assert!(odd[0].message.contains("[masked]"), "{}", odd[0].message);
    }
}
