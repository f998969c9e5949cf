//! Image pulls of nodes, in containerd's order: resolve by HEAD, answer the challenge with the
//! pull secret, else as the kubelet's own identity, then manifest and blobs. Goes through the registry fake and its
//! faults.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mops_core::BoxFuture;
use serde_json::{Value, json};

use crate::http::Handler;
use crate::kubernetes::{ImagePuller, PullError};
use crate::world::World;

const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.oci.image.index.v1+json, */*";

/// The one image of another host that nodes get: public, so that no credential is asked for. Assumed:
/// a pull of it has not been recorded.
const PUBLIC: &str = "nvcr.io/nvidia/k8s-device-plugin:";

/// Pulls from the sandbox's registries; every other host does not resolve.
pub(super) struct Puller {
    registry: Option<Handler>,
    world: Arc<World>,
    /// The principal that the nodes are.
    kubelet: String,
}

/// The user name that goes with a refresh token.
const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

/// `HOST/NAME:TAG` or `HOST/NAME@DIGEST` in its parts.
struct Image {
    host: String,
    name: String,
    reference: String,
}

impl Image {
    fn parse(text: &str) -> Self {
        let (host, rest) = match text.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => ("registry-1.docker.io", text),
        };
        let (name, reference) = if let Some((name, digest)) = rest.split_once('@') {
            (name, digest)
        } else if let Some((name, tag)) = rest.rsplit_once(':') {
            (name, tag)
        } else {
            (rest, "latest")
        };
        Self { host: host.into(), name: name.into(), reference: reference.into() }
    }

    fn manifest(&self) -> String {
        format!("/v2/{}/manifests/{}", self.name, self.reference)
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.host)
    }
}

impl Puller {
    pub(super) const fn new(registry: Option<Handler>, world: Arc<World>, kubelet: String) -> Self {
        Self { registry, world, kubelet }
    }

    /// What the credential provider of AKS's nodes gives for a registry of Azure: the machine's token, traded at the
    /// registry. Nothing when the registry does not trade it; then the pull goes on without a credential.
    async fn own_login(&self, image: &Image) -> Option<String> {
        let now = self.world.now().unix_timestamp();
        let claims = json!({"aud": self.world.arm_origin(), "oid": self.kubelet, "iat": now, "exp": now + 3600});
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "access_token")
            .append_pair("service", &image.host)
            .append_pair("access_token", &self.world.sign(&claims))
            .finish();
        let request = Request::post("/oauth2/exchange")
            .header("host", &image.host)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .ok()?;
        let registry = self.registry.as_ref().filter(|_| image.host.ends_with(".azurecr.io"))?;
        let answer = registry(request).await.ok().filter(|answer| answer.status() == 200)?;
        let body: Value = serde_json::from_slice(&read(answer).await).ok()?;
        Some(STANDARD.encode(format!("{TOKEN_USER}:{}", body["refresh_token"].as_str()?)))
    }

    async fn ask(
        &self,
        method: &str,
        image: &Image,
        path: &str,
        auth: Option<&str>,
    ) -> Result<Response<Body>, PullError> {
        let failed = |words: &str| {
            let verb = if method == "HEAD" { "Head" } else { "Get" };
            PullError::Request { detail: format!("{verb} \"{}\": {words}", image.url(path)) }
        };
        let served = image.host.ends_with(".azurecr.io");
        let no_host = || failed(&format!("dial tcp: lookup {} on 10.0.0.10:53: no such host", image.host));
        let registry = self.registry.as_ref().filter(|_| served).ok_or_else(no_host)?;
        let mut request =
            Request::builder().method(method).uri(path).header("host", &image.host).header("accept", ACCEPT);
        if let Some(auth) = auth {
            request = request.header("authorization", auth);
        }
        let request = request.body(Body::empty()).map_err(|_| failed("invalid reference format"))?;
        registry(request).await.map_err(|_| no_host())
    }

    async fn resolve(&self, image: &Image, login: Option<&str>) -> Result<Option<String>, PullError> {
        let path = image.manifest();
        let first = self.ask("HEAD", image, &path, None).await?;
        if first.status() != 401 {
            return manifest_status(image, &first, image.url(&path)).map(|()| None);
        }
        let token = self.token(image, first.headers(), login).await?;
        let bearer = format!("Bearer {token}");
        let second = self.ask("HEAD", image, &path, Some(&bearer)).await?;
        if second.status() == 401 && challenge(second.headers()).contains("insufficient_scope") {
            return Err(PullError::InsufficientScope);
        }
        manifest_status(image, &second, image.url(&path))?;
        Ok(Some(bearer))
    }

    async fn token(&self, image: &Image, headers: &HeaderMap, login: Option<&str>) -> Result<String, PullError> {
        let scope = format!("repository%3A{}%3Apull", image.name.replace('/', "%2F"));
        let path = format!("/oauth2/token?scope={scope}&service={}", image.host);
        if !challenge(headers).starts_with("Bearer ") && login.is_none() {
            return Err(PullError::NoBasicCredentials);
        }
        let basic = login.map(|l| format!("Basic {l}"));
        let answer = self.ask("GET", image, &path, basic.as_deref()).await?;
        let (status, url) = (answer.status().as_u16(), image.url(&path));
        if status != 200 {
            return Err(match login {
                Some(_) => PullError::OauthToken { url, status },
                None => PullError::AnonymousToken { url, status },
            });
        }
        let body: Value = serde_json::from_slice(&read(answer).await).unwrap_or_default();
        Ok(body["access_token"].as_str().unwrap_or_default().to_owned())
    }

    async fn fetch(&self, image: &Image, auth: Option<&str>) -> Result<(), PullError> {
        let answer = self.ask("GET", image, &image.manifest(), auth).await?;
        let manifest: Value = serde_json::from_slice(&read(answer).await).unwrap_or_default();
        let layers = manifest["layers"].as_array().into_iter().flatten();
        for part in layers.chain([&manifest["config"]]) {
            let Some(digest) = part["digest"].as_str() else { continue };
            let path = format!("/v2/{}/blobs/{digest}", image.name);
            let blob = self.ask("GET", image, &path, auth).await?;
            if blob.status() != 200 {
                let media_type = part["mediaType"].as_str().unwrap_or_default().to_owned();
                return Err(PullError::BlobMissing { digest: digest.to_owned(), media_type });
            }
        }
        Ok(())
    }
}

fn challenge(headers: &HeaderMap) -> &str {
    headers.get("www-authenticate").and_then(|h| h.to_str().ok()).unwrap_or_default()
}

async fn read(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap_or_default()
}

fn manifest_status(image: &Image, answer: &Response<Body>, url: String) -> Result<(), PullError> {
    match answer.status().as_u16() {
        200 => Ok(()),
        404 => Err(PullError::TagMissing { reference: format!("{}/{}:{}", image.host, image.name, image.reference) }),
        status => Err(PullError::Manifest { url, status }),
    }
}

/// The login for a host out of one `.dockerconfigjson`, as Basic credentials.
fn login(config: &[u8], host: &str) -> Option<String> {
    let config: Value = serde_json::from_slice(config).ok()?;
    let auths = config["auths"].as_object()?;
    let bare = |key: &str| {
        key.trim_start_matches("https://")
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let (_, entry) = auths.iter().find(|(key, _)| bare(key) == host)?;
    match entry["auth"].as_str().filter(|a| !a.is_empty()) {
        Some(auth) => Some(auth.to_owned()),
        None => Some(STANDARD.encode(format!("{}:{}", entry["username"].as_str()?, entry["password"].as_str()?))),
    }
}

impl ImagePuller for Puller {
    fn pull<'a>(&'a self, image: &'a str, dockerconfigjson: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>> {
        Box::pin(async move {
            if image.starts_with(PUBLIC) {
                return Ok(());
            }
            let image = Image::parse(image);
            let mut logins: Vec<String> = dockerconfigjson.iter().filter_map(|c| login(c, &image.host)).collect();
            logins.extend(self.own_login(&image).await);
            // The kubelet tries each credential that fits, then none.
            let tries = logins.iter().map(|l| Some(l.as_str())).chain(logins.is_empty().then_some(None));
            let mut last = PullError::NoBasicCredentials;
            for login in tries {
                match self.resolve(&image, login).await {
                    Ok(auth) => return self.fetch(&image, auth.as_deref()).await,
                    Err(error) => last = error,
                }
            }
            Err(last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_fall_into_their_parts() {
        let image = Image::parse("myacr.azurecr.io/team/app:1");
        assert_eq!(
            (image.host.as_str(), image.name.as_str(), image.reference.as_str()),
            ("myacr.azurecr.io", "team/app", "1")
        );
        assert_eq!(Image::parse("busybox").reference, "latest");
        assert_eq!(Image::parse("a.io/b@sha256:00").reference, "sha256:00");
    }

    #[test]
    fn logins_are_found_by_host_in_every_spelling() {
        let config = br#"{"auths": {"https://a.azurecr.io/v1/": {"username": "u", "password": "p"}}}"#;
        assert_eq!(login(config, "a.azurecr.io").as_deref(), Some(STANDARD.encode("u:p").as_str()));
        assert!(login(config, "b.azurecr.io").is_none());
    }
}
