//! Diff: what changes, how, and what it replaces. The engine also asks the other way round (refresh) and with values
//! that are not known yet; both are the same question here.

use std::collections::{BTreeMap, BTreeSet};

use mops_core::diff::Change;
use mops_core::provider::Difference;
use mops_core::schema::ResourceSchema;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::diff_response::DiffChanges;
use rpc::property_diff::Kind;
use tonic::Status;

use super::log::Severity;
use super::redaction::Redaction;
use super::{Modelops, call, path, properties};

impl Modelops {
    pub(super) fn difference(&self, request: &rpc::DiffRequest) -> Result<rpc::DiffResponse, Status> {
        let urn = call::urn(&request.urn)?;
        let resources = self.resources()?;
        let old_inputs = properties::arrived(request.old_inputs.as_ref())?;
        let bag = properties::arrived(request.olds.as_ref())?;
        let old = properties::known(resources.schema(urn.token()), &request.id, old_inputs, &bag);
        let news = properties::arrived(request.news.as_ref())?;
        let mut difference = resources.diff(&urn, &old, &news);
        difference.changes.retain(|change| !path::is_under(&path::spelled(&change.path), &request.ignore_changes));
        difference.replace.retain(|property| !path::is_under(property, &request.ignore_changes));
        if let Some(reason) = &difference.reason {
            let text = Redaction::of(&[&old.inputs, &bag, &news]).masked(format!("made anew: {reason}"));
            self.0.log.say(Severity::Info, &urn, text);
        }
        let schema = resources.schema(urn.token());
        Ok(schema.map_or_else(none, |schema| response(schema, &difference)))
    }
}

/// Nothing to do.
pub(super) fn none() -> rpc::DiffResponse {
    rpc::DiffResponse { changes: DiffChanges::DiffNone.into(), has_detailed_diff: true, ..rpc::DiffResponse::default() }
}

fn response(schema: &ResourceSchema, difference: &Difference) -> rpc::DiffResponse {
    if difference.is_empty() {
        return none();
    }
    let mut detailed = changes(difference);
    if difference.reason.is_some() {
        for output in schema.changed_by_update {
            // An input of that name that differs is told as such.
            detailed.entry((*output).to_owned()).or_insert_with(of_output);
        }
    }
    let tops = |paths: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        let tops: BTreeSet<&str> = paths.map(|p| path::top(p)).collect();
        tops.into_iter().map(str::to_owned).collect()
    };
    rpc::DiffResponse {
        replaces: tops(&mut difference.replace.iter()),
        stables: Vec::new(),
        delete_before_replace: schema.delete_before_replace && !difference.replace.is_empty(),
        changes: DiffChanges::DiffSome.into(),
        diffs: tops(&mut detailed.keys()),
        detailed_diff: detailed.into_iter().collect(),
        has_detailed_diff: true,
    }
}

fn changes(difference: &Difference) -> BTreeMap<String, rpc::PropertyDiff> {
    let of = |change: &mops_core::diff::PropertyDiff| {
        let spelled = path::spelled(&change.path);
        let replaces = path::is_under(&spelled, &difference.replace);
        (spelled, rpc::PropertyDiff { kind: kind(change.change, replaces).into(), input_diff: true })
    };
    difference.changes.iter().map(of).collect()
}

/// Something that no input shows: the outputs that will be others.
fn of_output() -> rpc::PropertyDiff {
    rpc::PropertyDiff { kind: Kind::Update.into(), input_diff: false }
}

const fn kind(change: Change, replaces: bool) -> Kind {
    match (change, replaces) {
        (Change::Add, false) => Kind::Add,
        (Change::Add, true) => Kind::AddReplace,
        (Change::Delete, false) => Kind::Delete,
        (Change::Delete, true) => Kind::DeleteReplace,
        (Change::Update, false) => Kind::Update,
        (Change::Update, true) => Kind::UpdateReplace,
    }
}
