//! Proxies from our own environment value.
//!
//! Guarantees that hosts of the connect map and this machine are never reached through one (`tests`).

use std::net::IpAddr;

use mops_host::Env;
use url::{Host, Url};

use crate::connect::ConnectMap;
use crate::origin::{is_loopback, is_metadata_service};

/// Which proxy stands before which host. `Debug` shows no user name or password.
#[derive(Clone, Default)]
pub struct ProxySettings {
    https: Option<Url>,
    http: Option<Url>,
    none: Vec<Exception>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    All,
    Domain(String),
    Network(IpAddr, u8),
}

impl std::fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = |url: &Option<Url>| url.as_ref().and_then(|u| u.host_str().map(str::to_owned));
        f.debug_struct("ProxySettings")
            .field("https", &host(&self.https))
            .field("http", &host(&self.http))
            .field("none", &self.none)
            .finish()
    }
}

impl ProxySettings {
    /// No proxy for anything.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, lower case before upper case. A value that
    /// is no address is left out.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let get = |name: &str| env.get(&name.to_ascii_lowercase()).or_else(|| env.get(name));
        let none = get("NO_PROXY").unwrap_or_default().split(',').filter_map(exception).collect();
        Self { https: get("HTTPS_PROXY").and_then(address), http: get("HTTP_PROXY").and_then(address), none }
    }

    /// The proxy for a URL.
    #[must_use]
    pub fn for_url(&self, url: &Url, connect: &ConnectMap) -> Option<Url> {
        let host = url.host()?;
        // What a proxy would be asked for is the identity of the proxy's machine.
        if is_metadata_service(url)
            || is_loopback(url)
            || connect.lookup(url.host_str()?).is_some()
            || self.none.iter().any(|e| e.covers(&host))
        {
            return None;
        }
        match url.scheme() {
            "https" => self.https.clone(),
            "http" => self.http.clone(),
            _ => None,
        }
    }
}

impl Exception {
    fn covers(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::All, _) => true,
            (Self::Domain(name), Host::Domain(host)) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network(net, bits), Host::Ipv4(ip)) => in_network(*net, *bits, IpAddr::V4(*ip)),
            (Self::Network(net, bits), Host::Ipv6(ip)) => in_network(*net, *bits, IpAddr::V6(*ip)),
            _ => false,
        }
    }
}

fn address(text: &str) -> Option<Url> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn exception(text: &str) -> Option<Exception> {
    let text = text.trim().to_ascii_lowercase();
    if text == "*" {
        return Some(Exception::All);
    }
    if let Some((ip, bits)) = text.split_once('/') {
        return Some(Exception::Network(ip.parse().ok()?, bits.parse().ok()?));
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(Exception::Network(ip, if ip.is_ipv4() { 32 } else { 128 }));
    }
    let name = text.trim_start_matches('*').trim_start_matches('.');
    (!name.is_empty()).then(|| Exception::Domain(name.to_owned()))
}

fn in_network(net: IpAddr, bits: u8, ip: IpAddr) -> bool {
    let (net, ip, width) = match (net, ip) {
        (IpAddr::V4(net), IpAddr::V4(ip)) => (u128::from(u32::from(net)), u128::from(u32::from(ip)), 32),
        (IpAddr::V6(net), IpAddr::V6(ip)) => (u128::from(net), u128::from(ip), 128),
        _ => return false,
    };
    let rest = width - u32::from(bits).min(width);
    rest == 128 || net >> rest == ip >> rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(settings: &ProxySettings, url: &str) -> Option<String> {
        let connect = ConnectMap::parse("*.azurecr.io=127.0.0.1:1").unwrap();
        settings.for_url(&Url::parse(url).unwrap(), &connect).map(|u| u.to_string())
    }

    #[test]
    fn rows() {
        let env = Env::of([
            ("https_proxy", "http://user:canary@p.example:3128"),
            ("HTTP_PROXY", "q.example:1"),
            ("NO_PROXY", "internal.example, .corp, 10.0.0.0/8, [fd00::1]"),
        ]);
        let settings = ProxySettings::from_env(&env);
        let p = Some("http://user:canary@p.example:3128/".to_owned());
        let rows = [
            ("https://a.example/", p.clone()),
            ("http://a.example/", Some("http://q.example:1/".to_owned())),
            ("http://169.254.169.254/metadata/identity", None),
            ("https://internal.example/", None),
            ("https://x.internal.example/", None),
            ("https://notinternal.example/", p.clone()),
            ("https://a.corp/", None),
            ("https://10.1.2.3/", None),
            ("https://11.1.2.3/", p.clone()),
            ("https://[fd00::1]/", None),
            ("https://[fd00::2]/", p),
            ("https://127.0.0.1:8443/", None),
            ("https://localhost/", None),
            ("https://reg.azurecr.io/", None),
        ];
        for (url, expected) in rows {
            assert_eq!(proxy(&settings, url), expected, "{url}");
        }
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn odd_values_are_left_out() {
        let env = Env::of([("HTTPS_PROXY", "socks5://a:1"), ("NO_PROXY", "*,10.0.0.0/300,,x/y")]);
        assert_eq!(proxy(&ProxySettings::from_env(&env), "https://a/"), None);
    }
}
