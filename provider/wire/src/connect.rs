//! Sends chosen host names to chosen loopback addresses while names in TLS and HTTP stay real.
//!
//! Guarantees that no address but a loopback one is accepted, and that such hosts never pass a
//! proxy (`tests` below; `tests/pipeline.rs` proves the port).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::error::WireError;

/// Host names, or `*.suffix`, and where they are reached. The first entry that fits counts.
#[derive(Clone, Debug, Default)]
pub struct ConnectMap(Arc<[(String, SocketAddr)]>);

impl ConnectMap {
    /// Checks that every address is a loopback one.
    ///
    /// # Errors
    /// `WireError::Configuration` naming the entry.
    pub fn new(pairs: impl IntoIterator<Item = (String, SocketAddr)>) -> Result<Self, WireError> {
        let pairs: Vec<_> = pairs.into_iter().map(|(host, to)| (host.to_ascii_lowercase(), to)).collect();
        match pairs.iter().find(|(_, to)| !to.ip().is_loopback()) {
            None => Ok(Self(pairs.into())),
            Some((host, to)) => Err(WireError::Configuration {
                what: format!("`connect` sends `{host}` to `{to}`, which is not a loopback address"),
            }),
        }
    }

    /// Reads `HOST=ADDRESS:PORT` pairs separated by commas, as in `MOPS_PROBE_CONNECT`.
    ///
    /// # Errors
    /// `WireError::Configuration` naming the entry.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(|pair| {
            let parsed = pair.split_once('=').and_then(|(host, to)| Some((host.to_owned(), to.parse().ok()?)));
            parsed.ok_or_else(|| WireError::Configuration {
                what: format!("`{pair}` is not of the form HOST=ADDRESS:PORT"),
            })
        });
        Self::new(pairs.collect::<Result<Vec<_>, _>>()?)
    }

    /// Where a host is reached, when the map says so.
    #[must_use]
    pub fn lookup(&self, host: &str) -> Option<SocketAddr> {
        let host = host.to_ascii_lowercase();
        self.0.iter().find(|(pattern, _)| fits(pattern, &host)).map(|(_, to)| *to)
    }

    /// Whether it has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether `host` is `pattern`, or ends in its suffix when the pattern is `*.suffix`.
fn fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => host.strip_suffix(suffix).is_some_and(|rest| !rest.is_empty()),
        _ => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_labels_only() {
        let map = ConnectMap::parse("*.azurecr.io=127.0.0.1:1, reg.example=[::1]:2").unwrap();
        assert_eq!(map.lookup("a.azurecr.io").unwrap().port(), 1);
        assert_eq!(map.lookup("A.B.AzureCR.io").unwrap().port(), 1);
        assert_eq!(map.lookup("reg.example").unwrap().port(), 2);
        for other in ["azurecr.io", ".azurecr.io", "evilazurecr.io", "a.azurecr.io.evil", "x.reg.example"] {
            assert!(map.lookup(other).is_none(), "{other}");
        }
    }

    #[test]
    fn only_loopback_addresses_are_accepted() {
        for bad in ["a=10.0.0.1:1", "a=127.0.0.1", "a", "a=b:1"] {
            assert!(ConnectMap::parse(bad).is_err(), "{bad}");
        }
        assert!(ConnectMap::parse("").unwrap().is_empty());
    }
}
