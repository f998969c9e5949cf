//! Fills the names into messages and commands. A command with a name that is not known is not
//! given at all (`tests::no_command_has_a_hole`).

use crate::finding::Fix;
use crate::observed::{Observed, Vantage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::Cause;
use crate::rule::Rule;

/// Commands that mend something; all others only show more.
const REPAIRS: &[&str] = &[
    "mops infra up ",
    "mops infra kubeconfig ",
    " rollout restart ",
    " annotate secret ",
    "az acr update ",
    "az acr config authentication-as-arm update ",
    "az login",
    "mops auth login",
    "mops ngc fix ",
    "mops tokens sync",
];

/// The names of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// The namespace of the workload.
    pub namespace: String,
    /// The stack file as the user named it.
    pub stack_file: Option<String>,
    /// The login server.
    pub registry: Option<String>,
    /// The secret from which the environment comes.
    pub env_secret: Option<String>,
    /// The pull secret.
    pub pull_secret: Option<String>,
}

impl Words {
    /// The command with its names; `None` when one of them is not known.
    fn command(&self, template: &str, trigger: &Observed) -> Option<String> {
        if template.is_empty() { None } else { self.fill(template, trigger, |_| None) }
    }

    /// The sentence with its names; one that is not known reads `?`.
    pub(crate) fn sentence(&self, template: &str, trigger: &Observed) -> String {
        self.fill(template, trigger, |_| Some("?".to_owned())).unwrap_or_default()
    }

    /// The sentence of a rule, with `{last}` for what the last of its observations says.
    pub(crate) fn message(&self, template: &str, evidence: &[&Observed]) -> String {
        let (Some(trigger), Some(last)) = (evidence.first(), evidence.last()) else { return String::new() };
        self.sentence(&template.replace("{last}", &last.reason.replace(['{', '}'], "")), trigger)
    }

    fn fill(&self, template: &str, trigger: &Observed, unknown: fn(&str) -> Option<String>) -> Option<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}')?;
            out.push_str(before);
            out.push_str(&self.value(name, trigger).or_else(|| unknown(name))?);
            rest = tail;
        }
        out.push_str(rest);
        Some(out.trim_end_matches([' ', ':']).to_owned())
    }

    /// The command with the stack file when there is one, else the plain one.
    pub(crate) fn fix(&self, cause: &Cause, rule: &Rule, trigger: &Observed) -> Fix {
        let remedy = rule.remedy.unwrap_or(cause.remedy);
        let command = self.command(remedy.stack, trigger).or_else(|| self.command(remedy.plain, trigger));
        let repairs = command.as_deref().is_some_and(|c| REPAIRS.iter().any(|words| c.contains(words)));
        let page = (!cause.page.is_empty()).then(|| self.sentence(cause.page, trigger));
        Fix { text: self.sentence(remedy.text, trigger), command, repairs, class: cause.repair, page }
    }

    fn value(&self, name: &str, o: &Observed) -> Option<String> {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match name {
            "file" => self.stack_file.clone(),
            "namespace" => known(&self.namespace),
            "registry_name" => self.registry.as_deref().and_then(|r| r.strip_suffix(".azurecr.io")).and_then(known),
            "target" => known(&o.target),
            "host" => o.target.split('/').next().filter(|host| host.contains(['.', ':'])).and_then(known),
            "name" => o.object.as_ref().map(|o| o.name.clone()).or_else(|| self.secret(o)),
            "deployment" => o.object.as_ref().filter(|o| o.kind == "Deployment").map(|o| o.name.clone()),
            "repository" => repository(&o.target),
            "pool" => known(&o.pool),
            "credential" => known(&o.credential),
            "place" => Some(match (o.vantage, o.pool.as_str()) {
                (Vantage::W, _) => "workstation".to_owned(),
                (v, "") => v.word().to_owned(),
                (_, pool) => format!("pool {pool}"),
            }),
            "source" => Some(self.source(o)),
            "detail" => Some(o.reason.clone()),
            "code" => Some(o.code().to_owned()),
            "status" => Some(o.http_status.map(|s| s.to_string()).unwrap_or_default()),
            _ => None,
        }
    }

    fn secret(&self, o: &Observed) -> Option<String> {
        if o.credential == mops_probe::observation::variant::ENV {
            self.env_secret.clone()
        } else {
            self.pull_secret.clone()
        }
    }

    fn source(&self, o: &Observed) -> String {
        use mops_probe::observation::variant;
        let named = |words: &str, name: &Option<String>| match name {
            Some(name) => format!("{words} (secret {name})"),
            None => words.to_owned(),
        };
        match o.credential.as_str() {
            variant::ENV => named("environment", &self.env_secret),
            variant::PULL_SECRET => named("pull secret", &self.pull_secret),
            variant::ANON => "request without a credential".to_owned(),
            variant::KUBELET => "node's identity".to_owned(),
            variant::WI => "worker's identity".to_owned(),
            variant::USER => "identity of the person signed in at Azure".to_owned(),
            variant::LOCAL => "login of this machine".to_owned(),
            other => format!("credential `{other}`"),
        }
    }
}

