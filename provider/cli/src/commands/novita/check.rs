//! `mops novita check`: the way to Novita step by step, whether it takes the key, and what it keeps
//! (`tests/novita_instance.rs`, V-14).

use std::collections::BTreeMap;
use std::time::Duration;

use mops_clients::novita::{Instance, Kind, Novita, NovitaError, RegistryAuth, is_masked};
use mops_diagnose::Finding;
use mops_diagnose::novita as seen;
use mops_diagnose::pullable::cause;
use mops_wire::Http;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::{client, exit};
use crate::app::App;
use crate::args::NovitaKeyArgs;
use crate::commands::date;
use crate::exit::{Exit, Failure, Outcome};

/// Longest look-up of a name.
const LOOK_UP: Duration = Duration::from_secs(10);

/// What was seen of Novita.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaCheckLine {
    /// The host of the API.
    host: String,
    /// Its addresses, as this machine finds them; none behind a proxy.
    addresses: Vec<String>,
    /// When the certificate that it shows ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_ends: Option<String>,
    /// `accepted`, `refused` or `not known`.
    key: &'static str,
    /// Registry logins that it keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry_auths: Option<usize>,
    /// Those of them whose passwords it does not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<usize>,
    /// Instances by their status.
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<BTreeMap<String, usize>>,
    /// What is wrong, the first one deciding.
    findings: Vec<Finding>,
}

type Listed = Result<(Vec<RegistryAuth>, Option<OffsetDateTime>), NovitaError>;

pub(super) fn run(app: &App, args: &NovitaKeyArgs) -> Outcome {
    let novita = client(app, args)?;
    let http = app.session(&app.pointed_without_stack()?)?.http()?;
    app.wait_for(async {
        let addresses = addresses(&novita, &http).await;
        let auths = novita.auths_and_certificate().await;
        let instances = match &auths {
            Ok(_) => Some(novita.instances(None, None).await),
            Err(_) => None,
        };
        if app.cancel.is_canceled() {
            return Err(Failure::Told(Exit::Interrupted));
        }
        let line = line(&novita, addresses, &auths, instances.as_ref());
        if !app.printer.look().json {
            app.printer.data(&text(&line, app.printer.look().width));
        }
        app.printer.event(&line);
        let failed = auths.as_ref().err().or_else(|| instances.as_ref().and_then(|list| list.as_ref().err()));
        Ok(failed.map_or(Exit::Ok, exit))
    })
}

/// What the name leads to; nothing behind a proxy, which looks it up itself.
async fn addresses(novita: &Novita, http: &Http) -> Vec<String> {
    let Some(origin) = novita.base().origin().filter(|origin| !http.by_proxy(origin)) else { return Vec::new() };
    let found = http.addresses(&origin, LOOK_UP).await;
    found.map(|found| found.addresses.iter().map(|a| a.ip().to_string()).collect()).unwrap_or_default()
}

fn line(
    novita: &Novita,
    addresses: Vec<String>,
    auths: &Listed,
    instances: Option<&Result<Vec<Instance>, NovitaError>>,
) -> NovitaCheckLine {
    let host = novita.base().host();
    let mut observed = Vec::new();
    let key = match auths {
        Ok(_) => "accepted",
        Err(error) if error.kind() == Kind::AuthenticationFailed => "refused",
        Err(_) => "not known",
    };
    observed.extend(auths.as_ref().err().map(|error| seen::failed(error, &host, &host)).unwrap_or_default());
    let failed = instances.and_then(|list| list.as_ref().err());
    observed.extend(failed.map(|error| seen::failed(error, &host, "the list of instances")).unwrap_or_default());
    let list = auths.as_ref().ok().map(|(list, _)| list);
    NovitaCheckLine {
        addresses,
        certificate_ends: date(auths.as_ref().ok().and_then(|(_, ends)| *ends)),
        key,
        registry_auths: list.map(Vec::len),
        masked: list.map(|list| list.iter().filter(|one| is_masked(one, list)).count()),
        instances: instances.and_then(|list| list.as_ref().ok()).map(|list| by_status(list)),
        findings: seen::causes(&observed),
        host,
    }
}

fn by_status(list: &[Instance]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in list {
        *counts.entry(one.status.clone()).or_default() += 1;
    }
    counts
}

fn text(line: &NovitaCheckLine, width: usize) -> String {
    let sign = |good: bool| if good { "✓" } else { "✗" };
    let mut lines = vec![match line.addresses.as_slice() {
        [] => format!("· {}: its addresses are not known here", line.host),
        all => format!("✓ {}: {}", line.host, all.join(", ")),
    }];
    lines.extend(line.certificate_ends.as_ref().map(|ends| format!("✓ TLS: the certificate is good until {ends}")));
    lines.push(format!("{} key: {}", sign(line.key == "accepted"), line.key));
    if let (Some(all), Some(masked)) = (line.registry_auths, line.masked) {
        lines.push(format!("✓ registry logins: {all}, {masked} of them with a masked password"));
    }
    if let Some(counts) = &line.instances {
        let by: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let by = if by.is_empty() { "none".to_owned() } else { by.join(", ") };
        lines.push(format!("✓ instances: {by}"));
    }
    lines.extend(line.findings.iter().flat_map(|finding| cause(finding, width)));
    lines.join("\n") + "\n"
}
