//! The two secrets: what is in them, and what has to be. A secret is never taken away to be put back: it is applied on the
//! side of the server, only the fields that count (`tests`).

use mops_core::Nonce;
use mops_probe::dockerconfig::{self, Login};
use mops_probe::keys::{NGC_HOST, NGC_USER};
use mops_probe::settings::names;
use serde_json::{Value as Json, json};

use super::{Deed, Part, Wanted};
use crate::cluster::{Cluster, Trouble};
use crate::fix::edit::Edit;
use crate::fix::{keeper, secret};
use crate::observed::{Object, code};

/// The number behind the name of a secret that takes the place of one that cannot be changed.
const MOST: usize = 99;

/// A secret as it is, and how it is changed.
pub(super) struct Found {
    /// Its name, which is another one than was asked for where that one cannot be changed.
    pub(super) name: String,
    /// Whether it is another one.
    pub(super) renamed: bool,
    pub(super) live: Option<Json>,
    pub(super) edit: Option<Edit>,
}

impl Found {
    pub(super) fn part(&self, namespace: &str, nonce: &Nonce) -> Part {
        let object = Object::new("Secret", namespace, &self.name);
        let kept = self.live.as_ref().and_then(keeper::of).filter(|_| self.edit.is_some());
        if let Some(who) = kept {
            return Part::left(object, format!("kept by {who}: change it there"));
        }
        let (deed, why) = match &self.edit {
            None => (Deed::None, ""),
            Some(Edit::Create(_)) if self.renamed => (Deed::Create, "in place of one that is immutable"),
            Some(Edit::Create(_)) => (Deed::Create, ""),
            Some(Edit::Set { .. }) => (Deed::Update, ""),
            Some(Edit::Recreate { .. }) => (Deed::Recreate, "its type cannot be changed in place"),
        };
        let consent = deed == Deed::Recreate || (deed == Deed::Create && self.renamed);
        Part { consent, ..Part::new(object, (deed, self.edit.clone()), nonce, why) }
    }

    /// Whether its content changes.
    pub(super) fn changes(&self) -> bool {
        self.edit.is_some() && self.live.as_ref().and_then(keeper::of).is_none()
    }
}

pub(super) async fn pull_secret(cluster: &Cluster, wanted: &Wanted) -> Result<Found, Trouble> {
    let login = Login { username: NGC_USER.to_owned(), password: wanted.key.clone() };
    find(cluster, &wanted.pull_secret, |name, live| pull_edit(live, (cluster.name(), name), &login)).await
}

pub(super) async fn env_secret(cluster: &Cluster, wanted: &Wanted) -> Result<Found, Trouble> {
    find(cluster, &wanted.env_secret, |name, live| env_edit(live, (cluster.name(), name), wanted.key.expose())).await
}

/// The first secret of this name, or of it with a number, that is right or can be made so.
async fn find(
    cluster: &Cluster,
    wanted: &str,
    change: impl Fn(&str, Option<&Json>) -> Option<Edit>,
) -> Result<Found, Trouble> {
    let mut name = wanted.to_owned();
    for number in 2..=MOST {
        let live = match cluster.object("Secret", &name).await {
            Ok(live) => Some(live),
            Err(trouble) if trouble.code == code::NOT_FOUND => None,
            Err(trouble) => return Err(trouble),
        };
        let edit = change(&name, live.as_ref());
        let sealed = live.as_ref().is_some_and(|live| live["immutable"] == true);
        if !sealed || edit.is_none() {
            return Ok(Found { renamed: name != wanted, name, live, edit });
        }
        name = format!("{wanted}-{number}");
    }
    Err(Trouble { code: code::CONFLICT, detail: format!("`{wanted}` and all that stand for it are immutable") })
}

fn pull_edit(live: Option<&Json>, (namespace, name): (&str, &str), login: &Login) -> Option<Edit> {
    let Some(live) = live else {
        let config = secret::with_login("", NGC_HOST, login);
        return Some(Edit::Create(secret::pull_secret(namespace, name, &config)));
    };
    let config = secret::text(live, dockerconfig::KEY).unwrap_or_default();
    if !secret::pulls(live) {
        let new = secret::pull_secret(namespace, name, &secret::with_login(&config, NGC_HOST, login));
        return Some(Edit::Recreate { live: live.clone(), new });
    }
    if dockerconfig::logins(&config, NGC_HOST).is_ok_and(|all| all == std::slice::from_ref(login)) {
        return None;
    }
    Edit::set(live, secret::values(&[(dockerconfig::KEY, &secret::with_login(&config, NGC_HOST, login))]))
}

