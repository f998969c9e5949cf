//! A client's seat in front of a registry: it asks, and writes down what a client can see of each
//! answer, in words that do not change from run to run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mops_tests::image::Image;
use mops_tests::registry::content::digest;
use mops_tests::sandbox::Options;
use mops_wire::{Origin, Request, WireError};
use serde_json::{Value, json};

use crate::client::{API_REGISTRY, Answer, Bench};

pub(crate) const HOST: &str = "modelopsdevacr.azurecr.io";
pub(crate) const USER: &str = "modelopsdevacr";

/// Headers that clients act on.
const SEEN: [&str; 12] = [
    "accept-ranges",
    "allow",
    "content-range",
    "content-type",
    "docker-content-digest",
    "docker-distribution-api-version",
    "docker-upload-uuid",
    "etag",
    "link",
    "location",
    "range",
    "www-authenticate",
];

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum As<'a> {
    Nobody,
    /// With a token for these scopes, asked for with the admin user's password.
    Token(&'a str),
    /// With a token that nobody signed.
    Garbage,
    /// With a user and a password at the data route itself.
    Basic(bool),
}

/// One request.
pub(crate) struct Ask<'a> {
    method: &'a str,
    path: String,
    by: As<'a>,
    headers: Vec<(&'a str, String)>,
    body: Bytes,
}

/// A request by nobody, without a body.
pub(crate) fn ask<'a>(method: &'a str, path: impl Into<String>) -> Ask<'a> {
    Ask { method, path: path.into(), by: As::Nobody, headers: Vec::new(), body: Bytes::new() }
}

impl<'a> Ask<'a> {
    pub(crate) fn by(self, by: As<'a>) -> Self {
        Self { by, ..self }
    }

    /// With a token for these scopes.
    pub(crate) fn with(self, scopes: &'a str) -> Self {
        self.by(As::Token(scopes))
    }

    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(self, media: &str, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self.header("content-type", media) }
    }
}

/// The seat, the registry and what was seen so far.
pub(crate) struct Seat {
    pub(crate) bench: Bench,
    password: String,
    tokens: BTreeMap<String, String>,
    /// Words for what would differ from run to run, and the bytes behind a word.
    words: Vec<(String, String)>,
    contents: Vec<(String, Bytes)>,
    text: String,
}

impl Seat {
    /// In front of the fake, or of docker-registry behind the same names.
    pub(crate) async fn at(docker_registry: bool) -> Self {
        let bench = Bench::over(Options { docker_registry, ..Options::default() }).await.with_group("g").await;
        let path = bench.of("g", "Microsoft.ContainerRegistry/registries", USER);
        let body = json!({"location": "eastus2", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}});
        bench.arm("PUT", &path, API_REGISTRY, Some(body)).await;
        bench.pass(60);
        let listed = bench.arm("POST", &format!("{path}/listCredentials"), API_REGISTRY, None).await;
        let password = listed.body["passwords"][0]["value"].as_str().expect("a password").to_owned();
        Self { bench, password, tokens: BTreeMap::new(), words: Vec::new(), contents: Vec::new(), text: String::new() }
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Everything that was seen.
    pub(crate) fn seen(self) -> String {
        self.text
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&mut self, title: &str) {
        let _ = writeln!(self.text, "\n## {title}");
    }

    /// From now on these bytes and their digest are called so.
    pub(crate) fn call(&mut self, word: &str, bytes: &Bytes) -> String {
        let digest = digest(bytes);
        self.words.push((digest.clone(), word.to_owned()));
        self.contents.push((word.to_owned(), bytes.clone()));
        digest
    }

    /// The same for the parts of an image.
    pub(crate) fn call_image(&mut self, image: &Image, name: &str) {
        self.call(&format!("{name}-MANIFEST"), &image.manifest);
        for ((_, bytes), part) in image.blobs.iter().zip(["CONFIG", "LAYER"]) {
            self.call(&format!("{name}-{part}"), bytes);
        }
    }

    /// Asks, and writes down question and answer. Gives the address that the answer leads to.
    pub(crate) async fn see(&mut self, ask: Ask<'_>) -> String {
        let who = match ask.by {
            As::Nobody => String::new(),
            As::Token(scopes) => format!(" [{scopes}]"),
            As::Garbage => " [garbage]".to_owned(),
            As::Basic(good) => format!(" [Basic, {}]", if good { "right" } else { "wrong" }),
        };
        let mut lines = format!("> {} {}{who}\n", ask.method, shown(&ask.path));
        for (name, value) in &ask.headers {
            let _ = writeln!(lines, "> {name}: {value}");
        }
        let head = ask.method == "HEAD";
        let Ok(answer) = self.send(ask).await else {
            lines.push_str("< the answer breaks off\n");
            self.text.push_str(&self.in_words(&lines));
            return String::new();
        };
        if let Some(upload) = answer.raw.header("docker-upload-uuid") {
            self.words.push((upload.to_owned(), "UPLOAD".to_owned()));
        }
        lines.push_str(&self.answer(&answer, head));
        self.text.push_str(&self.in_words(&lines));
        answer.header("location").to_owned()
    }

