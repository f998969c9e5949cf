//! The one place that decides where a credential may go.
//!
//! Guarantees that a credential is sent only when scheme, host and port of the request are exactly
//! those it was given for (`tests` below, R14).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use http::HeaderValue;
use mops_core::Secret;
use url::{Host, Url};

/// Scheme, host and port of a URL, compared exactly after parsing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of a URL; none when it has no host or no known port.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self { scheme: url.scheme().to_owned(), host: host.to_owned(), port: url.port_or_known_default()? })
    }

    /// The https origin of `HOST` or `HOST:PORT` as it stands in an image reference.
    #[must_use]
    pub fn https(authority: &str) -> Option<Self> {
        if authority.contains(['/', '\\', '@', '?', '#']) || authority.contains(char::is_whitespace) {
            return None;
        }
        Url::parse(&format!("https://{authority}/")).ok().as_ref().and_then(Self::of)
    }

    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Host name or address; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also when it is the scheme's own.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `HOST`, with `:PORT` unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether the URL names this machine by `localhost` or a loopback address.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the URL is of the metadata service of a cloud's machines, which speaks http at an address that no packet leaves
/// the machine's own host for.
#[must_use]
pub fn is_metadata_service(url: &Url) -> bool {
    let address = Ipv4Addr::new(169, 254, 169, 254);
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    url.scheme() == "http" && url.host() == Some(Host::Ipv4(address)) && plain
}

/// Whether an address belongs to the network between a machine and its own host: metadata services, and what a cloud
/// tells its machines.
pub(crate) fn is_own_network(address: IpAddr) -> bool {
    /// Azure's, which is no link-local address.
    const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    match address.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local() || ip == WIRE_SERVER,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// As [`is_own_network`], of a URL that names an address.
pub(crate) fn names_own_network(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_own_network(ip.into()),
        Some(Host::Ipv6(ip)) => is_own_network(ip.into()),
        _ => false,
    }
}

/// Whether we speak to this URL at all: https, or http to this machine; no user info.
///
/// # Errors
/// The reason, for a message.
pub fn check_scheme(url: &Url) -> Result<(), &'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address with a user name in it is refused");
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err("http is refused; only https is spoken, but to this machine itself"),
        _ => Err("only https is spoken"),
    }
}

/// An `Authorization` header and the only origin that may see it.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Where it may go.
    pub origin: Origin,
    /// The whole header value, for example `Bearer …`.
    pub header: Secret<String>,
}

impl Credential {
    /// A bearer token.
    #[must_use]
    pub fn bearer(origin: Origin, token: &Secret<String>) -> Self {
        Self { origin, header: Secret::new(format!("Bearer {}", token.expose())) }
    }

    /// User name and password.
    #[must_use]
    pub fn basic(origin: Origin, username: &str, password: &Secret<String>) -> Self {
        use base64::Engine as _;
        let pair = Secret::new(format!("{username}:{}", password.expose()));
        let text = base64::engine::general_purpose::STANDARD.encode(pair.expose());
        Self { origin, header: Secret::new(format!("Basic {text}")) }
    }

    /// The header for a request to `url`: none when that is another origin, or when the credential
    /// holds characters that no header may have.
    pub(crate) fn header_for(&self, url: &Url) -> Option<HeaderValue> {
        if Origin::of(url).as_ref() != Some(&self.origin) {
            return None;
        }
        let mut value = HeaderValue::from_str(self.header.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_the_very_same_origin_gets_the_header() {
        let credential = Credential::bearer(Origin::https("reg.example").unwrap(), &Secret::from("canary"));
        for same in ["https://reg.example/v2/", "https://reg.example:443/x", "https://REG.example/"] {
            assert!(credential.header_for(&url(same)).is_some(), "{same}");
        }
        let others = [
            "https://reg.example:444/",
            "http://reg.example/",
            "https://reg.example./",
            "https://a.reg.example/",
            "https://reg.example.evil/",
            "https://reg.exampl/",
            "https://evil/reg.example",
            "https://reg.example@evil/",
        ];
        for other in others {
            assert!(credential.header_for(&url(other)).is_none(), "{other}");
        }
        assert!(!format!("{credential:?}").contains("canary"));
    }

    #[test]
    fn https_only_but_on_this_machine() {
        for good in ["https://a/", "http://127.0.0.1:5000/", "http://localhost/", "http://[::1]:1/"] {
            assert!(check_scheme(&url(good)).is_ok(), "{good}");
        }
        let metadata = "http://169.254.169.254/";
        for bad in
            ["http://a/", metadata, "http://127.0.0.1.evil/", "ftp://a/", "https://u@a/", "https://u:p@a/", "file:///x"]
        {
            assert!(check_scheme(&url(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_metadata_service_is_one_address() {
        assert!(is_metadata_service(&url("http://169.254.169.254/metadata/instance")));
        let others = ["https://169.254.169.254/", "http://169.254.169.254:81/", "http://u@169.254.169.254/"];
        for other in others.into_iter().chain(["http://169.254.169.254.evil/", "http://169.254.169.253/"]) {
            assert!(!is_metadata_service(&url(other)), "{other}");
        }
    }

    #[test]
    fn authorities_with_tricks_are_no_origin() {
        for bad in ["a@b", "a/b", "a?b", "a#b", "a b", "", "a:99999", "a\\b"] {
            assert_eq!(Origin::https(bad), None, "{bad}");
        }
        assert_eq!(Origin::https("a:443").unwrap().to_string(), "https://a");
        assert_eq!(Origin::https("a:5000").unwrap().authority(), "a:5000");
    }
}
