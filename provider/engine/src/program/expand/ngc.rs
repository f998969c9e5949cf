//! `ngc:` — the key of NGC in the namespaces of its servers. A namespace of a cluster that the stack makes is made too;
//! in somebody else's it is there.

use mops_core::Value;

use super::super::{Component, Expr};
use super::builder::{Builder, Members, members};

/// How the names of everything of it begin in a stack.
pub(crate) const NGC: &str = "ngc-";

pub(super) fn declare(b: &mut Builder<'_>) {
    let Some(section) = &b.file.ngc else { return };
    let Ok(key) = mops_core::convert::to_value(&section.api_key.0) else { return };
    let given: Vec<&str> = section.namespaces.iter().map(|name| name.as_str()).collect();
    let own = b.names.namespace.clone();
    let names = if given.is_empty() { vec![own.as_str()] } else { given };
    let spaces = names.into_iter().map(|name| namespace(b, name)).collect();
    let texts = |items: Vec<&str>| Expr::Value(Value::List(items.into_iter().map(Value::from).collect()));
    let mut inputs: Members = members([
        ("cluster", b.cluster_ref()),
        ("namespaces", Expr::List(spaces)),
        ("apiKey", Expr::Value(key)),
        ("images", texts(section.images.iter().map(|image| image.as_str()).collect())),
        ("restart", texts(section.restart.iter().map(|name| name.as_str()).collect())),
    ]);
    inputs.retain(|_, input| *input != Expr::Value(Value::List(Vec::new())));
    let mut credentials = b.resource(Component::Ngc, "modelops:ngc:Credentials", &format!("{NGC}credentials"), inputs);
    credentials.deleted_with.clone_from(&b.made.cluster);
    credentials.place = Some(section.place.clone());
    credentials.places = vec![("apiKey".to_owned(), section.api_key.place.clone())];
    for (input, place) in [
        ("namespaces", section.namespaces.first().map(|one| &one.place)),
        ("images", section.images.first().map(|one| &one.place)),
        ("restart", section.restart.first().map(|one| &one.place)),
    ] {
        credentials.places.extend(place.map(|place| (input.to_owned(), place.clone())));
    }
    b.push(credentials);
}

/// A namespace by its name; it is declared where the stack has to make it.
fn namespace(b: &mut Builder<'_>, name: &str) -> Expr {
    if let Some(workspace) = b.made.namespace.as_ref().filter(|_| name == b.names.namespace) {
        return Expr::output(workspace, "name");
    }
    if b.made.cluster.is_none() {
        return name.into();
    }
    let mut made = b.in_cluster("Namespace", &format!("{NGC}namespace-{name}"), members([("name", name.into())]));
    made.component = Component::Ngc;
    made.place = b.file.ngc.as_ref().map(|section| section.place.clone());
    let made = b.push(made);
    Expr::output(&made, "name")
}
