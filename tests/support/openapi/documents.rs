//! The documents as one web: a reference leads from a place in one file to a place in another.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use mops_host::fsx;
use serde_json::Value;

/// A place in a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// The document, by which its references are resolved.
    pub(super) file: &'a Path,
    /// What stands there.
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    /// A member of it; null when there is none.
    pub(super) fn at(self, name: &str) -> Self {
        Node { file: self.file, value: &self.value[name] }
    }

    /// The places of a list.
    pub(super) fn each(self) -> impl Iterator<Item = Node<'a>> {
        let list = self.value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().map(move |value| Node { file: self.file, value })
    }
}

/// Every file below a folder but the examples.
#[derive(Debug)]
pub(super) struct Documents {
    files: BTreeMap<PathBuf, Value>,
}

impl Documents {
    pub(super) fn load(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for path in json_files(folder).into_iter().filter(|path| !path.components().any(is_examples)) {
            let text = fsx::read_text(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            files.insert(path, serde_json::from_str(&text).expect("a JSON document"));
        }
        assert!(!files.is_empty(), "{} has no documents", folder.display());
        Self { files }
    }

    /// The documents that describe Resource Manager, each from its root.
    pub(super) fn roots(&self) -> impl Iterator<Item = Node<'_>> {
        let managed = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "resource-manager");
        self.files.keys().filter(managed).map(|file| Node { file, value: &self.files[file] })
    }

    /// An example that a document names; it is read when it is asked for.
    pub(super) fn example(&self, document: Node<'_>, name: &str) -> Value {
        let path = beside(document.file, name);
        let text = fsx::read_text(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("a JSON example")
    }

    /// What a place stands for: itself, or what its `$ref` leads to.
    pub(super) fn follow<'a>(&'a self, node: Node<'a>) -> Node<'a> {
        let Some(reference) = node.value["$ref"].as_str() else { return node };
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let path = if file.is_empty() { node.file.to_path_buf() } else { beside(node.file, file) };
        let found = self.files.get_key_value(&path).and_then(|(file, root)| Some((file, root.pointer(pointer)?)));
        let (file, value) = found.unwrap_or_else(|| panic!("{reference} in {} leads nowhere", node.file.display()));
        self.follow(Node { file, value })
    }
}

fn is_examples(part: Component<'_>) -> bool {
    part.as_os_str() == "examples"
}

fn beside(file: &Path, relative: &str) -> PathBuf {
    let mut path = file.parent().unwrap_or(file).to_path_buf();
    for part in Path::new(relative).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// The JSON files below a folder, in order.
pub(super) fn json_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    entries.sort();
    let below = |path: PathBuf| if path.is_dir() { json_files(&path) } else { vec![path] };
    entries.into_iter().flat_map(below).filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
}
