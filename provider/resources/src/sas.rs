//! The rules of shared access signatures that need no call: letters, lives, and settings of an account that
//! forbid them.

use mops_clients::delegation::DELEGATED_LETTERS;
use mops_core::{Class, Error, Secret};
use mops_wire::Url;
use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::azure::blob_sas_token::{Inputs, Kind};
use crate::renewal::end;
use crate::resource::Findings;

/// Letters that change or end what is there.
const BROAD: [char; 4] = ['w', 'd', 'x', 'y'];
/// Permission letters in the order that the service signs them in.
const CONTAINER: &str = "racwdxyltfmeopi";
const ACCOUNT: &str = "rwdxylacupfti";
/// Clocks differ: a signature is valid from a little before now.
const BACK: Duration = Duration::minutes(15);
/// The longest life of a key of an identity, and so of its signatures.
const DELEGATED_SECONDS: u64 = 7 * 86_400;

/// Validates, and puts the letters into the service's order.
pub(crate) fn check(inputs: &mut Inputs, findings: &mut Findings) {
    let order = match inputs.kind {
        Kind::Service => CONTAINER,
        Kind::Account => ACCOUNT,
        Kind::UserDelegation => DELEGATED_LETTERS,
    };
    match ordered(&inputs.permissions, order) {
        Some(permissions) => inputs.permissions = permissions,
        None => {
            let reason = format!("`{}` are not permissions of this SAS", inputs.permissions);
            findings.refuse("permissions", reason, format!("letters of `{order}`, for example `rl`"));
        }
    }
    match (inputs.kind, &inputs.container) {
        (Kind::Service | Kind::UserDelegation, None) => {
            findings.refuse("container", "an SAS of this kind needs a container", "name the container");
        }
        (Kind::Account, Some(_)) => {
            findings.refuse(
                "container",
                "an account SAS opens every container",
                "leave `container` out, or use `service`",
            );
        }
        _ => {}
    }
    if inputs.kind == Kind::Account && inputs.permissions.contains(BROAD) && inputs.account_wide_writes != Some(true) {
        let reason =
            format!("`{}` of an account SAS lets its holder write or delete in every container", inputs.permissions);
        findings.refuse("permissions", reason, "use kind `service` for one container, or set `accountWideWrites`");
    }
    if inputs.policy.is_some() && inputs.kind != Kind::Service {
        findings.refuse("policy", "only an SAS of kind `service` can have a stored policy", "leave `policy` out");
    }
    if inputs.kind == Kind::UserDelegation && inputs.lifetime_seconds > DELEGATED_SECONDS {
        let reason =
            format!("an SAS of kind `user_delegation` lives 7 days at most, not {} s", inputs.lifetime_seconds);
        findings.refuse("lifetimeSeconds", reason, "shorten it, or use kind `service`");
    }
    if inputs.renew_before_seconds >= inputs.lifetime_seconds {
        let reason =
            format!("renewing {} s before the end of {} s", inputs.renew_before_seconds, inputs.lifetime_seconds);
        findings.refuse("renewBeforeSeconds", reason, "renew later than it begins");
    }
}

fn ordered(letters: &str, order: &str) -> Option<String> {
    let known = !letters.is_empty() && letters.chars().all(|c| order.contains(c));
    known.then(|| order.chars().filter(|c| letters.contains(*c)).collect())
}

/// Start and expiry of a signature made now. The seven days of an identity's key are counted from its start.
pub(crate) fn life(now: OffsetDateTime, inputs: &Inputs) -> (OffsetDateTime, OffsetDateTime) {
    let start = now - BACK;
    let from = if inputs.kind == Kind::UserDelegation { start } else { now };
    (start, end(from, inputs.lifetime_seconds))
}

/// When a signature was made, by its start.
pub(crate) fn signed_at(start: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(start, &Rfc3339).ok()?.checked_add(BACK)
}

/// Where its blobs are.
pub(crate) fn endpoint(inputs: &Inputs) -> Result<Url, Error> {
    let odd = |_| Error::new(Class::User, format!("`{}` is no address of blobs", inputs.blob_endpoint));
    inputs.blob_endpoint.parse().map_err(odd)
}

