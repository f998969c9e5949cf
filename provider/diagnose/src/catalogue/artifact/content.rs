//! What of an artefact can be read: the right to it, its platforms, its layers.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ARTIFACT_PERMISSION",
        title: "A good credential may not use this repository",
        meaning: "The user and the password are right and the image is there, but this user has no right to this one \
                  repository: not to read it, or not to push to it.",
        signal: "the same registry accepts the credential, refuses it for the image, and gives the image to another credential; \
                 or it takes the login that pushes, and refuses the push",
        near_miss: "a name that no credential finds gives REPOSITORY_NOT_FOUND; a refusal with nothing to compare it with stays \
                    REGISTRY_REFUSED",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "give it the right to this repository",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_PULL])
                        .from(P)
                        .with(&[variant::ENV, variant::PULL_SECRET])
                        .http(&[401, 403]),
                    passed(&[probe::REGISTRY_PULL]).from(W).with(&[variant::ARM, variant::LOCAL]).near(Near::Target),
                    passed(&[probe::REGISTRY_V2])
                        .from(P)
                        .with(&[variant::ENV, variant::PULL_SECRET])
                        .near(Near::Credential),
                ],
                "{place}: the credential of the {source} is good, but may not pull `{target}`, which exists",
            )
            .over(&["REGISTRY_REFUSED"]),
            certain(
                &[
                    failed(&[check::PUSH]).from(W).http(&[401, 403]),
                    passed(&[probe::REGISTRY_V2]).from(W).near(Near::Credential),
                ],
                "{place}: the login ({credential}) is good, but may not push to `{target}`",
            )
            .remedy(Remedy {
                text: "give it the right to push (AcrPush, or content/write in its scope map), or name another \
                       repository with `smoke-test --repository NAME`",
                stack: "",
                plain: "",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "PLATFORM_MISSING",
        title: "The image was not built for these nodes",
        meaning: "The image exists, but none of its builds runs on the operating system and processor of this pool: an image \
                  for amd64 on an arm64 pool is the usual case.",
        signal: "the index was read and lists no entry for the pool's system and architecture, or the runtime says that no \
                 platform matches",
        near_miss: "an entry that differs in the variant only, such as `arm64/v8` for arm64, is used and passes",
        repair: Repair::Human,
        remedy: Remedy {
            text: "build the image for the pool's platform, and push it as one index",
            stack: "",
            plain: "kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch",
        },
        rules: &[
            certain(
                &[failed(&[probe::REGISTRY_MANIFEST]).code(&[seen::PLATFORM_MISSING])],
                "{place}: `{target}` has no entry for the pool's platform: {detail}",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::PLATFORM])],
                "{place}: `{target}` has no entry for the node's platform",
            )
            .over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "BLOB_MISSING",
        title: "The image names a layer that is gone",
        meaning: "The manifest is there, but the registry has not got one of the layers in it. A push that was broken off or a \
                  clean-up of the registry leaves this behind; no retry will help.",
        signal: "the manifest is read, and a layer that it names answers 404",
        near_miss: "a transfer that breaks once and then comes through passes; a layer that arrives with other bytes gives \
                    DIGEST_MISMATCH",
        repair: Repair::Human,
        remedy: Remedy { text: "push the image again", stack: "", plain: "" },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_BLOB]).http(&[404]),
                    passed(&[probe::REGISTRY_MANIFEST]).near(Near::PoolAndTarget),
                ],
                "{place}: the manifest of `{target}` is there, one of its layers is not: {detail}",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::BLOB_ABSENT])],
                "{place}: the registry has no longer a layer of `{target}`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "DIGEST_MISMATCH",
        title: "Bytes do not match their digest",
        meaning: "What arrived is not what the image promises: the registry's store is damaged, or something on the way \
                  changes the bytes. Nothing of it was used.",
        signal: "a whole manifest or layer arrived and hashes to another digest",
        near_miss: "a transfer that was cut short and then comes through passes; a layer that answers 404 gives BLOB_MISSING",
        repair: Repair::Human,
        remedy: Remedy {
            text: "push the image again; if it stays, look for a proxy that rewrites replies",
            stack: "",
            plain: "",
        },
        rules: &[
            certain(
                &[failed(&[probe::REGISTRY_BLOB, probe::REGISTRY_MANIFEST]).code(&[seen::DIGEST_MISMATCH])],
                "{place}: bytes of `{target}` do not match their digest: {detail}",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::DIGEST])],
                "{place}: the node got bytes of `{target}` that do not match their digest",
            ),
            medium(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::CUT])],
                "{place}: the node got only a part of the bytes of `{target}`: {detail}",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "BLOB_HOST_BLOCKED",
        title: "The host of the layers is blocked",
        meaning: "The registry itself answers, but it keeps its layers on another host, and that one is not let through. A \
                  firewall that allows only the registry's own name is the usual reason.",
        signal: "the manifest is read, and the host to which a layer's request is sent on has no address, gives no connection \
                 or is refused by a policy; the host is printed",
        near_miss: "the data host of an Azure registry gives ACR_DATA_ENDPOINT_BLOCKED; a layer that answers 404 gives \
                    BLOB_MISSING",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "allow the named host in the firewall, in egress rules and in proxy exceptions",
            stack: "",
            plain: "kubectl -n {namespace} get networkpolicies",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_BLOB]).code(&[seen::REDIRECT_HOST]),
                    passed(&[probe::REGISTRY_MANIFEST]).near(Near::PoolAndTarget),
                ],
                "{place}: the manifest of `{target}` is read, the host of its layers is not reached: {detail}",
            )
            .over(&["SERVICE_UNREACHABLE", "DNS_FAILURE", "REGISTRY_REFUSED"]),
            high(
                &[
                    failed(&[check::KUBELET]).from(K).code(&[
                        reason::NO_CONNECTION,
                        reason::NO_SUCH_HOST,
                        reason::NO_RESOLVER,
                        reason::DENIED,
                    ]),
                    passed(&[check::PULL_HOST]).from(K).code(&[seen::REDIRECT_HOST]).near(Near::PoolAndTarget),
                ],
                "{place}: the node does not get the layers of `{target}` from the registry's host for them: {last}",
            )
            .over(&["SERVICE_UNREACHABLE", "DNS_FAILURE", "REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
];
