//! Operations of the documents: found by verb and path, with what their query, body and answer may be.

use std::cmp::Reverse;

use serde_json::Value;

use super::documents::{Documents, Node};
use crate::http::Call;

/// Query parameters that belong to addresses which the service hands out.
const HANDED_OUT: [&str; 2] = ["$skiptoken", "skiptoken"];

/// All operations of Resource Manager.
pub(super) struct Operations<'a> {
    documents: &'a Documents,
}

/// One operation.
pub(super) struct Operation<'a> {
    documents: &'a Documents,
    version: &'a str,
    parameters: Vec<Node<'a>>,
    responses: &'a Value,
}

/// One official example: a request, and what it is answered.
#[derive(Clone, Debug)]
pub struct Example {
    /// The verb.
    pub verb: String,
    /// The path with the example's values.
    pub path: String,
    /// The query with the example's values.
    pub query: String,
    /// The body, null for none.
    pub body: Value,
    /// Status and body of each answer.
    pub answers: Vec<(u16, Value)>,
}

/// The body that an operation takes.
pub(super) struct Body<'a> {
    pub(super) schema: Node<'a>,
    pub(super) required: bool,
}

impl<'a> Operations<'a> {
    pub(super) fn of(documents: &'a Documents) -> Self {
        Self { documents }
    }

    /// Every path of every document: the document, the template, what may be done there.
    fn paths(&self) -> impl Iterator<Item = (Node<'a>, &'a String, Node<'a>)> + use<'a> {
        self.documents.roots().flat_map(|root| {
            let groups = ["paths", "x-ms-paths"].into_iter().filter_map(move |group| root.value[group].as_object());
            groups.flatten().map(move |(template, item)| (root, template, Node { file: root.file, value: item }))
        })
    }

    /// The operation whose path says most: with the most literals, and then the fewest free parts.
    pub(super) fn find(&self, verb: &str, path: &str) -> Option<Operation<'a>> {
        let verb = verb.to_lowercase();
        let fits = self.paths().filter(|(_, template, item)| item.value[&verb].is_object() && matches(template, path));
        let (root, _, item) = fits.min_by_key(|(_, template, _)| vagueness(template))?;
        Some(self.operation(root, item, &verb))
    }

    fn operation(&self, root: Node<'a>, item: Node<'a>, verb: &str) -> Operation<'a> {
        let operation = item.at(verb);
        let parameters = item.at("parameters").each().chain(operation.at("parameters").each());
        Operation {
            documents: self.documents,
            version: root.value["info"]["version"].as_str().unwrap_or_default(),
            parameters: parameters.map(|parameter| self.documents.follow(parameter)).collect(),
            responses: &operation.value["responses"],
        }
    }

    /// Every example that an operation names, as a request and its answers.
    pub(super) fn examples(&self) -> Vec<Example> {
        let mut examples = Vec::new();
        for (root, template, item) in self.paths() {
            for (verb, operation) in item.value.as_object().into_iter().flatten() {
                let named = operation["x-ms-examples"].as_object().into_iter().flatten();
                let files = named.filter_map(|(_, example)| example["$ref"].as_str());
                let of = self.operation(root, item, verb);
                examples.extend(files.map(|file| of.example(verb, template, &self.documents.example(root, file))));
            }
        }
        examples
    }
}

impl<'a> Operation<'a> {
    /// Parameters of the query that are missing, or that the operation does not have.
    pub(super) fn query_faults(&self, call: &Call) -> Vec<String> {
        let of_query = |p: &&Node<'_>| p.value["in"] == "query";
        let name = |p: &Node<'_>| p.value["name"].as_str().unwrap_or_default().to_lowercase();
        let known: Vec<String> = self.parameters.iter().filter(of_query).map(name).collect();
        let required = self.parameters.iter().filter(of_query).filter(|p| p.value["required"] == true).map(name);
        let missing = required.filter(|n| call.query(n).is_none()).map(|n| format!("query `{n}` is missing"));
        let sent = call.query.iter().map(|(n, _)| n.to_lowercase());
        let unknown = sent.filter(|n| !known.contains(n) && !HANDED_OUT.contains(&n.as_str()));
        missing.chain(unknown.map(|n| format!("query `{n}` is unknown"))).collect()
    }

    /// The body that it takes; `None` when it takes none.
    pub(super) fn body(&self) -> Option<Body<'a>> {
        let parameter = self.parameters.iter().find(|p| p.value["in"] == "body")?;
        let required = parameter.value["required"] == true;
        Some(Body { schema: self.documents.follow(parameter.at("schema")), required })
    }

    fn example(&self, verb: &str, template: &str, example: &Value) -> Example {
        let given = |parameter: &Node<'_>| {
            let value = &example["parameters"][parameter.value["name"].as_str().unwrap_or_default()];
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (!value.is_null()).then(|| (parameter.value["name"].as_str().unwrap_or_default().to_owned(), text))
        };
        let of = |place: &'static str| self.parameters.iter().filter(move |p| p.value["in"] == place);
        let path = of("path").filter_map(given).fold(template.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value.trim_start_matches('/'))
        });
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(of("query").filter_map(given)).finish();
        let body = of("body").next().and_then(|p| p.value["name"].as_str()).map(|name| &example["parameters"][name]);
        let answers = example["responses"].as_object().into_iter().flatten();
        let status = |text: &str| text.parse().unwrap_or_default();
        Example {
            verb: verb.to_uppercase(),
            path,
            query,
            body: body.cloned().unwrap_or_default(),
            answers: answers.map(|(code, answer)| (status(code), answer["body"].clone())).collect(),
        }
    }

    /// Whether it documents this status.
    pub(super) fn answers(&self, status: u16) -> bool {
        self.responses[status.to_string()].is_object()
    }

    /// Whether the request names a newer version of the interface than the document describes.
    pub(super) fn is_older_than(&self, call: &Call) -> bool {
        call.query("api-version").is_some_and(|version| version > self.version)
    }
}

/// The less, the better a template fits.
fn vagueness(template: &str) -> (Reverse<usize>, usize) {
    let (free, literal): (Vec<&str>, Vec<&str>) = template.split('/').partition(|part| part.starts_with('{'));
    (Reverse(literal.len()), free.len())
}

/// Whether a path is one of a template's: literals without case; a free part at the start may span several.
fn matches(template: &str, path: &str) -> bool {
    let parts = |text: &'_ str| text.trim_matches('/').split('/').map(str::to_lowercase).collect::<Vec<_>>();
    fits(&parts(template), &parts(path))
}

fn fits(template: &[String], path: &[String]) -> bool {
    let Some((head, rest)) = template.split_first() else { return path.is_empty() };
    let most = match head.as_str() {
        "{scope}" | "{resourceid}" | "{roleid}" | "{roleassignmentid}" | "{parentresourcepath}" => path.len(),
        _ => path.len().min(1),
    };
    let free = head.starts_with('{') && head.ends_with('}');
    (1..=most).any(|taken| (free || path[0] == *head) && fits(rest, &path[taken..]))
}
