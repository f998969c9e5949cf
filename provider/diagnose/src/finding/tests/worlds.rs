//! What can be seen when something is wrong: for each row of the catalogue a world that shows it and
//! one that nearly does.

use mops_probe::Observation;
use mops_probe::observation::{check as probe, code as seen, variant};

use crate::kubelet::reason;
use crate::observed::{Object, Observed, Vantage, check, code};
use crate::rule::Confidence::{self, Certain, High, Medium};
use crate::words::Words;

pub(super) const HOST: &str = "reg.azurecr.io";
const IMAGE: &str = "reg.azurecr.io/team/worker:1";

pub(super) fn words() -> Words {
    Words {
        namespace: "ns".into(),
        stack_file: Some("s.yaml".into()),
        registry: Some(HOST.into()),
        env_secret: Some("bundle-credentials".into()),
        pull_secret: Some("pull".into()),
    }
}

fn at(v: Vantage, o: Observation) -> Observed {
    let observed = Observed::at(v, o);
    if v == Vantage::W { observed } else { observed.on("gpu", "node-1") }
}

pub(super) fn p(o: Observation) -> Observed {
    at(Vantage::P, o)
}

fn w(o: Observation) -> Observed {
    at(Vantage::W, o)
}

pub(super) fn v2_refused() -> Observed {
    p(Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, seen::UNAUTHORIZED).status(401))
}

pub(super) fn arm_accepted() -> Observed {
    w(Observation::ok(probe::REGISTRY_V2, variant::ARM, HOST).status(200))
}

fn password(code: &str) -> Observed {
    w(Observation::failed(check::PASSWORD, variant::ENV, "ns/bundle-credentials", code))
}

fn secret(check: &str, name: &str, code: &str) -> Observed {
    w(Observation::failed(check, "", name, code)).about(Object::new("Secret", "ns", name))
}

fn read_failed(status: u16, code: &str) -> Observed {
    p(Observation::failed(probe::STORAGE_READ, variant::SAS, "bundles", code).status(status))
}

fn live(vantage: Vantage, code: &str) -> Observed {
    at(vantage, Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, code))
}

fn kubelet(code: &str) -> Observed {
    at(Vantage::K, Observation::failed(check::KUBELET, "", IMAGE, code))
}

fn pull_absent() -> Observed {
    p(Observation::failed(probe::REGISTRY_PULL, variant::PULL_SECRET, IMAGE, seen::MANIFEST_UNKNOWN).status(404))
}

fn tags(o: Observation) -> Observed {
    p(o)
}

pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) confidence: Option<Confidence>,
    pub(super) world: Vec<Observed>,
    /// A world that must not yield the id with this confidence, and what it gives instead.
    pub(super) near: Vec<Observed>,
    pub(super) instead: &'static [&'static str],
}

fn row(
    id: &'static str,
    c: Confidence,
    world: Vec<Observed>,
    near: Vec<Observed>,
    instead: &'static [&'static str],
) -> Row {
    Row { id, confidence: Some(c), world, near, instead }
}

pub(super) fn access() -> Vec<Row> {
    let skip = |check, code| p(Observation::skipped(check, "", "gpu", code));
    vec![
        row(
            "K8S_UNREACHABLE",
            Certain,
            vec![secret(check::API, "api", code::UNREACHABLE)],
            vec![secret(check::API, "api", code::UNAUTHORIZED)],
            &["K8S_UNAUTHORIZED"],
        ),
        row(
            "K8S_UNREACHABLE",
            Medium,
            vec![secret(check::API, "api", code::NO_ACCESS)],
            vec![secret(check::API, "api", code::UNAUTHORIZED)],
            &["K8S_UNAUTHORIZED"],
        ),
        row(
            "K8S_UNAUTHORIZED",
            Certain,
            vec![secret(check::API, "api", code::UNAUTHORIZED)],
            vec![w(Observation::skipped(check::RIGHT, "", "create pods", code::FORBIDDEN))],
            &["RBAC_DENIED"],
        ),
        row(
            "RBAC_DENIED",
            Certain,
            vec![skip(check::PROBE, code::FORBIDDEN)],
            vec![skip(check::PROBE, code::ADMISSION)],
            &["PROBE_POD_DENIED"],
        ),
        row(
            "NAMESPACE_NOT_FOUND",
            Certain,
            vec![secret(check::NAMESPACE, "ns", code::NOT_FOUND)],
            vec![secret(check::PODS, "app=x", code::NONE)],
            &["NO_WORKER_PODS"],
        ),
        row(
            "NO_WORKER_PODS",
            Certain,
            vec![secret(check::PODS, "app=x", code::NONE)],
            vec![secret(check::RUNNING, "app=x", code::NONE)],
            &["WORKER_NOT_RUNNING"],
        ),
        row(
            "PROBE_POD_UNSCHEDULED",
            Certain,
            vec![skip(check::PROBE, code::UNSCHEDULED)],
            vec![skip(check::PROBE, code::IMAGE)],
            &["PROBE_IMAGE_UNAVAILABLE"],
        ),
        row(
            "POOL_EMPTY",
            Certain,
            vec![skip(check::POOL, code::ZERO_NODES)],
            vec![skip(check::POOL, code::UNSCHEDULABLE)],
            &["POOL_UNSCHEDULABLE"],
        ),
    ]
}

