//! A pull secret as the kubelet reads it: which entries match a host, and what they hold. An entry
//! without user and password is told apart from a missing one (`tests::each_defect_has_its_name`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use serde::Deserialize;

/// The type of Secret that holds `.dockerconfigjson`.
pub const TYPE: &str = "kubernetes.io/dockerconfigjson";
/// The older type with `.dockercfg`.
pub const LEGACY_TYPE: &str = "kubernetes.io/dockercfg";
/// The key of [`TYPE`].
pub const KEY: &str = ".dockerconfigjson";

/// What is wrong with a docker config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// Not JSON, or not of this form.
    #[error("it is not JSON with an object `auths`")]
    Malformed,
    /// An `auth` that does not decode to `user:password`.
    #[error("an `auth` is not base64 of `user:password`")]
    Auth,
    /// `auth` and `username`/`password` disagree.
    #[error("`auth` differs from `username` and `password`")]
    Contradiction,
    /// No entry for the host.
    #[error("it has no entry for the host")]
    NoEntry,
    /// An entry that the kubelet cannot use.
    #[error("its entry for the host holds no user and password")]
    NoCredential,
}

/// User and password of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
}

#[derive(Deserialize)]
struct Config {
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<Secret64>,
    username: Option<String>,
    password: Option<Secret64>,
    /// Which kubelets pass over.
    identitytoken: Option<Secret64>,
}

impl Entry {
    /// Whether it has an identity token in place of a password.
    fn is_identity(&self) -> bool {
        let auth = self.auth.as_ref().and_then(|auth| decoded(&auth.0));
        self.identitytoken.as_ref().is_some_and(|token| !token.0.is_empty())
            && self.password.as_ref().is_none_or(|password| password.0.is_empty())
            && auth.is_none_or(|(_, password)| password.is_empty())
    }
}

/// Whether what a docker config holds for a host is an identity token and no password.
#[must_use]
pub fn is_identity_token(text: &str, host: &str) -> bool {
    let Ok(config) = serde_json::from_str::<Config>(text) else { return false };
    let mut entries = config.auths.iter().filter(|(key, _)| matches(key, host)).peekable();
    entries.peek().is_some() && entries.all(|(_, entry)| entry.is_identity())
}

/// Text that stays out of error messages of the parser.
#[derive(Deserialize)]
#[serde(transparent)]
struct Secret64(String);

/// The logins that a kubelet would use for `host` (with port, if any), most specific entry first.
///
/// # Errors
/// The first [`Defect`] in the way.
pub fn logins(text: &str, host: &str) -> Result<Vec<Login>, Defect> {
    Ok(entries(text, host)?.into_iter().map(|(_, login)| login).collect())
}

/// As [`logins`], each with how specific its entry is: a kubelet goes by that through all of a pod's secrets.
///
/// # Errors
/// The first [`Defect`] in the way.
pub fn entries(text: &str, host: &str) -> Result<Vec<(usize, Login)>, Defect> {
    let config: Config = serde_json::from_str(text).map_err(|_| Defect::Malformed)?;
    let mut matching: Vec<(&String, &Entry)> = config.auths.iter().filter(|(key, _)| matches(key, host)).collect();
    if matching.is_empty() {
        return Err(Defect::NoEntry);
    }
    matching.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
    let read = matching.into_iter().map(|(key, entry)| Ok(login(entry)?.map(|login| (key.len(), login))));
    let found: Vec<_> = read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    if found.is_empty() { Err(Defect::NoCredential) } else { Ok(found) }
}

/// The hosts that a docker config names, for messages.
#[must_use]
pub fn hosts(text: &str) -> Vec<String> {
    serde_json::from_str::<Config>(text).map(|c| c.auths.into_keys().map(|k| host_of(&k)).collect()).unwrap_or_default()
}

fn login(entry: &Entry) -> Result<Option<Login>, Defect> {
    let plain = match (&entry.username, &entry.password) {
        (Some(u), Some(p)) if !u.is_empty() && !p.0.is_empty() => {
            Some(Login { username: u.clone(), password: Secret::new(p.0.clone()) })
        }
        _ => None,
    };
    let Some(auth) = entry.auth.as_ref().filter(|a| !a.0.is_empty()) else { return Ok(plain) };
    if let Some((username, _)) = decoded(&auth.0).filter(|(user, _)| entry.is_identity() && !user.is_empty()) {
        // A kubelet sends the user with nothing.
        return Ok(Some(Login { username, password: Secret::from("") }));
    }
    let decoded = decode(&auth.0).ok_or(Defect::Auth)?;
    match plain {
        Some(plain) if plain != decoded => Err(Defect::Contradiction),
        _ => Ok(Some(decoded)),
    }
}

