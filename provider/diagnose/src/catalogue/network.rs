//! Names, connections, certificates, clocks.

mod answers;
mod connection;
mod names;
mod proxy;
mod tls;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "network",
    about: "names, connections, certificates, clocks",
    parts: &[names::CAUSES, connection::CAUSES, tls::CAUSES, proxy::CAUSES, answers::CAUSES],
};
