//! Rules that delete old blobs. An account has one policy for everybody: promise that rules with other names
//! stay as they are (`tests::strangers_rules_stay`).

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::{Error, Identity, Lane, Mark, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{ArmResource, Target, find, identity, lanes, live, named, owner_by_parent, spelled, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// Rules of one account.
const RULES_LIMIT: usize = 100;

/// Rules by which a storage account deletes old blobs.
pub struct StorageLifecycle;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Name, letters and digits.
    pub name: String,
    /// Blobs that begin so, `CONTAINER/PATH`.
    pub prefix: String,
    /// Days after the last change.
    pub delete_after_days: u32,
}

/// Rules by which a storage account deletes old blobs.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the storage account.
    pub account_id: String,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// What is known of the policy.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
}

fn rule_body(rule: &Rule) -> Json {
    json!({
        "enabled": true, "name": rule.name, "type": "Lifecycle",
        "definition": {
            "filters": {"blobTypes": ["blockBlob"], "prefixMatch": [rule.prefix]},
            "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": rule.delete_after_days}}},
        },
    })
}

/// The account, one level up.
fn account(id: &ResourceId) -> ResourceId {
    id.parent().unwrap_or_else(|| id.clone())
}

fn rules_of(body: &Json) -> &[Json] {
    body.pointer("/properties/policy/rules").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Strangers' rules as they are, then ours.
fn merged(present: &Json, before: &[Rule], wanted: &[Rule]) -> Vec<Json> {
    let ours = |name: &str| before.iter().chain(wanted).any(|rule| rule.name == name);
    let strangers = rules_of(present).iter().filter(|rule| !ours(&text(rule, "/name"))).cloned();
    strangers.chain(wanted.iter().map(rule_body)).collect()
}

fn policy(rules: &[Json]) -> Json {
    json!({"properties": {"policy": {"rules": rules}}})
}

/// A rule as the service has it; `None` for one that says when to delete in another way.
fn read_rule(rule: &Json) -> Option<Rule> {
    let days = rule.pointer("/definition/actions/baseBlob/delete/daysAfterModificationGreaterThan")?;
    Some(Rule {
        name: text(rule, "/name"),
        prefix: text(rule, "/definition/filters/prefixMatch/0"),
        delete_after_days: days.as_f64().map(|days| days as u32)?,
    })
}

/// The rules that say nothing but what ours can say: an update of another one would lose something of it.
fn of_our_form(body: &Json) -> Vec<Rule> {
    let said = |rule: &Json| read_rule(rule).filter(|read| says_no_more(rule, &rule_body(read)));
    rules_of(body).iter().filter_map(said).collect()
}

/// Whether a stored value is the written one; numbers come back in other forms.
fn says_no_more(stored: &Json, written: &Json) -> bool {
    match (stored, written) {
        (Json::Object(stored), Json::Object(written)) => {
            let same = |(key, value): (&String, &Json)| written.get(key).is_some_and(|w| says_no_more(value, w));
            stored.len() == written.len() && stored.iter().all(same)
        }
        (Json::Number(stored), Json::Number(written)) => stored.as_f64() == written.as_f64(),
        (stored, written) => stored == written,
    }
}

/// Our rules as the service has them; one that somebody changed to another form shows as absent. Where none is known it
/// is an import, and ours are those of our form.
fn ours(known: &[Rule], body: &Json) -> Vec<Rule> {
    if known.is_empty() {
        return of_our_form(body);
    }
    let of_name = |rule: &&Json| known.iter().any(|k| k.name == text(rule, "/name"));
    let mut found: Vec<Rule> = rules_of(body).iter().filter(of_name).filter_map(read_rule).collect();
    found.sort_by_key(|rule| known.iter().position(|k| k.name == rule.name));
    found
}

impl ArmResource for StorageLifecycle {
    const NOUN: &'static str = "lifecycle policy of storage account";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::parse(&inputs.account_id)?.child("managementPolicies", "default")
    }

    fn outputs(id: &ResourceId, _: &Json) -> Outputs {
        Outputs { id: id.to_string() }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        Inputs { account_id: spelled(&known.account_id, account(id).as_str()), rules: ours(&known.rules, body) }
    }

    async fn owner(target: &Target<'_>, mark: &Mark, _: &Json) -> Result<Ownership, Error> {
        owner_by_parent(target, mark, &account(&target.id)).await
    }
}

