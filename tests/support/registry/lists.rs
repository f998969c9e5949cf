//! Tags and the catalogue, in pages that a `Link` leads through.

use serde_json::json;

use crate::http::{Call, Reply};
use crate::registry::content::with;
use crate::registry::token::Needs;
use crate::registry::{Registries, error};
use crate::route::Params;

/// The longest page.
const MOST: usize = 1000;

/// The page that was asked for, and the name that the next one begins after.
fn page(call: &Call, names: Vec<String>) -> (Vec<String>, Option<String>) {
    let count = call.query("n").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(MOST).min(MOST);
    let last = call.query("last").unwrap_or_default();
    let mut rest: Vec<String> = names.into_iter().filter(|name| name.as_str() > last).collect();
    let more = rest.len() > count;
    rest.truncate(count);
    let next = rest.last().filter(|_| more).cloned();
    (rest, next)
}

fn with_link(reply: Reply, call: &Call, next: Option<String>) -> Reply {
    let Some(last) = next else { return reply };
    let n = call.query("n").unwrap_or_default();
    let query =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("last", last.as_str()), ("n", n)]).finish();
    reply.header("link", format!("<{}?{query}>; rel=\"next\"", call.path))
}

/// The repositories.
#[must_use]
pub fn catalog(registries: &Registries, call: &Call, _: &Params) -> Reply {
    with(registries, call, &[Needs::catalog()], |shelf| {
        match call.query("n").and_then(|n| n.parse::<usize>().ok()) {
            Some(0) => return Reply::json(200, &json!({"repositories": []})),
            Some(n) if n > MOST => {
                return error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested");
            }
            _ => {}
        }
        let there = shelf.repositories.iter().filter(|(_, r)| r.pushed || !r.blobs.is_empty());
        let names = there.map(|(name, _)| name.clone()).collect();
        let (names, next) = page(call, names);
        with_link(Reply::json(200, &json!({"repositories": names})), call, next)
    })
}

/// The tags of a repository; `null` when it has none left.
#[must_use]
pub fn tags(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    with(registries, call, &[Needs::pull(name)], |shelf| {
        let Some(repository) = shelf.repositories.get(name).filter(|r| r.pushed) else {
            return error(404, "NAME_UNKNOWN", &format!("repository \"{name}\" is not found"));
        };
        let (tags, next) = page(call, repository.tags.keys().cloned().collect());
        let tags = if repository.tags.is_empty() { json!(null) } else { json!(tags) };
        with_link(Reply::json(200, &json!({"name": name, "tags": tags})), call, next)
    })
}
