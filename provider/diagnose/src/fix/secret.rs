//! Secrets of the cluster as values for changes of others: what is in them, and where a login can be had. Nothing of this
//! machine is among them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_probe::dockerconfig::{self, Login};
use mops_probe::keys::{NGC_HOST, NGC_USER};
use mops_probe::observation::variant;
use mops_probe::settings::names;
use serde_json::{Map, Value as Json, json};

use super::ground::Ground;
use crate::finding::Finding;
use crate::request::ArmView;
use crate::workload;

/// A value, when it is text.
pub(crate) fn text(secret: &Json, key: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(secret["data"][key].as_str()?).ok()?).ok()
}

/// Whether it is one with which images are pulled.
pub(crate) fn pulls(secret: &Json) -> bool {
    secret["type"] == dockerconfig::TYPE
}

/// The change that sets values of a secret.
pub(crate) fn values(values: &[(&str, &str)]) -> Json {
    let data: Map<String, Json> =
        values.iter().map(|(key, value)| ((*key).to_owned(), json!(STANDARD.encode(value)))).collect();
    json!({ "data": data })
}

/// A docker config with this login for the host in place of any other; the rest stays as it is. One that cannot be read
/// is begun anew.
pub(crate) fn with_login(config: &str, host: &str, login: &Login) -> String {
    let mut config: Json =
        serde_json::from_str(config).ok().filter(|c: &Json| c["auths"].is_object()).unwrap_or(json!({"auths": {}}));
    let password = login.password.expose();
    let auth = STANDARD.encode(format!("{}:{password}", login.username));
    if let Some(auths) = config["auths"].as_object_mut() {
        auths.retain(|key, _| dockerconfig::host_of(key) != host.to_ascii_lowercase());
        auths.insert(host.to_owned(), json!({"username": login.username, "password": password, "auth": auth}));
    }
    config.to_string()
}

/// A pull secret with one login.
pub(crate) fn pull_secret(namespace: &str, name: &str, config: &str) -> Json {
    let mut object = values(&[(dockerconfig::KEY, config)]);
    object["apiVersion"] = json!("v1");
    object["kind"] = json!("Secret");
    object["type"] = json!(dockerconfig::TYPE);
    object["metadata"] = json!({"name": name, "namespace": namespace});
    object
}

/// The host of an image, or the registry of the run.
pub(crate) fn host_of<'a>(finding: &'a Finding, ground: &'a Ground<'_>) -> Result<&'a str, String> {
    let target = finding.target.split('/').next().filter(|host| host.contains('.'));
    let known = target.filter(|host| !ground.secrets.contains_key(*host));
    known.or(ground.request.registry.as_deref()).ok_or_else(|| "the registry's host is not known".to_owned())
}

/// The secret that a finding is about: its object, its target, or the only one that the workers pull with.
pub(crate) fn of<'a>(finding: &Finding, ground: &'a Ground<'_>) -> Result<&'a Json, String> {
    let named = finding.objects.iter().filter(|o| o.kind == "Secret").map(|o| o.name.clone());
    let mut linked: Vec<String> = ground.workers.iter().flat_map(workload::pull_secrets).collect();
    linked.sort();
    linked.dedup();
    let only = (linked.len() == 1).then(|| linked.remove(0));
    let mut names = named.chain([finding.target.clone()]).chain(only);
    names.find_map(|name| ground.secrets.get(&name)).ok_or_else(|| "which secret it is about is not known".to_owned())
}

/// A login for a host that nobody refuses: that which the registry's owner lists, else one of another secret here.
pub(crate) fn login(ground: &Ground<'_>, host: &str, except: &str) -> Result<Login, String> {
    let others = || ground.secrets.iter().filter(|(name, _)| *name != except).map(|(_, secret)| secret);
    let of_env = || others().filter(|s| !pulls(s)).find_map(|secret| env_login(ground, secret, host));
    let of_pull = || others().filter(|s| pulls(s)).find_map(|secret| pull_login(secret, host));
    let unless = |credential: &str| !ground.refused(credential, host);
    listed(ground, host)
        .or_else(|| of_env().filter(|_| unless(variant::ENV)))
        .or_else(|| of_pull().filter(|_| unless(variant::PULL_SECRET)))
        .ok_or_else(|| format!("no other secret here has a login for `{host}` that is taken"))
}

/// The credential that the stack's pods are meant to have; it is told for the stack's own registry alone.
pub(crate) fn listed(ground: &Ground<'_>, host: &str) -> Option<Login> {
    let own = ground.request.registry.as_deref().is_some_and(|registry| registry.eq_ignore_ascii_case(host));
    match &ground.request.arm {
        ArmView::Credentials { username, passwords } if own => {
            let password = passwords.first()?.clone();
            Some(Login { username: username.clone(), password })
        }
        _ => None,
    }
}

fn env_login(ground: &Ground<'_>, secret: &Json, host: &str) -> Option<Login> {
    if host.eq_ignore_ascii_case(NGC_HOST) {
        let key = names::NGC_KEYS.iter().find_map(|name| text(secret, name)).filter(|key| !key.trim().is_empty())?;
        return Some(Login { username: NGC_USER.to_owned(), password: Secret::new(key) });
    }
    let registry = ground.request.registry.as_deref()?;
    let (username, password) = (text(secret, names::USERNAME)?, text(secret, names::PASSWORD)?);
    let whole = registry.eq_ignore_ascii_case(host) && !username.trim().is_empty() && !password.trim().is_empty();
    whole.then(|| Login { username, password: Secret::new(password) })
}

/// The first login of a pull secret for a host.
pub(crate) fn pull_login(secret: &Json, host: &str) -> Option<Login> {
    dockerconfig::logins(&text(secret, dockerconfig::KEY)?, host).ok()?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_put_in_and_others_stay() {
        let login = Login { username: "reg".into(), password: Secret::from("new") };
        let before =
            r#"{"auths":{"https://reg.azurecr.io/v1/":{"auth":"%%"},"other.io":{"username":"a","password":"b"}}}"#;
        let after = with_login(before, "reg.azurecr.io", &login);
        let found = dockerconfig::logins(&after, "reg.azurecr.io").expect("a login");
        assert_eq!(found, std::slice::from_ref(&login));
        assert_eq!(dockerconfig::logins(&after, "other.io").map(|l| l.len()), Ok(1));
        assert_eq!(dockerconfig::logins(&with_login("{", "reg.azurecr.io", &login), "reg.azurecr.io"), Ok(vec![login]));
    }
}
