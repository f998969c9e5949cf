//! The lines that a probe prints, and how they are read back from a pod's log. A log that was cut
//! off is told apart from a complete one by its last line (`tests::a_cut_log_is_not_complete`).

use std::collections::BTreeMap;

use mops_core::KeyedHash;
use mops_wire::Logins;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset};

use crate::keys::HeldKey;

/// The version that each line carries; a reader ignores lines of another one.
pub const VERSION: u32 = 1;
/// Longest detail in bytes; the rest is dropped before printing.
const MAX_DETAIL: usize = 200;

/// Names of the checks.
pub mod check {
    /// A variable that the worker needs is there; the target is its name.
    pub const ENV: &str = "env";
    /// The pull secret has an entry for the registry.
    pub const PULL_SECRET: &str = "registry.pull_secret";
    /// `GET /v2/` with a credential.
    pub const REGISTRY_V2: &str = "registry.v2";
    /// The token of the service account is there and is traded.
    pub const IDENTITY: &str = "identity.token";
    /// A login that nobody has, which the registry must refuse; one that it takes has the code `OPEN`.
    pub const REGISTRY_INVENTED: &str = "registry.invented";
    /// HEAD of an image's manifest.
    pub const REGISTRY_PULL: &str = "registry.pull";
    /// The image's repository has a tag list.
    pub const REGISTRY_TAGS: &str = "registry.tags";
    /// HEAD of a repository that another check has shown to work.
    pub const REGISTRY_KNOWN: &str = "registry.known";
    /// HEAD of a random repository, against the answer for the image; passes when it is refused, with a code that says
    /// whether both answers are alike.
    pub const REGISTRY_RANDOM: &str = "registry.random";
    /// GET of an image's manifest: its digest and its entry for the platform.
    pub const REGISTRY_MANIFEST: &str = "registry.manifest";
    /// The image's smallest layer, from the host to which the registry sends.
    pub const REGISTRY_BLOB: &str = "registry.blob";
    /// Names or tags near the ones of an image that is absent; the reason lists them.
    pub const REGISTRY_NAMES: &str = "registry.names";
    /// What the text of the SAS promises, against the server's clock.
    pub const STORAGE_SAS: &str = "storage.sas";
    /// List with one result.
    pub const STORAGE_READ: &str = "storage.read";
    /// Another container that a SAS lists which is refused for its own; the reason names it.
    pub const STORAGE_OTHER: &str = "storage.other";
    /// A write that the service must refuse.
    pub const STORAGE_WRITE_REFUSED: &str = "storage.write_refused";
    /// HEAD of one blob; the target is `CONTAINER/NAME`.
    pub const STORAGE_BLOB: &str = "storage.blob";
    /// The form of a key, looked at where it lives; the target is the host that it is for.
    pub const KEY_FORM: &str = "key.form";
    /// A token of NGC; the target is the image that it is for, or the host for a bare login. A refusal without a key is
    /// no failure, and skipped.
    pub const NGC_TOKEN: &str = "ngc.token";
    /// HEAD of a model's files at NGC; the target is `ORG[/TEAM]/NAME:VERSION`.
    pub const NGC_MODEL: &str = "ngc.model";
    /// The last lines of a container's log, current and previous; the target is its owner. Fails with the first text of
    /// a known fault, a refusal before all others, and only supports what another check shows.
    pub const LOG: &str = "log";
    /// A host reached as the worker would, with or without a proxy; when that fails the other way is tried.
    pub const NET_PROXY: &str = "net.proxy";
    /// The addresses of a host.
    pub const NET_DNS: &str = "net.dns";
    /// A connection to a host's port for TLS.
    pub const NET_TCP: &str = "net.tcp";
    /// The certificate that a host shows.
    pub const NET_TLS: &str = "net.tls";
    /// `GET /v2/` without a credential: which sign-in the registry asks for.
    pub const REGISTRY_CHALLENGE: &str = "registry.challenge";
    /// A token for an image from the registry's realm.
    pub const REGISTRY_TOKEN: &str = "registry.token";
    /// The directory's token, made for Azure's management, traded for a refresh token of the registry.
    pub const IDENTITY_EXCHANGE: &str = "identity.exchange";
    /// The same with a directory token that was made for registries.
    pub const IDENTITY_ACR_AUDIENCE: &str = "identity.acr_audience";
    /// The refresh token traded for an access token to an image.
    pub const IDENTITY_ACCESS: &str = "identity.access";
    /// The local clock against the `Date` of what answered.
    pub const CLOCK: &str = "clock";
}

