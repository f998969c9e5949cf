//! Images: the name, the repository, the tag.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::rule::Confidence::{Certain, High};
use crate::rule::{Confidence, Near, Need, Remedy, Rule, Severity};

const POD: &[&str] = &[variant::ENV, variant::PULL_SECRET, variant::ARM];

const fn rule(id: &'static str, confidence: Confidence, when: &'static [Need], text: [&'static str; 3]) -> Rule {
    let remedy = Remedy { text: text[1], stack: "", plain: text[2] };
    Rule { id, family: "artifact", severity: Severity::Error, confidence, when, over: &[], message: text[0], remedy }
}

const fn absent() -> Need {
    Need::failed(&[probe::REGISTRY_PULL]).http(&[404]).with(POD)
}

const LIST_REPOSITORIES: &str = "az acr repository list -n {registry_name}";

pub(crate) const RULES: &[Rule] = &[
    rule(
        "REPOSITORY_NOT_FOUND",
        Certain,
        &[
            absent(),
            Need::failed(&[probe::REGISTRY_TAGS]).code(&[seen::NAME_UNKNOWN]).near(Near::PoolAndTarget),
            Need::passed(&[probe::REGISTRY_V2]).near(Near::Credential),
        ],
        [
            "{place}: the repository of `{target}` does not exist, and the credential is good",
            "push the image, or correct the name",
            LIST_REPOSITORIES,
        ],
    ),
    rule(
        "REPOSITORY_NOT_FOUND",
        High,
        &[absent().code(&[seen::NAME_UNKNOWN])],
        [
            "{place}: the registry does not know the repository of `{target}`",
            "push the image, or correct the name",
            LIST_REPOSITORIES,
        ],
    ),
    rule(
        "TAG_NOT_FOUND",
        Certain,
        &[absent(), Need::passed(&[probe::REGISTRY_TAGS]).near(Near::PoolAndTarget)],
        [
            "{place}: the repository of `{target}` exists, this tag or digest does not",
            "push the image, or correct the tag",
            "az acr repository show-tags -n {registry_name} --repository {repository}",
        ],
    ),
    rule(
        "IMAGE_REF_INVALID",
        Certain,
        &[Need::failed(&[probe::REGISTRY_PULL]).code(&[seen::REFERENCE_INVALID])],
        ["`{target}` is not an image reference: {detail}", "correct it in the pod template", ""],
    ),
];
