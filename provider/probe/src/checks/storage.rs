//! Blob storage by the worker's SAS: a list that must work, and a write that must not. A write that
//! goes through is removed again and reported.

use bytes::Bytes;
use mops_host::{SharedClock, random};
use mops_wire::Http;
use mops_wire::blob::Client;
use mops_wire::sas::{ConnectionString, ConnectionStringError};

use super::{DEADLINE, TRIES, Watch, sas};
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};
use crate::settings::{Container, Given, Settings};

const SAS: &str = variant::SAS;

pub(super) async fn all(settings: &Settings, http: &Http, clock: &SharedClock) -> Vec<Observation> {
    let mut all = Vec::new();
    for container in &settings.containers {
        all.extend(container_of(settings, container, http, clock).await);
    }
    all
}

async fn container_of(
    settings: &Settings,
    Container { name: container, variable, connection }: &Container,
    http: &Http,
    clock: &SharedClock,
) -> Vec<Observation> {
    let skip = |check: &str, code: &str, why: &str| Observation::skipped(check, SAS, container, code).detail(why);
    let Given::Value(text) = connection else {
        let why = format!("{variable} is missing");
        return [check::STORAGE_READ, check::STORAGE_WRITE_REFUSED].map(|c| skip(c, code::ENV_MISSING, &why)).into();
    };
    let unusable = |code: &'static str, error: &dyn std::fmt::Display| {
        let seen = Observation::failed(check::STORAGE_SAS, SAS, container, code).detail(&error.to_string());
        let rest = [check::STORAGE_READ, check::STORAGE_WRITE_REFUSED].map(|c| skip(c, code, "there is no usable SAS"));
        std::iter::once(seen).chain(rest).collect()
    };
    let parts = match ConnectionString::parse(text) {
        Ok(parts) => parts,
        Err(error @ ConnectionStringError::AccountKey) => return unusable(code::ACCOUNT_KEY, &error),
        Err(error) => return unusable(code::MALFORMED, &error),
    };
    let client = match Client::new(http.clone(), parts.endpoint, &parts.sas) {
        Ok(client) => client.with_limits(DEADLINE, TRIES),
        Err(error) => return unusable(code::MALFORMED, &error),
    };
    let (read, date) = read(&client, container, clock).await;
    let judged = sas::judge(&parts.sas, container, date.as_deref());
    let write = if !settings.verify_readonly {
        skip(check::STORAGE_WRITE_REFUSED, code::NOT_GIVEN, "not asked for")
    } else if read.outcome == Outcome::Ok {
        write(&client, container, &settings.run, clock).await
    } else {
        skip(check::STORAGE_WRITE_REFUSED, code::READ_REFUSED, "reading failed too, so a refusal proves nothing")
    };
    vec![judged, read, write]
}

/// Lists one blob; also gives the storage's clock.
async fn read(client: &Client, container: &str, clock: &SharedClock) -> (Observation, Option<String>) {
    let watch = Watch::start(clock);
    let (seen, date) = match client.list(container, 1).await {
        Ok(answer) => {
            let ok = Observation::ok(check::STORAGE_READ, SAS, container);
            (ok.status(answer.status), answer.date)
        }
        Err(error) => {
            let date = error.refusal().and_then(|r| r.date.clone());
            (Failure::from(&error).observation(check::STORAGE_READ, SAS, container), date)
        }
    };
    (seen.millis(watch.millis()), date)
}

async fn write(client: &Client, container: &str, run: &str, clock: &SharedClock) -> Observation {
    let check = check::STORAGE_WRITE_REFUSED;
    let watch = Watch::start(clock);
    let unique = u64::from_le_bytes(random::bytes::<8>());
    let name = format!("mops-probe-{run}-{unique:016x}");
    let seen = match client.put(container, &name, Bytes::from_static(b"mops-probe")).await {
        Ok(answer) => {
            let failed = Observation::failed(check, SAS, container, code::WRITE_ACCEPTED);
            let gone = match client.delete(container, &name).await {
                Ok(_) => "the blob was removed again".to_owned(),
                Err(_) => format!("the blob `{name}` could not be removed and is left"),
            };
            failed.status(answer.status).detail(&gone)
        }
        Err(error) => match error.refusal().filter(|r| r.status == 403) {
            Some(refusal) => {
                let code = refusal.code.as_deref().unwrap_or_default();
                Observation::ok(check, SAS, container).status(403).detail(code)
            }
            None => Failure::from(&error).observation(check, SAS, container),
        },
    };
    seen.millis(watch.millis())
}
