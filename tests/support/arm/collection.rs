//! Lists of one type of resource: what a group has of it, or a subscription.

use serde_json::{Value, json};

use crate::arm::store::{State, Thing};
use crate::arm::{Arm, id};
use crate::http::Reply;
use crate::route::Params;

/// Everything of a type in the group of a request, or in its subscription when it names no group.
pub fn list(arm: &Arm, params: &Params, kind: &str, shown: fn(&State, &Thing) -> Value) -> Reply {
    let state = arm.state();
    let mut scope = format!("/subscriptions/{}", params.get("sub"));
    if !params.get("rg").is_empty() {
        scope = id::group(params);
        if let Err(refusal) = state.group(&scope, false) {
            return refusal;
        }
    }
    let below = format!("{}/", id::key(&scope));
    let inside = state.of_kind(kind).filter(|thing| id::key(&thing.id).starts_with(&below));
    let value: Vec<Value> = inside.map(|thing| shown(&state, thing)).collect();
    Reply::json(200, &json!({"value": value}))
}