/// The key stands under its usual name, and under every other one that is there already.
fn env_edit(live: Option<&Json>, (namespace, name): (&str, &str), key: &str) -> Option<Edit> {
    let there = |one: &&str| *one == names::NGC_KEY || live.is_some_and(|live| !live["data"][*one].is_null());
    let values: Vec<(&str, &str)> = names::NGC_KEYS.iter().copied().filter(|n| there(n)).map(|n| (n, key)).collect();
    let patch = secret::values(&values);
    let made = || {
        let mut object = patch.clone();
        object["apiVersion"] = json!("v1");
        object["kind"] = json!("Secret");
        object["type"] = json!("Opaque");
        object["metadata"] = json!({"name": name, "namespace": namespace});
        object
    };
    match live {
        None => Some(Edit::Create(made())),
        Some(live) if secret::pulls(live) => Some(Edit::Recreate { live: live.clone(), new: made() }),
        Some(live) => Edit::set(live, patch),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use mops_core::Secret;

    use super::*;

    const AT: (&str, &str) = ("ns", "s");

    fn login(key: &str) -> Login {
        Login { username: NGC_USER.to_owned(), password: Secret::from(key) }
    }

    fn made(edit: Option<Edit>) -> Json {
        match edit {
            Some(Edit::Create(object)) => object,
            _ => panic!("nothing is made"),
        }
    }

    fn pull(key: &str) -> Json {
        made(pull_edit(None, AT, &login(key)))
    }

    #[test]
    fn n_02_the_bytes_of_the_pull_secret_have_a_literal_dollar() {
        let object = pull("k");
        let config: Json = serde_json::from_str(&secret::text(&object, dockerconfig::KEY).unwrap()).unwrap();
        let auth = STANDARD.encode("$oauthtoken:k");
        assert_eq!(config, json!({"auths": {"nvcr.io": {"username": "$oauthtoken", "password": "k", "auth": auth}}}));
        assert_eq!((object["type"].as_str(), object["metadata"].get("annotations")), (Some(dockerconfig::TYPE), None));
        assert!(pull_edit(Some(&object), AT, &login("k")).is_none(), "it is right already");
        assert!(matches!(pull_edit(Some(&object), AT, &login("new")), Some(Edit::Set { .. })));
    }

    #[test]
    fn n_02_a_login_of_another_user_is_no_login_and_other_hosts_stay() {
        let config = json!({"auths": {"nvcr.io": {"username": "oauthtoken", "password": "k"},
            "ghcr.io": {"username": "a", "password": "b"}}});
        let live = secret::pull_secret("ns", "s", &config.to_string());
        let Some(Edit::Set { patch, .. }) = pull_edit(Some(&live), AT, &login("k")) else { panic!("it is wrong") };
        let text = secret::text(&patch, dockerconfig::KEY).unwrap();
        assert_eq!(dockerconfig::logins(&text, NGC_HOST).unwrap(), [login("k")]);
        assert_eq!(dockerconfig::logins(&text, "ghcr.io").unwrap().len(), 1);
        let opaque = json!({"kind": "Secret", "type": "Opaque", "data": {}, "metadata": {"name": "s"}});
        assert!(matches!(pull_edit(Some(&opaque), AT, &login("k")), Some(Edit::Recreate { .. })));
    }

    #[test]
    fn n_01_another_name_of_the_key_is_written_only_where_it_is() {
        let object = made(env_edit(None, AT, "k"));
        assert_eq!(object["data"], json!({"NGC_API_KEY": STANDARD.encode("k")}));
        let mut live = object.clone();
        live["data"]["NVIDIA_API_KEY"] = json!(STANDARD.encode("old"));
        live["data"]["OTHER"] = json!(STANDARD.encode("stays"));
        let Some(Edit::Set { patch, .. }) = env_edit(Some(&live), AT, "k") else { panic!("one name is old") };
        let key = STANDARD.encode("k");
        assert_eq!(patch, json!({"data": {"NGC_API_KEY": key, "NVIDIA_API_KEY": key}}));
        assert!(env_edit(Some(&object), AT, "k").is_none());
    }
}
