//! Role assignments at any scope: one right once, whatever its name; what is assigned does not change.

use serde_json::{Value, json};

use crate::arm::store::{State, Thing};
use crate::arm::{Arm, id, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const PATH: &str = "/subscriptions/{sub}/{scope*}/providers/Microsoft.Authorization/roleAssignments/{assignment}";
const LIST: &str = "/subscriptions/{sub}/{scope*}/providers/Microsoft.Authorization/roleAssignments";

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const NAME: &str = "role-assignment-create-update";
    vec![
        Route::new("PUT", PATH, Evidence::Recording(NAME, 3), put),
        Route::new("GET", PATH, Evidence::Recording(NAME, 12), get),
        Route::new("DELETE", PATH, Evidence::Recording(NAME, 5), delete),
        Route::new("GET", LIST, Evidence::Recording(NAME, 4), list),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.Authorization/roleAssignments",
            Evidence::Spec("Authorization 2022-04-01, RoleAssignments_ListForSubscription"),
            list,
        ),
    ]
}

fn scope_of(params: &Params) -> String {
    format!("/subscriptions/{}/{}", params.get("sub"), params.get("scope")).trim_end_matches('/').to_owned()
}

fn assignment_id(params: &Params) -> String {
    format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", scope_of(params), params.get("assignment"))
}

/// What the right is about has to be there.
fn check_scope(state: &State, params: &Params) -> Result<(), Reply> {
    let scope = scope_of(params);
    if params.get("scope").is_empty() {
        return Ok(());
    }
    let group = scope.split('/').take(5).collect::<Vec<_>>().join("/");
    state.group(&group, false)?;
    if state.get(&scope).is_some() {
        return Ok(());
    }
    let parts: Vec<&str> = scope.split('/').collect();
    Err(refusal::no_resource(&parts[6..parts.len() - 1].join("/"), id::name(&scope), id::group_name(&scope)))
}

/// Whether a principal has a role at this scope or above it; `role` is the id of a role.
#[must_use]
pub fn has_role(state: &State, principal: &str, role: &str, scope: &str) -> bool {
    state.things.values().filter(|t| t.id.contains("/providers/Microsoft.Authorization/roleAssignments/")).any(|t| {
        let given = &t.body["properties"];
        let text = |field: &str| given[field].as_str().unwrap_or_default().to_lowercase();
        let at = format!("{}/", text("scope"));
        text("principalId") == principal.to_lowercase()
            && text("roleDefinitionId").ends_with(&role.to_lowercase())
            && format!("{}/", scope.to_lowercase()).starts_with(&at)
    })
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    assign(arm, call, params).unwrap_or_else(|refusal| refusal)
}

fn assign(arm: &Arm, call: &Call, params: &Params) -> Result<Reply, Reply> {
    let mut state = arm.state();
    check_scope(&state, params)?;
    let name = params.get("assignment");
    if uuid::Uuid::parse_str(name).is_err() {
        let message = format!("The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.");
        return Err(refusal::service(400, "InvalidRoleAssignmentId", &message));
    }
    let wanted = call.json().filter(Value::is_object).ok_or_else(refusal::bad_body)?;
    let properties = shown(arm, &wanted["properties"], &scope_of(params))?;
    check_principal(arm, &state, &wanted["properties"])?;
    let assignment_id = assignment_id(params);
    if let Some(known) = state.get_mut(&assignment_id) {
        let fixed = ["roleDefinitionId", "principalId", "principalType", "scope"];
        if fixed.iter().any(|field| known.body["properties"][field] != properties[field]) {
            let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(refusal::service(400, "RoleAssignmentUpdateNotPermitted", message));
        }
        known.body["properties"] = properties;
        known.generation += 1;
        arm.world.ledger.changed(&assignment_id);
        return Ok(Reply::json(201, &known.body));
    }
    let same = |t: &&Thing| {
        ["roleDefinitionId", "principalId", "scope"]
            .iter()
            .all(|field| t.body["properties"][field] == properties[field])
    };
    if state.below(&scope_of(params)).any(|t| same(&t)) {
        return Err(refusal::service(409, "RoleAssignmentExists", "The role assignment already exists."));
    }
    let body = json!({
        "properties": properties, "id": assignment_id, "type": "Microsoft.Authorization/roleAssignments", "name": name,
    });
    state.insert(&arm.world, Thing::new(assignment_id, body.clone(), None));
    Ok(Reply::json(201, &body))
}

