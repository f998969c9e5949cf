//! What the policies of a scope would say to a resource that does not exist yet.

use serde_json::{Value as Json, json};

use super::client::{Action, ArmClient};
use super::version;
use crate::error::ClientError;

impl ArmClient {
    /// The ids of the policies at a scope that refuse such a resource. `content` is its body as far as it is known,
    /// with `type` and `name`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn refusing_policies(&self, scope: &str, content: &Json, api: &str) -> Result<Vec<String>, ClientError> {
        let path = format!("{scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions");
        let body = json!({"resourceDetails": {"resourceContent": content, "apiVersion": api}});
        let started = self.action(&path, version::POLICY, Some(&body), Action::Read).await?;
        let answer = self.wait(started, &self.silent()).await?.unwrap_or_default();
        Ok(refusing(&answer))
    }
}

fn refusing(answer: &Json) -> Vec<String> {
    let rows = answer.pointer("/contentEvaluationResult/policyEvaluations").and_then(Json::as_array);
    let denies = |row: &&Json| {
        let effect = row.pointer("/effectDetails/policyEffect").and_then(Json::as_str);
        row["evaluationResult"] == "NonCompliant" && effect.is_none_or(|effect| effect.eq_ignore_ascii_case("deny"))
    };
    let id = |row: &Json| {
        let info = row.get("policyInfo")?;
        info.get("policyAssignmentId").or_else(|| info.get("policyDefinitionId"))?.as_str().map(str::to_owned)
    };
    rows.into_iter().flatten().filter(denies).filter_map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_denial_refuses() {
        let row = |result: &str, effect: &str, id: &str| {
            json!({"policyInfo": {"policyAssignmentId": id, "policyDefinitionId": "d"}, "evaluationResult": result,
                   "effectDetails": {"policyEffect": effect}})
        };
        let all =
            json!([row("NonCompliant", "Deny", "a"), row("NonCompliant", "Audit", "b"), row("Compliant", "Deny", "c")]);
        let answer = json!({"contentEvaluationResult": {"policyEvaluations": all}});
        assert_eq!(refusing(&answer), ["a"]);
        assert_eq!(refusing(&json!({})), Vec::<String>::new());
    }
}