/// A warning when this machine's clock is too far from the service's.
pub(crate) fn skew_note(ahead: Duration) -> Option<String> {
    let far = ahead.abs() > Duration::minutes(5);
    let word = if ahead.is_negative() { "behind" } else { "ahead of" };
    far.then(|| {
        format!("this machine's clock is {} s {word} Azure's: a SAS may not work yet", ahead.abs().whole_seconds())
    })
}

/// Why an account would refuse a signature, or not make it.
pub(crate) struct Forbidden {
    /// The input that the setting is against.
    pub(crate) input: &'static str,
    /// What it means.
    pub(crate) summary: String,
    /// The setting, with its figures.
    pub(crate) setting: String,
    /// What to do.
    pub(crate) hint: &'static str,
}

/// The first setting of an account that stands against a signature.
pub(crate) fn forbidden(account: &Json, inputs: &Inputs) -> Option<Forbidden> {
    let name = &inputs.account_name;
    let at = |pointer: &str| account.pointer(pointer);
    let says = |setting: &str, value| at(&format!("/properties/{setting}")).and_then(Json::as_bool) == Some(value);
    let delegated = inputs.kind == Kind::UserDelegation;
    if !delegated && says("allowSharedKeyAccess", false) {
        return Some(Forbidden {
            input: "kind",
            summary: format!("storage account `{name}` forbids signatures by account key"),
            setting: "`allowSharedKeyAccess` is false".to_owned(),
            hint: "write `kind: user_delegation`, or set `allowSharedKeyAccess` to true for the account",
        });
    }
    if delegated && says("requireUserBoundUserDelegationSas", true) {
        return Some(Forbidden {
            input: "kind",
            summary: format!("storage account `{name}` takes only signatures for one person"),
            setting: "`requireUserBoundUserDelegationSas` is true".to_owned(),
            hint: "set `requireUserBoundUserDelegationSas` to false for the account",
        });
    }
    let period = at("/properties/sasPolicy/sasExpirationPeriod").and_then(Json::as_str).and_then(period_seconds);
    let blocks = at("/properties/sasPolicy/expirationAction").and_then(Json::as_str) == Some("Block");
    let limit = period.filter(|limit| blocks && *limit < inputs.lifetime_seconds)?;
    Some(Forbidden {
        input: "lifetimeSeconds",
        summary: format!("storage account `{name}` blocks a SAS that lives this long"),
        setting: format!("`sasPolicy` allows {limit} s, `lifetime` asks for {} s", inputs.lifetime_seconds),
        hint: "shorten the lifetime of the SAS",
    })
}

/// Settings that came since the look before the first write, or of an account that is not there.
pub(crate) fn refuse_forbidden(account: Option<&Json>, inputs: &Inputs) -> Result<(), Error> {
    let Some(account) = account else {
        let summary = format!("storage account `{}` is not there", inputs.account_name);
        return Err(Error::new(Class::NotFound, summary).hint("run `mops infra up` with the component `storage` first"));
    };
    match forbidden(account, inputs) {
        Some(Forbidden { summary, setting, hint, .. }) => {
            Err(Error::new(Class::User, summary).note(setting).hint(hint))
        }
        None => Ok(()),
    }
}

