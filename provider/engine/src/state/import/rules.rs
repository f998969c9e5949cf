//! What must hold of a deployment from elsewhere before anything of it is used: Pulumi's own rules, and what this
//! engine can carry on (`tests/state_moves.rs` breaks each of them once).

use std::collections::HashMap;

use mops_core::{Diagnostic, StackId, Urn};
use serde_json::Value as Json;

use super::super::deployment::magic;
use super::super::frame::{Fields, PROVIDER, STACK, root_urn};

/// Everything that is wrong, in the order of the file.
pub(super) struct Judge<'a> {
    pub(super) stack: &'a StackId,
    /// Whether this version has such a resource.
    pub(super) known: &'a dyn Fn(&str) -> bool,
    found: Vec<Diagnostic>,
    /// By URN: whether one without `delete` was seen.
    seen: HashMap<String, bool>,
    /// `URN::ID` of the providers seen.
    providers: Vec<String>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(stack: &'a StackId, known: &'a dyn Fn(&str) -> bool) -> Self {
        Self { stack, known, found: Vec::new(), seen: HashMap::new(), providers: Vec::new() }
    }

    fn refuse(&mut self, text: String, hint: &str) {
        self.found.push(Diagnostic::error(None, text).hint(hint));
    }

    fn broken(&mut self, text: String) {
        self.refuse(text, "`pulumi stack export` of a stack that Pulumi itself accepts is in order; export it again");
    }

    /// Looks at the whole deployment.
    pub(super) fn deployment(mut self, deployment: &Fields) -> Vec<Diagnostic> {
        self.manifest(deployment.get("manifest").and_then(Json::as_object));
        self.secrets(deployment.get("secrets_providers").and_then(Json::as_object));
        let empty = Vec::new();
        let entries = deployment.get("resources").and_then(Json::as_array).unwrap_or(&empty);
        for (i, entry) in entries.iter().enumerate() {
            match entry.as_object() {
                Some(entry) => self.entry(i, entry),
                None => self.broken(format!("entry {i} of `resources` is not an object")),
            }
        }
        self.found
    }

    fn manifest(&mut self, manifest: Option<&Fields>) {
        let part = |key| manifest.and_then(|m| text(m, key)).unwrap_or_default();
        let (version, found) = (part("version"), part("magic"));
        if magic(version) != found {
            self.broken(format!("the manifest's `magic` does not match its version `{version}`"));
        }
    }

    fn secrets(&mut self, secrets: Option<&Fields>) {
        let kind = secrets.and_then(|s| text(s, "type")).unwrap_or("passphrase");
        if kind != "passphrase" {
            self.refuse(
                format!("the secrets are sealed by `{kind}`, which only Pulumi can open"),
                "`pulumi stack change-secrets-provider passphrase`, then `pulumi stack export` again",
            );
        }
    }

    fn entry(&mut self, i: usize, entry: &Fields) {
        let (Some(urn), Some(kind)) = (text(entry, "urn"), text(entry, "type")) else {
            return self.broken(format!("entry {i} of `resources` has no `urn` or no `type`"));
        };
        let Some(name) = Urn::parse(urn) else { return self.broken(format!("`{urn}` is not a URN")) };
        self.place(urn);
        if name.token() != kind {
            self.broken(format!("`{urn}` says that its type is `{kind}`"));
        }
        self.kind(urn, kind, entry);
        self.identity(urn, kind, entry);
        self.references(urn, entry);
        self.twice(urn, flag(entry, "delete"));
        if kind.starts_with("pulumi:providers:") {
            self.providers.push(format!("{urn}::{}", text(entry, "id").unwrap_or_default()));
        }
    }

    fn place(&mut self, urn: &str) {
        let StackId { project, stack } = self.stack;
        if !urn.starts_with(&format!("urn:pulumi:{stack}::{project}::")) {
            let theirs = stack_of(urn).map_or_else(|| "?".into(), |s| format!("{}/{}", s.project, s.stack));
            self.refuse(
                format!("`{urn}` belongs to stack `{theirs}`, and the target is `{project}/{stack}`"),
                "name the stack that the state is of, or rename it first with `pulumi stack rename`",
            );
        }
    }

    /// What this engine cannot carry on.
    fn kind(&mut self, urn: &str, kind: &str, entry: &Fields) {
        let carry = "destroy it with Pulumi or keep the stack there (`--engine pulumi` of a later version)";
        if kind == STACK || kind == PROVIDER {
            return;
        }
        if kind.starts_with("pulumi:providers:") {
            return self.refuse(format!("`{urn}` is a provider that the embedded engine does not have"), carry);
        }
        if !(self.known)(kind) {
            return self.refuse(format!("`{urn}` is of type `{kind}`, which this version does not manage"), carry);
        }
        let root = root_urn(&self.stack.project, &self.stack.stack);
        let parent = text(entry, "parent").filter(|p| !p.is_empty() && *p != root);
        if let Some(parent) = parent {
            self.refuse(format!("`{urn}` hangs below `{parent}`: the embedded engine has no components"), carry);
        }
        if !flag(entry, "custom") || flag(entry, "external") {
            self.refuse(format!("`{urn}` is a component or was only read: the embedded engine has neither"), carry);
        }
        if flag(entry, "pendingReplacement") {
            self.refuse(
                format!("`{urn}` is in the middle of a replacement"),
                "`pulumi up` ends it, then `pulumi stack export` again",
            );
        }
    }

    fn identity(&mut self, urn: &str, kind: &str, entry: &Fields) {
        let id = text(entry, "id").unwrap_or_default();
        match flag(entry, "custom") {
            false if !id.is_empty() => self.broken(format!("`{urn}` is no resource of a provider and has an id")),
            true if id.is_empty() => self.broken(format!("`{urn}` has no id")),
            _ => {}
        }
        let reference = text(entry, "provider").unwrap_or_default();
        if kind == STACK || kind.starts_with("pulumi:providers:") || flag(entry, "pendingReplacement") {
            return;
        }
        if !self.providers.iter().any(|p| p == reference) {
            self.broken(format!("`{urn}` names the provider `{reference}`, which does not stand before it"));
        }
    }

    fn references(&mut self, urn: &str, entry: &Fields) {
        let list = |key| entry.get(key).and_then(Json::as_array).into_iter().flatten();
        let properties = entry.get("propertyDependencies").and_then(Json::as_object).into_iter().flatten();
        let properties = properties.flat_map(|(_, v)| v.as_array().into_iter().flatten());
        let single = ["parent", "deletedWith"].into_iter().filter_map(|k| entry.get(k));
        let all = list("dependencies").chain(properties).chain(single);
        let missing: Vec<&str> =
            all.filter_map(Json::as_str).filter(|t| !t.is_empty() && !self.seen.contains_key(*t)).collect();
        if let Some(first) = missing.first() {
            self.broken(format!("`{urn}` refers to `{first}`, which does not stand before it"));
        }
    }

    fn twice(&mut self, urn: &str, doomed: bool) {
        let living = self.seen.entry(urn.to_owned()).or_insert(false);
        if !doomed && std::mem::replace(living, true) {
            self.broken(format!("`{urn}` stands there twice"));
        }
    }
}

/// The stack that a URN names.
pub(super) fn stack_of(urn: &str) -> Option<StackId> {
    let mut parts = urn.strip_prefix("urn:pulumi:")?.split("::");
    let (stack, project) = (parts.next()?, parts.next()?);
    Some(StackId { project: project.to_owned(), stack: stack.to_owned() })
}

fn text<'a>(entry: &'a Fields, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str()
}

fn flag(entry: &Fields, key: &str) -> bool {
    entry.get(key).and_then(Json::as_bool).unwrap_or(false)
}