fn decode(auth: &str) -> Option<Login> {
    let (username, password) = decoded(auth)?;
    (!username.is_empty() && !password.is_empty()).then(|| Login { username, password: Secret::new(password) })
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

/// The host in the key of an entry, which may be an address.
#[must_use]
pub fn host_of(key: &str) -> String {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
    bare.split('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// The kubelet's rule as far as hosts go: scheme and path are passed over, `*` stands for one label part.
fn matches(key: &str, host: &str) -> bool {
    let pattern = host_of(key);
    let host = host.to_ascii_lowercase();
    if pattern == host {
        return true;
    }
    let (pattern, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len() && pattern.iter().zip(&host).all(|(p, h)| label(p, h))
}

fn label(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((head, tail)) => {
            label.len() >= head.len() + tail.len() && label.starts_with(head) && label.ends_with(tail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "reg.azurecr.io";

    fn found(text: &str) -> Result<Vec<String>, Defect> {
        logins(text, HOST).map(|l| l.into_iter().map(|l| format!("{}:{}", l.username, l.password.expose())).collect())
    }

    #[test]
    fn keys_match_as_the_kubelet_matches_them() {
        for key in
            ["reg.azurecr.io", "https://reg.azurecr.io", "https://reg.azurecr.io/v1/", "*.azurecr.io", "r*.azurecr.io"]
        {
            let text = format!(r#"{{"auths":{{"{key}":{{"username":"u","password":"p"}}}}}}"#);
            assert_eq!(found(&text), Ok(vec!["u:p".into()]), "{key}");
        }
        for key in
            ["azurecr.io", "reg.azurecr.io:5000", "reg2.azurecr.io", "*.io", "reg.azurecr.io.evil", "re*eg.azurecr.io"]
        {
            let text = format!(r#"{{"auths":{{"{key}":{{"username":"u","password":"p"}}}}}}"#);
            assert_eq!(found(&text), Err(Defect::NoEntry), "{key}");
        }
    }

    #[test]
    fn an_identity_token_is_no_password() {
        let auth = |text: &str| STANDARD.encode(text);
        let entry = |text: String| format!(r#"{{"auths":{{"reg.azurecr.io":{text}}}}}"#);
        let only = entry(format!(r#"{{"auth":"{}","identitytoken":"canary"}}"#, auth("0000:")));
        assert_eq!((found(&only), is_identity_token(&only, HOST)), (Ok(vec!["0000:".into()]), true));
        let both = entry(format!(r#"{{"auth":"{}","identitytoken":"canary"}}"#, auth("u:p")));
        assert_eq!((found(&both), is_identity_token(&both, HOST)), (Ok(vec!["u:p".into()]), false));
        let bare = entry(r#"{"identitytoken":"canary"}"#.to_owned());
        assert_eq!((found(&bare), is_identity_token(&bare, HOST)), (Err(Defect::NoCredential), true));
        assert!(!is_identity_token(&only, "other.io"));
        let without = entry(format!(r#"{{"auth":"{}"}}"#, auth("0000:")));
        assert_eq!(found(&without), Err(Defect::Auth), "no token explains it");
    }

    #[test]
    fn each_defect_has_its_name() {
        let auth = STANDARD.encode("u:p:with:colons");
        let rows = [
            ("not json".to_owned(), Err(Defect::Malformed)),
            ("{}".to_owned(), Err(Defect::Malformed)),
            (r#"{"auths":{}}"#.to_owned(), Err(Defect::NoEntry)),
            (r#"{"auths":{"reg.azurecr.io":{}}}"#.to_owned(), Err(Defect::NoCredential)),
            (r#"{"auths":{"reg.azurecr.io":{"auth":"%%%"}}}"#.to_owned(), Err(Defect::Auth)),
            (format!(r#"{{"auths":{{"reg.azurecr.io":{{"auth":"{auth}"}}}}}}"#), Ok(vec!["u:p:with:colons".into()])),
            (
                format!(r#"{{"auths":{{"reg.azurecr.io":{{"auth":"{auth}","username":"u","password":"other"}}}}}}"#),
                Err(Defect::Contradiction),
            ),
        ];
        for (text, want) in rows {
            assert_eq!(found(&text), want, "{text}");
        }
    }
}
