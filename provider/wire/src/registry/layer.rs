//! A layer, read as far as a diagnosis needs it: from the registry, or from the one host to which it sends.

use http::header::{ACCEPT_ENCODING, LOCATION, RANGE};
use http::{Method, StatusCode};
use url::Url;

use super::client::Client;
use super::content::pull_scope;
use super::error::{Asked, RegistryError};
use super::reference::{Digest, Reference};
use crate::error::WireError;
use crate::origin::{Origin, check_scheme, is_own_network};
use crate::redact;
use crate::request::{Redirects, Request};
use crate::response::Response;

/// Layers up to this size are read whole, and their digest is compared.
const WHOLE: u64 = 1 << 20;
/// Most that is taken of a larger one.
const START: usize = 64 << 10;

/// How a layer was read.
#[derive(Debug)]
pub struct Layer {
    /// The host to which the registry sends for it; none when it has the bytes itself.
    pub elsewhere: Option<String>,
    /// Whether the whole layer came with its digest; of a large one only the start is read.
    pub whole: Result<bool, RegistryError>,
}

impl Client {
    /// Reads a layer of this size. One redirect is followed, without the login and never into the network that
    /// belongs to the machine itself, where metadata services are.
    ///
    /// # Errors
    /// What the registry itself says; what the other host says is in [`Layer::whole`].
    pub async fn layer(&self, repository: &Reference, digest: &Digest, size: u64) -> Result<Layer, RegistryError> {
        let name = repository.repository();
        let target = format!("{}/{name}@{digest}", repository.registry());
        let asked = Asked { operation: "read blob", target: &target };
        let request = ask_for(self.url(&format!("/v2/{name}/blobs/{digest}"))?, size);
        let response = match self.send(request, &pull_scope(name), asked).await {
            Ok(response) => response,
            Err(error) => return begun(error, size).map(|whole| Layer { elsewhere: None, whole: Ok(whole) }),
        };
        let Some(next) = moved(&response) else {
            return Ok(Layer { elsewhere: None, whole: Ok(self.judge(&response, digest, size, asked)?) });
        };
        let elsewhere = Origin::of(&next).map(|origin| origin.authority());
        let whole = self.read_elsewhere(&response.url, next, (digest, size), asked).await;
        Ok(Layer { elsewhere, whole })
    }

    async fn read_elsewhere(
        &self,
        from: &Url,
        next: Url,
        (digest, size): (&Digest, u64),
        asked: Asked<'_>,
    ) -> Result<bool, RegistryError> {
        self.check_elsewhere(from, &next).await?;
        let response = match self.http.send(self.paced(ask_for(next, size))).await {
            Ok(response) => response,
            Err(error) => return begun(error.into(), size),
        };
        self.judge(&response, digest, size, asked)
    }

    /// Whether an address to which the registry sends may be asked: over https, and not in the network that belongs to
    /// the machine itself.
    pub(crate) async fn check_elsewhere(&self, from: &Url, next: &Url) -> Result<(), WireError> {
        let refused = |why| WireError::Redirect { from: redact::url(from), to: redact::url(next), why };
        check_scheme(next).map_err(refused)?;
        let origin = Origin::of(next).filter(|o| o.scheme() == "https").ok_or_else(|| refused("it leaves https"))?;
        if !self.http.by_proxy(&origin) {
            let found = self.http.addresses(&origin, self.paced(Request::get(next.clone())).deadline).await?;
            if found.addresses.iter().any(|a| is_own_network(a.ip())) {
                return Err(refused("it leads into the machine's own network"));
            }
        }
        Ok(())
    }

    fn judge(&self, response: &Response, digest: &Digest, size: u64, asked: Asked<'_>) -> Result<bool, RegistryError> {
        match (response.status, Digest::of(&response.body)) {
            (StatusCode::PARTIAL_CONTENT, _) if size > WHOLE => Ok(false),
            (StatusCode::OK, got) if got == *digest => Ok(true),
            (StatusCode::OK, got) => Err(self.wrong_digest(digest, &got)),
            _ => Err(self.refused(asked, response, None)),
        }
    }
}

fn ask_for(url: Url, size: u64) -> Request {
    // The digest is over the stored bytes: nobody may pack them on the way.
    let mut request = Request::new(Method::GET, url).header(ACCEPT_ENCODING, "identity");
    request.redirects = Redirects::Return;
    request.max_body = usize::try_from(size.min(WHOLE)).unwrap_or(START).max(START);
    if size > WHOLE {
        request = request.header(RANGE, "bytes=0-15");
    }
    request
}

/// Who ignores the range of a large layer sends more than is taken; that it sends is what was asked.
fn begun(error: RegistryError, size: u64) -> Result<bool, RegistryError> {
    match error {
        RegistryError::Wire(WireError::TooLarge { .. }) if size > WHOLE => Ok(false),
        other => Err(other),
    }
}

fn moved(response: &Response) -> Option<Url> {
    let to = response.status.is_redirection().then(|| response.header(LOCATION.as_str()))??;
    response.url.join(to).ok()
}
