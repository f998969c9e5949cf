//! Whether the artefact that is asked for exists.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::check;
use crate::rule::{Near, Remedy, certain, failed, high, medium, passed};

/// Everything that may be sent to a registry for an image, beside no credential at all.
const KEYS: &[&str] =
    &[variant::ENV, variant::PULL_SECRET, variant::ARM, variant::LOCAL, variant::KUBELET, variant::WI, variant::USER];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "IMAGE_REF_INVALID",
        title: "An image reference does not parse",
        meaning: "The text is not the name of an image, so nothing was asked of any registry. Capital letters in the \
                  repository, an empty part between two slashes or a blank are the usual reasons.",
        signal: "the reference is refused by the parser, which names the place, or the kubelet says InvalidImageName; no \
                 registry was asked",
        near_miss: "a reference that ends in `@sha256:…` is valid and passes",
        remedy: Remedy { text: "correct the reference in the pod template", stack: "", plain: "" },
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
                text: "correct the reference in the pod template",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "REPOSITORY_NOT_FOUND",
        title: "The registry has no such repository",
        meaning: "The credential is fine, but the registry knows no repository of this name. Either nobody has pushed there \
                  yet, or the name has a slip in it.",
        signal: "404 for the image and for the tag list of its repository, while the same credential is accepted by the same \
                 registry; near names are listed where the registry gives its catalogue",
        near_miss: "a 401 or 403 for the same name says nothing about existence and gives the rows about permission; the \
                    registry of NGC never answers 404 and has rows of its own",
        repair: Repair::Human,
        remedy: Remedy {
            text: "push the image, or correct the name",
            stack: "",
            plain: "az acr repository list -n {registry_name}",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[404]),
                    failed(&[probe::REGISTRY_TAGS]).code(&[seen::NAME_UNKNOWN]).near(Near::PoolAndTarget),
                    passed(&[probe::REGISTRY_V2]).near(Near::Credential),
                    passed(&[probe::REGISTRY_NAMES]).near(Near::Target),
                ],
                "{place}: the repository of `{target}` does not exist, and the credential is good; nearest: {last}",
            )
            .over(&[
                "TAG_NOT_FOUND",
                "KUBELET_BAD_CREDENTIALS",
                "KUBELET_NO_CREDENTIALS",
                "REGISTRY_REFUSED",
            ]),
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[404]),
                    failed(&[probe::REGISTRY_TAGS]).code(&[seen::NAME_UNKNOWN]).near(Near::PoolAndTarget),
                    passed(&[probe::REGISTRY_V2]).near(Near::Credential),
                ],
                "{place}: the repository of `{target}` does not exist, and the credential is good",
            )
            .over(&[
                "TAG_NOT_FOUND",
                "KUBELET_BAD_CREDENTIALS",
                "KUBELET_NO_CREDENTIALS",
                "REGISTRY_REFUSED",
            ]),
            high(
                &[failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[404]).code(&[seen::NAME_UNKNOWN])],
                "{place}: the registry does not know the repository of `{target}`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "TAG_NOT_FOUND",
        title: "The repository has no such tag",
        meaning: "The repository is there and may be read, but this tag or digest is not in it: it was never pushed, was \
                  deleted, or is spelled otherwise.",
        signal: "404 for the manifest while the repository gives its list of tags; near tags are listed",
        near_miss: "404 for the repository's tag list too gives REPOSITORY_NOT_FOUND",
        repair: Repair::Human,
        remedy: Remedy {
            text: "push the image, or correct the tag",
            stack: "",
            plain: "az acr repository show-tags -n {registry_name} --repository {repository}",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[404]),
                    passed(&[probe::REGISTRY_TAGS]).near(Near::PoolAndTarget),
                    passed(&[probe::REGISTRY_NAMES]).near(Near::Target),
                ],
                "{place}: the repository of `{target}` exists, this tag or digest does not; nearest: {last}",
            )
            .over(&["KUBELET_BAD_CREDENTIALS", "KUBELET_NO_CREDENTIALS", "REGISTRY_REFUSED"]),
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[404]),
                    passed(&[probe::REGISTRY_TAGS]).near(Near::PoolAndTarget),
                ],
                "{place}: the repository of `{target}` exists, this tag or digest does not",
            )
            .over(&["KUBELET_BAD_CREDENTIALS", "KUBELET_NO_CREDENTIALS", "REGISTRY_REFUSED"]),
            medium(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::IMAGE_ABSENT])],
                "{place}: the registry has no `{target}`, or no repository of that name",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "push the image, or correct its name",
                stack: "",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
];
