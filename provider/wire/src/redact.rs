//! What of a request may be shown: only what is on a list.
//!
//! Guarantees that an unknown query parameter, header or operation address is masked (`tests`, R12).

use std::fmt::Write as _;

use http::HeaderMap;
use mops_core::secret::masked;
use url::Url;

/// Stands for what is not shown.
pub const MASK: &str = "[masked]";

const QUERY: &[&str] = &[
    "allowWatchBookmarks",
    "api-version",
    "comp",
    "container",
    "delimiter",
    "digest",
    "dryRun",
    "fieldManager",
    "fieldSelector",
    "follow",
    "force",
    "from",
    "labelSelector",
    "last",
    "limit",
    "maxresults",
    "mount",
    "n",
    "prefix",
    "resourceVersion",
    "restype",
    "scope",
    "se",
    "service",
    "sp",
    "sr",
    "st",
    "sv",
    "tailLines",
    "timeoutSeconds",
    "watch",
];

const HEADERS: &[&str] = &[
    "accept",
    "content-length",
    "content-type",
    "date",
    "docker-content-digest",
    "docker-distribution-api-version",
    "etag",
    "retry-after",
    "server",
    "user-agent",
    "x-ms-client-request-id",
    "x-ms-correlation-request-id",
    "x-ms-error-code",
    "x-ms-failure-cause",
    "x-ms-ratelimit-remaining-subscription-deletes",
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-request-id",
    "x-ms-routing-request-id",
    "x-ms-version",
];

/// Path segments below which an address is an operation's: it may give access to its result.
const OPERATIONS: &[&str] = &["operationresults", "operationstatuses", "operations", "asyncoperations"];

/// A URL with its known query parameters; the rest is masked, so are user info and fragment.
#[must_use]
pub fn url(url: &Url) -> String {
    if !masked() {
        return url.to_string();
    }
    let mut out = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        let _ = write!(out, ":{port}");
    }
    out.push_str(&path(url.path()));
    if path_is_operation(url.path()) {
        if url.query().is_some() {
            let _ = write!(out, "?{MASK}");
        }
        return out;
    }
    let mut separator = '?';
    for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        out.push(separator);
        separator = '&';
        let _ = match QUERY.contains(&name) {
            true => write!(out, "{name}={value}"),
            false if is_plain(name) => write!(out, "{name}={MASK}"),
            false => write!(out, "{MASK}"),
        };
    }
    out
}

/// The known headers; the others by name only.
#[must_use]
pub fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown =
        |name: &str, value: &http::HeaderValue| match !masked() || (HEADERS.contains(&name) && !value.is_sensitive()) {
            true => value.to_str().unwrap_or(MASK).to_owned(),
            false => MASK.to_owned(),
        };
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), shown(name.as_str(), value))).collect()
}

/// The beginning of a body in one line, without what could be a secret: long words, digits, and what follows `=`, `:` or `"`.
#[must_use]
pub fn words(body: &[u8], length: usize) -> String {
    const LONGEST_WORD: usize = 20;
    let start = body.get(..body.len().min(4 * length)).unwrap_or_default();
    let text = String::from_utf8_lossy(start);
    let word = |word: &str| {
        let shown = word.find(['=', ':', '"', '\'']).map_or(word, |end| word.get(..=end).unwrap_or_default());
        match shown.len() {
            n if n > LONGEST_WORD || shown.contains(|c: char| c.is_ascii_digit()) => MASK.to_owned(),
            n if n < word.len() => format!("{shown}{MASK}"),
            _ => shown.to_owned(),
        }
    };
    let words: Vec<String> = text.split(|c: char| c.is_whitespace() || c.is_control()).map(word).collect();
    words.join(" ").trim().chars().take(length).collect()
}

fn path(path: &str) -> String {
    if !path_is_operation(path) {
        return path.to_owned();
    }
    let kept: Vec<_> = path.split('/').take_while(|segment| !is_operation(segment)).collect();
    format!("{}/{MASK}", kept.join("/"))
}

fn path_is_operation(path: &str) -> bool {
    path.split('/').any(is_operation)
}

fn is_operation(segment: &str) -> bool {
    OPERATIONS.iter().any(|known| segment.eq_ignore_ascii_case(known))
}

/// A parameter's name is shown when it looks like one; `?TOKEN` has the token for its name.
fn is_plain(name: &str) -> bool {
    name.len() <= 24 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_known_parameters_are_shown() {
        let rows = [
            ("https://a/p?api-version=1&sig=canary", "https://a/p?api-version=1&sig=[masked]"),
            ("https://u:canary@a:5/p#canary", "https://a:5/p"),
            ("https://a/?SIG=canary&sv=2", "https://a/?SIG=[masked]&sv=2"),
            ("https://a/?canary-canary-canary-canary-canary", "https://a/?[masked]"),
            ("https://a/l/operationResults/canary?t=canary", "https://a/l/[masked]?[masked]"),
            ("https://a/x?scope=s&scope=t", "https://a/x?scope=s&scope=t"),
        ];
        for (given, shown) in rows {
            assert_eq!(url(&Url::parse(given).unwrap()), shown);
        }
    }

    #[test]
    fn only_known_headers_are_shown() {
        let mut map = HeaderMap::new();
        for name in ["authorization", "cookie", "location", "azure-asyncoperation", "www-authenticate", "x-new"] {
            map.insert(name, HeaderValue::from_static("canary"));
        }
        map.insert("x-ms-request-id", HeaderValue::from_static("id"));
        let shown = headers(&map);
        assert!(shown.contains(&("x-ms-request-id".into(), "id".into())));
        assert!(!format!("{shown:?}").contains("canary"));
    }
}
