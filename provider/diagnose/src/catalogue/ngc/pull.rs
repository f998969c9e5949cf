//! Why NGC refuses an image. Its registry says 401 or 403 to a wrong name as to a missing right, so a cause needs its
//! own sentence, its catalogue, or the answers for other names beside the refusal.

use mops_probe::observation::{check as probe, code as seen, variant};

use super::{BARE, CATALOGUE_PAGE, KEYS};
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, failed, high, medium, passed};

/// With a key or without.
const ANYBODY: &[&str] = &[variant::ANON, variant::ENV, variant::PULL_SECRET, variant::LOCAL];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NGC_LICENSE_NOT_ACCEPTED",
        title: "NGC asks for the licence of this image",
        meaning: "NGC gives this image only to organisations whose owner has accepted its licence on the web page, once for \
                  each organisation. The key is not the matter.",
        signal: "the body of the refusal asks to accept the licence in the browser; no status alone proves it",
        near_miss: "a bare 403 never gives this cause, it stays REGISTRY_REFUSED until something is there to compare with",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVIDIA/Model-Optimizer#1559"],
        page: CATALOGUE_PAGE,
        remedy: Remedy {
            text: "accept the licence on the image's page of the catalogue, for the organisation of this key",
            stack: "",
            plain: "",
        },
        rules: &[high(
            &[failed(&[probe::REGISTRY_PULL]).with(KEYS).code(&[seen::LICENSE_SENTENCE])],
            "{place}: NGC itself says that the licence of `{target}` is not accepted: {detail}",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "NGC_IMAGE_NOT_FOUND",
        title: "NGC has no image of this name",
        meaning: "The path is wrong. NGC answers a wrong path with the same refusal as a missing right, which makes it look \
                  like a matter of licence or key.",
        signal: "the key is refused for the image and accepted for a known one, a random name is refused alike, and the \
                 catalogue does not list the name; nearest names are printed. Without a key, or a known image to compare with: a \
                 refusal, and the catalogue lists others of its organisation",
        near_miss: "a name that the catalogue lists gives NGC_NOT_ENTITLED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVlabs/alpasim#44"],
        page: CATALOGUE_PAGE,
        remedy: Remedy { text: "correct the path in the pod template", stack: "", plain: "" },
        rules: &[
            high(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[401, 403]).code(BARE),
                    passed(&[probe::REGISTRY_KNOWN]).near(Near::Credential),
                    passed(&[probe::REGISTRY_RANDOM]).code(&[seen::ALIKE]).near(Near::Target),
                    failed(&[check::NGC_CATALOGUE]).code(&[code::NOT_FOUND]).near(Near::Target),
                ],
                "{place}: NGC has no `{target}`, and no licence is missing: a random name is refused alike, a known one is \
                 given to the same key; nearest: {last}",
            )
            .over(&["REGISTRY_REFUSED"]),
            medium(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(ANYBODY).http(&[401, 403]).code(BARE),
                    failed(&[check::NGC_CATALOGUE]).code(&[code::NOT_FOUND]).near(Near::Target),
                ],
                "{place}: NGC refuses `{target}`, and its catalogue, which has others of this organisation, does not list it; \
                 nearest: {last}",
            )
            .over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "NGC_NOT_ENTITLED",
        title: "The image exists, this organisation may not pull",
        meaning: "The path is right and the key works, but the image is internal, private or belongs to another organisation.",
        signal: "the key is refused for the image and accepted for a known one, while the catalogue lists the name, or a \
                 random name gets another answer",
        near_miss: "a refusal with the sentence about the licence gives NGC_LICENSE_NOT_ACCEPTED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVlabs/alpasim#44"],
        remedy: Remedy {
            text: "ask the owner of the organisation for access, or use a key of an organisation that has it",
            stack: "",
            plain: "",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[401, 403]).code(BARE),
                    passed(&[probe::REGISTRY_KNOWN]).near(Near::Credential),
                    passed(&[check::NGC_CATALOGUE]).near(Near::Target),
                ],
                "{place}: `{target}` exists, but the organisation of this key may not pull it",
            )
            .over(&["REGISTRY_REFUSED"]),
            medium(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[401, 403]).code(BARE),
                    passed(&[probe::REGISTRY_KNOWN]).near(Near::Credential),
                    passed(&[probe::REGISTRY_RANDOM]).code(&[seen::ANSWERS_DIFFER]).near(Near::Target),
                ],
                "{place}: `{target}` is refused otherwise than a random name, so it seems to exist",
            )
            .over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "NGC_SUBSCRIPTION_REQUIRED",
        title: "NGC wants a subscription for this image",
        meaning: "The image is part of a paid offer, and the organisation of this key has not got it.",
        signal: "402 for the image",
        near_miss: "403 gives the rows about names and rights, or stays REGISTRY_REFUSED",
        repair: Repair::Human,
        unconfirmed: true,
        page: "https://org.ngc.nvidia.com/subscriptions",
        sources: &["NVIDIA/k8s-nim-operator#491"],
        remedy: Remedy {
            text: "get the subscription, or join the vendor's developer programme where it covers the image",
            stack: "",
            plain: "",
        },
        rules: &[high(
            &[failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[402])],
            "{place}: `{target}` is given with a subscription only (402)",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
];
