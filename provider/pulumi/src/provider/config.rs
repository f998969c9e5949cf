//! The configuration: checked, compared and taken. No service is contacted.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use mops_core::diff::Change;
use mops_core::{Error, Value};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::diff_response::DiffChanges;
use rpc::property_diff::Kind;
use tonic::{Code, Status};

use super::settings::{Config, Settings};
use super::{Modelops, diff as differences, failure, path, properties};

/// What every resource lies in: another one of these is another place, where nothing of it exists.
const PLACE: [&str; 3] = ["tenantId", "cloud", "cloudFile"];
/// What a key of the deprecated form starts with.
const PREFIX: &str = "modelops:config:";

impl Modelops {
    pub(super) fn check_configuration(&self, request: &rpc::CheckRequest) -> Result<rpc::CheckResponse, Status> {
        let news = properties::arrived(request.news.as_ref())?;
        let failures = self.findings(&news);
        let mut inputs = news.as_map().cloned().unwrap_or_default();
        if let Some(tenant) = self.0.env.get("AZURE_TENANT_ID") {
            inputs.entry("tenantId".to_owned()).or_insert_with(|| tenant.into());
        }
        Ok(rpc::CheckResponse { inputs: properties::leaving(&Value::Map(inputs))?, failures })
    }

    /// What is wrong with which property; each is looked at by itself, so that all are named at once.
    fn findings(&self, news: &Value) -> Vec<rpc::CheckFailure> {
        let members = news.as_map().into_iter().flatten().filter(|(_, value)| !value.has_unknown());
        let known: BTreeMap<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
        let alone = |(name, value): (&String, &Value)| {
            let error = Config::of(&Value::Map([(name.clone(), value.clone())].into())).err()?;
            Some(finding(name, &error))
        };
        let found: Vec<rpc::CheckFailure> = known.iter().filter_map(alone).collect();
        if !found.is_empty() {
            return found;
        }
        // Each fits its type by now: what is left is the file of the cloud.
        let settings = Config::of(&Value::Map(known)).and_then(|config| Settings::of(&config, &self.0.env));
        settings.err().iter().map(|error| finding("cloudFile", error)).collect()
    }

    pub(super) fn take_configuration(&self, request: &rpc::ConfigureRequest) -> Result<rpc::ConfigureResponse, Status> {
        let given = match &request.args {
            Some(args) => properties::arrived(Some(args))?,
            None => variables(request),
        };
        let settings = Config::of(&given).and_then(|config| Settings::of(&config, &self.0.env));
        let settings = settings.map_err(|e| failure::plain(&e))?;
        refuse_missing(&settings)?;
        let resources = (self.0.connect)(settings).map_err(|e| failure::plain(&e))?;
        *self.0.resources.write().unwrap_or_else(PoisonError::into_inner) = Some(resources);
        Ok(rpc::ConfigureResponse {
            accept_secrets: true,
            supports_preview: true,
            accept_resources: true,
            accept_outputs: true,
            supports_autonaming_configuration: true,
        })
    }
}

fn finding(property: &str, error: &Error) -> rpc::CheckFailure {
    rpc::CheckFailure { property: property.to_owned(), reason: failure::text(error) }
}

fn variables(request: &rpc::ConfigureRequest) -> Value {
    let of = |(key, text): (&String, &String)| Some((key.strip_prefix(PREFIX)?.to_owned(), Value::from(text.as_str())));
    Value::Map(request.variables.iter().filter_map(of).collect::<BTreeMap<_, _>>())
}

fn refuse_missing(settings: &Settings) -> Result<(), Status> {
    let missing = settings.missing();
    if missing.is_empty() {
        return Ok(());
    }
    let key = |(name, what): &(&str, &str)| rpc::configure_error_missing_keys::MissingKey {
        name: format!("modelops:{name}"),
        description: (*what).to_owned(),
    };
    let keys = rpc::ConfigureErrorMissingKeys { missing_keys: missing.iter().map(key).collect() };
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let text = format!("the configuration of `modelops` lacks `{}`", names.join("`, `"));
    Err(failure::detailed(Code::InvalidArgument, text, "ConfigureErrorMissingKeys", &keys))
}

/// What differs; only another place makes another provider, since that replaces every resource of this one.
pub(super) fn diff(request: &rpc::DiffRequest) -> Result<rpc::DiffResponse, Status> {
    let old = request.old_inputs.as_ref().or(request.olds.as_ref());
    let (old, new) = (properties::arrived(old)?, properties::arrived(request.news.as_ref())?);
    let changes = mops_core::diff::diff(&old, &new);
    if changes.is_empty() {
        return Ok(differences::none());
    }
    let mut response = rpc::DiffResponse {
        changes: DiffChanges::DiffSome.into(),
        has_detailed_diff: true,
        ..rpc::DiffResponse::default()
    };
    for change in changes {
        let property = change.path.property().to_owned();
        let moved = change.change == Change::Update && PLACE.contains(&property.as_str());
        let kind = match change.change {
            Change::Add => Kind::Add,
            Change::Delete => Kind::Delete,
            Change::Update if moved => Kind::UpdateReplace,
            Change::Update => Kind::Update,
        };
        if moved {
            response.replaces.push(property.clone());
        }
        let detail = rpc::PropertyDiff { kind: kind.into(), input_diff: true };
        response.detailed_diff.insert(path::spelled(&change.path), detail);
        if !response.diffs.contains(&property) {
            response.diffs.push(property);
        }
    }
    Ok(response)
}