/// Names of the credentials with which a check is made.
pub mod variant {
    /// No credential.
    pub const ANON: &str = "anon";
    /// An invented credential; from the workstation only.
    pub const BROKEN: &str = "broken";
    /// REGISTRY_USERNAME and REGISTRY_PASSWORD.
    pub const ENV: &str = "env";
    /// The entry of the pull secret.
    pub const PULL_SECRET: &str = "pullsecret";
    /// The federated identity of the pod.
    pub const WI: &str = "wi";
    /// The SAS of AZURE_STORAGE_CONNECTION_STRING.
    pub const SAS: &str = "sas";
    /// What this workstation has for the registry; never sent from the cluster.
    pub const LOCAL: &str = "local";
    /// A credential that ARM lists; from the workstation only.
    pub const ARM: &str = "arm";
    /// The identity with which a node pulls.
    pub const KUBELET: &str = "kubelet";
    /// The person who is signed in at Azure; from the workstation only.
    pub const USER: &str = "user";
}

/// Codes of ours; a service's own code is passed on as it is.
pub mod code {
    /// The variable is not set.
    pub const ENV_MISSING: &str = "ENV_MISSING";
    /// The variable is set and blank.
    pub const ENV_EMPTY: &str = "ENV_EMPTY";
    /// The credential was refused, or there was none.
    pub const UNAUTHORIZED: &str = "UNAUTHORIZED";
    /// Refused with 403.
    pub const DENIED: &str = "DENIED";
    /// The repository does not exist.
    pub const NAME_UNKNOWN: &str = "NAME_UNKNOWN";
    /// The tag or digest does not exist.
    pub const MANIFEST_UNKNOWN: &str = "MANIFEST_UNKNOWN";
    /// The index has no entry for the platform.
    pub const PLATFORM_MISSING: &str = "PLATFORM_MISSING";
    /// The bytes hash to another digest.
    pub const DIGEST_MISMATCH: &str = "DIGEST_MISMATCH";
    /// The host to which the registry sends for a layer is not reached, and is no data host of an Azure registry; the
    /// reason names it.
    pub const REDIRECT_HOST: &str = "REDIRECT_HOST";
    /// The refusal asks to accept a licence in the browser.
    pub const LICENSE_SENTENCE: &str = "LICENSE_SENTENCE";
    /// Both answers are the same.
    pub const ALIKE: &str = "ALIKE";
    /// The answers differ.
    pub const ANSWERS_DIFFER: &str = "ANSWERS_DIFFER";
    /// The resolver does not know the host.
    pub const NAME_NOT_RESOLVED: &str = "NAME_NOT_RESOLVED";
    /// Nobody listens there, or a firewall says so.
    pub const CONNECTION_REFUSED: &str = "CONNECTION_REFUSED";
    /// The connection broke before an answer.
    pub const CONNECTION_BROKEN: &str = "CONNECTION_BROKEN";
    /// No answer within the deadline.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// No root that we trust signed the certificate.
    pub const UNTRUSTED_CERTIFICATE: &str = "UNTRUSTED_CERTIFICATE";
    /// The certificate's time is over, or has not begun.
    pub const CERTIFICATE_EXPIRED: &str = "CERTIFICATE_EXPIRED";
    /// The certificate is for another host.
    pub const CERTIFICATE_NAME: &str = "CERTIFICATE_NAME";
    /// 429.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// 5xx after the tries.
    pub const SERVER_ERROR: &str = "SERVER_ERROR";
    /// 407.
    pub const PROXY_AUTH: &str = "PROXY_AUTH";
    /// HTML where JSON was due.
    pub const HTML: &str = "HTML";
    /// 401 without a challenge.
    pub const NO_CHALLENGE: &str = "NO_CHALLENGE";
    /// A challenge that is neither Basic nor Bearer.
    pub const CHALLENGE_UNUSABLE: &str = "CHALLENGE_UNUSABLE";
    /// The challenge names a token host that is not the registry's.
    pub const REALM_UNTRUSTED: &str = "REALM_UNTRUSTED";
    /// The text does not have the form that it should have.
    pub const MALFORMED: &str = "MALFORMED";
    /// A sample text, not a key.
    pub const PLACEHOLDER: &str = "PLACEHOLDER";
    /// The token that was given does not open what it was asked for.
    pub const NOT_GRANTED: &str = "NOT_GRANTED";
    /// The registry asks nobody for a credential.
    pub const OPEN: &str = "OPEN";
    /// The docker config has no entry for the host.
    pub const NO_ENTRY: &str = "NO_ENTRY";
    /// The docker config's entry holds nothing that a kubelet uses.
    pub const NO_CREDENTIAL: &str = "NO_CREDENTIAL";
    /// The registry is written with a scheme or a path.
    pub const NOT_A_HOST: &str = "NOT_A_HOST";
    /// The registry is not the one that was expected.
    pub const OTHER_HOST: &str = "OTHER_HOST";
    /// The image reference does not parse.
    pub const REFERENCE_INVALID: &str = "REFERENCE_INVALID";
    /// The connection string holds an account key.
    pub const ACCOUNT_KEY: &str = "ACCOUNT_KEY";
    /// `se` is earlier than the server's clock.
    pub const EXPIRED: &str = "EXPIRED";
    /// `st` is later than the server's clock.
    pub const NOT_YET_VALID: &str = "NOT_YET_VALID";
    /// `sp` gives more than read and list.
    pub const TOO_BROAD: &str = "TOO_BROAD";
    /// The write went through.
    pub const WRITE_ACCEPTED: &str = "WRITE_ACCEPTED";
    /// Reading was refused too, so a refused write proves nothing.
    pub const READ_REFUSED: &str = "READ_REFUSED";
    /// An answer that no other code describes.
    pub const UNEXPECTED: &str = "UNEXPECTED";
    /// A redirect that is not followed: to a metadata service, or out of https.
    pub const REDIRECT_REFUSED: &str = "REDIRECT_REFUSED";
    /// As many requests were sent as one target may cost.
    pub const REQUEST_LIMIT: &str = "REQUEST_LIMIT";
    /// What the check needs was not given.
    pub const NOT_GIVEN: &str = "NOT_GIVEN";
    /// A log tells of a write to the model's cache that was denied.
    pub const CACHE_DENIED: &str = "CACHE_DENIED";
    /// A log tells of files that Hugging Face gives to members only.
    pub const HF_GATED: &str = "HF_GATED";
    /// A log tells that Hugging Face refused.
    pub const HF_REFUSED: &str = "HF_REFUSED";
    /// A log tells that Weights & Biases refused.
    pub const WANDB_REFUSED: &str = "WANDB_REFUSED";
    /// The resolver has trouble of its own.
    pub const SERVFAIL: &str = "SERVFAIL";
    /// An address of a private network.
    pub const PRIVATE_ADDRESS: &str = "PRIVATE_ADDRESS";
    /// An address of the internet.
    pub const PUBLIC_ADDRESS: &str = "PUBLIC_ADDRESS";
    /// An address of the internet, by way of a name that is made for a private endpoint.
    pub const PRIVATE_LINK_PUBLIC: &str = "PRIVATE_LINK_PUBLIC";
    /// Reached by the configured proxy, and not without it.
    pub const REACHED_BY_PROXY: &str = "REACHED_BY_PROXY";
    /// Reached without a proxy, and not by the one that the worker uses.
    pub const REACHED_DIRECT: &str = "REACHED_DIRECT";
    /// Plain HTTP where TLS was due.
    pub const PLAIN_HTTP: &str = "PLAIN_HTTP";
    /// More than five minutes off, by two hosts that agree.
    pub const CLOCK_OFF: &str = "CLOCK_OFF";
    /// One host is more than five minutes off, and another one is not.
    pub const ONE_HOST_OFF: &str = "ONE_HOST_OFF";
    /// The challenge offers no Bearer.
    pub const NO_BEARER: &str = "NO_BEARER";
    /// The refusal says that the client's address is not allowed; the reason names it.
    pub const FIREWALL_SENTENCE: &str = "FIREWALL_SENTENCE";
    /// The data host of an Azure registry is not reached; the reason names it.
    pub const DATA_HOST: &str = "DATA_HOST";
    /// The metadata service knows no such identity.
    pub const IDENTITY_UNKNOWN: &str = "IDENTITY_UNKNOWN";
    /// The node has several identities, and none was named.
    pub const IDENTITY_AMBIGUOUS: &str = "IDENTITY_AMBIGUOUS";
    /// Good, and near its end.
    pub const EXPIRES_SOON: &str = "EXPIRES_SOON";
    /// The entry holds an identity token and no password.
    pub const IDENTITY_TOKEN: &str = "IDENTITY_TOKEN";
    /// A log tells that a key of Weights & Biases must have 40 characters.
    pub const WANDB_KEY_LENGTH: &str = "WANDB_KEY_LENGTH";
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Failed,
    /// Not asked, with the reason in the detail.
    Skipped,
}

