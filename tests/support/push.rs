//! Pushes the images of the examples, with the product's own HTTP pipeline and a registry's admin
//! credential.

use http::Method;
use mops_core::Secret;
use mops_wire::{
    ConnectMap, Credential, Http, HttpConfig, Origin, Redirects, Request, Response, Retry, Url, WireError,
};
use serde_json::Value;

use crate::image::{Image, MANIFEST};

/// Where to push, and as whom.
pub struct Login {
    /// `NAME.azurecr.io`.
    pub host: String,
    /// The admin user.
    pub username: String,
    /// Its password.
    pub password: Secret<String>,
}

/// Why a push failed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The request did not get through.
    #[error("the registry did not answer")]
    Wire(#[from] WireError),
    /// The registry refused.
    #[error("the registry answered {status} to {what}")]
    Refused {
        /// The status.
        status: u16,
        /// What was asked.
        what: String,
    },
}

/// A pipeline that trusts the sandbox and reaches its names on loopback.
///
/// # Errors
/// When the certificate cannot be read.
pub fn pipeline(ca_pem: &[u8], connect: Vec<(String, std::net::SocketAddr)>) -> Result<Http, WireError> {
    let mut config = HttpConfig::new();
    config.roots = vec![ca_pem.to_vec()];
    config.connect = ConnectMap::new(connect)?;
    config.this_machine_only = true;
    Http::new(config)
}

fn address(text: &str) -> Url {
    Url::parse(text).expect("made from a host name and a path")
}

fn expect(response: Response, status: u16, what: &str) -> Result<Response, PushError> {
    let got = response.status.as_u16();
    if got == status { Ok(response) } else { Err(PushError::Refused { status: got, what: what.to_owned() }) }
}

/// One repository of one registry, with a token for it.
struct Session<'a> {
    http: &'a Http,
    host: &'a str,
    token: Secret<String>,
}

impl Session<'_> {
    async fn send(
        &self,
        method: Method,
        url: Url,
        content_type: &str,
        body: bytes::Bytes,
    ) -> Result<Response, PushError> {
        let origin = Origin::https(self.host).map(|origin| Credential::bearer(origin, &self.token));
        let mut request = Request::new(method, url).body(content_type, body).credential(origin);
        request.redirects = Redirects::Return;
        request.retry = Retry::Never;
        Ok(self.http.send(request).await?)
    }

    async fn blob(&self, name: &str, digest: &str, bytes: &bytes::Bytes) -> Result<(), PushError> {
        let begin = address(&format!("https://{}/v2/{name}/blobs/uploads/", self.host));
        let begun = self.send(Method::POST, begin, "application/octet-stream", bytes::Bytes::new()).await?;
        let begun = expect(begun, 202, "begin an upload")?;
        let mut end = address(&format!("https://{}{}", self.host, begun.header("location").unwrap_or_default()));
        end.query_pairs_mut().append_pair("digest", digest);
        let ended = self.send(Method::PUT, end, "application/octet-stream", bytes.clone()).await?;
        expect(ended, 201, "end an upload").map(|_| ())
    }
}

/// Pushes one image.
///
/// # Errors
/// When the registry refuses or does not answer.
pub async fn push(http: &Http, login: &Login, image: &Image) -> Result<(), PushError> {
    let (name, tag) = image.parts();
    let mut realm = address(&format!("https://{}/oauth2/token", login.host));
    realm
        .query_pairs_mut()
        .append_pair("service", &login.host)
        .append_pair("scope", &format!("repository:{name}:pull,push"));
    let basic = Origin::https(&login.host).map(|o| Credential::basic(o, &login.username, &login.password));
    let answer = expect(http.send(Request::get(realm).credential(basic)).await?, 200, "give a token")?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let token = Secret::new(body["access_token"].as_str().unwrap_or_default().to_owned());
    let session = Session { http, host: &login.host, token };
    for (digest, bytes) in &image.blobs {
        session.blob(name, digest, bytes).await?;
    }
    let url = address(&format!("https://{}/v2/{name}/manifests/{tag}", login.host));
    let put = session.send(Method::PUT, url, MANIFEST, image.manifest.clone()).await?;
    expect(put, 201, "store a manifest").map(|_| ())
}