pub(super) fn config() -> Vec<Row> {
    let missing = || p(Observation::failed(probe::ENV, "", "REGISTRY_PASSWORD", seen::ENV_MISSING));
    let empty = || p(Observation::failed(probe::ENV, "", "REGISTRY_PASSWORD", seen::ENV_EMPTY));
    let sources = || w(Observation::ok(check::ENV_SOURCES, "", "worker"));
    let found = |check, name| w(Observation::ok(check, "", name));
    vec![
        row(
            "SECRET_MISSING",
            Certain,
            vec![secret(check::ENV_SECRET, "bundle", code::NOT_FOUND), missing()],
            vec![missing()],
            &["ENV_MISSING"],
        ),
        row(
            "SECRET_KEY_MISSING",
            Certain,
            vec![secret(check::ENV_SECRET, "bundle", code::KEY_MISSING)],
            vec![secret(check::ENV_SECRET, "bundle", code::NOT_FOUND)],
            &["SECRET_MISSING"],
        ),
        row(
            "ENVFROM_MISSING",
            Certain,
            vec![secret(check::ENV_FROM, "bundle", code::NOT_LINKED), found(check::ENV_SECRET, "bundle"), missing()],
            vec![secret(check::ENV_FROM, "bundle", code::NOT_LINKED), missing()],
            &["ENV_MISSING"],
        ),
        row("ENV_MISSING", Certain, vec![missing(), sources()], vec![empty(), sources()], &["ENV_EMPTY"]),
        row("ENV_MISSING", High, vec![missing()], vec![empty()], &["ENV_EMPTY"]),
        row(
            "PULL_SECRET_MISSING",
            Certain,
            vec![secret(check::PULL_SECRET, "pull", code::NOT_FOUND), kubelet(reason::ANONYMOUS_REFUSED)],
            vec![kubelet(reason::ANONYMOUS_REFUSED)],
            &["KUBELET_NO_CREDENTIALS"],
        ),
        row(
            "SECRET_WRONG_TYPE",
            Certain,
            vec![secret(check::PULL_SECRET, "pull", code::WRONG_TYPE)],
            vec![secret(check::PULL_SECRET, "pull", code::MALFORMED)],
            &["DOCKERCONFIG_MALFORMED"],
        ),
        row(
            "PULL_SECRET_NO_CREDENTIAL",
            Certain,
            vec![secret(check::PULL_SECRET, "pull", code::NO_CREDENTIAL)],
            vec![secret(check::PULL_SECRET, "pull", code::NO_ENTRY)],
            &["PULL_SECRET_HOST_MISMATCH"],
        ),
        row(
            "PULL_SECRET_NOT_LINKED",
            Certain,
            vec![secret(check::LINK, "pull", code::NOT_LINKED), found(check::PULL_SECRET, "pull")],
            vec![secret(check::LINK, "pull", code::NOT_LINKED), secret(check::PULL_SECRET, "pull", code::NOT_FOUND)],
            &["PULL_SECRET_MISSING"],
        ),
        row(
            "REGISTRY_URL_WRONG",
            Certain,
            vec![p(Observation::failed(probe::ENV, "", "MODELOPS_BUNDLE_REGISTRY", seen::NOT_A_HOST))],
            vec![p(Observation::ok(probe::ENV, "", "MODELOPS_BUNDLE_REGISTRY").code(seen::OTHER_HOST))],
            &["REGISTRY_HOST_MISMATCH"],
        ),
        row(
            "SECRET_UNREADABLE",
            Certain,
            vec![w(Observation::skipped(check::ENV_SECRET, "", "bundle", code::FORBIDDEN))],
            vec![secret(check::ENV_SECRET, "bundle", code::NOT_FOUND)],
            &["SECRET_MISSING"],
        ),
        row(
            "ACCOUNT_KEY_EXPOSED",
            Certain,
            vec![p(Observation::failed(probe::STORAGE_SAS, variant::SAS, "bundles", seen::ACCOUNT_KEY))],
            vec![p(Observation::ok(probe::STORAGE_SAS, variant::SAS, "bundles"))],
            &[],
        ),
    ]
}

