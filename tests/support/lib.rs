//! The test support: loopback fakes of Azure with real TLS, a ledger and a fault layer.
//!
//! Rule: every route of every fake names its evidence ([`evidence`]); a fake that is kinder than
//! the service is a bug. `fast::evidence` lists the routes and fails on one without evidence.

pub mod arm;
pub mod blob;
pub mod control;
pub mod entra;
pub mod evidence;
pub mod fault;
pub mod http;
pub mod image;
pub mod kubernetes;
pub mod ledger;
pub mod null;
pub mod push;
pub mod registry;
pub mod rig;
pub mod route;
pub mod sandbox;
pub mod skip;
pub mod tls;
pub mod world;

/// Every route of every fake, with what vouches for it.
#[must_use]
pub fn listing() -> Vec<evidence::RouteInfo> {
    [entra::listing(), arm::listing(), registry::listing(), blob::listing(), kubernetes::routes()].concat()
}
