//! The way to a host step by step, for a diagnosis: its addresses, then a connection. Nothing is sent.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::select_ok;
use tokio::net::TcpStream;
use url::Url;

use crate::error::WireError;
use crate::name::{self, Found};
use crate::origin::Origin;
use crate::pipeline::{Http, HttpConfig};
use crate::proxy::ProxySettings;

impl Http {
    /// Whether requests to this origin go by a proxy: then its addresses from here mean nothing.
    #[must_use]
    pub fn by_proxy(&self, origin: &Origin) -> bool {
        let config = self.config();
        Url::parse(&origin.to_string()).is_ok_and(|url| config.proxy.for_url(&url, &config.connect).is_some())
    }

    /// The same pipeline with other proxies; [`ProxySettings::none`] for the direct way.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn with_proxy(&self, proxy: ProxySettings) -> Result<Self, WireError> {
        let other = Self::new(HttpConfig { proxy, ..self.config().clone() })?;
        let other = self.logins().map_or_else(|| other.clone(), |logins| other.minding(logins));
        Ok(self.share().map_or_else(|| other.clone(), |share| other.with_share(share.clone())))
    }

    /// Where the name of an origin's host leads, as requests find it; addresses have the origin's port.
    ///
    /// # Errors
    /// [`WireError::Dns`], or [`WireError::Timeout`] after `limit`.
    pub async fn addresses(&self, origin: &Origin, limit: Duration) -> Result<Found, WireError> {
        let host = origin.host();
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Ok(Found { addresses: vec![SocketAddr::new(address, origin.port())], alias_of: None });
        }
        let config = self.config();
        let found = name::look_up(config.connect.lookup(host), config.this_machine_only, host);
        let mut found = within(limit, host, found).await?.map_err(|error| WireError::unresolved(host, &error))?;
        for address in found.addresses.iter_mut().filter(|address| address.port() == 0) {
            address.set_port(origin.port());
        }
        Ok(found)
    }

    /// Opens a connection to one of the addresses, and closes it.
    ///
    /// # Errors
    /// [`WireError::Connect`], or [`WireError::Timeout`] after `limit`.
    pub async fn connects(&self, host: &str, addresses: &[SocketAddr], limit: Duration) -> Result<(), WireError> {
        let tries = addresses.iter().map(|address| Box::pin(TcpStream::connect(*address)));
        match within(limit, host, select_ok(tries)).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(WireError::unconnected(host, &error)),
        }
    }
}

async fn within<T>(limit: Duration, host: &str, work: impl Future<Output = T>) -> Result<T, WireError> {
    let late = |_| WireError::Timeout { host: host.to_owned(), after: limit };
    tokio::time::timeout(limit, work).await.map_err(late)
}