/// One check with its result. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// One of [`check`].
    pub check: String,
    /// One of [`variant`], or empty.
    pub variant: String,
    /// Which of several credentials of that kind: the secret's name; empty where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Host, image, container or variable.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// One of [`code`], or the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A few words, redacted.
    #[serde(default)]
    pub detail: String,
    /// How long it took.
    #[serde(default)]
    pub millis: u64,
    /// Type of the answer's body, where that is of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The beginning of such a body, without anything that could be a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_excerpt: Option<String>,
    /// The host to which the service sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_host: Option<String>,
    /// When what was looked at ends, in UTC: a SAS, a token, a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub ends: Option<OffsetDateTime>,
}

impl Observation {
    fn of(check: &str, variant: &str, target: &str, outcome: Outcome) -> Self {
        Self {
            check: check.to_owned(),
            variant: variant.to_owned(),
            source: String::new(),
            target: target.to_owned(),
            outcome,
            status: None,
            code: None,
            detail: String::new(),
            millis: 0,
            content_type: None,
            body_excerpt: None,
            redirect_host: None,
            ends: None,
        }
    }

    /// A check that passed.
    #[must_use]
    pub fn ok(check: &str, variant: &str, target: &str) -> Self {
        Self::of(check, variant, target, Outcome::Ok)
    }

