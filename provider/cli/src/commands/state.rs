//! `mops infra state show | forget | unprotect`: single resources in state. Calls nothing: what exists stays as it is
//! (`tests/scenarios/state.txt`).

use std::fmt::Write as _;

use mops_core::Urn;
use mops_engine::state::{ResourceState, Snapshot, dependants, find};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::app::App;
use crate::args::{ForgetArgs, ShowArgs, StateVerb, UnprotectArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::printer::{Table, kind};

/// What state knows of a resource, secrets masked.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ResourceLine {
    /// Its logical name.
    name: String,
    /// Its type.
    resource: String,
    /// Its name in state.
    urn: String,
    /// The part of the stack.
    component: String,
    /// Its name at the service.
    id: String,
    /// Refused to be deleted.
    protect: bool,
    /// Stays when it is no longer wanted.
    retained: bool,
    /// The id under which it was taken over from somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    adopted_from: Option<String>,
    /// Replaced already, still to be deleted.
    replaced: bool,
    /// Why it is not ready.
    init_errors: Vec<String>,
    /// Names in state of what it was made from.
    dependencies: Vec<String>,
    /// Name in state of what takes it along when it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_with: Option<String>,
    /// When it was made, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// When it was last changed by us, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    /// Its inputs; `[secret]` stands for a secret.
    inputs: Json,
    /// Its outputs; `[secret]` stands for a secret.
    outputs: Json,
}

/// A resource left the state; it stays as it is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ForgottenLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// Its logical name.
    name: String,
    /// Its name in state.
    urn: String,
}

/// A resource may be deleted.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UnprotectedLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// Its logical name.
    name: String,
    /// Its name in state.
    urn: String,
    /// Whether it was protected before.
    changed: bool,
}

pub(crate) fn run(app: &App, verb: &StateVerb) -> Outcome {
    match verb {
        StateVerb::Show(args) => show(app, args),
        StateVerb::Forget(args) => forget(app, args),
        StateVerb::Unprotect(args) => unprotect(app, args),
    }
}

fn show(app: &App, args: &ShowArgs) -> Outcome {
    let stack = app.stack_in_state(args.env.as_deref())?;
    let snapshot = app.snapshot(&stack)?;
    match &args.address {
        Some(address) => one(app, find(&snapshot, address)?),
        None => all(app, &snapshot),
    }
    Ok(Exit::Ok)
}

fn all(app: &App, snapshot: &Snapshot) {
    let mut table = Table::new(&["ADDRESS", "KIND", "ID"]);
    for r in &snapshot.resources {
        app.printer.event(&line(r));
        table.row([r.urn.name(), &kind(r.urn.token()), &r.id]);
    }
    if snapshot.resources.is_empty() {
        app.printer.tell(&format!("stack {} holds nothing", snapshot.stack));
    } else if !app.printer.look().json {
        app.printer.data(&table.render(app.printer.look().width));
    }
}

fn one(app: &App, r: &ResourceState) {
    if app.printer.look().json {
        app.printer.object(&line(r));
    } else {
        app.printer.data(&text(r));
    }
}

fn line(r: &ResourceState) -> ResourceLine {
    ResourceLine {
        name: r.urn.name().into(),
        resource: r.urn.token().into(),
        urn: r.urn.to_string(),
        component: r.component.to_string(),
        id: r.id.clone(),
        protect: r.protect,
        retained: r.retain_on_delete,
        adopted_from: r.adopted_from.clone(),
        replaced: r.pending_delete,
        init_errors: r.init_errors.clone(),
        dependencies: r.dependencies.iter().map(Urn::to_string).collect(),
        deleted_with: r.deleted_with.as_ref().map(Urn::to_string),
        created: super::date(r.created),
        modified: super::date(r.modified),
        inputs: r.inputs.masked_json(),
        outputs: r.outputs.masked_json(),
    }
}

fn text(r: &ResourceState) -> String {
    let names = |urns: &[Urn]| urns.iter().map(Urn::name).collect::<Vec<_>>().join(", ");
    let flags = [
        (r.protect, "protected"),
        (r.retain_on_delete, "retained"),
        (r.adopted_from.is_some(), "adopted"),
        (r.pending_delete, "replaced, to be deleted"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let facts = [
        ("urn", r.urn.to_string()),
        ("id", r.id.clone()),
        ("component", r.component.to_string()),
        ("marks", flags.join(", ")),
        ("not ready", r.init_errors.join("; ")),
        ("depends on", names(&r.dependencies)),
        ("goes with", r.deleted_with.as_ref().map_or("", Urn::name).to_owned()),
        ("created", super::date(r.created).unwrap_or_default()),
        ("modified", super::date(r.modified).unwrap_or_default()),
    ];
    let mut text = format!("{} ({})\n", r.urn.name(), kind(r.urn.token()));
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name:<10}  {value}");
    }
    for (name, value) in [("inputs", &r.inputs), ("outputs", &r.outputs)] {
        let pretty = serde_json::to_string_pretty(&value.masked_json()).unwrap_or_default();
        let _ = writeln!(text, "  {name}\n    {}", pretty.replace('\n', "\n    "));
    }
    text
}

fn forget(app: &App, args: &ForgetArgs) -> Outcome {
    let stack = app.stack_in_state(args.env.as_deref())?;
    app.wait_for(async {
        let mut store = app.open(&stack, None, args.lock.pace()).await?;
        let urn = find(store.snapshot(), &args.address)?.urn.clone();
        let mut doomed = dependants(store.snapshot(), &urn);
        if !doomed.is_empty() && !args.with_dependants {
            let names: Vec<String> = doomed.iter().map(|u| format!("`{}`", u.name())).collect();
            let text = format!("`{}` is needed by {}", urn.name(), names.join(", "));
            return Err(Failure::usage(text, "give `--with-dependants` to forget them as well"));
        }
        doomed.push(urn);
        let agreed = app.asker(&stack.stack, args.yes).confirm(&question(doomed.len()));
        agreed.inspect_err(|_| app.printer.tell("nothing was changed"))?;
        store.forget(&doomed).await?;
        for urn in &doomed {
            let name = urn.name().to_owned();
            app.printer.tell(&format!("`{name}` is forgotten; the resource itself stays"));
            app.printer.event(&ForgottenLine { stack: stack.to_string(), name, urn: urn.to_string() });
        }
        app.printer
            .hint("while the stack file asks for it, the next `mops infra up` finds it by its mark and takes it back");
        Ok(Exit::Ok)
    })
}

fn question(count: usize) -> String {
    let things = if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") };
    format!("this drops {things}, which stay as they are, from the state of stack")
}

fn unprotect(app: &App, args: &UnprotectArgs) -> Outcome {
    let stack = app.stack_in_state(args.env.as_deref())?;
    app.wait_for(async {
        let mut store = app.open(&stack, None, args.lock.pace()).await?;
        let found = find(store.snapshot(), &args.address)?.clone();
        let (urn, was) = (found.urn.clone(), found.protect);
        if was {
            store.save(ResourceState { protect: false, ..found }).await?;
        }
        let (name, id) = (urn.name().to_owned(), urn.to_string());
        app.printer.event(&UnprotectedLine { stack: stack.to_string(), name, urn: id, changed: was });
        if was {
            app.printer.tell(&format!("`{}` is no longer protected", urn.name()));
            app.printer.note("the next `mops infra up` protects it again if the stack file says so");
        } else {
            app.printer.tell(&format!("`{}` was not protected", urn.name()));
        }
        Ok(Exit::Ok)
    })
}
