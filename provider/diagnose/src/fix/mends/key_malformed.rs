//! A key is written again without what stands around it. Only a value that is then a key is taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_probe::checks::ngc;
use mops_probe::dockerconfig::Login;
use mops_probe::keys::NGC_HOST;
use mops_probe::observation::variant;
use mops_probe::settings::names;
use serde_json::Value as Json;

use super::{Layer, Mend, pull_secret_login};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::ground::Ground;
use crate::fix::secret;
use crate::workload;

pub(super) const MEND: Mend = Mend { cause: "KEY_MALFORMED", layer: Layer::Content, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let one: fn(&Json) -> Option<Edit> = match finding.credential.as_str() {
        variant::ENV => in_environment,
        variant::PULL_SECRET => in_pull_secret,
        _ => return Err("it is a key of this machine".to_owned()),
    };
    let linked: Vec<String> = ground.workers.iter().flat_map(workload::pull_secrets).collect();
    let of_pull = finding.credential == variant::PULL_SECRET;
    let found =
        ground.secrets.iter().filter(|(name, s)| secret::pulls(s) == of_pull && (!of_pull || linked.contains(name)));
    let edits: Vec<Edit> = found.filter_map(|(_, secret)| one(secret)).collect();
    if edits.is_empty() {
        Err("no key is left of it when what stands around is taken away".to_owned())
    } else {
        Ok(edits)
    }
}

fn in_environment(found: &Json) -> Option<Edit> {
    let clean = |name: &&'static str| Some((*name, cleaned(&secret::text(found, name)?)?));
    let values: Vec<(&str, String)> = names::NGC_KEYS.iter().filter_map(clean).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if values.is_empty() { None } else { Edit::set(found, secret::values(&values)) }
}

fn in_pull_secret(found: &Json) -> Option<Edit> {
    let now = secret::pull_login(found, NGC_HOST)?;
    let password = Secret::new(cleaned(now.password.expose())?);
    pull_secret_login::rewritten(found, NGC_HOST, &Login { username: now.username, password })
}

/// The key inside a value, when it is another text and has the form of one.
fn cleaned(value: &str) -> Option<String> {
    let around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\u{feff}');
    let bare = |text: &str| text.trim_matches(around).to_owned();
    let decoded = || String::from_utf8(STANDARD.decode(bare(value)).ok()?).ok().map(|text| bare(&text));
    let is_key =
        |text: &String| !ngc::well_formed([ngc::Key::new(variant::ENV, &Secret::from(text.as_str()))]).0.is_empty();
    [Some(bare(value)), decoded()].into_iter().flatten().find(is_key).filter(|text| text != value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_key_is_taken_away() {
        let key = format!("nvapi-{}", "a1B2".repeat(16));
        for value in [format!("{key}\n"), format!("\"{key}\""), format!("\u{feff}{key}\r\n"), STANDARD.encode(&key)] {
            assert_eq!(cleaned(&value).as_deref(), Some(key.as_str()), "{value:?}");
        }
        assert_eq!(cleaned(&key), None, "nothing to do");
        assert_eq!(cleaned("  \n"), None);
    }
}
