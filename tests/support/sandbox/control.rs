//! What the control port does: show the ledger and the logins, break things, plan faults.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::arm::store::Doomed;
use crate::arm::{registry, storage};
use crate::fault::{Fault, Faults, Rule};
use crate::http::{Call, Handler, Reply};
use crate::sandbox::Clusters;

/// The handler, below the secret part of the path.
pub(super) fn handler(secret: &str, arm: &Arc<Arm>, clusters: &Arc<Clusters>, faults: &Faults) -> Handler {
    let (secret, arm) = (format!("/{secret}"), Arc::clone(arm));
    let (clusters, faults) = (Arc::clone(clusters), faults.clone());
    crate::http::handler(move |call| match call.path.strip_prefix(&secret) {
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
        ("GET", "/registries") => Reply::json(200, &json!(registry::logins(arm))),
        ("POST", "/break/registry-password") => Reply::json(200, &json!(registry::break_passwords(arm))),
        ("POST", "/break/sas") => Reply::json(200, &json!(storage::break_keys(arm))),
        ("POST", "/behind/edit") => match serde_json::from_slice::<Edit>(&call.body) {
            Ok(Edit { end, pointer, value, by }) => Reply::json(200, &json!(arm.edit(&end, &pointer, &value, &by))),
            Err(error) => Reply::body(400, "text/plain", error.to_string()),
        },
        ("POST", "/behind/delete") => Reply::json(200, &json!(arm.delete_behind(&String::from_utf8_lossy(&call.body)))),
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
    let state = arm.state();
    let inside = state.things.values().flat_map(|thing| thing.secrets.iter().cloned());
    inside.chain([arm.world.application.client_secret.clone()]).collect()
}
