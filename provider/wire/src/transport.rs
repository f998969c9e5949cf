//! The one user of the HTTP library: connections, names, proxies. No redirects, no retries, no cookies.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::connect::ConnectMap;
use crate::error::{Unresolved, WireError};
use crate::name;
use crate::pipeline::HttpConfig;
use crate::tls::{Base, TlsSettings};

/// Longest time for name, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(15);
/// Shorter than the idle limits of the services, so that we close first.
const IDLE: Duration = Duration::from_secs(30);

pub(crate) struct Transport(reqwest::Client);

impl Transport {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes a client")]
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, WireError> {
        let base = match (config.only_roots, config.bundled_roots) {
            (true, _) => Base::None,
            (false, true) => Base::Bundled,
            (false, false) => Base::System,
        };
        let (roots, identity) = (&config.roots, config.client_identity.as_ref());
        let tls = TlsSettings { base, roots, identity, http1_only: config.http1_only }.build()?;
        let (proxy, connect) = (config.proxy.clone(), config.connect.clone());
        let builder = reqwest::Client::builder();
        let builder = if config.http1_only { builder.http1_only() } else { builder };
        builder
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .proxy(reqwest::Proxy::custom(move |url| proxy.for_url(url, &connect)))
            .dns_resolver(Resolver { connect: config.connect.clone(), this_machine_only: config.this_machine_only })
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .http2_adaptive_window(true)
            .tls_info(true)
            .user_agent(config.user_agent.as_str())
            .build()
            .map(Self)
            .map_err(|e| WireError::Build { reason: e.without_url().to_string() })
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let request = self.0.request(method, url).headers(headers);
        // An empty body still needs its length where a method may have one (ARM refuses POST without).
        request.body(body).send().await
    }
}

struct Resolver {
    connect: ConnectMap,
    this_machine_only: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let mapped = self.connect.lookup(name.as_str());
        let only = self.this_machine_only;
        Box::pin(async move {
            let found = name::look_up(mapped, only, name.as_str()).await.map_err(unresolved)?;
            Ok(Box::new(found.addresses.into_iter()) as Addrs)
        })
    }
}

fn unresolved(error: io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(Unresolved(error))
}
