//! A change of an object as it is sent, and the way back. Every write is a server-side apply under our name with the
//! resource version that was read; only a type, which cannot be changed, needs an object to be made again (`tests`).

use mops_core::Nonce;
use serde_json::{Value as Json, json};

use super::change::{Change, State};
use super::field::{self, hash, lookup, merge, shaped};
use super::owned;
use crate::cluster::is_maker;
use crate::observed::Object;

/// One change of one object.
#[derive(Clone, PartialEq)]
pub(crate) enum Edit {
    /// Makes an object that is not there.
    Create(Json),
    /// Sets fields of one that is.
    Set { live: Json, patch: Json },
    /// Makes an object again, with what cannot be changed in place; a copy stays until it is proven.
    Recreate { live: Json, new: Json },
}

/// The kind, the namespace and the name of an object.
pub(crate) fn place(object: &Json) -> Object {
    let text = |pointer| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    Object::new(text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// Version, kind and name alone.
fn address(live: &Json) -> Json {
    let meta = &live["metadata"];
    json!({"apiVersion": live["apiVersion"], "kind": live["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]}})
}

impl Edit {
    /// Fields of an object that is there; nothing when they are as they should be.
    pub(crate) fn set(live: &Json, patch: Json) -> Option<Self> {
        let same = field::leaves(&patch).iter().all(|path| lookup(live, path) == lookup(&patch, path));
        (!same).then(|| Self::Set { live: live.clone(), patch })
    }

    /// The object as it is now, or will be.
    pub(crate) const fn object(&self) -> &Json {
        match self {
            Self::Create(object) => object,
            Self::Set { live, .. } | Self::Recreate { live, .. } => live,
        }
    }

    /// Whether it changes what pods are made from.
    pub(crate) fn restarts(&self) -> bool {
        matches!(self, Self::Set { live, patch } if is_maker(&place(live).kind) && !patch["spec"]["template"].is_null())
    }

    /// Verbs on the resource.
    pub(crate) fn rights(&self) -> Vec<(&'static str, &'static str)> {
        let resource = match self.object()["kind"].as_str() {
            Some("Deployment") => "deployments",
            Some("StatefulSet") => "statefulsets",
            Some("ServiceAccount") => "serviceaccounts",
            _ => "secrets",
        };
        let verbs: &[&str] = match self {
            Self::Create(_) => &["create", "patch"],
            Self::Set { .. } => &["patch"],
            Self::Recreate { .. } => &["create", "delete", "patch"],
        };
        verbs.iter().map(|verb| (*verb, resource)).collect()
    }

    /// What is applied: our own fields, and over them the change.
    pub(crate) fn config(live: &Json, patch: &Json) -> Json {
        let mut config = owned::by_us(live);
        merge(&mut config, patch);
        merge(&mut config, &address(live));
        config
    }

    /// What is applied to take a change back: our fields as they were, and what stood where the change was made.
    pub(crate) fn undo(live: &Json, patch: &Json) -> Json {
        let mut config = owned::by_us(live);
        if let Some(before) = shaped(live, patch) {
            merge(&mut config, &before);
        }
        merge(&mut config, &address(live));
        config
    }

    /// For people.
    pub(crate) fn changes(&self, (cause_id, target): (&str, &str), nonce: &Nonce) -> Vec<Change> {
        let rights: Vec<String> = self.rights().iter().map(|(verb, resource)| format!("{verb} {resource}")).collect();
        let one = |field: String, before: String, after: String| Change {
            cause_id: cause_id.to_owned(),
            target: target.to_owned(),
            object: place(self.object()),
            field,
            before,
            after,
            reversible: true,
            restarts: self.restarts(),
            rights: rights.clone(),
            takes_from: Vec::new(),
            state: State::Planned,
            why: String::new(),
        };
        match self {
            Self::Create(object) => {
                vec![one("whole object".to_owned(), String::new(), hash(nonce, object.get("data")))]
            }
            Self::Recreate { live, new } => {
                let of = |object: &Json| hash(nonce, Some(&json!([object["type"], object["data"]])));
                vec![one("type, made again".to_owned(), of(live), of(new))]
            }
            Self::Set { live, patch } => {
                let of = |path: &field::Path| Change {
                    takes_from: owned::others(live, path),
                    ..one(field::short(path), hash(nonce, lookup(live, path)), hash(nonce, lookup(patch, path)))
                };
                let changed = |path: &&field::Path| lookup(live, path) != lookup(patch, path);
                field::leaves(patch).iter().filter(changed).map(of).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Json {
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"A": "MQ==", "B": "Mg=="},
            "metadata": {"name": "s", "namespace": "n", "managedFields": [
                {"manager": "mops", "operation": "Apply", "fieldsV1": {"f:data": {"f:A": {}}}},
                {"manager": "kubectl-create", "operation": "Update", "fieldsV1": {"f:data": {"f:B": {}}}}]}})
    }

    #[test]
    fn an_apply_keeps_what_is_ours_and_an_undo_brings_back_what_was() {
        let patch = json!({"data": {"B": "Mw==", "C": "NA=="}});
        let live = secret();
        let config = Edit::config(&live, &patch);
        assert_eq!(config["data"], json!({"A": "MQ==", "B": "Mw==", "C": "NA=="}));
        assert_eq!(config["metadata"], json!({"name": "s", "namespace": "n"}));
        let undo = Edit::undo(&live, &patch);
        assert_eq!(undo["data"], json!({"A": "MQ==", "B": "Mg=="}), "what was not there is not applied any more");
        assert!(Edit::set(&live, json!({"data": {"A": "MQ=="}})).is_none(), "it is so already");
    }

    #[test]
    fn a_change_is_told_by_hashes() {
        let nonce = Nonce::new([7; 32]);
        let edit = Edit::set(&secret(), json!({"data": {"B": "Mw==", "C": "NA=="}})).unwrap();
        let told = edit.changes(("CAUSE", "s"), &nonce);
        let fields: Vec<_> = told.iter().map(|c| (c.field.as_str(), c.before.is_empty(), c.takes_from.len())).collect();
        assert_eq!(fields, [(".data.B", false, 1), (".data.C", true, 0)]);
        assert!(told.iter().all(|c| c.after.len() == 8 && c.before != c.after && c.rights == ["patch secrets"]));
        let all = serde_json::to_string(&told).unwrap();
        assert!(!["Mg==", "Mw==", "NA=="].iter().any(|value| all.contains(value)), "{all}");
    }
}
