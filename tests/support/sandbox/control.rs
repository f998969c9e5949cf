//! What the control port does: show the ledger and the logins, break things, plan faults.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::arm::store::{Doomed, Thing};
use crate::arm::{registry, storage};
use crate::fault::{Fault, Faults, Rule};
use crate::http::{Call, Handler, Reply};
use crate::ngc::{Access, Key, Ngc};
use crate::principal::Principal;
use crate::sandbox::Clusters;
use crate::witness::Witness;

/// What the port looks at and breaks.
pub(super) struct Control<'a> {
    pub(super) arm: &'a Arc<Arm>,
    pub(super) clusters: &'a Arc<Clusters>,
    pub(super) faults: &'a Faults,
    pub(super) witness: &'a Witness,
    pub(super) ngc: &'a Arc<Ngc>,
}

/// The handler, below the secret part of the path.
pub(super) fn handler(secret: &str, control: &Control<'_>) -> Handler {
    let (secret, arm) = (format!("/{secret}"), Arc::clone(control.arm));
    let (clusters, faults) = (Arc::clone(control.clusters), control.faults.clone());
    let (witness, ngc) = (control.witness.clone(), Arc::clone(control.ngc));
    crate::http::handler(move |call| match call.path.strip_prefix(&secret) {
        Some("/heard") => Reply::json(200, &json!(witness.heard())),
        Some("/heard/forget") => {
            witness.forget();
            Reply::json(200, &json!({}))
        }
        Some(path) if path.starts_with("/ngc/") => at_ngc(&ngc, call, path),
        Some(path) => answer(&arm, &clusters, &faults, call, path),
        None => Reply::empty(404),
    })
}

fn answer(arm: &Arm, clusters: &Clusters, faults: &Faults, call: &Call, path: &str) -> Reply {
    arm.settle();
    match (call.method.as_str(), path) {
        ("GET", "/ledger") => Reply::json(200, &arm.world.ledger.to_json()),
        ("GET", "/routes") => {
            let lines: Vec<Value> = crate::listing().iter().map(|r| json!(r.to_string())).collect();
            Reply::json(200, &json!(lines))
        }
        ("GET", "/secrets") => Reply::json(200, &json!(secrets(arm))),
        ("GET", "/secrets/owners") => Reply::json(200, &json!(owners(arm))),
        ("GET", "/objects") => {
            let all: Vec<Value> = clusters.fakes().iter().flat_map(|fake| fake.everything()).collect();
            Reply::json(200, &json!(all))
        }
        ("GET", "/registries") => Reply::json(200, &json!(registry::logins(arm))),
        ("POST", "/break/registry-password") => Reply::json(200, &json!(registry::break_passwords(arm))),
        ("POST", "/break/sas") => Reply::json(200, &json!(storage::break_keys(arm))),
        ("POST", "/break/client-secret") => {
            arm.world.secret_ended.store(true, Ordering::Relaxed);
            Reply::json(200, &json!(true))
        }
        ("POST", "/break/graph") => {
            arm.state().graph_refuses = true;
            Reply::json(200, &json!(true))
        }
        ("POST", "/behind/edit") => match serde_json::from_slice::<Edit>(&call.body) {
            Ok(Edit { end, pointer, value, by }) => Reply::json(200, &json!(arm.edit(&end, &pointer, &value, &by))),
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        },
        ("POST", "/behind/delete") => Reply::json(200, &json!(arm.delete_behind(&String::from_utf8_lossy(&call.body)))),
        ("POST", "/behind/object") => match call.json() {
            Some(object) => {
                clusters.fakes().iter().for_each(|fake| fake.put(object.clone()));
                Reply::json(200, &json!({}))
            }
            None => Reply::body(400, "text/plain", "no JSON"),
        },
        ("POST", "/figures") => match call.json().ok_or("no JSON".to_owned()).and_then(|m| arm.state().figures.set(&m))
        {
            Ok(()) => Reply::json(200, &json!({})),
            Err(error) => Reply::body(400, "text/plain", error),
        },
        ("POST", "/forget-images") => {
            clusters.fakes().iter().for_each(|fake| fake.forget_images());
            Reply::json(200, &json!({}))
        }
        ("POST", "/faults") => match serde_json::from_slice::<Rule>(&call.body) {
            Ok(rule) => {
                faults.add(rule);
                Reply::json(200, &json!({}))
            }
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        },
        ("POST", "/doom") => match serde_json::from_slice::<Doomed>(&call.body) {
            Ok(doomed) => {
                arm.state().doomed.push(doomed);
                Reply::json(200, &json!({}))
            }
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        },
        ("GET", "/principals") => {
            let state = arm.state();
            let keys = state.principals.values().map(|p| (p.client_id.clone(), json!(p.keys())));
            Reply::json(200, &Value::Object(keys.collect()))
        }
        ("POST", "/principals") => match serde_json::from_slice::<Principal>(&call.body) {
            Ok(principal) => {
                arm.state().register(principal);
                Reply::json(200, &json!({}))
            }
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        },
        ("POST", "/faults/seeded") => match serde_json::from_slice::<Seeded>(&call.body) {
            Ok(plan) => {
                faults.seeded(plan.seed, plan.per_thousand, plan.kinds);
                Reply::json(200, &json!({}))
            }
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        },
        ("GET", "/faults") => Reply::json(200, &json!(faults.met())),
        ("DELETE", "/faults") => {
            faults.clear();
            Reply::json(200, &json!({}))
        }
        _ => Reply::empty(404),
    }
}

