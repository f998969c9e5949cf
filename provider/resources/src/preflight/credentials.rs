//! A signature or a token in a source of the stack file that has run out already, a client secret that the directory
//! refuses, or a key that NGC does not take.

use mops_clients::identity::Claims;
use mops_core::convert::from_value;
use mops_core::preflight::{Intent, Preflight};
use mops_core::{Error, Secret, Source, Urn, Value};
use mops_wire::sas::SasView;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Look;
use crate::kubernetes::image_pull_secret::ImagePullSecret;
use crate::ngc::credentials::Credentials;
use crate::ngc_key::{self, Given, Refused};
use crate::principal_login::{self, Principal};

pub(super) const WHAT: &str = "credentials";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let (mut found, now) = (Preflight::default(), look.services.clock().now());
    let mut sources: Vec<(Source, &Urn)> = Vec::new();
    for planned in look.planning.resources.iter().filter(|p| p.intent != Intent::Keep) {
        collect(&planned.inputs, &mut |source| {
            if !sources.iter().any(|(known, _)| *known == source) {
                sources.push((source, &planned.urn));
            }
        });
    }
    for (source, urn) in sources {
        // One that is absent was told of when the inputs were checked.
        let Ok(value) = mops_host::source::resolve(&source, look.services.env()) else { continue };
        let Some((what, end)) = end_of(&value).filter(|(_, end)| *end <= now) else { continue };
        let end = end.format(&Rfc3339).unwrap_or_default();
        let reason = format!("the {what} in {} ran out at {end}", named(&source));
        found.refuse(urn, "", reason, "put a new one there, then run the same command again");
    }
    principals(look, &mut found).await?;
    ngc(look, &mut found).await?;
    Ok(found)
}

/// A client secret does not say when it ends: the directory does.
async fn principals(look: &Look<'_>, found: &mut Preflight) -> Result<(), Error> {
    for (planned, inputs) in look.layout.changing::<ImagePullSecret>().filter(|(_, i)| i.service_principal) {
        let username = look.services.resolve(&inputs.username).await?;
        let Ok(secret) = look.services.resolve(&inputs.password).await else { continue };
        let principal = Principal { client_id: username.expose(), secret: &secret, source: &inputs.password };
        let http = look.services.pipeline()?;
        if let Some(error) = principal_login::refusal(look.services, &http, &principal).await? {
            found.refuse(&planned.urn, "password", error.summary(), error.hint_text().unwrap_or_default());
        }
    }
    Ok(())
}

/// A key of NGC does not say whether it is good: NGC does.
async fn ngc(look: &Look<'_>, found: &mut Preflight) -> Result<(), Error> {
    for (planned, inputs) in look.layout.changing::<Credentials>() {
        let Ok(key) = look.services.resolve(&inputs.api_key).await else { continue };
        let given = Given { key: &key, source: &inputs.api_key, images: &inputs.images };
        let refusal = ngc_key::refusal(&look.services.pipeline()?, &look.planning.cancel, &given).await?;
        if let Some(Refused { input, error }) = refusal {
            found.refuse(&planned.urn, input, error.summary(), error.hint_text().unwrap_or_default());
        }
    }
    Ok(())
}

/// Sources whose value is on this machine.
fn collect(value: &Value, take: &mut dyn FnMut(Source)) {
    match value {
        Value::Map(map) => match from_value::<Source>(value.clone()) {
            Ok(Source::FromRegistry(_)) => {}
            Ok(source) => take(source),
            Err(_) => map.values().for_each(|v| collect(v, take)),
        },
        Value::List(items) => items.iter().for_each(|v| collect(v, take)),
        _ => {}
    }
}

/// What it is and when it ends, for what says so itself.
fn end_of(value: &Secret<String>) -> Option<(&'static str, OffsetDateTime)> {
    let query = value.expose().rsplit_once("SharedAccessSignature=").map_or(value.expose().as_str(), |(_, rest)| rest);
    let view = SasView::of(&Secret::from(query.rsplit('?').next().unwrap_or(query)));
    if let (true, Some(end)) = (view.signed, view.expiry) {
        return Some(("SAS", end));
    }
    Some(("token", Claims::of(value).expires?))
}

fn named(source: &Source) -> String {
    match source {
        Source::FromEnv(name) => format!("the variable `{name}`"),
        Source::FromFile(path) => format!("the file `{path}`"),
        Source::FromKeyring(name) => format!("the keyring's `{name}`"),
        Source::FromRegistry(from) => format!("the registry `{}`", from.registry_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_say_when_they_end() {
        let end = |text: &str| end_of(&Secret::from(text)).map(|(what, end)| (what, end.year()));
        let sas = "sv=2022-11-02&sr=c&sp=rl&se=2024-01-01T00:00:00Z&sig=x";
        assert_eq!(end(sas), Some(("SAS", 2024)));
        assert_eq!(end(&format!("BlobEndpoint=https://a;SharedAccessSignature={sas}")), Some(("SAS", 2024)));
        assert_eq!(end("hf_anythingelse"), None);
    }

    #[test]
    fn sources_are_found_wherever_they_stand() {
        let inputs = Value::from(serde_json::json!({
            "data": {"A": {"from_env": "A"}, "B": {"from_registry": {"registryId": "r", "field": "password"}}},
            "list": [{"from_file": "/f"}], "plain": "x"}));
        let mut seen = Vec::new();
        collect(&inputs, &mut |source| seen.push(source));
        assert_eq!(seen, [Source::FromEnv("A".into()), Source::FromFile("/f".into())]);
    }
}
