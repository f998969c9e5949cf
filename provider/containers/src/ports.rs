//! Ports of this machine that lead into the container: `[IP:]HOST:CONTAINER`. Only this machine reaches them unless an
//! address is given, and a port that something else has at that very address is found before anything is pulled (`tests`).

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Address and port of this machine.
    pub host: SocketAddr,
    /// Port in the container.
    pub container: u16,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.container)
    }
}

impl Port {
    /// Reads one.
    ///
    /// # Errors
    /// The form that it should have.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is not HOST:CONTAINER or ADDRESS:HOST:CONTAINER, for example 8888:8888");
        let (front, container) = text.rsplit_once(':').ok_or_else(form)?;
        let (ip, host) = match front.rsplit_once(':') {
            Some((ip, host)) => (ip.trim_matches(['[', ']']).parse().map_err(|_| form())?, host),
            None => (IpAddr::V4(Ipv4Addr::LOCALHOST), front),
        };
        let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(form);
        Ok(Self { host: SocketAddr::new(ip, number(host)?), container: number(container)? })
    }

    /// Whether something else has it, and then a port near it that is free.
    ///
    /// # Errors
    /// The port that is free, if any is.
    pub fn free(&self) -> Result<(), Option<u16>> {
        if !taken(self.host) {
            return Ok(());
        }
        let later = self.host.port().saturating_add(1)..=self.host.port().saturating_add(100);
        let near = later.into_iter().find(|port| !taken(SocketAddr::new(self.host.ip(), *port)));
        Err(near)
    }
}

/// An address that this machine does not have is the engine's to judge.
fn taken(at: SocketAddr) -> bool {
    TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_for_this_machine_unless_an_address_is_given() {
        for (text, read) in
            [("8888:80", "127.0.0.1:8888:80"), ("0.0.0.0:1:2", "0.0.0.0:1:2"), ("[::1]:1:2", "[::1]:1:2")]
        {
            assert_eq!(Port::parse(text).map(|port| port.to_string()).as_deref(), Ok(read));
        }
        for text in ["", "80", "0:80", "a:80", "80:", "65536:1", "host:1:2", "1:2:3:4"] {
            assert!(Port::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_at_another_address_of_this_machine_is_free() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let at = |ip: &str| Port::parse(&format!("{ip}:{port}:80")).unwrap().free();
        assert_eq!(at("127.0.0.2"), Ok(()));
        assert!(at("127.0.0.1").is_err_and(|near| near.is_none_or(|near| near > port)));
        drop(other);
        assert_eq!(at("127.0.0.1"), Ok(()));
    }
}
