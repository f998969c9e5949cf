//! The way to a registry, layer by layer: proxy, name, connection, certificate, what it asks for. What fails first is
//! the finding, so nothing is asked behind it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mops_host::SharedClock;
use mops_wire::registry::{Auth, Challenge, Client, Greeting, RegistryError};
use mops_wire::{Found, Http, Origin, ProxySettings, Url, WireError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::clock::Reading;
use super::registry::client;
use super::{DEADLINE, Watch};
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};

/// A certificate that ends within this time is named while it works: whoever renews by a machine has done so by then.
const SOON: time::Duration = time::Duration::days(7);

/// What came of it.
#[derive(Debug)]
pub struct Reached {
    /// One observation a layer.
    pub seen: Vec<Observation>,
    /// What the registry said; none when a layer failed.
    pub greeting: Option<Greeting>,
    /// The way without a proxy, when only that one led there: what is asked behind goes by it too.
    other: Option<Http>,
}

impl Reached {
    /// The way by which it was reached: as the worker goes, or the other one.
    #[must_use]
    pub fn way<'a>(&'a self, worker: &'a Http) -> &'a Http {
        self.other.as_ref().unwrap_or(worker)
    }

    /// The registry's clock against the local one.
    #[must_use]
    pub fn reading(&self, registry: &str, clock: &SharedClock) -> Option<Reading> {
        let theirs = self.greeting.as_ref()?.date?;
        Some(Reading { host: registry.to_owned(), theirs, ours: clock.now() })
    }
}

/// The ways that lead to a registry, or should.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    /// As the worker goes.
    pub worker: &'a Http,
    /// Without any proxy.
    pub direct: &'a Http,
    /// By the cluster's own proxy, when it has one.
    pub cluster: Option<&'a Http>,
}

/// Goes the way to a registry, as far as it leads.
pub async fn reach(registry: &str, http: &Http, cluster: Option<&ProxySettings>, clock: &SharedClock) -> Reached {
    let ways = http.with_proxy(ProxySettings::none()).and_then(|direct| {
        let cluster = cluster.map(|proxy| http.with_proxy(proxy.clone())).transpose()?;
        Ok((direct, cluster))
    });
    match ways {
        Ok((direct, cluster)) => {
            let ways = Ways { worker: http, direct: &direct, cluster: cluster.as_ref() };
            reach_either(registry, ways, clock).await
        }
        Err(error) => stopped(Vec::new(), &Failure::from(&error), registry),
    }
}

/// As [`reach`], with the ways to try when that of the worker leads nowhere.
pub async fn reach_either(registry: &str, ways: Ways<'_>, clock: &SharedClock) -> Reached {
    let http = ways.worker;
    let client = match client(registry, http, Auth::Anonymous) {
        Ok(client) => client,
        Err(failure) => return stopped(Vec::new(), &failure, registry),
    };
    if http.by_proxy(client.origin()) {
        return by_proxy(&client, registry, ways.direct, clock).await;
    }
    let (dns, addresses) = addresses_of((client.origin(), registry), http, clock).await;
    let mut seen = vec![dns];
    let addresses = match addresses {
        Ok(addresses) => addresses,
        Err(error) => {
            seen.extend(by_cluster(&ways, registry).await);
            return stopped(seen, &Failure::from(&error), registry);
        }
    };
    let watch = Watch::start(clock);
    match http.connects(client.origin().host(), &addresses, patience(http)).await {
        Ok(()) => seen.push(Observation::ok(check::NET_TCP, "", registry).millis(watch.millis())),
        Err(error) => {
            let failure = Failure::from(&error);
            seen.push(failure.observation(check::NET_TCP, "", registry).millis(watch.millis()));
            seen.extend(by_cluster(&ways, registry).await);
            return stopped(seen, &failure, registry);
        }
    }
    let watch = Watch::start(clock);
    let answer = client.greet().await;
    seen.extend(tls(&answer, registry, clock));
    let mut reached = asked(seen, answer, registry, &watch);
    if let Some(realm) = elsewhere(reached.greeting.as_ref(), &client) {
        reached.seen.push(addresses_of((&realm, &realm.authority()), http, clock).await.0);
    }
    reached
}

/// Where tokens are given, when that is another host.
fn elsewhere(greeting: Option<&Greeting>, client: &Client) -> Option<Origin> {
    let Some(Challenge::Bearer { realm, .. }) = &greeting?.challenge else { return None };
    Origin::of(&Url::parse(realm).ok()?).filter(|origin| origin != client.origin())
}

