//! YAML text as a tree in which every key and value knows its place.
//!
//! Guarantees: never panics and never grows beyond a fixed budget, whatever the text is (`tests/malformed.rs`);
//! duplicate keys, tabs as indentation, further documents, foreign tags and aliases inside their own definition are
//! refused where they stand (`tests`).

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use mops_core::{Diagnostic, Place};

/// The largest text that is read at all.
const MAX_BYTES: usize = 1 << 20;
/// The most nodes that a file may grow to by its aliases.
const MAX_NODES: usize = 100_000;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// A key and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Text as written; `plain` when it stood without quotes, so that it may be a number, a truth value or nothing.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// Whether it stands for "nothing": empty, `~` or `null` without quotes.
    pub(super) fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar { text, plain: true } => matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(members) => members.iter().find(|(k, _)| k.text == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What a person would call it.
    pub(super) const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => items.iter().map(Self::count).sum(),
            Kind::Map(members) => members.iter().map(|(_, v)| v.count() + 1).sum(),
        }
    }
}

/// What a text gave: a tree as far as it could be understood, and the faults of its form.
pub(super) struct Parsed {
    pub(super) root: Option<Node>,
    pub(super) faults: Vec<Diagnostic>,
}

/// Reads the one document of a text; all faults of its form are told.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Parsed {
    let start = Place { file: file.clone(), line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        let summary = format!("the file has {} bytes; {MAX_BYTES} (1 MiB) is the most that is read", text.len());
        let fault = Diagnostic::error(Some(start), summary).hint("is this the right file?");
        return Parsed { root: None, faults: vec![fault] };
    }
    let mut builder = Builder::new(file.clone());
    let scanned = builder.run(text);
    let mut faults = tabs(file, text, &builder.inside);
    faults.append(&mut builder.faults);
    match scanned {
        Ok(()) if builder.root.is_none() => {
            faults
                .push(Diagnostic::error(Some(start), "the file is empty").hint("`mops infra init` writes a first one"));
        }
        Ok(()) => return Parsed { root: builder.root, faults },
        // A fault that was told already is the likely cause.
        Err(fault) if faults.is_empty() => faults.push(fault),
        Err(_) => {}
    }
    Parsed { root: None, faults }
}

/// Tabs at the beginning of a line, except inside texts of several lines.
fn tabs(file: &Arc<str>, text: &str, inside: &[(usize, usize)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let rest = &line[indent..];
        let Some(column) = line[..indent].find('\t') else { continue };
        let covered = inside.iter().any(|(from, to)| *from <= i && i < *to);
        if !rest.is_empty() && !rest.starts_with('#') && !covered {
            let place = Place { file: file.clone(), line: i + 1, column: column + 1 };
            found.push(
                Diagnostic::error(Some(place), "the line is indented with a tab")
                    .hint("YAML takes spaces only: replace the tab by two spaces"),
            );
        }
    }
    found
}

/// A collection that is not closed yet.
struct Frame {
    place: Place,
    anchor: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map { members: Vec<(Key, Node)>, lines: HashMap<String, usize>, key: Option<Pending>, merges: Vec<Node> },
}

/// A key whose value has not come yet.
enum Pending {
    /// A word; `plain` when it stood without quotes.
    Word { key: Key, plain: bool },
    /// Something that cannot be a key; its value is dropped.
    Refused,
}

struct Builder {
    file: Arc<str>,
    anchors: HashMap<usize, Rc<Node>>,
    open: Vec<Frame>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    faults: Vec<Diagnostic>,
    /// Lines (from, to) that belong to a text of several lines, from 1, the first excluded.
    inside: Vec<(usize, usize)>,
}

impl Builder {
    fn new(file: Arc<str>) -> Self {
        Self {
            file,
            anchors: HashMap::new(),
            open: Vec::new(),
            root: None,
            documents: 0,
            nodes: 0,
            faults: Vec::new(),
            inside: Vec::new(),
        }
    }

    fn place(&self, marker: Marker) -> Place {
        Place { file: self.file.clone(), line: marker.line().max(1), column: marker.col() + 1 }
    }

