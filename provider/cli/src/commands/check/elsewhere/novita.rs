//! Novita: whether it takes the key, still keeps the login of the stack's registry, and knows its instances.

use mops_clients::novita::{AuthRef, BASE, Novita, NovitaError};
use mops_core::SecretInput;
use mops_diagnose::novita as seen;
use mops_engine::state::ResourceState;
use mops_probe::Observation;

use super::super::{Subject, of_any};
use crate::app::App;

pub(super) const AUTH: &str = "modelops:novita:RegistryAuth";
pub(super) const INSTANCE: &str = "modelops:novita:Instance";

/// What Novita says of what the stack has there; nothing for a stack that has nothing there.
pub(super) async fn look(app: &App, subject: &Subject<'_>) -> Vec<Observation> {
    let auths: Vec<&ResourceState> = of_any(subject.snapshot, AUTH).collect();
    let instances: Vec<&ResourceState> = of_any(subject.snapshot, INSTANCE).collect();
    let Some(first) = auths.first().or(instances.first()) else { return Vec::new() };
    let novita = match client(app, subject, first).await {
        Ok(novita) => novita,
        Err(unasked) => return unasked,
    };
    let host = novita.base().host();
    app.printer.tell(&format!("asking {host} about what the stack has there"));
    let mut all = Vec::new();
    for auth in auths {
        match novita.resolve(&AuthRef::Id(auth.id.clone())).await {
            Ok(_) => all.extend(seen::kept(&host, &auth.id)),
            Err(error @ NovitaError::AuthNotFound { .. }) => all.extend(seen::failed(&error, &host, &auth.id)),
            // Who answers nothing of this answers nothing of the rest.
            Err(error) => return seen::failed(&error, &host, &auth.id),
        }
    }
    for instance in instances {
        match novita.instance(&instance.id).await {
            Ok(one) => all.push(seen::instance(&one)),
            Err(error) => all.extend(seen::failed(&error, &host, &instance.id)),
        }
    }
    // Each step of several things is told once.
    let mut told: Vec<Observation> = Vec::new();
    all.into_iter().for_each(|one| {
        if !told.contains(&one) {
            told.push(one);
        }
    });
    told
}

/// The client with the key that the stack names, else why nobody is asked.
async fn client(app: &App, subject: &Subject<'_>, of: &ResourceState) -> Result<Novita, Vec<Observation>> {
    let mut inputs = of.inputs.clone();
    if let Ok(sealer) = app.sealer(subject.snapshot) {
        // One that stays sealed is no key.
        let _ = sealer.open_in(&mut inputs);
    }
    let key: Option<SecretInput> =
        inputs.get("apiKey").and_then(|value| serde_json::from_value(value.exposed_json()).ok());
    let services = subject.session.provider.services();
    let known = match &key {
        Some(key) => services.resolve(key).await.is_ok(),
        None => app.env.has(seen::KEY),
    };
    if !known {
        return Err(seen::no_key(BASE));
    }
    match services.novita(key.as_ref()).await {
        Ok(novita) => Ok(novita.with_cancel(&app.cancel)),
        Err(error) => Err(vec![seen::unasked(BASE, error.summary())]),
    }
}
