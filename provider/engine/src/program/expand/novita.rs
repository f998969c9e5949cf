//! `novita:` — registry logins that Novita keeps, and its instances. A login is always a token of its own that may pull and
//! do nothing else, whatever `registry.auth` is: the admin password never leaves.

use mops_core::Urn;

use super::builder::{Builder, members, optional};
use super::registry::token;
use crate::program::{Component, Expr};
use crate::stackfile::{Novita, NovitaAuth, NovitaInstance};

/// Begins the names of what stands in other files as of this section.
pub(crate) const NOVITA: &str = "novita-";
/// Gigabytes of a disk where the file does not say.
const DISK: i64 = 60;

pub(super) fn declare(b: &mut Builder<'_>) {
    let Some(section) = &b.file.novita else { return };
    let token = match (&b.made.registry, section.registry_auths.first()) {
        (Some(registry), Some(first)) => {
            let inputs = token::inputs(b.stack, &registry.clone(), "novita");
            let kind = "modelops:azure:RegistryToken";
            let mut token = b.resource(Component::Novita, kind, &format!("{NOVITA}registry-token"), inputs);
            token.place = Some(first.registry.place.clone());
            Some(b.push(token))
        }
        _ => None,
    };
    let auths: Vec<(String, Urn)> = match (token.clone(), b.made.registry.clone()) {
        (Some(token), Some(registry)) => section
            .registry_auths
            .iter()
            .map(|one| (one.name.as_str().to_owned(), auth(b, one, &token, &registry)))
            .collect(),
        _ => Vec::new(),
    };
    for one in &section.instances {
        instance(b, one, section, &auths);
    }
    if let Some(token) = token {
        let holders = b.in_component(Component::Novita).into_iter().filter(|urn| *urn != token).collect();
        let cleanup = token::cleanup(b, Component::Novita, &format!("{NOVITA}registry-token-cleanup"), &token, holders);
        b.push(cleanup);
    }
}

/// Where the key of the API is, when the file says so.
fn key(section: &Novita) -> Expr {
    let source = section.api_key.as_ref().and_then(|key| mops_core::convert::to_value(&key.value.0).ok());
    optional(source)
}

fn auth(b: &mut Builder<'_>, one: &NovitaAuth, token: &Urn, registry: &Urn) -> Urn {
    let section = b.file.novita.as_ref().map(|section| key(section));
    let inputs = members([
        ("registry", Expr::output(registry, "loginServer")),
        ("username", Expr::output(token, "name")),
        ("password", Expr::output(token, "password")),
        ("apiKey", section.unwrap_or_else(|| optional::<&str>(None))),
    ]);
    let name = format!("{NOVITA}auth-{}", one.name.as_str());
    let mut auth = b.resource(Component::Novita, "modelops:novita:RegistryAuth", &name, inputs);
    auth.place = Some(one.name.place.clone());
    let urn = b.push(auth);
    b.output(
        Component::Novita,
        &format!("novita_{}_id", one.name.as_str().replace(['-', '.'], "_")),
        Expr::output(&urn, "id"),
    );
    urn
}

fn instance(b: &mut Builder<'_>, one: &NovitaInstance, section: &Novita, auths: &[(String, Urn)]) {
    let wanted = one.registry_auth.as_ref().map(|name| name.as_str());
    let auth = auths.iter().find(|(name, _)| Some(name.as_str()) == wanted).map(|(_, urn)| urn);
    let whole = |value: Option<i64>, usual: i64| Expr::from(value.unwrap_or(usual));
    let inputs = members([
        ("name", one.name.as_str().into()),
        ("image", one.image.as_str().into()),
        ("product", one.product.value.clone().into()),
        ("gpus", whole(one.gpus.as_ref().map(|n| n.value.0), 1)),
        ("diskGigabytes", whole(one.disk.as_ref().map(|n| n.value.0), DISK)),
        ("registryAuthId", auth.map_or_else(|| optional::<&str>(None), |urn| Expr::output(urn, "id"))),
        // While the id is not known yet, nobody fills in what is left out, and a difference in it is another instance.
        ("spot", false.into()),
        ("apiKey", key(section)),
    ]);
    let name = format!("{NOVITA}instance-{}", one.name.as_str());
    let mut instance = b.resource(Component::Novita, "modelops:novita:Instance", &name, inputs);
    instance.place = Some(one.name.place.clone());
    b.push(instance);
}