pub(super) fn identity() -> Vec<Row> {
    let arm = |o: Observation| w(o);
    let disabled = || arm(Observation::failed(check::ARM_CREDENTIALS, variant::ARM, HOST, code::ADMIN_DISABLED));
    let admin_user =
        || w(Observation::skipped(check::PASSWORD, variant::ENV, "ns/bundle-credentials", code::ADMIN_USER));
    let denied = || p(Observation::failed(probe::REGISTRY_PULL, variant::PULL_SECRET, IMAGE, seen::DENIED).status(403));
    let exists = || w(Observation::ok(probe::REGISTRY_PULL, variant::ARM, IMAGE));
    let good = || p(Observation::ok(probe::REGISTRY_V2, variant::PULL_SECRET, HOST));
    vec![
        row(
            "ACR_PASSWORD_ROTATED",
            Certain,
            vec![v2_refused(), arm_accepted(), password(code::DIFFERS)],
            vec![v2_refused(), arm_accepted(), password(code::OTHER_USER)],
            &["REGISTRY_CREDENTIAL_REFUSED"],
        ),
        row(
            "ACR_PASSWORD_ROTATED",
            High,
            vec![v2_refused(), arm_accepted()],
            vec![
                v2_refused(),
                arm_accepted(),
                w(Observation::ok(check::PASSWORD, variant::ENV, "ns/bundle-credentials")),
            ],
            &["REGISTRY_CREDENTIAL_REFUSED"],
        ),
        row("REGISTRY_CREDENTIAL_REFUSED", High, vec![v2_refused(), good()], vec![v2_refused()], &["REGISTRY_REFUSED"]),
        row(
            "ACR_ADMIN_DISABLED",
            Certain,
            vec![v2_refused(), disabled(), admin_user()],
            vec![
                v2_refused(),
                arm(Observation::skipped(check::ARM_CREDENTIALS, variant::ARM, HOST, code::FORBIDDEN)),
                admin_user(),
            ],
            &["ACR_LOGIN_DENIED"],
        ),
        row(
            "ACR_LOGIN_DENIED",
            Medium,
            vec![v2_refused(), arm(Observation::skipped(check::ARM_CREDENTIALS, variant::ARM, HOST, code::FORBIDDEN))],
            vec![v2_refused()],
            &["REGISTRY_REFUSED"],
        ),
        row(
            "ARTIFACT_PERMISSION",
            Certain,
            vec![denied(), exists(), good()],
            vec![denied(), good()],
            &["REGISTRY_REFUSED"],
        ),
        row(
            "REGISTRY_REFUSED",
            Medium,
            vec![v2_refused()],
            vec![p(Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, "").status(418))],
            &["UNCLASSIFIED"],
        ),
    ]
}