/// The properties as they are kept and shown.
fn shown(arm: &Arm, wanted: &Value, scope: &str) -> Result<Value, Reply> {
    let text = |field: &str| wanted[field].as_str().filter(|text| !text.is_empty());
    let definition =
        text("roleDefinitionId").filter(|d| d.contains("/providers/Microsoft.Authorization/roleDefinitions/"));
    let (Some(definition), Some(principal)) = (definition, text("principalId")) else {
        return Err(refusal::bad_body());
    };
    let (kind, now, by) =
        (text("principalType").unwrap_or("ServicePrincipal"), arm.world.stamp(), &arm.world.application);
    Ok(json!({
        "roleDefinitionId": definition, "principalId": principal, "principalType": kind, "scope": scope,
        "condition": wanted["condition"], "conditionVersion": wanted["conditionVersion"], "createdOn": now, "updatedOn": now,
        "createdBy": by.client_id, "updatedBy": by.client_id, "delegatedManagedIdentityResourceId": Value::Null,
        "description": wanted["description"],
    }))
}

/// Recorded: the directory may not know a new principal yet, unless the request says what kind it is.
fn check_principal(arm: &Arm, state: &State, wanted: &Value) -> Result<(), Reply> {
    let principal = wanted["principalId"].as_str().unwrap_or_default();
    let new = state.newcomers.get(principal).is_some_and(|known| *known > arm.world.now());
    if !new || wanted["principalType"].is_string() {
        return Ok(());
    }
    let message = format!(
        "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are \
         creating this principal and then immediately assigning a role, this error might be related to a replication \
         delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, \
         User, or Group.  See https://aka.ms/docs-principaltype",
        principal.replace('-', ""),
        arm.world.application.tenant
    );
    Err(refusal::service(400, "PrincipalNotFound", &message))
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = check_scope(&state, params) {
        return refusal;
    }
    state.get(&assignment_id(params)).map_or_else(
        || {
            let message = format!("The role assignment '{}' is not found.", params.get("assignment"));
            Reply::json(404, &json!({"error": {"code": "RoleAssignmentNotFound", "message": message}}))
        },
        |assignment| Reply::json(200, &assignment.body),
    )
}

fn delete(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    let group = scope_of(params).split('/').take(5).collect::<Vec<_>>().join("/");
    if let Err(refusal) = state.group(&group, false) {
        return refusal;
    }
    let assignment_id = assignment_id(params);
    let Some(known) = state.get(&assignment_id).map(|t| t.body.clone()) else { return Reply::empty(204) };
    state.remove(&arm.world, &assignment_id);
    Reply::json(200, &known)
}

/// `atScope()` and `principalId eq '…'`: what is assigned at this scope, and for a principal below it as well.
fn list(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = check_scope(&state, params) {
        return refusal;
    }
    let filter = call.query("$filter").unwrap_or_default().to_lowercase();
    let principal = filter.strip_prefix("principalid eq '").and_then(|rest| rest.strip_suffix('\''));
    let fits = |t: &&Thing| {
        let text = |field: &str| t.body["properties"][field].as_str().unwrap_or_default().to_lowercase();
        t.id.contains("/roleAssignments/")
            && principal.is_none_or(|p| text("principalId") == p)
            && (filter != "atscope()" || text("scope") == scope_of(params).to_lowercase())
    };
    let value: Vec<Value> = state.below(&scope_of(params)).filter(fits).map(|t| t.body.clone()).collect();
    Reply::json(200, &json!({"value": value}))
}
