//! Which realm may ask for the credential of which registry.
//!
//! Guarantees that only the registry itself, or a host that was paired with this very registry, is
//! ever asked for a token; a list of trusted realms alone would let any registry name one (R14).

use url::{Host, Url};

use crate::origin::Origin;
use crate::redact;

/// A registry and the realm that speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    registry: Origin,
    realm: Origin,
}

impl Pair {
    /// Pairs two `HOST[:PORT]`; none when one of them is not a host or the realm is an address.
    #[must_use]
    pub fn new(registry: &str, realm: &str) -> Option<Self> {
        let pair = Self { registry: Origin::https(registry)?, realm: Origin::https(realm)? };
        let by_name = Url::parse(&format!("https://{realm}/")).is_ok_and(|url| is_name(&url));
        by_name.then_some(pair)
    }
}

/// The pairs of a run.
#[derive(Clone, Debug)]
pub struct RealmPolicy {
    pairs: Vec<Pair>,
}

/// A realm that gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("registry `{registry}` sends logins to `{realm}`, which gets none: {why}")]
pub struct RealmRefused {
    /// The registry.
    pub registry: String,
    /// The realm, masked.
    pub realm: String,
    /// The rule.
    pub why: &'static str,
}

impl Default for RealmPolicy {
    fn default() -> Self {
        let known = [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];
        Self { pairs: known.into_iter().filter_map(|(registry, realm)| Pair::new(registry, realm)).collect() }
    }
}

impl RealmPolicy {
    /// The built-in pairs and those of the user.
    #[must_use]
    pub fn with(pairs: impl IntoIterator<Item = Pair>) -> Self {
        let mut policy = Self::default();
        policy.pairs.extend(pairs);
        policy
    }

    /// The address of a realm that may be asked.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub fn judge(&self, registry: &Origin, realm: &str) -> Result<Url, RealmRefused> {
        let parsed = Url::parse(realm);
        let shown = parsed.as_ref().map_or_else(|_| redact::MASK.to_owned(), redact::url);
        let refused = |why| RealmRefused { registry: registry.authority(), realm: shown.clone(), why };
        check_text(realm).map_err(refused)?;
        let url = parsed.map_err(|_| refused("it is not an address"))?;
        if url.scheme() != "https" {
            return Err(refused("it is not https"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refused("it has a user name or a fragment"));
        }
        let origin = Origin::of(&url).ok_or_else(|| refused("it names no host"))?;
        if origin == *registry {
            return Ok(url);
        }
        if !is_name(&url) {
            return Err(refused("it is an address instead of a name"));
        }
        let paired = self.pairs.iter().any(|pair| pair.registry == *registry && pair.realm == origin);
        if paired { Ok(url) } else { Err(refused("it is another host, and no pair allows it")) }
    }
}

/// What the URL parser would silently repair is refused before it.
fn check_text(realm: &str) -> Result<(), &'static str> {
    if realm.len() > 2048 {
        return Err("it is too long");
    }
    if !realm.bytes().all(|b| b.is_ascii_graphic()) || realm.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
        return Err("it has characters that no address has");
    }
    let authority = realm.strip_prefix("https://").ok_or("it is not https")?;
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains(['@', '%']) {
        return Err("its host is not plainly written");
    }
    Ok(())
}

fn is_name(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name != "localhost" && !name.ends_with(".localhost") && name.contains('.'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(registry: &str, realm: &str) -> bool {
        let policy = RealmPolicy::with(Pair::new("reg.example:5000", "auth.example:5001"));
        policy.judge(&Origin::https(registry).unwrap(), realm).is_ok()
    }

    #[test]
    fn own_host_and_pairs_are_asked() {
        let rows = [
            ("reg.example", "https://reg.example/token"),
            ("reg.example", "https://reg.example:443/token?scope=a"),
            ("127.0.0.1:5000", "https://127.0.0.1:5000/token"),
            ("registry-1.docker.io", "https://auth.docker.io/token"),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("reg.example:5000", "https://auth.example:5001/"),
        ];
        for (registry, realm) in rows {
            assert!(judge(registry, realm), "{registry} {realm}");
        }
    }

    #[test]
    fn everybody_else_is_not() {
        let rows = [
            ("reg.example", "https://auth.docker.io/token"),
            ("reg.example", "https://auth.example:5001/"),
            ("reg.example:5000", "https://auth.example/"),
            ("auth.docker.io", "https://registry-1.docker.io/"),
            ("reg.example", "https://reg.example:444/"),
            ("reg.example", "http://reg.example/"),
            ("reg.example", "https://reg.example./"),
            ("reg.example", "https://reg.example.evil/"),
            ("reg.example", "https://a.reg.example/"),
            ("reg.example", "https://reg.example@evil/"),
            ("reg.example", "https://user@reg.example/"),
            ("reg.example", "https://reg.example#@evil/"),
            ("reg.example", "https://reg.example/#f"),
            ("reg.example", "https:reg.example/"),
            ("reg.example", "https:\\\\reg.example/"),
            ("reg.example", "https://reg.example\t/"),
            ("reg.example", " https://reg.example/"),
            ("reg.example", "//reg.example/"),
            ("reg.example", "/token"),
            ("reg.example", ""),
            ("reg.example", "https://"),
            ("reg.example", "https://169.254.169.254/"),
            ("reg.example", "https://2852039166/"),
            ("reg.example", "https://[::ffff:169.254.169.254]/"),
            ("reg.example", "https://0x7f.1/"),
            ("reg.example", "https://reg%2eexample/"),
            ("reg.example", "https://rég.example/"),
            ("127.0.0.1:5000", "https://127.0.0.1:5001/"),
            ("127.0.0.1:5000", "https://2130706433:5001/"),
        ];
        for (registry, realm) in rows {
            assert!(!judge(registry, realm), "{registry} {realm}");
        }
    }

    #[test]
    fn a_pair_names_hosts() {
        for realm in ["127.0.0.1", "[::1]:5", "localhost", "2130706433", "a b", "u@a.b", "metadata"] {
            assert_eq!(Pair::new("reg.example", realm), None, "{realm}");
        }
    }
}
