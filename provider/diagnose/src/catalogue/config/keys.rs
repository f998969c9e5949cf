//! Keys: their form, and whether two places hold the same one. Values are looked at where they live; only verdicts and
//! hashes with a nonce leave that place.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::{C, P, W};
use crate::observed::{check, code};
use crate::rule::{Near, Need, Remedy, Severity, certain, failed, passed};

/// Where a service says yes or no to a key.
const ASKED: &[&str] = &[probe::REGISTRY_V2, probe::REGISTRY_TOKEN, probe::REGISTRY_PULL, probe::NGC_TOKEN];
/// Where a service says whether it knows a key at all; what a key may do is another matter.
const SIGNED_IN: &[&str] = &[probe::REGISTRY_V2, probe::REGISTRY_TOKEN, probe::NGC_TOKEN];
/// Where a pod has its key from.
const IN_CLUSTER: &[&str] = &[variant::ENV, variant::PULL_SECRET];
/// The same key's hash differs between the cluster and this machine.
const DIFFERENT: Need = failed(&[check::KEY_COMPARE]).code(&[code::DIFFERS]).near(Near::HostAndCredential);
/// What a key that cannot be right brings with it.
const EXPLAINED: &[&str] = &[
    "REGISTRY_CREDENTIAL_REFUSED",
    "REGISTRY_REFUSED",
    "ACR_LOGIN_DENIED",
    "ACR_PASSWORD_ROTATED",
    "KUBELET_BAD_CREDENTIALS",
    "NGC_KEY_INVALID_OR_EXPIRED",
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "KEY_MALFORMED",
        title: "A key has something around it",
        meaning: "The key itself may be right. It was stored with a line end, a quote or a hidden mark, or was encoded twice, and \
                  the service compares every byte.",
        signal: "the value is blank, holds a newline, a carriage return, quotes or a byte order mark, or decodes to a second \
                 base64 text",
        near_miss: "an older NGC key without the usual beginning is a key, and passes",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "write the value again without it; `printf %s` adds no line end, `echo` does",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[
            certain(
                &[
                    failed(&[check::KEY_FORM]).code(&[seen::MALFORMED]),
                    failed(ASKED).http(&[401, 403]).near(Near::Credential),
                ],
                "the value for `{target}` is not only a key: {detail}",
            )
            .over(EXPLAINED),
            certain(
                &[failed(&[check::KEY_FORM]).code(&[seen::MALFORMED])],
                "the value for `{target}` is not only a key: {detail}",
            )
            .over(EXPLAINED),
        ],
        ..CAUSE
    },
    Cause {
        id: "KEY_PLACEHOLDER",
        title: "A sample text stands where a key belongs",
        meaning: "Somebody copied an example and did not put the real key in. Every service refuses it.",
        signal: "the value is one of the usual samples, such as `your-…`, a beginning followed by x only, or `…_HERE`",
        near_miss: "a key that has `xxx` somewhere in it is a key, and passes",
        repair: Repair::Human,
        remedy: Remedy { text: "put the real key where the sample stands", stack: "", plain: "" },
        rules: &[
            certain(
                &[
                    failed(&[check::KEY_FORM]).code(&[code::PLACEHOLDER]),
                    failed(ASKED).http(&[401, 403]).near(Near::Credential),
                ],
                "the value for `{target}` is a sample text, not a key: {detail}",
            )
            .over(EXPLAINED),
            certain(
                &[failed(&[check::KEY_FORM]).code(&[code::PLACEHOLDER])],
                "the value for `{target}` is a sample text, not a key: {detail}",
            )
            .over(EXPLAINED),
        ],
        ..CAUSE
    },
    Cause {
        id: "KEY_DIFFERS_LOCAL_CLUSTER",
        title: "The cluster has another key than you",
        meaning: "The key of your machine is accepted. The one in the cluster is another one and is refused, so what works for \
                  you cannot work there.",
        signal: "the two keys have different hashes, yours is accepted and the cluster's is refused by the same host",
        near_miss: "two keys that differ and both work are no cause; one that signs in and may not pull gives ARTIFACT_PERMISSION",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "write the key that works into the cluster's secret, then let the pods be made again",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::NGC_TOKEN]).from(P).with(IN_CLUSTER).http(&[401, 403]),
                    passed(&[probe::NGC_TOKEN]).from(W).with(&[variant::LOCAL]).near(Near::Target),
                    DIFFERENT,
                ],
                "{place}: NGC refuses the key of the {source} for `{target}`; it accepts the one of this machine, which is \
                 another",
            )
            .over(EXPLAINED)
            .remedy(Remedy {
                text: "write the key that works into both secrets of the namespace",
                stack: "mops ngc fix -n {namespace} --apply",
                plain: "kubectl -n {namespace} describe secret {name}",
            }),
            certain(
                &[
                    failed(SIGNED_IN).from(P).with(IN_CLUSTER).http(&[401, 403]),
                    passed(SIGNED_IN).from(W).with(&[variant::LOCAL]).near(Near::Target),
                    DIFFERENT,
                ],
                "{place}: `{target}` refuses the key of the {source}; it accepts the one of this machine, which is another",
            )
            .over(EXPLAINED),
            // A worker that has what its secret gives: a new one would have the same.
            certain(
                &[
                    failed(SIGNED_IN).from(C).with(&[variant::ENV]).http(&[401, 403]),
                    passed(SIGNED_IN).from(W).with(&[variant::LOCAL]).near(Near::Target),
                    DIFFERENT.from(C),
                    passed(&[check::ENV_LIVE]).from(C),
                ],
                "{place}: `{target}` refuses the key of the running worker, which is the one of its secret; it accepts the \
                 one of this machine, which is another",
            )
            .over(EXPLAINED),
        ],
        ..CAUSE
    },
    Cause {
        id: "SECRETS_DISAGREE",
        title: "Two secrets hold different keys",
        meaning: "The container gets its key from one secret and the node pulls with another one. Renewing one of them leaves \
                  the other behind.",
        signal: "the key of the environment's secret and the one of the pull secret have different hashes for the same host",
        near_miss: "equal keys pass",
        repair: Repair::Restart,
        severity: Severity::Warning,
        remedy: Remedy {
            text: "write the same key into both",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[passed(&[check::SECRETS_COMPARE]).code(&[code::DIFFERS])],
            "the environment's secret and the pull secret hold different keys for `{target}`: {detail}",
        )],
        ..CAUSE
    },
];
