//! The key, and the organisation that it belongs to. A login that NGC accepts says nothing about any image.

use mops_probe::observation::{check as probe, code as seen, variant};

use super::{BARE, KEY_PAGE, KEYS};
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NGC_LOGIN_HARMFUL",
        title: "The image is public, the login spoils it",
        meaning: "NGC gives this image to anybody. With this key it refuses, because the key is bad or its organisation has \
                  not accepted a licence that nobody else needs. Pulling without a login works.",
        signal: "refused with the key, given for the same image without one",
        near_miss: "refused without a login too, the sentence about the licence gives NGC_LICENSE_NOT_ACCEPTED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "pull this image without a login: take the pull secret off this workload, or log out at nvcr.io",
            stack: "",
            plain: "kubectl -n {namespace} get pods -o custom-columns=POD:.metadata.name,SECRETS:.spec.imagePullSecrets",
        },
        rules: &[certain(
            &[
                failed(&[probe::REGISTRY_PULL]).with(KEYS).code(&[
                    seen::LICENSE_SENTENCE,
                    seen::UNAUTHORIZED,
                    seen::DENIED,
                ]),
                passed(&[probe::NGC_TOKEN]).with(&[variant::ANON]).near(Near::Target),
                passed(&[probe::REGISTRY_PULL]).with(&[variant::ANON]).near(Near::Target),
            ],
            "{place}: NGC gives `{target}` to anybody, and refuses it with the key of the {source}: {detail}",
        )
        .over(&[
            "NGC_LICENSE_NOT_ACCEPTED",
            "NGC_NOT_ENTITLED",
            "NGC_KEY_SERVICES",
            "REGISTRY_CREDENTIAL_REFUSED",
            "REGISTRY_REFUSED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "NGC_KEY_INVALID_OR_EXPIRED",
        title: "NGC does not accept this key",
        meaning: "The key has the form of a key, and NGC gives no token for it. It has ended, or a newer key of the same \
                  person has taken its place: making one may revoke the one before.",
        signal: "401 at NGC's token endpoint for a key whose text is in order, while the endpoint answers a request \
                 without a key",
        near_miss: "a key with a blank, a quote or a second encoding gives KEY_MALFORMED; another key in the cluster than \
                    the one that works here gives KEY_DIFFERS_LOCAL_CLUSTER",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["A-Alpha-Bio/alphabind#12"],
        page: KEY_PAGE,
        remedy: Remedy {
            text: "make a new key, and bring it to every place that has the old one",
            stack: "mops auth rotate ngc -n {namespace}",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::NGC_TOKEN]).with(KEYS).http(&[401]),
                    passed(&[check::KEY_FORM]).near(Near::Credential),
                    passed(&[probe::NGC_TOKEN]).with(&[variant::ANON]),
                ],
                "{place}: NGC gives no token for the key of the {source}, and answers without one",
            )
            .over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED"]),
            high(
                &[
                    failed(&[probe::NGC_MODEL]).with(KEYS).http(&[401]),
                    failed(&[probe::NGC_TOKEN]).with(KEYS).http(&[401]),
                    passed(&[check::KEY_FORM]).near(Near::Credential),
                ],
                "{place}: NGC refuses the key of the {source} for the model `{target}` too (401)",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "NGC_KEY_SERVICES",
        title: "The key is good, and not for the registry",
        meaning: "A key is made for some services of NGC. This one signs in and gets no image at all, not even one that \
                  others of the organisation get: the registry is not among its services.",
        signal: "a token for the key, and a refusal for the image as for a known one",
        near_miss: "a known image that the same key gets gives NGC_IMAGE_NOT_FOUND or NGC_NOT_ENTITLED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVIDIA/nim-anywhere#4"],
        page: KEY_PAGE,
        remedy: Remedy {
            text: "make a key that includes the registry among its services",
            stack: "mops auth rotate ngc -n {namespace}",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[high(
            &[
                failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[401, 403]).code(BARE),
                failed(&[probe::REGISTRY_KNOWN]).http(&[401, 403]).near(Near::Credential),
                passed(&[probe::NGC_TOKEN]).near(Near::Credential),
            ],
            "{place}: NGC accepts the key of the {source}, and refuses `{target}` as it refuses an image that others get",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "NGC_ORG_DISPLAY_NAME",
        title: "The organisation is written as it is displayed",
        meaning: "An organisation of NGC has a name for paths and another one for people. Pages and tools show the second; \
                  in a path it names nobody.",
        signal: "the first part of the path, or the organisation of a setting, is the displayed name of an organisation",
        near_miss: "a word that is no organisation's gives NGC_IMAGE_NOT_FOUND",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NGC user guide, organisations and teams"],
        remedy: Remedy {
            text: "write the organisation's name instead of the one that is displayed",
            stack: "",
            plain: "",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[401, 403]).code(BARE),
                    failed(&[check::NGC_CATALOGUE]).code(&[code::DISPLAY_NAME]).near(Near::Target),
                ],
                "{place}: `{target}` begins with the displayed name of an organisation; its name in paths is `{last}`",
            )
            .over(&["REGISTRY_REFUSED"]),
            high(
                &[failed(&[check::NGC_ORGANISATION]).code(&[code::DISPLAY_NAME])],
                "the setting `{target}` holds the displayed name of an organisation; its name is `{detail}`",
            ),
        ],
        ..CAUSE
    },
];