/// `DD.HH:MM:SS`, as the account states it.
fn period_seconds(text: &str) -> Option<u64> {
    let (days, clock) = text.split_once('.').unwrap_or(("0", text));
    let mut parts = clock.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(days.parse::<u64>().ok()? * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

/// What programs of the storage libraries take; holds the signature and no account key.
pub(crate) fn connection_string(blob_endpoint: &str, token: &Secret<String>) -> Secret<String> {
    Secret::new(format!("BlobEndpoint={blob_endpoint};SharedAccessSignature={}", token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::blob_sas_token::BlobSasToken;
    use crate::renewal::stamp;
    use crate::resource::Resource;
    use serde_json::json;
    use time::macros::datetime;

    fn sample() -> Inputs {
        BlobSasToken::samples().remove(0)
    }

    #[test]
    fn letters_get_the_services_order() {
        let mut inputs = Inputs { permissions: "lr".into(), ..sample() };
        let mut findings = Findings::default();
        check(&mut inputs, &mut findings);
        assert!(findings.failures.is_empty());
        assert_eq!(inputs.permissions, "rl");
        let bad: [fn(&mut Inputs); 8] = [
            |i| (i.kind, i.container, i.permissions) = (Kind::Account, None, "rw".into()),
            |i| (i.kind, i.policy) = (Kind::UserDelegation, Some("readers".into())),
            |i| (i.kind, i.lifetime_seconds) = (Kind::UserDelegation, DELEGATED_SECONDS + 1),
            |i| (i.kind, i.permissions) = (Kind::UserDelegation, "f".into()),
            |i| i.permissions = "q".into(),
            |i| i.permissions = String::new(),
            |i| i.container = None,
            |i| i.renew_before_seconds = i.lifetime_seconds,
        ];
        for (at, spoil) in bad.iter().enumerate() {
            let (mut inputs, mut findings) = (sample(), Findings::default());
            spoil(&mut inputs);
            check(&mut inputs, &mut findings);
            assert_eq!(findings.failures.len(), 1, "{at}");
        }
    }

    #[test]
    fn an_account_sas_writes_only_when_it_is_asked_to() {
        let mut inputs = Inputs {
            kind: Kind::Account,
            container: None,
            permissions: "rw".into(),
            account_wide_writes: Some(true),
            ..sample()
        };
        let mut findings = Findings::default();
        check(&mut inputs, &mut findings);
        assert!(findings.failures.is_empty());
    }

    #[test]
    fn a_signature_starts_before_now() {
        let now = datetime!(2026-01-01 12:00:00.5 UTC);
        let at = |kind| {
            let (start, expiry) = life(now, &Inputs { kind, lifetime_seconds: 3600, ..sample() });
            (stamp(start), stamp(expiry))
        };
        assert_eq!(at(Kind::Service), ("2026-01-01T11:45:00Z".to_owned(), "2026-01-01T13:00:00Z".to_owned()));
        assert_eq!(at(Kind::UserDelegation), ("2026-01-01T11:45:00Z".to_owned(), "2026-01-01T12:45:00Z".to_owned()));
    }

    #[test]
    fn a_clock_that_is_off_is_said() {
        assert_eq!(skew_note(Duration::seconds(-299)), None);
        assert!(skew_note(Duration::seconds(301)).is_some_and(|note| note.contains("301 s ahead of")));
        assert!(skew_note(Duration::seconds(-400)).is_some_and(|note| note.contains("400 s behind")));
    }

    #[test]
    fn settings_that_forbid_it_are_named() {
        let inputs = sample();
        assert!(refuse_forbidden(Some(&json!({"properties": {}})), &inputs).is_ok());
        let off = json!({"properties": {"allowSharedKeyAccess": false}});
        assert!(refuse_forbidden(Some(&off), &inputs).unwrap_err().summary().contains("account key"));
        let delegated = Inputs { kind: Kind::UserDelegation, ..sample() };
        assert!(refuse_forbidden(Some(&off), &delegated).is_ok());
        let bound = json!({"properties": {"requireUserBoundUserDelegationSas": true}});
        assert!(refuse_forbidden(Some(&bound), &delegated).unwrap_err().summary().contains("one person"));
        assert!(refuse_forbidden(Some(&bound), &inputs).is_ok());
        let policy = |action: &str| json!({"properties": {"sasPolicy": {"sasExpirationPeriod": "1.00:00:00", "expirationAction": action}}});
        assert!(refuse_forbidden(Some(&policy("Block")), &inputs).is_err());
        assert!(refuse_forbidden(Some(&policy("Log")), &inputs).is_ok());
        assert_eq!(refuse_forbidden(None, &inputs).unwrap_err().class(), Class::NotFound);
    }
}
