//! `mops infra status`: the resources of a stack from its state, and when a SAS runs out. Calls nothing.

use mops_core::Value;
use mops_engine::state::{Action, OpenOperation, ResourceState, Snapshot};
use mops_host::{Clock as _, SystemClock};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::App;
use crate::args::{Format, StatusArgs};
use crate::exit::{Exit, Outcome};
use crate::printer::{Printer, Table, kind};
use crate::pulumi;

/// What a stack holds, from its state.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StatusLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// Which state it is; the resource group carries the same.
    lineage: String,
    /// In the order in which they were made.
    resources: Vec<Resource>,
    /// Operations that were begun and not ended.
    open: Vec<Open>,
}

/// A resource of the state.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StatusResource")]
struct Resource {
    /// The part of the stack.
    component: String,
    /// Its logical name.
    name: String,
    /// Its type.
    resource: String,
    /// Its name in state.
    urn: String,
    /// Its name at the service.
    id: String,
    /// In words, as the table shows it.
    state: String,
    /// Whether it became ready.
    ready: bool,
    /// Refused to be deleted.
    protect: bool,
    /// Stays when it is no longer wanted.
    retained: bool,
    /// Taken over from somebody else; never deleted.
    adopted: bool,
    /// When it runs out, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    /// The image that the nodes of a pool were made from, when it was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_image: Option<String>,
    /// When it was last changed by us, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

/// An operation whose end is not known.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StatusOpen")]
struct Open {
    /// The logical name of the resource.
    name: String,
    /// Its name in state.
    urn: String,
    /// What was begun.
    action: Action,
    /// When, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Whether the service named an operation by which it is taken up again.
    resumable: bool,
}

pub(crate) fn run(app: &App, args: &StatusArgs) -> Outcome {
    if args.engine.is_pulumi() {
        return pulumi::status(app, args);
    }
    let (stack, _) = app.stack(&args.stack)?;
    show(app, args, &app.snapshot(&stack)?);
    Ok(Exit::Ok)
}

/// Prints what a state holds.
pub(crate) fn show(app: &App, args: &StatusArgs, snapshot: &Snapshot) {
    let now = SystemClock::new().now();
    if app.printer.look().json || args.output == Format::Json {
        app.printer.object(&line(snapshot, now));
    } else {
        text(&app.printer, snapshot, now);
    }
}

/// What is to be said of a resource besides its name.
fn state(resource: &ResourceState, now: OffsetDateTime) -> String {
    if resource.pending_delete {
        return "replaced, to be deleted".into();
    }
    if !resource.init_errors.is_empty() {
        return format!("not ready: {}", resource.init_errors.join("; "));
    }
    match expiry(resource) {
        Some(end) if end <= now => "expired".into(),
        Some(end) => format!("expires in {}", days(end - now)),
        None => "ok".into(),
    }
}

/// The state, and what keeps it from being deleted.
fn state_and_marks(resource: &ResourceState, now: OffsetDateTime) -> String {
    let adopted = resource.adopted_from.is_some();
    let marks = [
        (resource.protect, "protected"),
        (adopted, "adopted (kept on the way down)"),
        (resource.retain_on_delete && !adopted, "retained"),
    ];
    let marks = marks.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned());
    // The end of its name is its date; the whole is in the JSON form.
    let image = node_image(resource).and_then(|image| image.rsplit('-').next()).map(|date| format!("image {date}"));
    std::iter::once(state(resource, now)).chain(image).chain(marks).collect::<Vec<_>>().join(", ")
}

fn expiry(resource: &ResourceState) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(resource.outputs.get("expiry")?.as_str()?, &Rfc3339).ok()
}

fn node_image(resource: &ResourceState) -> Option<&str> {
    resource.outputs.get("nodeImageVersion")?.as_str()
}

fn days(time: time::Duration) -> String {
    match time.whole_days() {
        0 => format!("{} h", time.whole_hours()),
        1 => "1 day".into(),
        n => format!("{n} days"),
    }
}

fn text(printer: &Printer, snapshot: &Snapshot, now: OffsetDateTime) {
    let mut table = Table::new(&["COMPONENT", "RESOURCE", "KIND", "STATE"]);
    let mut resources: Vec<&ResourceState> = snapshot.resources.iter().collect();
    resources.sort_by_key(|r| r.component);
    for r in resources {
        table.row([r.component.to_string(), r.urn.name().to_owned(), kind(r.urn.token()), state_and_marks(r, now)]);
    }
    for open in &snapshot.open {
        let urn = &open.resource.urn;
        let state = format!("{} begun and not ended; the next `up` finds out", action(open.action));
        table.row([open.resource.component.to_string(), urn.name().to_owned(), kind(urn.token()), state]);
    }
    if snapshot.is_empty() {
        printer.tell(&format!("stack {} holds nothing", snapshot.stack));
    } else {
        printer.data(&table.render(printer.look().width));
    }
}

fn action(action: Action) -> String {
    format!("{action:?}").to_lowercase()
}

fn line(snapshot: &Snapshot, now: OffsetDateTime) -> StatusLine {
    let one = |r: &ResourceState| Resource {
        component: r.component.as_str().into(),
        name: r.urn.name().into(),
        resource: r.urn.token().into(),
        urn: r.urn.as_str().into(),
        id: r.id.clone(),
        state: state_and_marks(r, now),
        ready: r.init_errors.is_empty(),
        protect: r.protect,
        retained: r.retain_on_delete,
        adopted: r.adopted_from.is_some(),
        expiry: r.outputs.get("expiry").and_then(Value::as_str).map(Into::into),
        node_image: node_image(r).map(Into::into),
        modified: super::date(r.modified),
    };
    let open = |o: &OpenOperation| Open {
        name: o.resource.urn.name().into(),
        urn: o.resource.urn.as_str().into(),
        action: o.action,
        since: super::date(Some(o.at)),
        resumable: o.operation.is_some(),
    };
    StatusLine {
        stack: snapshot.stack.to_string(),
        lineage: snapshot.lineage.to_string(),
        resources: snapshot.resources.iter().map(one).collect(),
        open: snapshot.open.iter().map(open).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{StackId, Urn};
    use mops_engine::program::Component;

    #[test]
    fn a_sas_says_when_it_runs_out() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let urn = Urn::new(&stack, "modelops:azure:BlobSasToken", "sas-results");
        let mut resource = ResourceState::new(urn, Component::Storage, "x");
        resource.outputs = Value::from(serde_json::json!({"expiry": "2026-02-01T00:00:00Z"}));
        let at = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap();
        assert_eq!(state(&resource, at("2026-01-01T00:00:00Z")), "expires in 31 days");
        assert_eq!(state(&resource, at("2026-01-31T20:00:00Z")), "expires in 4 h");
        assert_eq!(state(&resource, at("2026-03-01T00:00:00Z")), "expired");
        resource.init_errors = vec!["0 of 2 available".into()];
        assert_eq!(state(&resource, at("2026-01-01T00:00:00Z")), "not ready: 0 of 2 available");
    }
}
