//! The test support: loopback fakes of Azure with real TLS, a ledger and a fault layer.
//!
//! Rule: every route of every fake names its evidence ([`evidence`]); a fake that is kinder than
//! the service is a bug. `fast::evidence` lists the routes and fails on one without evidence.

pub mod access;
pub mod arm;
pub mod blob;
pub mod browser;
pub mod canary;
pub mod container_engine;
pub mod control;
pub mod crowd;
pub mod dice;
pub mod entra;
pub mod evidence;
pub mod fault;
pub mod figures;
pub mod graph;
pub mod http;
pub mod image;
pub mod imds;
pub mod job;
pub mod kubernetes;
pub mod ledger;
pub mod machine;
pub mod ngc;
pub mod novita;
pub mod null;
pub mod openapi;
pub mod peer;
pub mod place;
pub mod principal;
pub mod private;
pub mod program;
pub mod pulumi;
pub mod push;
pub mod readme;
pub mod real;
pub mod recordings;
pub mod registry;
pub mod remote;
pub mod reports;
pub mod rig;
pub mod route;
pub mod samples;
pub mod sandbox;
pub mod skip;
pub mod sshd;
pub mod tls;
pub mod token_services;
pub mod tools;
pub mod watcher;
pub mod websocket;
pub mod witness;
pub mod world;

/// Behaviours that nothing outside has confirmed, although their route is.
const ASSUMED: &[evidence::RouteInfo] = {
    use evidence::RouteInfo;
    &[
        RouteInfo::assumed("arm", "PUT", "registries: codes", "400 InvalidSku and InvalidResourceName for bad values"),
        RouteInfo::assumed(
            "arm",
            "POST",
            "registries/listCredentials: admin off",
            "400 UnAuthorizedForCredentialOperations",
        ),
        RouteInfo::assumed(
            "arm",
            "PUT",
            "registries/scopeMaps, tokens: codes",
            "400 InvalidResourceName, InvalidActions, InvalidScopeMap",
        ),
        RouteInfo::assumed(
            "arm",
            "PATCH",
            "registries/tokens: passwords",
            "those that the list names stay, the others are cleared",
        ),
        RouteInfo::assumed(
            "registry",
            "GET",
            "/oauth2/token: a scope map's token",
            "an access token with the part of the scope that the map allows",
        ),
        RouteInfo::assumed(
            "registry",
            "GET",
            "/oauth2/token: a service principal",
            "what its role allows; 401 UNAUTHORIZED for a wrong or expired secret, and without a role",
        ),
        RouteInfo::assumed("entra", "POST", "/token: expired secret", "401 invalid_client with AADSTS7000222"),
        RouteInfo::assumed("arm", "PUT", "storageAccounts: immutable", "409 AccountPropertyCannotBeUpdated"),
        RouteInfo::assumed("arm", "PUT", "containers: deleted name", "409 ContainerBeingDeleted for 30 s"),
        RouteInfo::assumed(
            "arm",
            "PUT",
            "managedClusters, agentPools: eTag",
            "412 PreconditionFailed with a flat body",
        ),
        RouteInfo::assumed("arm", "PUT", "managedClusters, agentPools: values", "400 with the codes of public issues"),
        RouteInfo::assumed(
            "arm",
            "POST",
            "listClusterUserCredential: early",
            "409 OperationNotAllowed while it is made",
        ),
        RouteInfo::assumed(
            "kubernetes",
            "GET",
            "a stopped or shielded cluster",
            "the connection ends without an answer",
        ),
        RouteInfo::assumed("arm", "GET", "registries: systemData", "an application appears by its client id"),
        RouteInfo::assumed("registry", "GET", "/oauth2/token: wrong password", "401 UNAUTHORIZED without a challenge"),
        RouteInfo::assumed("blob", "GET", "expired or tampered SAS", "403 AuthenticationFailed with its detail"),
        RouteInfo::assumed("blob", "GET", "no SAS", "409 PublicAccessNotPermitted"),
        RouteInfo::assumed("hosted", "GET", "/token: refusals", "401 of Docker Hub and 403 of GitHub, in their words"),
        RouteInfo::assumed("imds", "GET", "refusals", "400 invalid_request with the descriptions of public issues"),
    ]
};

/// Every route of every fake, with what vouches for it.
#[must_use]
pub fn listing() -> Vec<evidence::RouteInfo> {
    let first = [entra::listing(), imds::listing(), arm::listing(), registry::listing(), blob::listing()].concat();
    let engine = container_engine::listing();
    [
        first,
        engine,
        real::hosted::listing(),
        graph::listing(),
        ngc::listing(),
        novita::listing(),
        token_services::listing(),
        kubernetes::routes(),
        ASSUMED.to_vec(),
    ]
    .concat()
}
