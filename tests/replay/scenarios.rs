//! The recorded scenarios, their writes driven to their end by the real client.

use std::sync::Arc;
use std::time::Duration;

use mops_clients::ClientError;
use mops_clients::arm::{Action, LroContext, Precondition};
use mops_core::Cancel;
use serde_json::Value;

use super::load;
use super::log::Log;
use super::recording::{Interaction, Replay, interactions};
use crate::arm::script::TOKEN;

const SCENARIOS: [&str; 13] = [
    "acr-check-name.json",
    "acr-create-show-credentials-renew-delete.json",
    "acr-login-dataplane-exchange-token.json",
    "acr-scope-map-and-token.json",
    "aks-create-getcredentials-scale-delete.json",
    "aks-nodepool-create-scale-delete.json",
    "aks-nodepool-gpu-instance-profile.json",
    "aks-workload-identity.json",
    "identity-crud.json",
    "identity-federated-credential.json",
    "rg-create-delete-nowait.json",
    "storage-create-update.json",
    "storage-keys-renew.json",
];
const API: &str = "2025-10-01";

fn context() -> LroContext {
    let timeout = Duration::from_secs(7200);
    LroContext { cancel: Cancel::new(), progress: Arc::new(|_| {}), timeout }
}

async fn drive(replay: &Replay, interaction: &Interaction) -> Result<Option<Value>, ClientError> {
    let (arm, path, body) = (&replay.arm, &interaction.target(), &interaction.body);
    let started = match interaction.method.as_str() {
        "PUT" => arm.put(path, API, body, Precondition::None).await?,
        "PATCH" => arm.patch(path, API, body).await?,
        "DELETE" => arm.delete(path, API).await?,
        _ => {
            let reveals = path.to_lowercase().contains("credential") || path.to_lowercase().contains("key");
            let action = if reveals { Action::Reveal } else { Action::Read };
            arm.action(path, API, Some(body).filter(|b| b.is_object()), action).await?
        }
    };
    arm.wait(started, &context()).await
}

/// Every text in an answer that nobody may log.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let names = ["value", "password", "token", "key"];
                match member.as_str() {
                    Some(text) if text.len() >= 16 && names.contains(&name.as_str()) => found.push(text.to_owned()),
                    _ => secrets(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_recorded_scenario_is_driven_to_its_end() {
    for name in SCENARIOS {
        let Some(recording) = load(name) else { return };
        let log = Log::default();
        let guard = log.catch();
        let replay = Replay::start(&recording);
        let writes: Vec<Interaction> = interactions(&recording).into_iter().filter(Interaction::is_write).collect();
        let mut hidden = vec![TOKEN.to_owned()];
        hidden.extend(interactions(&recording).iter().flat_map(Interaction::signatures));
        for write in &writes {
            let result = drive(&replay, write).await;
            let at = format!("{name}: {} {}", write.method, write.path);
            let body = result.unwrap_or_else(|error| unreachable!("{at}: {error}"));
            if write.method == "PUT" {
                let state =
                    body.as_ref().and_then(|b| b.pointer("/properties/provisioningState")).and_then(Value::as_str);
                assert!(matches!(state, None | Some("Succeeded")), "{at}: {state:?}");
                assert!(body.as_ref().is_some_and(|b| b["id"].is_string()), "{at}: a typed value at the end");
            }
            secrets(&body.unwrap_or_default(), &mut hidden);
        }
        drop(guard);
        let (unknown, sent) = replay.result();
        assert_eq!(unknown, Vec::<String>::new(), "{name}");
        assert_eq!(sent, writes.len(), "{name}: no write is sent twice");
        let text = log.text();
        assert!(text.contains("/subscriptions/"), "the log was caught");
        for secret in hidden {
            assert!(!text.contains(&secret), "{name}: a secret of an answer is in the log");
        }
    }
}