/// Says so when the host is reached by the cluster's proxy, of which the worker does not know.
async fn by_cluster(ways: &Ways<'_>, registry: &str) -> Option<Observation> {
    let words = "no answer without a proxy, as the worker asks, and one by the proxy of the cluster";
    let reached = answers(registry, ways.cluster?).await;
    reached.then(|| Observation::failed(check::NET_PROXY, "", registry, code::REACHED_BY_PROXY).detail(words))
}

/// The registry's answer by the proxy; when nothing comes through, without it.
async fn by_proxy(client: &Client, registry: &str, direct: &Http, clock: &SharedClock) -> Reached {
    let watch = Watch::start(clock);
    let answer = client.greet().await;
    if !silent(&answer) {
        let mut all = vec![Observation::ok(check::NET_PROXY, "", registry).millis(watch.millis())];
        all.extend(tls(&answer, registry, clock));
        return asked(all, answer, registry, &watch);
    }
    let without = match self::client(registry, direct, Auth::Anonymous) {
        Ok(client) => client.greet().await,
        Err(_) => return asked(Vec::new(), answer, registry, &watch),
    };
    if silent(&without) {
        let seen = Observation::skipped(check::NET_PROXY, "", registry, code::UNEXPECTED)
            .detail("neither the proxy nor the direct way leads there");
        let mut all = vec![seen.millis(watch.millis())];
        all.extend(tls(&answer, registry, clock));
        return asked(all, answer, registry, &watch);
    }
    let seen = Observation::failed(check::NET_PROXY, "", registry, code::REACHED_DIRECT)
        .detail("no answer by the proxy of the environment, and one without it; the rest was asked without it");
    let mut all = vec![seen.millis(watch.millis())];
    all.extend(tls(&without, registry, clock));
    Reached { other: Some(direct.clone()), ..asked(all, without, registry, &watch) }
}

/// Whether nothing came through; a certificate that is refused came through.
fn silent(answer: &Result<Greeting, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::Wire(error)) if !matches!(error, WireError::Tls { .. }))
}

/// Whether the registry says anything on this way.
async fn answers(registry: &str, way: &Http) -> bool {
    match client(registry, way, Auth::Anonymous) {
        Ok(client) => !matches!(client.greet().await, Err(RegistryError::Wire(_))),
        Err(_) => false,
    }
}

/// The addresses of a host, in the words of a check.
pub(super) async fn addresses_of(
    (origin, target): (&Origin, &str),
    http: &Http,
    clock: &SharedClock,
) -> (Observation, Result<Vec<SocketAddr>, WireError>) {
    let watch = Watch::start(clock);
    let found = http.addresses(origin, patience(http)).await;
    let seen = match &found {
        Ok(found) => {
            let code = match kind(&found.addresses) {
                code::PUBLIC_ADDRESS if is_private_link(origin, found, http).await => code::PRIVATE_LINK_PUBLIC,
                other => other,
            };
            Observation::ok(check::NET_DNS, "", target).code(code).detail(&listed(found))
        }
        Err(error) => Failure::from(error).observation(check::NET_DNS, "", target),
    };
    (seen.millis(watch.millis()), found.map(|found| found.addresses))
}

/// Whether the host's name leads through the zone of a private endpoint: Azure gives it a second name there.
async fn is_private_link(origin: &Origin, found: &Found, http: &Http) -> bool {
    let last = found.alias_of.as_deref().unwrap_or_default();
    if last.split_once('.').is_some_and(|(_, zone)| zone.starts_with("privatelink.")) {
        return true;
    }
    let Some(other) = private_name(origin.host()).and_then(|name| Origin::https(&name)) else { return false };
    http.addresses(&other, patience(http)).await.is_ok()
}

/// The name that a service of Azure has in the zone of private endpoints.
fn private_name(host: &str) -> Option<String> {
    let (name, zone) = host.split_once('.')?;
    ["azurecr.io", "blob.core.windows.net"].contains(&zone).then(|| format!("{name}.privatelink.{zone}"))
}

/// The longest time of one step on the way.
fn patience(http: &Http) -> Duration {
    http.patience().unwrap_or(DEADLINE)
}

/// The addresses, and the name at the end of the aliases that lead to them.
fn listed(found: &Found) -> String {
    let mut all: Vec<String> = found.addresses.iter().map(|a| a.ip().to_string()).collect();
    all.sort();
    all.dedup();
    let all = all.join(", ");
    found.alias_of.as_ref().map_or_else(|| all.clone(), |last| format!("{all}, as `{last}`"))
}