    /// A check that failed.
    #[must_use]
    pub fn failed(check: &str, variant: &str, target: &str, code: &str) -> Self {
        Self::of(check, variant, target, Outcome::Failed).code(code)
    }

    /// A check that was not made.
    #[must_use]
    pub fn skipped(check: &str, variant: &str, target: &str, code: &str) -> Self {
        Self::of(check, variant, target, Outcome::Skipped).code(code)
    }

    /// Adds a code.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = (!code.is_empty()).then(|| code.to_owned());
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a few words, without control characters and cut to a line's length.
    #[must_use]
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = plain(detail);
        self
    }

    /// Adds which of several credentials it was.
    #[must_use]
    pub fn by(mut self, source: &str) -> Self {
        source.clone_into(&mut self.source);
        self
    }

    /// Adds the time that it took.
    #[must_use]
    pub const fn millis(mut self, millis: u64) -> Self {
        self.millis = millis;
        self
    }

    /// Adds when what was looked at ends.
    #[must_use]
    pub fn ending(mut self, ends: Option<OffsetDateTime>) -> Self {
        self.ends = ends.map(|end| end.to_offset(UtcOffset::UTC));
        self
    }

    /// Adds the host to which the service sent.
    #[must_use]
    pub fn moved_to(mut self, host: Option<&str>) -> Self {
        self.redirect_host = host.map(plain);
        self
    }

    /// Whether it has this code.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// Drops control characters and cuts at a character boundary.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > MAX_DETAIL {
            break;
        }
        out.push(c);
    }
    out.trim().to_owned()
}

