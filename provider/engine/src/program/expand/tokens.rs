//! `tokens:` — tokens of tools in a Secret of the workspace's namespace, and in a file of a login node.

use mops_core::Place;

use super::super::{Component, Expr};
use super::builder::{Builder, members, optional};
use crate::stackfile::{Slurm, Spanned, Tokens};

/// How the names of everything of it begin in a stack.
pub(crate) const TOKENS: &str = "tokens-";
/// The name of the Secret, as `mops tokens` knows it.
const SECRET: &str = "hf-wandb-tokens";

pub(super) fn declare(b: &mut Builder<'_>) {
    let Some(section) = &b.file.tokens else { return };
    let (values, place) = (values(section), section.place.clone());
    secret(b, section, &values, &place);
    if let Some(slurm) = &section.slurm {
        env_file(b, section, slurm, values, &slurm.place);
    }
}

fn values(section: &Tokens) -> Expr {
    let sources = section.sources.0.iter();
    let value = |source| mops_core::convert::to_value(source).ok().map(Expr::Value);
    Expr::Map(sources.filter_map(|(name, source)| Some((name.value.clone(), value(&source.value.0)?))).collect())
}

fn places(input: &str, section: &Tokens) -> Vec<(String, Place)> {
    section.sources.0.iter().map(|(name, _)| (format!("{input}.{}", name.value), name.place.clone())).collect()
}

fn secret(b: &mut Builder<'_>, section: &Tokens, values: &Expr, place: &Place) {
    let Some(namespace) = b.made.namespace.clone() else { return };
    let inputs = members([
        ("namespace", Expr::output(&namespace, "name")),
        ("name", SECRET.into()),
        ("type", "Opaque".into()),
        ("data", values.clone()),
    ]);
    let mut secret = b.in_cluster("Secret", &format!("{TOKENS}secret"), inputs);
    secret.component = Component::Tokens;
    secret.place = Some(place.clone());
    secret.places = places("data", section);
    let urn = b.push(secret);
    b.output(Component::Tokens, "tokens_secret", Expr::output(&urn, "name"));
}

fn env_file(b: &mut Builder<'_>, section: &Tokens, slurm: &Slurm, values: Expr, place: &Place) {
    let (host, port) = slurm.address();
    let text = |given: &Option<Spanned<String>>| optional(given.as_ref().map(|text| text.value.clone()));
    let inputs = members([
        ("host", host.into()),
        ("user", slurm.user.value.clone().into()),
        ("path", format!("{}/.env", slurm.folder().trim_end_matches('/')).into()),
        ("variables", values),
        ("port", optional(port.map(i64::from))),
        ("identityFile", text(&slurm.identity_file)),
        ("sshConfig", text(&slurm.ssh_config)),
    ]);
    let mut file = b.resource(Component::Tokens, "modelops:slurm:EnvFile", &format!("{TOKENS}env-file"), inputs);
    file.place = Some(place.clone());
    file.places = places("variables", section);
    let urn = b.push(file);
    b.output(Component::Tokens, "tokens_env_file", Expr::output(&urn, "wholePath"));
}