/// Whose network the addresses are in; nothing for this machine, where only a sandbox is.
fn kind(addresses: &[SocketAddr]) -> &'static str {
    let rest = || addresses.iter().map(|a| a.ip().to_canonical()).filter(|ip| !ip.is_loopback());
    match (rest().next(), rest().all(is_private)) {
        (None, _) => "",
        (_, true) => code::PRIVATE_ADDRESS,
        (_, false) => code::PUBLIC_ADDRESS,
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        // 100.64.0.0/10 is what carriers and some cloud networks use inside.
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_link_local() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The certificate, judged by what came of the first request; nothing when that does not tell.
fn tls(answer: &Result<Greeting, RegistryError>, registry: &str, clock: &SharedClock) -> Option<Observation> {
    match answer {
        // The connection itself is known to come about: what broke was the handshake.
        Err(RegistryError::Wire(error @ (WireError::Tls { .. } | WireError::Connect { .. }))) => {
            Some(Failure::from(error).observation(check::NET_TLS, "", registry))
        }
        Err(RegistryError::Wire(_)) => None,
        Ok(Greeting { certificate_ends: Some(end), .. }) => Some(shown(registry, *end, clock.now())),
        _ => Some(Observation::ok(check::NET_TLS, "", registry)),
    }
}

/// A good certificate by its end. One that has ended came through by a clock that is behind ours, which is that check's
/// matter.
fn shown(registry: &str, end: OffsetDateTime, now: OffsetDateTime) -> Observation {
    let ok = Observation::ok(check::NET_TLS, "", registry).ending(Some(end));
    let soon = if end - now < SOON { code::EXPIRES_SOON } else { "" };
    ok.code(soon).detail(&format!("its certificate ends {}", end.format(&Rfc3339).unwrap_or_default()))
}

/// What the registry asks for, also in the words of the sign-in check that needs no credential.
fn asked(
    mut seen: Vec<Observation>,
    answer: Result<Greeting, RegistryError>,
    registry: &str,
    watch: &Watch<'_>,
) -> Reached {
    let greeting = match answer {
        Ok(greeting) => greeting,
        Err(error) => {
            let failure = Failure::from(&error);
            if seen.iter().all(|o| o.outcome != Outcome::Failed) {
                seen.push(failure.observation(check::REGISTRY_CHALLENGE, "", registry).millis(watch.millis()));
            }
            return stopped(seen, &failure, registry);
        }
    };
    let (status, words) = match &greeting.challenge {
        Some(_) => (401, "asks for a credential"),
        None => (200, "asks for no credential"),
    };
    let ok = |check, variant| Observation::ok(check, variant, registry).status(status).detail(words);
    seen.push(ok(check::REGISTRY_CHALLENGE, "").millis(watch.millis()));
    seen.push(ok(check::REGISTRY_V2, variant::ANON).millis(watch.millis()));
    Reached { seen, greeting: Some(greeting), other: None }
}

fn stopped(mut seen: Vec<Observation>, failure: &Failure, registry: &str) -> Reached {
    seen.push(failure.observation(check::REGISTRY_V2, variant::ANON, registry));
    Reached { seen, greeting: None, other: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_name_of_a_service_of_azure_is_known() {
        let rows = [
            ("reg.azurecr.io", Some("reg.privatelink.azurecr.io")),
            ("data.blob.core.windows.net", Some("data.privatelink.blob.core.windows.net")),
            ("reg.westeurope.data.azurecr.io", None),
            ("ghcr.io", None),
        ];
        for (host, name) in rows {
            assert_eq!(private_name(host).as_deref(), name, "{host}");
        }
    }

    #[test]
    fn a_certificate_is_named_before_it_ends() {
        let now = time::macros::datetime!(2026-11-27 10:00 UTC);
        let soon = |left| shown("reg.io", now + left, now).has_code(code::EXPIRES_SOON);
        assert_eq!(
            (soon(SOON), soon(SOON - time::Duration::SECOND), soon(time::Duration::SECOND)),
            (false, true, true)
        );
    }

    #[test]
    fn addresses_tell_whose_network_they_are_in() {
        let kind_of = |all: &[&str]| {
            let all: Vec<SocketAddr> = all.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 443)).collect();
            kind(&all)
        };
        assert_eq!(kind_of(&["10.0.0.4"]), code::PRIVATE_ADDRESS);
        assert_eq!(kind_of(&["100.127.0.4", "fd00::1"]), code::PRIVATE_ADDRESS);
        assert_eq!(kind_of(&["100.128.0.4"]), code::PUBLIC_ADDRESS);
        assert_eq!(kind_of(&["10.0.0.4", "20.62.128.1"]), code::PUBLIC_ADDRESS);
        assert_eq!(kind_of(&["127.0.0.1", "::1"]), "");
    }
}
