//! Names, connections, certificates, clocks.

mod answers;
mod clock;
mod connection;
mod names;
mod private_zone;
mod proxy;
mod tls;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "network",
    about: "names, connections, certificates, clocks",
    parts: &[
        names::CAUSES,
        private_zone::CAUSES,
        connection::CAUSES,
        tls::CAUSES,
        proxy::CAUSES,
        clock::CAUSES,
        answers::CAUSES,
    ],
};