pub(super) fn principal() -> Vec<Row> {
    let token = |code| w(Observation::failed(check::ARM_TOKEN, variant::ARM, HOST, code));
    let enabled = || w(Observation::ok(check::ARM_TOKEN, variant::ARM, HOST));
    let same = || w(Observation::ok(check::PASSWORD, variant::ENV, "ns/bundle-credentials"));
    let denied = || p(Observation::failed(probe::REGISTRY_PULL, variant::PULL_SECRET, IMAGE, seen::DENIED).status(403));
    let good = || p(Observation::ok(probe::REGISTRY_V2, variant::PULL_SECRET, HOST));
    let unlisted = || w(Observation::failed(check::SCOPE_MAP, variant::ARM, IMAGE, code::NOT_LISTED));
    let listed = || w(Observation::ok(check::SCOPE_MAP, variant::ARM, IMAGE));
    let secret = |code| w(Observation::failed(check::DIRECTORY, variant::ENV, "bundle-credentials", code).status(401));
    let taken = || w(Observation::ok(check::DIRECTORY, variant::ENV, "bundle-credentials"));
    vec![
        row(
            "ACR_TOKEN_EXPIRED",
            Certain,
            vec![v2_refused(), token(code::EXPIRED), same()],
            vec![v2_refused(), enabled(), same()],
            &["REGISTRY_REFUSED"],
        ),
        row(
            "ACR_TOKEN_DISABLED",
            Certain,
            vec![v2_refused(), token(code::DISABLED), same()],
            vec![v2_refused(), token(code::EXPIRED), same()],
            &["ACR_TOKEN_EXPIRED"],
        ),
        row(
            "ACR_TOKEN_SCOPE",
            Certain,
            vec![denied(), unlisted(), good()],
            vec![denied(), listed(), good()],
            &["REGISTRY_REFUSED"],
        ),
        row(
            "SP_SECRET_EXPIRED",
            High,
            vec![v2_refused(), secret("AADSTS7000222")],
            vec![v2_refused(), secret("AADSTS90002")],
            &["REGISTRY_REFUSED", "UNCLASSIFIED"],
        ),
        row("ACR_ROLE_MISSING", High, vec![v2_refused(), taken()], vec![v2_refused()], &["REGISTRY_REFUSED"]),
    ]
}

pub(super) fn network() -> Vec<Row> {
    let answered = || w(Observation::ok(probe::REGISTRY_V2, variant::ANON, HOST).status(401));
    let status = |s| p(Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, "").status(s));
    vec![
        row(
            "DNS_NXDOMAIN",
            High,
            vec![live(Vantage::P, seen::NAME_NOT_RESOLVED), live(Vantage::W, seen::NAME_NOT_RESOLVED)],
            vec![live(Vantage::P, seen::NAME_NOT_RESOLVED), answered()],
            &["DNS_POD"],
        ),
        row(
            "DNS_POD",
            Medium,
            vec![live(Vantage::P, seen::NAME_NOT_RESOLVED), answered()],
            vec![live(Vantage::P, seen::NAME_NOT_RESOLVED)],
            &["DNS_FAILURE"],
        ),
        row(
            "NETWORK_POLICY",
            Medium,
            vec![live(Vantage::P, seen::TIMEOUT), answered()],
            vec![live(Vantage::P, seen::TIMEOUT)],
            &["SERVICE_UNREACHABLE"],
        ),
        row(
            "SERVICE_UNREACHABLE",
            Medium,
            vec![live(Vantage::P, seen::CONNECTION_REFUSED)],
            vec![live(Vantage::P, seen::CONNECTION_REFUSED), answered()],
            &["NETWORK_POLICY"],
        ),
        row(
            "TLS_UNTRUSTED",
            Certain,
            vec![live(Vantage::P, seen::UNTRUSTED_CERTIFICATE), live(Vantage::W, seen::UNTRUSTED_CERTIFICATE)],
            vec![live(Vantage::P, seen::UNTRUSTED_CERTIFICATE), answered()],
            &["TLS_PROXY"],
        ),
        row(
            "TLS_EXPIRED",
            High,
            vec![live(Vantage::P, seen::CERTIFICATE_EXPIRED)],
            vec![live(Vantage::P, seen::CERTIFICATE_NAME)],
            &["TLS_NAME"],
        ),
        row("PROXY_AUTH", Certain, vec![status(407)], vec![status(401)], &["REGISTRY_REFUSED"]),
        row("RATE_LIMITED", Certain, vec![status(429)], vec![status(403)], &["REGISTRY_REFUSED"]),
        row("REGISTRY_UNAVAILABLE", Certain, vec![status(503)], vec![status(418)], &["UNCLASSIFIED"]),
        row(
            "HTML_INSTEAD_OF_JSON",
            Certain,
            vec![live(Vantage::P, seen::HTML)],
            vec![live(Vantage::P, seen::UNEXPECTED)],
            &["UNCLASSIFIED"],
        ),
        row(
            "NO_CHALLENGE",
            Certain,
            vec![live(Vantage::P, seen::NO_CHALLENGE)],
            vec![live(Vantage::P, seen::CHALLENGE_UNUSABLE)],
            &["CHALLENGE_UNUSABLE"],
        ),
        row(
            "REALM_UNTRUSTED",
            Certain,
            vec![live(Vantage::P, seen::REALM_UNTRUSTED)],
            vec![v2_refused()],
            &["REGISTRY_REFUSED"],
        ),
    ]
}

