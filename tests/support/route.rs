//! Routes as a table: verb, path template, evidence, function. What is not in the table answers
//! 501, so that a fake never invents an answer.

use percent_encoding::percent_decode_str;

use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply};

/// The named parts of a path.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(&'static str, String)>);

impl Params {
    /// A part by name; empty when the template has no such part.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }
}

/// One route of a fake with state `S`.
pub struct Route<S: 'static> {
    /// The verb.
    pub method: &'static str,
    /// The path; `{name}` takes one segment, `{name*}` at least one, up to the next literal.
    pub template: &'static str,
    /// What vouches for it.
    pub evidence: Evidence,
    /// What it does.
    pub answer: fn(&S, &Call, &Params) -> Reply,
}

impl<S> Route<S> {
    /// A row of a table.
    pub const fn new(
        method: &'static str,
        template: &'static str,
        evidence: Evidence,
        answer: fn(&S, &Call, &Params) -> Reply,
    ) -> Self {
        Self { method, template, evidence, answer }
    }
}

/// The rows of a table without their functions.
#[must_use]
pub fn listing<S>(fake: &'static str, routes: &[Route<S>]) -> Vec<RouteInfo> {
    let row = |r: &Route<S>| RouteInfo { fake, method: r.method, template: r.template, evidence: r.evidence };
    routes.iter().map(row).collect()
}

/// Finds the row for a request: literals are compared without case, as ARM does.
#[must_use]
pub fn find<'a, S>(routes: &'a [Route<S>], call: &Call) -> Option<(&'a Route<S>, Params)> {
    let verb = call.method.as_str();
    routes.iter().filter(|r| r.method == verb).find_map(|r| matches(r.template, &call.path).map(|p| (r, p)))
}

fn matches(template: &'static str, path: &str) -> Option<Params> {
    let wanted: Vec<&'static str> = template.trim_matches('/').split('/').collect();
    let given: Vec<String> = path
        .trim_start_matches('/')
        .split('/')
        .map(|s| percent_decode_str(s).decode_utf8_lossy().into_owned())
        .collect();
    let mut params = Params::default();
    walk(&wanted, &given, &mut params).then_some(params)
}

fn walk(wanted: &[&'static str], given: &[String], params: &mut Params) -> bool {
    let Some((head, rest)) = wanted.split_first() else {
        return given.is_empty() || given == [String::new()];
    };
    let Some(name) = head.strip_prefix('{').and_then(|h| h.strip_suffix('}')) else {
        return given.first().is_some_and(|g| g.eq_ignore_ascii_case(head)) && walk(rest, &given[1..], params);
    };
    let (name, most) = name.strip_suffix('*').map_or((name, 1), |n| (n, given.len()));
    for taken in (1..=most.min(given.len())).rev() {
        let mark = params.0.len();
        params.0.push((name, given[..taken].join("/")));
        if !given[0].is_empty() && walk(rest, &given[taken..], params) {
            return true;
        }
        params.0.truncate(mark);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_ignore_case_and_names_keep_it() {
        let params = matches("/subscriptions/{sub}/resourceGroups/{rg}", "/subscriptions/S/resourcegroups/My%2Drg");
        assert_eq!(params.expect("it matches").get("rg"), "My-rg");
    }

    #[test]
    fn a_wide_part_takes_several_segments_up_to_the_next_literal() {
        let params = matches("/v2/{name*}/manifests/{reference}", "/v2/a/b/manifests/1").expect("it matches");
        assert_eq!((params.get("name"), params.get("reference")), ("a/b", "1"));
        assert!(matches("/v2/{name*}/manifests/{reference}", "/v2/manifests/1").is_none());
    }

    #[test]
    fn a_longer_path_is_another_path() {
        assert!(matches("/a/{b}", "/a/b/c").is_none());
        assert!(matches("/a/{b}", "/a/").is_none());
    }
}
