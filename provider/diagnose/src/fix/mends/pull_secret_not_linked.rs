//! The pod template names the pull secret. Where the service account names it already and the template has no list of
//! its own, which would hide that one, the pods are only made again.

use serde_json::{Value as Json, json};

use super::{Layer, Mend, env_stale};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::field::at;
use crate::fix::ground::{Ground, account_of};
use crate::workload;

pub(super) const MEND: Mend = Mend { cause: "PULL_SECRET_NOT_LINKED", layer: Layer::Link, edits };
pub(in crate::fix) const LIST: [&str; 4] = ["spec", "template", "spec", "imagePullSecrets"];

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let lacks = ground.makers_of(|pod| !workload::pull_secrets(pod).contains(&finding.target))?;
    let one = |(deployment, pod)| {
        let accounts = ground.accounts.get(account_of(pod)).map(|a| names(&a["imagePullSecrets"])).unwrap_or_default();
        link(deployment, &finding.target, &accounts, ground.moment)
    };
    Ok(lacks.into_iter().filter_map(one).collect())
}

fn link(deployment: &Json, name: &str, of_account: &[String], moment: &str) -> Option<Edit> {
    let own = names(&deployment["spec"]["template"]["spec"]["imagePullSecrets"]);
    let named = |list: &[String]| list.iter().any(|known| known == name);
    if named(&own) || own.is_empty() && named(of_account) {
        return env_stale::restart(deployment, moment);
    }
    // A list of the template's own hides that of the account.
    let kept = if own.is_empty() { of_account } else { &[] };
    let list: Vec<Json> = kept.iter().map(String::as_str).chain([name]).map(|name| json!({ "name": name })).collect();
    Edit::set(deployment, at(&LIST, json!(list)))
}

/// The names in a list of references.
pub(in crate::fix) fn names(list: &Json) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|item| item["name"].as_str()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::field::{leaves, short};

    #[test]
    fn the_template_names_it_unless_the_account_does() {
        let deployment = |own: &[&str]| {
            let list: Vec<Json> = own.iter().map(|name| json!({ "name": name })).collect();
            json!({"kind": "Deployment", "spec": {"template": {"spec": {"imagePullSecrets": list}}}})
        };
        let fields = |own: &[&str], account: &[&str]| {
            let account: Vec<String> = account.iter().map(|name| (*name).to_owned()).collect();
            match link(&deployment(own), "pull", &account, "now") {
                Some(Edit::Set { patch, .. }) => leaves(&patch).iter().map(|path| short(path)).collect::<Vec<_>>(),
                _ => Vec::new(),
            }
        };
        let list = |name: &str| format!(".template.imagePullSecrets[{name}]");
        assert_eq!(fields(&[], &[]), [list("pull")]);
        assert_eq!(fields(&["other"], &["pull"]), [list("pull")], "the template's list hides the account's");
        assert_eq!(fields(&[], &["other"]), [list("other"), list("pull")]);
        let restart = [".template.metadata.annotations['kubectl.kubernetes.io/restartedAt']"];
        assert_eq!(fields(&[], &["pull"]), restart, "pods of before");
        assert_eq!(fields(&["pull"], &[]), restart);
    }
}