fn kubelet_config() -> Vec<Row> {
    let age = || Observation::ok(check::ENV_AGE, variant::ENV, "bundle");
    vec![
        row("ENV_STALE", Medium, vec![w(age().code(code::SECRET_NEWER))], vec![w(age())], &[]),
        row(
            "SECRET_MISSING",
            Certain,
            vec![kubelet(reason::ENV_SECRET_ABSENT)],
            vec![kubelet(reason::ENV_KEY_ABSENT)],
            &["SECRET_KEY_MISSING"],
        ),
    ]
}

pub(super) fn artifact() -> Vec<Row> {
    let v2 = || p(Observation::ok(probe::REGISTRY_V2, variant::PULL_SECRET, HOST));
    let tags_missing =
        || tags(Observation::failed(probe::REGISTRY_TAGS, variant::PULL_SECRET, IMAGE, seen::NAME_UNKNOWN).status(404));
    let tags_found = || tags(Observation::ok(probe::REGISTRY_TAGS, variant::PULL_SECRET, IMAGE));
    vec![
        row(
            "REPOSITORY_NOT_FOUND",
            Certain,
            vec![pull_absent(), tags_missing(), v2()],
            vec![pull_absent(), tags_found(), v2()],
            &["TAG_NOT_FOUND"],
        ),
        row("TAG_NOT_FOUND", Certain, vec![pull_absent(), tags_found()], vec![pull_absent()], &["UNCLASSIFIED"]),
        row(
            "TAG_NOT_FOUND",
            Medium,
            vec![kubelet(reason::IMAGE_ABSENT)],
            vec![kubelet(reason::PLATFORM)],
            &["PLATFORM_MISSING"],
        ),
        row(
            "IMAGE_REF_INVALID",
            Certain,
            vec![p(Observation::failed(probe::REGISTRY_PULL, variant::PULL_SECRET, "A//b", seen::REFERENCE_INVALID))],
            vec![pull_absent()],
            &["UNCLASSIFIED"],
        ),
        row(
            "KUBELET_NO_CREDENTIALS",
            High,
            vec![kubelet(reason::ANONYMOUS_REFUSED)],
            vec![kubelet(reason::CREDENTIAL_REFUSED)],
            &["KUBELET_BAD_CREDENTIALS"],
        ),
        row(
            "KUBELET_BAD_CREDENTIALS",
            High,
            vec![kubelet(reason::REFUSED), w(Observation::ok(check::PULL_SECRET, "", "pull"))],
            vec![kubelet(reason::REFUSED)],
            &["REGISTRY_REFUSED"],
        ),
        row("REGISTRY_REFUSED", Medium, vec![kubelet(reason::DENIED)], vec![kubelet(reason::OTHER)], &["UNCLASSIFIED"]),
        row(
            "IMAGE_NEVER_PULL",
            Certain,
            vec![kubelet(reason::NEVER_PULL)],
            vec![kubelet(reason::OTHER)],
            &["UNCLASSIFIED"],
        ),
        row("NODE_DISK_FULL", High, vec![kubelet(reason::DISK_FULL)], vec![kubelet(reason::CRASHING)], &[]),
    ]
}