impl Resource for StorageLifecycle {
    const TOKEN: &'static str = "modelops:azure:StorageLifecycle";
    const REPLACE: &'static [&'static str] = &["accountId"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&Self::id(inputs), Some(&inputs.account_id))
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        if inputs.rules.is_empty() {
            findings.refuse("rules", "a lifecycle policy without rules", "give at least one rule, or none at all");
        }
        if inputs.rules.len() > RULES_LIMIT {
            let reason = format!("{} lifecycle rules; an account has at most {RULES_LIMIT}", inputs.rules.len());
            findings.refuse("rules", reason, "join rules for the same days");
        }
        for (at, rule) in inputs.rules.iter().enumerate() {
            if rule.name.is_empty() || rule.name.len() > 256 || !rule.name.chars().all(|c| c.is_ascii_alphanumeric()) {
                let reason = format!("`{}` is not the name of a lifecycle rule", rule.name);
                findings.refuse(&format!("rules.{at}.name"), reason, "1–256 letters and digits");
            }
            if inputs.rules.iter().take(at).any(|before| before.name == rule.name) {
                let reason = format!("two lifecycle rules are called `{}`", rule.name);
                findings.refuse(&format!("rules.{at}.name"), reason, "give each rule a name of its own");
            }
        }
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.Storage/storageAccounts/managementPolicies/write"]
    }

    /// Which of an account's rules are ours only a declaration tells: an import takes all that have our form.
    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (_, account) = named(id, "Microsoft.Storage/storageAccounts/managementPolicies")?;
        Ok(Inputs { account_id: account.to_string(), rules: Vec::new() })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let Some((target, body)) = find::<Self>(cx, known_id, known).await? else { return Ok(None) };
        if ours(&known.rules, &body).is_empty() {
            // A policy of strangers' rules alone: ours is not there.
            return Ok(None);
        }
        live(cx, &target, known, &body).await.map(Some)
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::of::<Self>(cx, Self::id(inputs))?;
        write(&target, &[], &inputs.rules).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::known(cx, old)?;
        write(&target, &old.inputs.rules, &inputs.rules).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let target = Target::known(cx, old)?;
        let Some(present) = target.get().await? else { return Ok(()) };
        let left = merged(&present, &old.inputs.rules, &[]);
        if left.is_empty() {
            return target.delete().await;
        }
        target.put(&policy(&left), Precondition::None).await.map(drop)
    }

    fn samples() -> Vec<Inputs> {
        let account_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                          Microsoft.Storage/storageAccounts/samplest";
        let rule = Rule { name: "tmp".into(), prefix: "bundles/tmp/".into(), delete_after_days: 30 };
        vec![Inputs { account_id: account_id.into(), rules: vec![rule] }]
    }
}

async fn write(target: &Target<'_>, before: &[Rule], wanted: &[Rule]) -> Result<Made<StorageLifecycle>, Error> {
    let present = target.get().await?.unwrap_or_default();
    let rules = merged(&present, before, wanted);
    let body = target.put(&policy(&rules), Precondition::None).await?;
    Ok(target.made(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, days: u32) -> Rule {
        Rule { name: name.into(), prefix: "c/p".into(), delete_after_days: days }
    }

    #[test]
    fn strangers_rules_stay() {
        let stranger = json!({"name": "theirs", "type": "Lifecycle", "definition": {"odd": 1}});
        let present = policy(&[stranger.clone(), rule_body(&rule("old", 1)), rule_body(&rule("kept", 2))]);
        let rules = merged(&present, &[rule("old", 1), rule("kept", 2)], &[rule("kept", 3), rule("new", 4)]);
        assert_eq!(rules, [stranger.clone(), rule_body(&rule("kept", 3)), rule_body(&rule("new", 4))]);
        assert_eq!(merged(&present, &[rule("old", 1), rule("kept", 2)], &[]), [stranger]);
    }

    #[test]
    fn an_import_takes_rules_that_say_no_more_than_ours_can() {
        let mut cooled = rule_body(&rule("cooled", 1));
        cooled["definition"]["actions"]["baseBlob"]["tierToCool"] = json!({"daysAfterModificationGreaterThan": 1});
        let mut off = rule_body(&rule("off", 2));
        off["enabled"] = json!(false);
        let mut plain = rule_body(&rule("plain", 3));
        plain["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"] = json!(3.0);
        assert_eq!(ours(&[], &policy(&[cooled, off, plain])), [rule("plain", 3)]);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let known = [rule("b", 2), rule("a", 1)];
        let body = policy(&[rule_body(&known[1]), rule_body(&rule("other", 9)), rule_body(&known[0])]);
        assert_eq!(ours(&known, &body), known);
    }
}