/// One line of a probe's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    /// A check with its result.
    Observation {
        /// See [`VERSION`].
        version: u32,
        /// The check.
        #[serde(flatten)]
        observation: Observation,
    },
    /// A key that the place holds, hashed for this run.
    Key {
        /// See [`VERSION`].
        version: u32,
        /// Where, and its hashes.
        #[serde(flatten)]
        key: HeldKey,
    },
    /// A variable that the place holds, hashed for this run.
    Variable {
        /// See [`VERSION`].
        version: u32,
        /// Its name.
        name: String,
        /// Its value's hash.
        hash: KeyedHash,
    },
    /// A login that a host refused, or that was not sent because it had refused it before; hashed.
    Login {
        /// See [`VERSION`].
        version: u32,
        /// Its hash.
        login: KeyedHash,
        /// Whether it was not sent.
        spared: bool,
    },
    /// The last line.
    End {
        /// See [`VERSION`].
        version: u32,
        /// How many observations came before.
        observations: usize,
        /// How many keys.
        #[serde(default)]
        keys: usize,
        /// How many variables.
        #[serde(default)]
        variables: usize,
    },
}

/// What a probe's log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// In the order of the log.
    pub observations: Vec<Observation>,
    /// What the place holds.
    pub keys: Vec<HeldKey>,
    /// Hashes of the variables that it was asked for.
    pub variables: BTreeMap<String, KeyedHash>,
    /// Logins that were refused.
    pub refused: Vec<KeyedHash>,
    /// Logins that were refused before and not sent.
    pub spared: Vec<KeyedHash>,
    /// Whether the last line is there and its counts are right.
    pub complete: bool,
}

impl Log {
    /// Reads a log; lines that are not ours are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Observation { version: VERSION, observation }) => log.observations.push(observation),
                Ok(Line::Key { version: VERSION, key }) => log.keys.push(key),
                Ok(Line::Variable { version: VERSION, name, hash }) => {
                    log.variables.insert(name, hash);
                }
                Ok(Line::Login { version: VERSION, login, spared: false }) => log.refused.push(login),
                Ok(Line::Login { version: VERSION, login, spared: true }) => log.spared.push(login),
                Ok(Line::End { version: VERSION, observations, keys, variables }) => {
                    let counts = (log.observations.len(), log.keys.len(), log.variables.len());
                    log.complete = (observations, keys, variables) == counts;
                }
                _ => {}
            }
        }
        log
    }
}

/// The lines of what was heard of logins, for whoever repeats the run; they stand before those of [`lines_with`].
#[must_use]
pub fn login_lines(logins: &Logins) -> Vec<Line> {
    let line = |spared| move |login| Line::Login { version: VERSION, login, spared };
    logins.refused().into_iter().map(line(false)).chain(logins.spared().into_iter().map(line(true))).collect()
}