    async fn send(&mut self, ask: Ask<'_>) -> Result<Answer, WireError> {
        let url = format!("https://{HOST}{}", ask.path).parse().expect("an address");
        let mut request = Request::new(ask.method.parse().expect("a verb"), url);
        let authorization = match ask.by {
            As::Nobody => None,
            As::Garbage => Some("Bearer abc.def.ghi".to_owned()),
            As::Token(scopes) => Some(format!("Bearer {}", self.token(scopes).await)),
            As::Basic(good) => Some(self.basic(good)),
        };
        if let Some(authorization) = authorization {
            let origin = Origin::of(&request.url).expect("an origin");
            request = request.header(http::header::AUTHORIZATION, &authorization);
            request.adopt_authorization(origin);
        }
        for (name, value) in ask.headers {
            request = request.header(name.parse().expect("a header"), &value);
        }
        request.body = ask.body;
        self.bench.send(request).await
    }

    fn basic(&self, good: bool) -> String {
        let password = if good { self.password.as_str() } else { "wrong" };
        format!("Basic {}", STANDARD.encode(format!("{USER}:{password}")))
    }

    async fn token(&mut self, scopes: &str) -> String {
        if let Some(token) = self.tokens.get(scopes) {
            return token.clone();
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("service", HOST)
            .extend_pairs(scopes.split(' ').map(|scope| ("scope", scope)))
            .finish();
        let url = format!("https://{HOST}/oauth2/token?{query}").parse().expect("an address");
        let mut request = Request::get(url).header(http::header::AUTHORIZATION, &self.basic(true));
        request.adopt_authorization(Origin::of(&request.url).expect("an origin"));
        let answer = self.bench.send(request).await.expect("an answer");
        let token = answer.body["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        self.tokens.insert(scopes.to_owned(), token.clone());
        token
    }

    fn answer(&self, answer: &Answer, head: bool) -> String {
        let mut lines = format!("< {}\n", answer.status);
        for name in SEEN {
            for value in answer.raw.headers.get_all(name) {
                let text = value.to_str().unwrap_or_default();
                // The rest of an upload's address belongs to the registry alone.
                let text = match name {
                    "location" => shown(text),
                    "www-authenticate" => in_order(text),
                    _ => text.to_owned(),
                };
                let _ = writeln!(lines, "< {name}: {text}");
            }
        }
        if head && answer.status == 200 {
            let _ = writeln!(lines, "< content-length: {}", answer.header("content-length"));
        }
        if !answer.raw.body.is_empty() {
            let _ = writeln!(lines, "< {}", self.content(answer));
        }
        lines
    }

    /// A body: by its name, by the codes of its errors (their words are each service's own), or as it is.
    fn content(&self, answer: &Answer) -> String {
        if let Some((word, _)) = self.contents.iter().find(|(_, bytes)| *bytes == answer.raw.body) {
            return format!("= {word}");
        }
        match answer.body["errors"].as_array() {
            Some(errors) => {
                let codes: Vec<&str> = errors.iter().map(|e| e["code"].as_str().unwrap_or("none")).collect();
                format!("errors {}", codes.join(" "))
            }
            None if answer.body == Value::Null => format!("text {}", answer.text.trim()),
            None => format!("json {}", sorted(answer.body.clone())),
        }
    }

    /// With the words in the place of what would differ from run to run.
    fn in_words(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (found, word)| text.replace(found, word))
    }
}

/// An address without the parameters that belong to the registry alone.
fn shown(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let ours: Vec<&str> = query.split('&').filter(|p| !p.starts_with('_')).collect();
    if ours.is_empty() { path.to_owned() } else { format!("{path}?{}", ours.join("&")) }
}

/// docker-registry names several scopes, and several actions of one, in any order.
fn in_order(challenge: &str) -> String {
    let Some((head, rest)) = challenge.split_once("scope=\"") else { return challenge.to_owned() };
    let (scopes, tail) = rest.split_once('"').unwrap_or((rest, ""));
    let sorted = |scope: &str| {
        let (name, actions) = scope.rsplit_once(':').unwrap_or((scope, ""));
        let mut actions: Vec<&str> = actions.split(',').collect();
        actions.sort_unstable();
        format!("{name}:{}", actions.join(","))
    };
    let mut scopes: Vec<String> = scopes.split(' ').map(sorted).collect();
    scopes.sort_unstable();
    format!("{head}scope=\"{}\"{tail}", scopes.join(" "))
}

/// docker-registry lists tags as its disk gives them.
fn sorted(mut body: Value) -> Value {
    if let Some(tags) = body.get_mut("tags").and_then(Value::as_array_mut) {
        tags.sort_by_key(ToString::to_string);
    }
    body
}
