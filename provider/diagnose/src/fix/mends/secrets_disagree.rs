//! Of two keys the one that the service takes goes where the other one is. Where both are taken, or nobody has asked,
//! which one is right is for a person to say.

use mops_probe::dockerconfig::Login;
use mops_probe::keys::NGC_HOST;
use mops_probe::observation::variant;
use mops_probe::settings::names;
use serde_json::Value as Json;

use super::{Layer, Mend, acr_password_rotated, env_stale, pull_secret_login};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::ground::Ground;
use crate::fix::secret;

pub(super) const MEND: Mend = Mend { cause: "SECRETS_DISAGREE", layer: Layer::Content, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let host = finding.target.as_str();
    let pull = secret::of(finding, ground)?;
    let login = secret::pull_login(pull, host).ok_or("the pull secret holds no login for the host any more")?;
    match (ground.accepted(variant::ENV, host), ground.accepted(variant::PULL_SECRET, host)) {
        (true, false) if ground.refused(variant::PULL_SECRET, host) => {
            let right = secret::login(ground, host, &crate::fix::edit::place(pull).name)?;
            Ok(pull_secret_login::rewritten(pull, host, &right).into_iter().collect())
        }
        (false, true) if ground.refused(variant::ENV, host) => into_environment(ground, host, &login),
        _ => Err("no service has taken the one and refused the other: which is right is yours to say".to_owned()),
    }
}

fn into_environment(ground: &Ground<'_>, host: &str, login: &Login) -> Result<Vec<Edit>, String> {
    if !host.eq_ignore_ascii_case(NGC_HOST) {
        return acr_password_rotated::in_environment(ground, login);
    }
    let one = |s: &Json| {
        let name = names::NGC_KEYS.iter().find(|name| secret::text(s, name).is_some())?;
        Edit::set(s, secret::values(&[(name, login.password.expose())]))
    };
    let mut edits: Vec<Edit> = ground.secrets.values().filter_map(one).collect();
    let deployments = ground.makers_of(|_| true)?;
    edits.extend(deployments.into_iter().filter_map(|(d, _)| env_stale::restart(d, ground.moment)));
    Ok(edits)
}