/// NGC learns of a key of the organisation `acme`, forgets one, gets an image that this organisation is given, or
/// what an image holds.
fn at_ngc(ngc: &Ngc, call: &Call, path: &str) -> Reply {
    let json = call.json().unwrap_or_default();
    if let (Some(repository), Some(layout)) = (json["repository"].as_str(), json["layout"].as_str()) {
        return match ngc.content(repository, Path::new(layout)) {
            Ok(()) => Reply::json(200, &json!({})),
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        };
    }
    let Some(text) = json.as_str() else { return Reply::body(400, "text/plain", "no text") };
    match (call.method.as_str(), path) {
        ("POST", "/ngc/key") => ngc.key(Key::new(text, "acme")),
        ("POST", "/ngc/revoke") => ngc.revoke(text),
        ("POST", "/ngc/public") => ngc.image(text, Access::Everybody, true),
        ("POST", "/ngc/image") => ngc.image(text, Access::Organisation("acme".into()), true),
        _ => return Reply::empty(404),
    }
    Reply::json(200, &json!({}))
}

/// Somebody gives a property of everything whose id ends like this another value.
#[derive(serde::Deserialize)]
struct Edit {
    end: String,
    pointer: String,
    value: Value,
    by: String,
}

/// Faults by seed and rate.
#[derive(serde::Deserialize)]
struct Seeded {
    seed: u64,
    per_thousand: u32,
    kinds: Vec<Fault>,
}

/// Everything secret that exists: what a scan of output and files looks for.
fn secrets(arm: &Arm) -> Vec<String> {
    owners(arm).into_iter().map(|(_, secret)| secret).collect()
}

/// The same with the id of what each belongs to; the secret of an application is that of `entra`, and the name of an
/// operation, whose address may give access to its result, that of `operation`.
fn owners(arm: &Arm) -> Vec<(String, String)> {
    let state = arm.state();
    let of = |thing: &Thing| {
        let there = thing.secrets.iter().filter(|s| !s.is_empty());
        there.map(|s| (thing.id.clone(), s.clone())).collect::<Vec<_>>()
    };
    let inside = state.things.values().flat_map(of);
    let operations = state.operations.keys().map(|key| ("operation".to_owned(), key.clone()));
    let added = state.principals.values().flat_map(|p| p.added.iter().map(|one| one.secret.clone()));
    let others = state.principals.values().map(|p| p.client_secret.clone()).chain(added);
    let applications = std::iter::once(arm.world.application.client_secret.clone()).chain(others);
    inside.chain(operations).chain(applications.map(|secret| ("entra".to_owned(), secret))).collect()
}
