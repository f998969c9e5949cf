//! The test support: loopback fakes of Azure with real TLS, a ledger and a fault layer.
//!
//! Rule: every route of every fake names its evidence ([`evidence`]); a fake that is kinder than
//! the service is a bug. `fast::evidence` lists the routes and fails on one without evidence.

pub mod control;
pub mod evidence;
pub mod fault;
pub mod http;
pub mod ledger;
pub mod route;
pub mod tls;
pub mod world;