/// The lines of a complete run that was asked for no variables.
#[must_use]
pub fn lines(observations: &[Observation], keys: &[HeldKey]) -> Vec<Line> {
    lines_with(observations, keys, &BTreeMap::new())
}

/// The lines of a complete run.
#[must_use]
pub fn lines_with(
    observations: &[Observation],
    keys: &[HeldKey],
    variables: &BTreeMap<String, KeyedHash>,
) -> Vec<Line> {
    let seen = observations.iter().map(|o| Line::Observation { version: VERSION, observation: o.clone() });
    let held = keys.iter().map(|key| Line::Key { version: VERSION, key: key.clone() });
    let variable = |(name, hash): (&String, &KeyedHash)| Line::Variable {
        version: VERSION,
        name: name.clone(),
        hash: hash.clone(),
    };
    let (observations, keys) = (observations.len(), keys.len());
    let end = Line::End { version: VERSION, observations, keys, variables: variables.len() };
    seen.chain(held).chain(variables.iter().map(variable)).chain([end]).collect()
}

#[cfg(test)]
mod tests {
    use mops_core::Nonce;

    use super::*;
    use crate::dockerconfig::Login;

    fn refused() -> Observation {
        Observation::failed(check::REGISTRY_V2, variant::ENV, "r.azurecr.io", code::UNAUTHORIZED)
            .status(401)
            .detail("refused\u{1b}[31m")
            .millis(12)
    }

    fn key() -> HeldKey {
        let login = Login { username: "u".into(), password: "canary".into() };
        HeldKey::of(&Nonce::new([1; 32]), variant::ENV, "r.azurecr.io", &login)
    }

    fn text(observations: &[Observation]) -> String {
        lines(observations, &[key()]).iter().map(|l| serde_json::to_string(l).unwrap() + "\n").collect()
    }

    #[test]
    fn a_log_comes_back_as_it_was_printed() {
        let all = [refused(), Observation::ok(check::STORAGE_READ, variant::SAS, "bundles")];
        let log = Log::parse(&format!("starting\n{}", text(&all)));
        assert_eq!(log, Log { observations: all.to_vec(), keys: vec![key()], complete: true, ..Log::default() });
    }

    #[test]
    fn the_line_is_the_protocol() {
        let line = text(&[refused()]).lines().next().unwrap().to_owned();
        let want = r#"{"type":"observation","version":1,"check":"registry.v2","variant":"env","target":"r.azurecr.io","outcome":"failed","status":401,"code":"UNAUTHORIZED","detail":"refused [31m","millis":12}"#;
        assert_eq!(line, want);
    }

    #[test]
    fn a_cut_log_is_not_complete() {
        let whole = text(&[refused(), refused()]);
        let cut: String = whole.lines().skip(1).map(|l| format!("{l}\n")).collect();
        assert!(!Log::parse(&cut).complete);
        assert!(!Log::parse(whole.lines().next().unwrap()).complete);
        let keyless: String = whole.lines().filter(|l| !l.contains("\"key\"")).map(|l| format!("{l}\n")).collect();
        assert!(!Log::parse(&keyless).complete);
        assert!(!Log::parse(&whole.replace("\"version\":1", "\"version\":2")).complete);
    }

    #[test]
    fn an_end_is_told_in_utc() {
        let end = time::macros::datetime!(2026-11-27 10:00 +02:00);
        let seen = Observation::ok(check::STORAGE_SAS, variant::SAS, "bundles").ending(Some(end));
        let line = serde_json::to_string(&seen).unwrap();
        assert!(line.ends_with(r#""ends":"2026-11-27T08:00:00Z"}"#), "{line}");
        assert_eq!(serde_json::from_str::<Observation>(&line).unwrap(), seen);
    }

    #[test]
    fn details_are_one_short_line() {
        let long = "ä".repeat(300);
        assert_eq!(plain(&long).len(), MAX_DETAIL);
        assert_eq!(plain("a\nb\tc"), "a b c");
    }
}
