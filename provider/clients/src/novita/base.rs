//! Where the API is.

use mops_wire::Url;
use mops_wire::origin::check_scheme;

/// The public address.
pub const BASE: &str = "https://api.novita.ai/gpu-instance/openapi";

/// The address below which the API is, without the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(Url);

impl Base {
    /// Reads an address; a `/v1` or `/` at its end may stand there or not.
    ///
    /// # Errors
    /// Why it is not one that a key is sent to.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bare = text.trim_end_matches('/');
        let bare = bare.strip_suffix("/v1").unwrap_or(bare).trim_end_matches('/');
        let url = Url::parse(bare).map_err(|error| format!("it is no address: {error}"))?;
        check_scheme(&url)?;
        match url.query().is_some() || url.fragment().is_some() {
            true => Err("it has a `?` or `#`".to_owned()),
            false => Ok(Self(url)),
        }
    }

    /// The host, with its port unless that is the usual one.
    #[must_use]
    pub fn host(&self) -> String {
        mops_wire::Origin::of(&self.0).map(|origin| origin.authority()).unwrap_or_default()
    }

    /// The origin to which the key belongs.
    #[must_use]
    pub fn origin(&self) -> Option<mops_wire::Origin> {
        mops_wire::Origin::of(&self.0)
    }

    /// An address below it.
    pub(super) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v_10_the_version_may_stand_at_the_end() {
        for text in [BASE, &format!("{BASE}/"), &format!("{BASE}/v1"), &format!("{BASE}/v1/")] {
            let base = Base::parse(text).unwrap();
            assert_eq!(base.join("/v1/x").as_str(), format!("{BASE}/v1/x"), "{text}");
        }
        assert_eq!(Base::parse("http://127.0.0.1:8/v1").unwrap().join("/v1/x").as_str(), "http://127.0.0.1:8/v1/x");
        assert_eq!(Base::parse(BASE).unwrap().host(), "api.novita.ai");
    }

    #[test]
    fn v_10_a_key_is_sent_encrypted_and_nowhere_else() {
        for text in
            ["http://api.novita.ai", "https://u:p@api.novita.ai", "https://a/?x=1", "https://a/#x", "novita", ""]
        {
            assert!(Base::parse(text).is_err(), "{text}");
        }
    }
}