fn repository(image: &str) -> Option<String> {
    let (_, path) = image.split_once('/')?;
    let path = path.split('@').next()?;
    Some(path.split(':').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use mops_probe::Observation;

    use super::*;
    use crate::catalogue::CAUSE;
    use crate::rule::{Remedy, certain};

    const RULE: Rule = certain(&[], "");

    fn trigger() -> Observed {
        Observed::at(Vantage::P, Observation::failed("registry.pull", "pullsecret", "r.azurecr.io/a/b:1", "X"))
            .on("gpu", "n")
    }

    #[test]
    fn a_login_is_at_the_host_of_what_was_asked_for() {
        let cause = Cause { remedy: Remedy { text: "t", stack: "", plain: "login {host}" }, ..CAUSE };
        let command = |target: &str| {
            let seen = Observed::at(Vantage::P, Observation::failed("registry.pull", "local", target, "X"));
            Words::default().fix(&cause, &RULE, &seen).command
        };
        assert_eq!(command("r.azurecr.io/a/b:1").as_deref(), Some("login r.azurecr.io"));
        assert_eq!(command("r:5000").as_deref(), Some("login r:5000"));
        assert_eq!(command("bundle-credentials"), None, "a secret is no host");
    }

    #[test]
    fn no_command_has_a_hole() {
        let remedy = Remedy { text: "t", stack: "up {file}", plain: "list -n {registry_name} {repository}" };
        let cause = Cause { remedy, ..CAUSE };
        let mut words = Words::default();
        assert_eq!(words.fix(&cause, &RULE, &trigger()).command, None);
        words.registry = Some("r.azurecr.io".into());
        assert_eq!(words.fix(&cause, &RULE, &trigger()).command.as_deref(), Some("list -n r a/b"));
        words.stack_file = Some("s.yaml".into());
        assert_eq!(words.fix(&cause, &RULE, &trigger()).command.as_deref(), Some("up s.yaml"));
    }

    #[test]
    fn what_only_shows_is_not_called_a_repair() {
        let repairs = |plain| {
            let cause = Cause { remedy: Remedy { text: "t", stack: "", plain }, ..CAUSE };
            let words = Words { namespace: "ns".into(), ..Words::default() };
            words.fix(&cause, &RULE, &trigger()).repairs
        };
        assert!(repairs("kubectl -n {namespace} rollout restart deployment/x"));
        assert!(repairs("az acr update -n x --admin-enabled true"));
        assert!(!repairs("az acr credential show -n x"));
        assert!(!repairs("kubectl -n {namespace} get secrets"));
        assert!(!repairs(""));
    }

    #[test]
    fn an_empty_detail_leaves_no_colon() {
        assert_eq!(Words::default().sentence("pool {pool}: no: {detail}", &trigger()), "pool gpu: no");
    }
}
