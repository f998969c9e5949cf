//! What the kubelet's words about a failed pull say beside its reason: which host was asked, and how long the pull had
//! been running (`tests`).

use k8s_openapi::api::core::v1::Event;
use mops_probe::Observation;
use mops_probe::observation::code as seen_as;
use mops_wire::Url;
use mops_wire::registry::{Reference, is_azure};

use crate::observed::{check, code};

/// Shorter pulls fail for what was wrong from the start.
const LATE: i64 = 5 * 60;
/// Token hosts that are not the registry's own and are right.
const REALMS: [(&str, &str); 2] = [("docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// The host in the kubelet's error against the image's registry; nothing when it is that one.
pub(crate) fn host(image: &str, words: &str) -> Option<Observation> {
    let reference: Reference = image.parse().ok()?;
    let seen = |code, host: &str| Observation::ok(check::PULL_HOST, "", image).code(code).detail(host);
    if reference.registry().ends_with(".geo.azurecr.io") {
        return Some(seen(code::GEO_HOST, reference.registry()));
    }
    let url = address(words)?;
    let host = &match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    let own = [reference.registry(), reference.api_host()].contains(&host.as_str());
    let layers = if is_azure(reference.registry()) { code::DATA_HOST } else { seen_as::REDIRECT_HOST };
    if own || REALMS.contains(&(reference.registry(), host)) {
        // The manifest came, and a layer did not: older runtimes name the registry that sent them on.
        let denied = ["failed to copy", "/blobs/", "403 Forbidden"].iter().all(|part| words.contains(part));
        return denied.then(|| seen(layers, "this runtime does not name it"));
    }
    // A mirror is asked as a registry is; a host of layers is not.
    let asked = url.path().starts_with("/v2/") || url.path().contains("token");
    Some(seen(if asked { code::OTHER_HOST } else { layers }, host))
}

/// The first address in a text.
fn address(words: &str) -> Option<Url> {
    let start = words.find("https://").or_else(|| words.find("http://"))?;
    let text = words.get(start..)?;
    let end = text.find(|c: char| c.is_whitespace() || "\"'`,".contains(c)).unwrap_or(text.len());
    Url::parse(text.get(..end)?.trim_end_matches(':')).ok()
}

/// How long the last pull of an image had been running when it failed, by a pod's events.
pub(crate) fn time<'a>(image: &str, events: impl Iterator<Item = &'a Event> + Clone) -> Option<Observation> {
    let about = |e: &&Event, reason: &str| {
        e.reason.as_deref() == Some(reason) && e.message.as_deref().is_some_and(|m| m.contains(image))
    };
    let last = |reason| {
        let times = events.clone().filter(move |e| about(e, reason)).filter_map(|e| e.last_timestamp.as_ref());
        times.map(|t| t.0.as_second()).max()
    };
    let seconds = last("Failed")?.checked_sub(last("Pulling")?).filter(|s| *s >= 0)?;
    let words = if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) };
    let code = if seconds >= LATE { code::LATE } else { code::AT_ONCE };
    Some(Observation::ok(check::PULL_TIME, "", image).code(code).detail(&words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_host_that_was_asked_is_told_from_the_registry() {
        let rows = [
            (
                "docker.io/team/worker:1",
                "from GET request to https://mirror.corp.example/token: 401",
                Some(code::OTHER_HOST),
            ),
            (
                "docker.io/team/worker:1",
                "Head \"https://mirror.example/v2/team/worker?ns=docker.io\": EOF",
                Some(code::OTHER_HOST),
            ),
            ("docker.io/team/worker:1", "GET https://auth.docker.io/token?scope=x: 401", None),
            ("docker.io/team/worker:1", "Head \"https://registry-1.docker.io/v2/team/worker/manifests/1\": EOF", None),
            (
                "reg.azurecr.io/a:1",
                "Get \"https://eus2.blob.core.windows.net/x?sig=y\": i/o timeout",
                Some(code::DATA_HOST),
            ),
            (
                "reg.lab.example/a:1",
                "Get \"https://layers.lab.example/x?sig=y\": dial tcp: lookup layers.lab.example: no such host",
                Some(seen_as::REDIRECT_HOST),
            ),
            (
                "reg.lab.example/a:1",
                "failed to copy: failed open: unexpected status code https://reg.lab.example/v2/a/blobs/sha256:1: 403 Forbidden",
                Some(seen_as::REDIRECT_HOST),
            ),
            (
                "reg.azurecr.io/a:1",
                "failed to copy: failed open: unexpected status code https://reg.azurecr.io/v2/a/blobs/sha256:1: 403 Forbidden",
                Some(code::DATA_HOST),
            ),
            ("reg.eastus.geo.azurecr.io/a:1", "401 Unauthorized", Some(code::GEO_HOST)),
            ("reg.azurecr.io/a:1", "not found", None),
            ("reg.lab.example:5000/a:1", "Head \"https://reg.lab.example:5000/v2/a/manifests/1\": EOF", None),
            (
                "reg.lab.example/a:1",
                "Head \"https://reg.lab.example:5000/v2/a/manifests/1\": EOF",
                Some(code::OTHER_HOST),
            ),
            ("reg.lab.example/a:1", "Head \"https://reg.lab.example:443/v2/a/manifests/1\": EOF", None),
        ];
        for (image, words, want) in rows {
            let seen = host(image, words);
            assert_eq!(seen.as_ref().and_then(|o| o.code.as_deref()), want, "{words}");
            assert!(!seen.is_some_and(|o| o.detail.contains("sig")), "{words}");
        }
    }

    #[test]
    fn the_last_pull_is_measured_from_its_beginning() {
        let event = |reason: &str, image: &str, at: &str| -> Event {
            let message = format!("{reason} image \"{image}\"");
            serde_json::from_value(json!({"metadata": {}, "involvedObject": {}, "reason": reason, "message": message,
                "lastTimestamp": at}))
            .unwrap()
        };
        let events = [
            event("Pulling", "r.io/a:1", "2026-11-24T08:00:00Z"),
            event("Failed", "r.io/a:1", "2026-11-24T08:15:30Z"),
            event("Pulling", "r.io/b:1", "2026-11-24T08:15:00Z"),
            event("Failed", "r.io/b:1", "2026-11-24T08:15:03Z"),
            event("Pulling", "r.io/c:1", "2026-11-24T08:16:00Z"),
            event("Failed", "r.io/c:1", "2026-11-24T08:15:00Z"),
        ];
        let seen = |image: &str| time(image, events.iter()).map(|o| (o.code.unwrap_or_default(), o.detail));
        assert_eq!(seen("r.io/a:1"), Some((code::LATE.to_owned(), "15 min".to_owned())));
        assert_eq!(seen("r.io/b:1"), Some((code::AT_ONCE.to_owned(), "3 s".to_owned())));
        assert_eq!(seen("r.io/c:1"), None, "it is being pulled again");
        assert_eq!(seen("r.io/d:1"), None);
    }
}
