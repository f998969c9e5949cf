//! Blob storage by the worker's SAS: a list and a blob that must be readable, and a write that must not work. A write that
//! goes through is removed again and reported.

use bytes::Bytes;
use mops_host::{SharedClock, random};
use mops_wire::Http;
use mops_wire::blob::Client;
use mops_wire::sas::{ConnectionString, ConnectionStringError};

use super::clock::Reading;
use super::{Watch, sas};
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};
use crate::settings::{Container, Given, Settings};

const SAS: &str = variant::SAS;

/// Everything about the worker's containers, and the clocks of their accounts.
pub(super) async fn all(settings: &Settings, http: &Http, clock: &SharedClock) -> (Vec<Observation>, Vec<Reading>) {
    let mut all = Vec::new();
    let mut readings = Vec::new();
    for one in &settings.containers {
        let run = Some(settings.run.as_str()).filter(|_| settings.verify_readonly);
        let others = settings.containers.iter().map(|other| other.name.as_str()).filter(|name| *name != one.name);
        let (seen, reading) = container(one, &others.collect::<Vec<_>>(), run, http, clock).await;
        all.extend(seen);
        readings.extend(reading);
    }
    (all, readings)
}

/// One container by its SAS; when that is refused, whether it is for one of the others. A write is tried, which must be
/// refused, when a run is given to name its blob.
pub async fn container(
    Container { name: container, variable, connection }: &Container,
    others: &[&str],
    run: Option<&str>,
    http: &Http,
    clock: &SharedClock,
) -> (Vec<Observation>, Option<Reading>) {
    let skip = |check: &str, code: &str, why: &str| Observation::skipped(check, SAS, container, code).detail(why);
    let Given::Value(text) = connection else {
        let why = format!("{variable} is missing");
        let skipped = [check::STORAGE_READ, check::STORAGE_WRITE_REFUSED].map(|c| skip(c, code::ENV_MISSING, &why));
        return (skipped.into(), None);
    };
    let unusable = |code: &'static str, error: &dyn std::fmt::Display| {
        let seen = unusable(container, code, error);
        let rest = [check::STORAGE_READ, check::STORAGE_WRITE_REFUSED].map(|c| skip(c, code, "there is no usable SAS"));
        (std::iter::once(seen).chain(rest).collect(), None)
    };
    let parts = match ConnectionString::parse(text) {
        Ok(parts) => parts,
        Err(error) => return unusable(defect(&error), &error),
    };
    let host = parts.endpoint.host_str().unwrap_or_default().to_owned();
    let client = match Client::new(http.about(container), parts.endpoint, &parts.sas) {
        Ok(client) => client,
        Err(error) => return unusable(code::MALFORMED, &error),
    };
    let List { seen: read, date, first } = list(&client, container, clock).await;
    let theirs = date.as_deref().and_then(sas::http_date);
    let reading = theirs.map(|theirs| Reading { host, theirs, ours: clock.now() });
    let judged = sas::judge(&parts.sas, container, date.as_deref());
    let write = match run {
        None => skip(check::STORAGE_WRITE_REFUSED, code::NOT_GIVEN, "not asked for"),
        Some(run) if read.outcome == Outcome::Ok => write(&client, container, run, clock).await,
        Some(_) => {
            skip(check::STORAGE_WRITE_REFUSED, code::READ_REFUSED, "reading failed too, so a refusal proves nothing")
        }
    };
    let refused = read.status == Some(403) && judged.outcome == Outcome::Ok;
    let other = if refused { other(&client, container, others).await } else { None };
    let mut all = vec![judged, read];
    all.extend(other);
    if let Some(blob) = first {
        all.push(blob_of(&client, container, &blob, clock).await);
    }
    all.push(write);
    (all, reading)
}

fn unusable(container: &str, code: &str, error: &dyn std::fmt::Display) -> Observation {
    Observation::failed(check::STORAGE_SAS, SAS, container, code).detail(&error.to_string())
}

const fn defect(error: &ConnectionStringError) -> &'static str {
    match error {
        ConnectionStringError::AccountKey => code::ACCOUNT_KEY,
        _ => code::MALFORMED,
    }
}

/// What the text of a container's SAS promises.
pub(super) fn written(Container { name, variable, connection }: &Container) -> Observation {
    let Given::Value(text) = connection else {
        let skipped = Observation::skipped(check::STORAGE_SAS, SAS, name, code::ENV_MISSING);
        return skipped.detail(&format!("{variable} is missing"));
    };
    match ConnectionString::parse(text) {
        Ok(parts) => sas::judge(&parts.sas, name, None),
        Err(error) => unusable(name, defect(&error), &error),
    }
}

struct List {
    seen: Observation,
    /// The storage's clock.
    date: Option<String>,
    /// A blob of the container.
    first: Option<String>,
}

/// Lists one blob.
async fn list(client: &Client, container: &str, clock: &SharedClock) -> List {
    let watch = Watch::start(clock);
    let (seen, date, first) = match client.list(container, 1).await {
        Ok(answer) => {
            let ok = Observation::ok(check::STORAGE_READ, SAS, container);
            (ok.status(answer.status), answer.date.clone(), answer.names().into_iter().next())
        }
        Err(error) => {
            let date = error.refusal().and_then(|r| r.date.clone());
            (Failure::from(&error).observation(check::STORAGE_READ, SAS, container), date, None)
        }
    };
    List { seen: seen.millis(watch.millis()), date, first }
}

/// A signature names no container: that it is for another one is seen by what it opens.
async fn other(client: &Client, container: &str, others: &[&str]) -> Option<Observation> {
    for other in others {
        if client.list(other, 1).await.is_ok() {
            return Some(Observation::ok(check::STORAGE_OTHER, SAS, container).detail(other));
        }
    }
    None
}

/// HEAD of one blob: the right to list is not the right to read.
async fn blob_of(client: &Client, container: &str, blob: &str, clock: &SharedClock) -> Observation {
    let watch = Watch::start(clock);
    let target = format!("{container}/{blob}");
    let seen = match client.head(container, blob).await {
        Ok(answer) => Observation::ok(check::STORAGE_BLOB, SAS, &target).status(answer.status),
        Err(error) => Failure::from(&error).observation(check::STORAGE_BLOB, SAS, &target),
    };
    seen.millis(watch.millis())
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
