//! The roles that Azure brings along, as far as stacks give them; found by name or by id.

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const DELEGATE: &str = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";

/// A role: name, id, what it allows to do, what it allows to do with data.
type Role = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const ROLES: [Role; 7] = [
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7", &["*/read"], &[]),
    ("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d", &["Microsoft.ContainerRegistry/registries/pull/read"], &[]),
    (
        "AcrPush",
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        &["Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"],
        &[],
    ),
    (
        "Container Registry Repository Reader",
        "b93aa761-3e63-49ed-ac28-beffa264f7ac",
        &[],
        &[
            "Microsoft.ContainerRegistry/registries/repositories/metadata/read",
            "Microsoft.ContainerRegistry/registries/repositories/content/read",
        ],
    ),
    (
        "Storage Blob Data Contributor",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        &["Microsoft.Storage/storageAccounts/blobServices/containers/read", DELEGATE],
        &[
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
        ],
    ),
    (
        "Storage Blob Data Reader",
        "2a2b9908-6ea1-4ae2-8e65-a390df84e7d1",
        &["Microsoft.Storage/storageAccounts/blobServices/containers/read", DELEGATE],
        &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
    ),
    ("Storage Blob Delegator", "db58b8e5-c6ad-4a2a-8342-4190687cbf4a", &[DELEGATE], &[]),
];

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const TYPE: &str = "/subscriptions/{sub}/providers/Microsoft.Authorization/roleDefinitions";
    const INSIDE: &str = "/subscriptions/{sub}/{scope*}/providers/Microsoft.Authorization/roleDefinitions";
    const ONE: &str = "/subscriptions/{sub}/providers/Microsoft.Authorization/roleDefinitions/{role}";
    vec![
        Route::new("GET", TYPE, Evidence::Spec("Authorization 2022-04-01, RoleDefinitions_List"), list),
        Route::new("GET", INSIDE, Evidence::Recording("role-assignment-create-update", 2), list),
        Route::new("GET", ONE, Evidence::Spec("Authorization 2022-04-01, RoleDefinitions_Get"), get),
    ]
}

fn shown(params: &Params, (name, id, actions, data): &Role) -> Value {
    let scope = format!("/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions", params.get("sub"));
    json!({
        "id": format!("{scope}/{id}"), "name": id, "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": name, "type": "BuiltInRole", "assignableScopes": ["/"],
            "permissions": [{"actions": actions, "notActions": [], "dataActions": data, "notDataActions": []}],
        },
    })
}

/// Recorded: a name in a filter is found in any case.
fn list(_: &Arm, call: &Call, params: &Params) -> Reply {
    let filter = call.query("$filter").unwrap_or_default().to_lowercase();
    let wanted = filter.strip_prefix("rolename eq '").and_then(|rest| rest.strip_suffix('\''));
    let fits = |role: &&Role| wanted.is_none_or(|name| role.0.eq_ignore_ascii_case(name));
    let value: Vec<Value> = ROLES.iter().filter(fits).map(|role| shown(params, role)).collect();
    Reply::json(200, &json!({"value": value}))
}

fn get(_: &Arm, _: &Call, params: &Params) -> Reply {
    let id = params.get("role");
    ROLES.iter().find(|role| role.1.eq_ignore_ascii_case(id)).map_or_else(
        || {
            let message = format!("The specified role definition with ID '{}' does not exist.", id.replace('-', ""));
            Reply::json(404, &json!({"error": {"code": "RoleDefinitionDoesNotExist", "message": message}}))
        },
        |role| Reply::json(200, &shown(params, role)),
    )
}