pub(super) fn storage() -> Vec<Row> {
    let sas = |code| p(Observation::failed(probe::STORAGE_SAS, variant::SAS, "bundles", code));
    let refused = || read_failed(403, "AuthenticationFailed");
    let write = |o: Observation| p(o);
    vec![
        row(
            "SAS_EXPIRED",
            Certain,
            vec![sas(seen::EXPIRED), refused()],
            vec![sas(seen::NOT_YET_VALID), refused()],
            &["SAS_NOT_YET_VALID"],
        ),
        row("SAS_EXPIRED", High, vec![sas(seen::EXPIRED)], vec![sas(seen::MALFORMED)], &["SAS_MALFORMED"]),
        row("SAS_SIGNATURE", Medium, vec![refused()], vec![sas(seen::EXPIRED), refused()], &["SAS_EXPIRED"]),
        row(
            "SAS_PERMISSION",
            Certain,
            vec![read_failed(403, "AuthorizationPermissionMismatch")],
            vec![read_failed(403, "AuthorizationResourceTypeMismatch")],
            &["SAS_SCOPE"],
        ),
        row(
            "SAS_IP",
            Certain,
            vec![read_failed(403, "AuthorizationSourceIPMismatch")],
            vec![read_failed(403, "AuthorizationProtocolMismatch")],
            &["SAS_PROTOCOL"],
        ),
        row(
            "CONTAINER_NOT_FOUND",
            Certain,
            vec![read_failed(404, "ContainerNotFound")],
            vec![read_failed(404, "")],
            &["UNCLASSIFIED"],
        ),
        row(
            "SAS_TOO_BROAD",
            Certain,
            vec![write(
                Observation::failed(probe::STORAGE_WRITE_REFUSED, variant::SAS, "bundles", seen::WRITE_ACCEPTED)
                    .status(201),
            )],
            vec![write(Observation::ok(probe::STORAGE_WRITE_REFUSED, variant::SAS, "bundles").status(403))],
            &[],
        ),
    ]
}

pub(super) fn workload_identity() -> Vec<Row> {
    let token = |code| p(Observation::failed(probe::IDENTITY, variant::WI, "client", code).status(401));
    let traded = || p(Observation::ok(probe::IDENTITY, variant::WI, "client"));
    let exchange = |status| p(Observation::failed(probe::REGISTRY_V2, variant::WI, HOST, "X").status(status));
    let none = || p(Observation::failed(probe::IDENTITY, variant::WI, "client", seen::ENV_MISSING));
    let other = || vec![token("AADSTS700016")];
    let of = |check, target, code: &str| match code {
        "" | code::YOUNG => w(Observation::ok(check, variant::WI, target).code(code)),
        code => w(Observation::failed(check, variant::WI, target, code)),
    };
    let label = |there: bool| of(check::IDENTITY_LABEL, "workers", if there { "" } else { code::NOT_LABELLED });
    let account = |code| of(check::ACCOUNT, "dask-worker", code);
    let trusts = |code| of(check::TRUST, "client", code);
    vec![
        row("WI_POD_LABEL", Certain, vec![label(false), none()], vec![label(true), none()], &["WI_WEBHOOK_INACTIVE"]),
        row("WI_POD_LABEL", Certain, vec![label(false)], vec![label(true)], &[]),
        row(
            "WI_SA_ANNOTATION",
            Certain,
            vec![account(code::DIFFERS), token("AADSTS700016")],
            vec![account(""), token("AADSTS700016")],
            &["UNCLASSIFIED"],
        ),
        row("WI_SA_ANNOTATION", Certain, vec![account(code::NOT_ANNOTATED)], vec![account("")], &[]),
        row(
            "WI_WEBHOOK_INACTIVE",
            Certain,
            vec![none(), label(true), account("")],
            vec![none(), label(false), account("")],
            &["WI_POD_LABEL"],
        ),
        row("WI_WEBHOOK_INACTIVE", High, vec![none()], other(), &["UNCLASSIFIED"]),
        row("WI_SUBJECT", Certain, vec![token("AADSTS700213"), trusts(code::DIFFERS)], other(), &["UNCLASSIFIED"]),
        row("WI_SUBJECT", High, vec![token("AADSTS700213")], other(), &["UNCLASSIFIED"]),
        row("WI_ISSUER", Certain, vec![token("AADSTS700211"), trusts(code::DIFFERS)], other(), &["UNCLASSIFIED"]),
        row("WI_ISSUER", High, vec![token("AADSTS70021")], other(), &["UNCLASSIFIED"]),
        row("WI_AUDIENCE", Certain, vec![token("AADSTS700212")], other(), &["UNCLASSIFIED"]),
        row(
            "WI_PROPAGATING",
            High,
            vec![token("AADSTS70021"), trusts(code::YOUNG)],
            vec![token("AADSTS70021"), trusts("")],
            &["WI_ISSUER"],
        ),
        row(
            "ACR_EXCHANGE_DENIED",
            High,
            vec![exchange(401), traded()],
            vec![exchange(500), traded()],
            &["REGISTRY_UNAVAILABLE"],
        ),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    let families = [
        access(),
        config(),
        kubelet_config(),
        identity(),
        principal(),
        workload_identity(),
        network(),
        artifact(),
        storage(),
    ];
    families.into_iter().flatten().collect()
}
