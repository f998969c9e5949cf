//! What the identity may do at a place: permissions of its roles (groups are in them already), deny assignments,
//! roles that it could activate, and registered resource providers.

use serde_json::Value as Json;

use super::client::ArmClient;
use super::version;
use crate::error::ClientError;
use crate::identity::Claims;

/// Patterns of actions that one role gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Given.
    pub actions: Vec<String>,
    /// Not given by this role; another may give them.
    pub not_actions: Vec<String>,
    /// Given only where this expression holds.
    pub condition: Option<String>,
}

/// Patterns of actions that nobody of these may do, whatever the roles say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deny {
    /// Its name.
    pub name: String,
    /// From where on downwards it holds.
    pub scope: String,
    /// Taken away.
    pub actions: Vec<String>,
    /// Not taken away by this one.
    pub not_actions: Vec<String>,
    /// Whom it is about: id and kind.
    pub principals: Vec<(String, String)>,
    /// Whom it is not about.
    pub excluded: Vec<String>,
    /// Only at its own place, not below.
    pub only_there: bool,
}

impl ArmClient {
    /// What the roles of the identity give at a scope.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn permissions(&self, scope: &str) -> Result<Vec<Permission>, ClientError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
        Ok(self.list(&path, version::AUTHORIZATION).await?.iter().map(permission).collect())
    }

    /// The deny assignments at, above and below a scope.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn deny_assignments(&self, scope: &str) -> Result<Vec<Deny>, ClientError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/denyAssignments");
        Ok(self.list(&path, version::AUTHORIZATION).await?.iter().map(deny).collect())
    }

    /// Names of the roles at a scope that the identity could activate for itself.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn eligible_roles(&self, scope: &str) -> Result<Vec<String>, ClientError> {
        let path =
            format!("{scope}/providers/Microsoft.Authorization/roleEligibilityScheduleInstances?$filter=asTarget()");
        let name = "/properties/expandedProperties/roleDefinition/displayName";
        let rows = self.list(&path, version::ELIGIBILITY).await?;
        Ok(rows.iter().filter_map(|row| row.pointer(name)?.as_str().map(str::to_owned)).collect())
    }

    /// Whether the subscription has registered a resource provider; `None` when ARM does not say.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn registration(&self, subscription: &str, namespace: &str) -> Result<Option<bool>, ClientError> {
        let path = format!("/subscriptions/{subscription}/providers/{namespace}");
        let found = self.get(&path, version::PROVIDERS).await?;
        let state = found.as_ref().and_then(|f| f.get("registrationState")).and_then(Json::as_str);
        Ok(state.map(|s| s.eq_ignore_ascii_case("Registered") || s.eq_ignore_ascii_case("Registering")))
    }

    /// The object id of the identity, from its token; `None` when the token is not readable.
    ///
    /// # Errors
    /// When no token can be had.
    pub async fn object_id(&self) -> Result<Option<String>, ClientError> {
        Ok(Claims::of(&self.token().await?).object)
    }
}

fn texts(found: Option<&Json>) -> Vec<String> {
    let list = found.and_then(Json::as_array).into_iter().flatten();
    list.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn permission(row: &Json) -> Permission {
    let condition = row.get("condition").and_then(Json::as_str).filter(|text| !text.is_empty());
    Permission {
        actions: texts(row.get("actions")),
        not_actions: texts(row.get("notActions")),
        condition: condition.map(str::to_owned),
    }
}

fn deny(row: &Json) -> Deny {
    let at = |pointer: &str| row.pointer(&format!("/properties{pointer}"));
    let text = |pointer: &str| at(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let listed = |pointer: &str| at(pointer).and_then(Json::as_array).into_iter().flatten();
    let word = |row: &Json, field: &str| row.get(field).and_then(Json::as_str).unwrap_or_default().to_owned();
    let patterns = |field: &str| listed("/permissions").flat_map(|p| texts(p.get(field))).collect();
    Deny {
        name: text("/denyAssignmentName"),
        scope: text("/scope"),
        actions: patterns("actions"),
        not_actions: patterns("notActions"),
        principals: listed("/principals").map(|p| (word(p, "id"), word(p, "type"))).collect(),
        excluded: listed("/excludePrincipals").map(|p| word(p, "id")).collect(),
        only_there: at("/doNotApplyToChildScopes").and_then(Json::as_bool).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deny_assignment_names_whom_it_is_about() {
        let row = json!({"properties": {
            "denyAssignmentName": "locked", "scope": "/subscriptions/s", "doNotApplyToChildScopes": false,
            "permissions": [{"actions": ["*"], "notActions": ["*/read"]}],
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [{"id": "a", "type": "User"}],
        }});
        let found = deny(&row);
        assert_eq!(
            (found.name.as_str(), found.actions[0].as_str(), found.not_actions[0].as_str()),
            ("locked", "*", "*/read")
        );
        assert_eq!((found.principals[0].1.as_str(), found.excluded[0].as_str()), ("SystemDefined", "a"));
    }
}
