//! What a host's name leads to, as the system's own resolver says: the same for requests and for who looks at the way.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use dns_lookup::{AddrInfo, AddrInfoHints, SockType, getaddrinfo};

/// `AI_CANONNAME`, the same number in all C libraries of Linux and of macOS: the last name of a chain of aliases is
/// told too, for no further query.
const WITH_LAST_NAME: i32 = 2;

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its addresses, at least one, each once; port 0 stands for the port of the request.
    pub addresses: Vec<SocketAddr>,
    /// The last name of the chain of aliases (CNAME) in lower case, when it is another one.
    pub alias_of: Option<String>,
}

impl Found {
    fn plain(addresses: Vec<SocketAddr>) -> Self {
        Self { addresses, alias_of: None }
    }
}

/// Asks for a name.
pub(crate) async fn look_up(mapped: Option<SocketAddr>, this_machine_only: bool, name: &str) -> io::Result<Found> {
    match mapped {
        Some(address) => Ok(Found::plain(vec![address])),
        // Never asked of a resolver: plain http is spoken to these names.
        None if name == "localhost" || name.ends_with(".localhost") => Ok(Found::plain(vec![
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ])),
        None if this_machine_only => Err(io::Error::other("tests reach this machine only")),
        None => {
            let name = name.to_owned();
            tokio::task::spawn_blocking(move || ask(&name)).await.map_err(io::Error::other)?
        }
    }
}

fn ask(name: &str) -> io::Result<Found> {
    let hints = AddrInfoHints {
        flags: WITH_LAST_NAME,
        // Without it each address comes once for each kind of socket.
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let all = getaddrinfo(Some(name), None, Some(hints))?.collect::<io::Result<Vec<_>>>()?;
    found(name, all)
}

fn found(name: &str, all: Vec<AddrInfo>) -> io::Result<Found> {
    let alias_of = all.iter().find_map(|info| info.canonname.as_deref()).map(bare).filter(|last| *last != bare(name));
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for info in all {
        if !addresses.contains(&info.sockaddr) {
            addresses.push(info.sockaddr);
        }
    }
    match addresses.is_empty() {
        true => Err(io::Error::other("it has no address")),
        false => Ok(Found { addresses, alias_of }),
    }
}

/// A name as it is compared: names have no case, and the dot of the root says nothing.
fn bare(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(address: &str, canonname: Option<&str>) -> AddrInfo {
        let sockaddr = SocketAddr::new(address.parse().unwrap(), 0);
        AddrInfo { flags: 0, address: 2, socktype: 1, protocol: 6, sockaddr, canonname: canonname.map(str::to_owned) }
    }

    #[test]
    fn the_last_name_is_told_when_it_is_another_one() {
        let alias = |name: &str, last: Option<&str>| found(name, vec![info("10.0.0.4", last)]).unwrap().alias_of;
        let other = Some("reg.privatelink.azurecr.io".to_owned());
        assert_eq!(alias("reg.azurecr.io", Some("Reg.privatelink.azurecr.io.")), other);
        assert_eq!(alias("Reg.azurecr.io", Some("reg.AZURECR.io.")), None);
        assert_eq!(alias("reg.azurecr.io", None), None);
    }

    #[test]
    fn addresses_come_once_in_their_order() {
        let all = ["10.0.0.5", "::1", "10.0.0.5", "10.0.0.4"].map(|address| info(address, None));
        let told: Vec<String> =
            found("a", all.to_vec()).unwrap().addresses.iter().map(|a| a.ip().to_string()).collect();
        assert_eq!(told, ["10.0.0.5", "::1", "10.0.0.4"]);
        assert!(found("a", Vec::new()).is_err());
    }

    /// Only the machine's own list of hosts is asked for this name.
    #[test]
    fn the_systems_resolver_is_asked() {
        let all = ask("localhost").unwrap();
        assert!(all.addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 0), "{all:?}");
        assert!(ask("").is_err());
    }
}