    fn fault(&mut self, place: Place, summary: impl Into<String>, hint: &str) {
        self.faults.push(Diagnostic::error(Some(place), summary).hint(hint));
    }

    fn run(&mut self, text: &str) -> Result<(), Diagnostic> {
        for step in Parser::new_from_str(text) {
            let (event, span) = step.map_err(|e| {
                Diagnostic::error(Some(self.place(*e.marker())), format!("this is not YAML: {}", e.info()))
                    .hint("look at the indentation and at quotes and brackets just before this place")
            })?;
            let place = self.place(span.start);
            let tagged = self.place(span.tag_start().unwrap_or(span.start));
            match event {
                Event::DocumentStart(..) => {
                    self.documents += 1;
                    if self.documents > 1 {
                        return Err(Diagnostic::error(Some(place), "a second document begins here")
                            .hint("one file holds one stack: delete everything from this line on, or split the file"));
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    if span.end.line() > span.start.line() {
                        self.inside.push((span.start.line(), span.end.line()));
                    }
                    let plain = style == ScalarStyle::Plain && !tag.as_ref().is_some_and(|t| is_str(t));
                    self.tag(&tagged, tag.as_deref());
                    self.complete(Node { place, kind: Kind::Scalar { text: value.into_owned(), plain } }, anchor);
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.tag(&tagged, tag.as_deref());
                    self.open.push(Frame { place, anchor, kind: FrameKind::List(Vec::new()) });
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.tag(&tagged, tag.as_deref());
                    let kind =
                        FrameKind::Map { members: Vec::new(), lines: HashMap::new(), key: None, merges: Vec::new() };
                    self.open.push(Frame { place, anchor, kind });
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                Event::Alias(id) => self.alias(id, place),
                _ => {}
            }
            if self.nodes > MAX_NODES {
                return Err(Diagnostic::error(Some(self.place(span.start)), "the aliases of this file grow too large")
                    .hint("write the repeated part out, or repeat less of it"));
            }
        }
        Ok(())
    }

    fn tag(&mut self, place: &Place, tag: Option<&Tag>) {
        if let Some(tag) = tag.filter(|t| t.is_custom()) {
            let summary = format!("the tag `{}` means nothing here", clip(&tag.original()));
            self.fault(place.clone(), summary, "delete the tag");
        }
    }

    fn alias(&mut self, id: usize, place: Place) {
        match self.anchors.get(&id).cloned() {
            Some(node) => {
                self.nodes += node.count();
                if self.nodes <= MAX_NODES {
                    self.complete((*node).clone(), 0);
                }
            }
            None => {
                self.fault(
                    place.clone(),
                    "this alias stands inside its own definition",
                    "an anchor can be used only after the value that it names has ended",
                );
                self.complete(Node { place, kind: Kind::Scalar { text: String::new(), plain: true } }, 0);
            }
        }
    }

    fn close(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        let kind = match frame.kind {
            FrameKind::List(items) => Kind::List(items),
            FrameKind::Map { members, lines, merges, .. } => Kind::Map(self.merge(members, lines, merges)),
        };
        self.complete(Node { place: frame.place, kind }, frame.anchor);
    }

    /// Adds what `<<` brings: own keys win, then earlier maps.
    fn merge(
        &mut self,
        mut members: Vec<(Key, Node)>,
        mut lines: HashMap<String, usize>,
        merges: Vec<Node>,
    ) -> Vec<(Key, Node)> {
        for node in merges {
            let maps = match node.kind {
                Kind::List(items) => items,
                _ => vec![node],
            };
            for map in maps {
                let Kind::Map(more) = map.kind else {
                    self.fault(
                        map.place,
                        "`<<` takes a map, or a list of maps",
                        "point it at an anchored map: `<<: *name`",
                    );
                    continue;
                };
                for (key, value) in more {
                    if lines.insert(key.text.clone(), key.place.line).is_none() {
                        members.push((key, value));
                    }
                }
            }
        }
        members
    }

    fn complete(&mut self, node: Node, anchor: usize) {
        self.nodes += 1;
        if anchor != 0 {
            self.nodes += node.count();
            self.anchors.insert(anchor, Rc::new(node.clone()));
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        let FrameKind::Map { members, lines, key, merges } = &mut frame.kind else {
            if let FrameKind::List(items) = &mut frame.kind {
                items.push(node);
            }
            return;
        };
        let (name, plain) = match key.take() {
            Some(Pending::Word { key, plain }) => (key, plain),
            Some(Pending::Refused) => return,
            None => {
                *key = Some(match node.kind {
                    Kind::Scalar { text, plain } => Pending::Word { key: Key { text, place: node.place }, plain },
                    _ => {
                        let fault = Diagnostic::error(Some(node.place), "a key must be a single word");
                        self.faults.push(fault.hint("write `key: value`; a value in braces must be quoted"));
                        Pending::Refused
                    }
                });
                return;
            }
        };
        if name.text == "<<" && plain {
            merges.push(node);
        } else if let Some(line) = lines.get(&name.text) {
            let summary = format!("`{}` stands here a second time", clip(&name.text));
            let hint = format!("the first one is in line {line}: keep one of them");
            self.faults.push(Diagnostic::error(Some(name.place), summary).hint(hint));
        } else {
            lines.insert(name.text.clone(), name.place.line);
            members.push((name, node));
        }
    }
}

fn is_str(tag: &Tag) -> bool {
    tag.is_yaml_core_schema_tag("str")
}

/// A value as it may be quoted in a message: one line, not long.
pub(super) fn clip(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    if text.chars().count() > 60 { format!("{line}…") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Node {
        parse(&"f.yaml".into(), text).root.unwrap()
    }

    fn fault(text: &str) -> String {
        parse(&"f.yaml".into(), text).faults[0].to_string()
    }

    #[test]
    fn places_count_from_one() {
        let node = root("a:\n  b: [1, 'x']\n");
        let Kind::List(items) = &node.get("a").unwrap().get("b").unwrap().kind else { panic!("a list") };
        assert_eq!((items[1].place.line, items[1].place.column), (2, 10));
        assert!(matches!(&items[1].kind, Kind::Scalar { plain: false, .. }));
    }

    #[test]
    fn merges_let_own_keys_win() {
        let node = root("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], a: 9}\n");
        let text = |k: &str| match &node.get("z").unwrap().get(k).unwrap().kind {
            Kind::Scalar { text, .. } => text.clone(),
            _ => panic!("a scalar"),
        };
        assert_eq!([text("a"), text("b"), text("c")], ["9", "2", "4"]);
    }

    #[test]
    fn faults_of_form_are_told_with_place() {
        for (text, want) in [
            ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: `a` stands here a second time"),
            ("a:\n\tb: 1\n", "f.yaml:2:1: the line is indented with a tab"),
            ("a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document begins here"),
            ("a: &a\n  <<: *a\n", "f.yaml:2:7: this alias stands inside its own definition"),
            ("a: 1\nb: {<<: 3}\n", "f.yaml:2:9: `<<` takes a map"),
            ("a: !include x\n", "f.yaml:1:4: the tag `!include` means nothing here"),
            ("a: *b\n", "f.yaml:1:4: this is not YAML"),
            ("{a: b}: c\n", "f.yaml:1:1: a key must be a single word"),
            ("a: [1, 2\n", "f.yaml:1:4: this is not YAML"),
            ("", "f.yaml:1:1: the file is empty"),
            ("# only\n", "f.yaml:1:1: the file is empty"),
        ] {
            assert!(fault(text).starts_with(want), "{text:?}: {}", fault(text));
        }
    }

    #[test]
    fn tabs_inside_texts_are_content() {
        let node = root("a: |\n  x\n  \ty\nb: 1 #\tc\n\t# comment\n");
        assert!(node.get("b").is_some());
    }

    #[test]
    fn alias_bombs_stop_at_the_budget() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let below = format!("*a{}, ", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{below}]\n"));
        }
        assert!(fault(&text).contains("grow too large"), "{}", fault(&text));
        assert!(fault(&"#".repeat(MAX_BYTES + 1)).contains("1 MiB"));
    }
}
