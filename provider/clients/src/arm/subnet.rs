//! Subnets: how many addresses one has, and how many are left.

use serde_json::Value as Json;

use super::client::ArmClient;
use super::id::ResourceId;
use super::version;
use crate::error::ClientError;

/// Addresses of each subnet that Azure keeps for itself.
const KEPT: u64 = 5;

/// The addresses of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// That machines may have.
    pub usable: u64,
    /// That something has.
    pub used: u64,
}

impl Addresses {
    /// That are left.
    #[must_use]
    pub const fn free(self) -> u64 {
        self.usable.saturating_sub(self.used)
    }
}

impl ArmClient {
    /// The IPv4 addresses of a subnet; `None` when there is no such subnet.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn addresses(&self, subnet: &ResourceId) -> Result<Option<Addresses>, ClientError> {
        let Some(body) = self.get(subnet.as_str(), version::NETWORK).await? else { return Ok(None) };
        addresses(&body).map(Some).ok_or(ClientError::Unreadable { what: "a subnet", field: "addressPrefix" })
    }
}

fn addresses(body: &Json) -> Option<Addresses> {
    let one = body.pointer("/properties/addressPrefix");
    let many = body.pointer("/properties/addressPrefixes").and_then(Json::as_array).into_iter().flatten();
    let prefixes: Vec<&str> = one.into_iter().chain(many).filter_map(Json::as_str).collect();
    let mut sizes: Vec<u64> = prefixes.iter().filter_map(|p| size(p)).collect();
    // The first of several is also given alone.
    if one.is_some() && sizes.len() > 1 {
        sizes.remove(0);
    }
    let used = body.pointer("/properties/ipConfigurations").and_then(Json::as_array).map_or(0, Vec::len);
    let usable = sizes.iter().map(|size| size.saturating_sub(KEPT)).sum();
    (!sizes.is_empty()).then_some(Addresses { usable, used: used as u64 })
}

/// Addresses of an IPv4 prefix.
fn size(prefix: &str) -> Option<u64> {
    let (base, bits) = prefix.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    base.parse::<std::net::Ipv4Addr>().ok()?;
    Some(1 << (32 - bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn five_addresses_are_not_ours() {
        let body = json!({"properties": {"addressPrefix": "10.0.0.0/28", "ipConfigurations": [{}, {}]}});
        assert_eq!(addresses(&body), Some(Addresses { usable: 11, used: 2 }));
        let several = json!({"properties": {"addressPrefixes": ["10.0.0.0/28", "fd00::/64"]}});
        assert_eq!(addresses(&several).map(Addresses::free), Some(11));
        assert_eq!(addresses(&json!({"properties": {}})), None);
    }
}
