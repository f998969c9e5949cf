//! Whether the artefact that is asked for exists.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "IMAGE_REF_INVALID",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "correct it in the pod template", stack: "", plain: "" },
        rules: &[
            certain(
                &[failed(&[probe::REGISTRY_PULL]).code(&[seen::REFERENCE_INVALID])],
                "`{target}` is not an image reference: {detail}",
            ),
            certain(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::INVALID_NAME])],
                "`{target}` is not an image reference",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "correct it in the pod template",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "REPOSITORY_NOT_FOUND",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "push the image, or correct the name",
            stack: "",
            plain: "az acr repository list -n {registry_name}",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL])
                        .with(&[variant::ENV, variant::PULL_SECRET, variant::ARM])
                        .http(&[404]),
                    failed(&[probe::REGISTRY_TAGS]).code(&[seen::NAME_UNKNOWN]).near(Near::PoolAndTarget),
                    passed(&[probe::REGISTRY_V2]).near(Near::Credential),
                ],
                "{place}: the repository of `{target}` does not exist, and the credential is good",
            ),
            high(
                &[failed(&[probe::REGISTRY_PULL])
                    .with(&[variant::ENV, variant::PULL_SECRET, variant::ARM])
                    .http(&[404])
                    .code(&[seen::NAME_UNKNOWN])],
                "{place}: the registry does not know the repository of `{target}`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "TAG_NOT_FOUND",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "push the image, or correct the tag",
            stack: "",
            plain: "az acr repository show-tags -n {registry_name} --repository {repository}",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL])
                        .with(&[variant::ENV, variant::PULL_SECRET, variant::ARM])
                        .http(&[404]),
                    passed(&[probe::REGISTRY_TAGS]).near(Near::PoolAndTarget),
                ],
                "{place}: the repository of `{target}` exists, this tag or digest does not",
            ),
            medium(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::IMAGE_ABSENT])],
                "{place}: the registry has no `{target}`, or no repository of that name",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "push the image, or correct its name",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "ARTIFACT_PERMISSION",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "give it the right to this repository",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[certain(
            &[
                failed(&[probe::REGISTRY_PULL]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401, 403]),
                passed(&[probe::REGISTRY_PULL]).from(W).with(&[variant::ARM]).near(Near::Target),
                passed(&[probe::REGISTRY_V2])
                    .from(P)
                    .with(&[variant::ENV, variant::PULL_SECRET])
                    .near(Near::Credential),
            ],
            "{place}: the credential of the {source} is good, but may not pull `{target}`, which exists",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "PLATFORM_MISSING",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "build the image for it",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[high(
            &[failed(&[check::KUBELET]).from(K).code(&[reason::PLATFORM])],
            "{place}: `{target}` has no entry for the node's platform",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
];
