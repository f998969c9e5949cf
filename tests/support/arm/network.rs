//! Subnets, as far as somebody looks at their addresses.

use serde_json::{Value, json};

use crate::arm::{Arm, id, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    let assumed = Evidence::Assumed("the contract of subnets is not at hand; members as the documentation shows them");
    vec![Route::new(
        "GET",
        "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/virtualNetworks/{net}/subnets/{subnet}",
        assumed,
        get,
    )]
}

fn get(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let state = arm.state();
    let Some((prefix, used)) = state.figures.subnets.get(&id::key(&call.path)) else {
        let name = format!("{}/{}", params.get("net"), params.get("subnet"));
        return refusal::no_resource("Microsoft.Network/virtualNetworks/subnets", &name, params.get("rg"));
    };
    let taken: Vec<Value> = (0..*used).map(|n| json!({"id": format!("{}/ipConfigurations/{n}", call.path)})).collect();
    Reply::json(
        200,
        &json!({"id": call.path, "name": params.get("subnet"),
                "properties": {"addressPrefix": prefix, "ipConfigurations": taken, "provisioningState": "Succeeded"}}),
    )
}
