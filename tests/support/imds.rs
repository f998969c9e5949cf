//! The metadata service of Azure's machines, as one of them and its pods see it: tokens of the identities that it has, and
//! what it is. Its identities are the application of this world and the kubelets' of the clusters that ARM has.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::arm::{Arm, cluster};
use crate::entra::{Signed, app_token};
use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};
use crate::route::{self, Params, Route};
use crate::sandbox::SUBSCRIPTION;
use crate::world::unique;

/// How long a token of a managed identity lives.
const SECONDS: i64 = 86_400;

/// The fake.
pub struct Metadata {
    arm: Arc<Arm>,
    routes: Vec<Route<Metadata>>,
}

impl Metadata {
    /// The metadata service of a machine of this cloud.
    #[must_use]
    pub fn new(arm: Arc<Arm>) -> Self {
        Self { arm, routes: routes() }
    }

    /// Answers one request.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Reply {
        if let Err(refusal) = from_the_machine(call) {
            return refusal;
        }
        let Some((route, params)) = route::find(&self.routes, call) else {
            return Reply::json(404, &json!({"error": "Not found"}));
        };
        if call.query("api-version").is_none_or(str::is_empty) {
            return refused("Bad request. api-version is invalid or was not specified in the request.");
        }
        (route.answer)(self, call, &params)
    }
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("imds", &routes())
}

fn routes() -> Vec<Route<Metadata>> {
    const CLIENT: Evidence = Evidence::Client("azure_identity 1.0 for Rust");
    const SHAPE: Evidence = Evidence::Spec("Instance Metadata Service, api-version 2021-02-01: the parts named here");
    vec![
        Route::new("GET", "/metadata/identity/oauth2/token", CLIENT, token),
        Route::new("GET", "/metadata/instance", SHAPE, instance),
    ]
}

/// Neither a redirect nor a proxy may be made to ask: both lack the header, or say that they are one.
fn from_the_machine(call: &Call) -> Result<(), Reply> {
    if call.header("x-forwarded-for").is_some() {
        return Err(refused("A request that was forwarded is not answered"));
    }
    if call.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(());
    }
    Err(refused("Required metadata header not specified"))
}

fn refused(description: &str) -> Reply {
    Reply::json(400, &json!({"error": "invalid_request", "error_description": description}))
}

/// Client ids, the machine's own first.
fn identities(arm: &Arm) -> Vec<String> {
    let own = arm.world.application.client_id.clone();
    let state = arm.state();
    let kubelets = state.of_kind(cluster::KIND).filter_map(|thing| {
        thing.body.pointer("/properties/identityProfile/kubeletidentity/clientId")?.as_str().map(str::to_owned)
    });
    std::iter::once(own).chain(kubelets).collect()
}

/// Which identity a request is for.
fn wanted(arm: &Arm, call: &Call) -> Result<String, Reply> {
    let all = identities(arm);
    match call.query("client_id") {
        Some(id) => {
            all.into_iter().find(|own| own.eq_ignore_ascii_case(id)).ok_or_else(|| refused("Identity not found"))
        }
        None if call.query("object_id").or_else(|| call.query("msi_res_id")).is_some() => {
            Err(refused("Identity not found"))
        }
        None if all.len() == 1 => Ok(all[0].clone()),
        None => Err(refused(
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
        )),
    }
}

fn token(metadata: &Metadata, call: &Call, _: &Params) -> Reply {
    let world = &metadata.arm.world;
    let Some(resource) = call.query("resource").filter(|resource| !resource.is_empty()) else {
        return refused("Required query variable 'resource' is missing");
    };
    match wanted(&metadata.arm, call) {
        Err(refusal) => refusal,
        Ok(client_id) => {
            let now = world.now().unix_timestamp();
            let (life, end) = (SECONDS.to_string(), (now + SECONDS).to_string());
            Reply::json(
                200,
                &json!({
                    "access_token": app_token(world, &Signed::app(&client_id), resource, SECONDS), "client_id": client_id,
                    "expires_in": life, "expires_on": end, "ext_expires_in": life, "not_before": now.to_string(),
                    "resource": resource, "token_type": "Bearer",
                }),
            )
        }
    }
}

fn instance(metadata: &Metadata, _: &Call, _: &Params) -> Reply {
    let compute = json!({
        "azEnvironment": "AzurePublicCloud", "location": "eastus2", "name": "world", "osType": "Linux",
        "provider": "Microsoft.Compute", "resourceGroupName": "world", "sku": "", "tags": "",
        "subscriptionId": metadata.arm.world.subscriptions.first().map_or(SUBSCRIPTION, String::as_str),
        "vmId": unique(), "vmScaleSetName": "", "vmSize": "Standard_B2s", "zone": "",
    });
    let address = json!([{"privateIpAddress": crate::private::address::WORLD.to_string(), "publicIpAddress": ""}]);
    let interface: Value = json!({
        "ipv4": {"ipAddress": address, "subnet": [{"address": "10.89.0.0", "prefix": "24"}]},
        "ipv6": {"ipAddress": []}, "macAddress": "",
    });
    Reply::json(200, &json!({"compute": compute, "network": {"interface": [interface]}}))
}
