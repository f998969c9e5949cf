//! Promise: the house keeps its shape: directions of dependencies, one HTTP and one TLS stack,
//! licences that we may ship, files that a reader can hold in the head, no file left behind.

use std::collections::BTreeSet;

use crate::workspace::{Package, direct, root, text, tracked, tree};

/// What each package may name of the others. `mops` and `mops-tests` may name all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mops-core", &[]),
    ("mops-host", &["mops-core"]),
    ("mops-wire", &["mops-core", "mops-host"]),
    ("mops-clients", &["mops-core", "mops-host", "mops-wire"]),
    ("mops-engine", &["mops-core", "mops-host"]),
    ("mops-probe", &["mops-core", "mops-host", "mops-wire"]),
    // A file of tokens on a host is written and named by the crate of its own; nothing else of the diagnosis is used.
    ("mops-resources", &["mops-core", "mops-host", "mops-wire", "mops-clients", "mops-probe", "mops-tokens"]),
    // The lines that a probe prints are types of the probe; it stays below in every other way.
    ("mops-logins", &["mops-core", "mops-host", "mops-wire", "mops-probe"]),
    ("mops-containers", &["mops-core", "mops-host", "mops-wire"]),
    ("mops-tokens", &["mops-core", "mops-host", "mops-clients", "mops-probe", "mops-diagnose"]),
    ("mops-diagnose", &["mops-core", "mops-host", "mops-wire", "mops-clients", "mops-probe", "mops-logins"]),
    ("mops-pulumi", &["mops-core", "mops-host", "mops-wire", "mops-clients", "mops-resources", "mops-engine"]),
];
const SHIPPED: &[&str] = &[
    "mops",
    "mops-core",
    "mops-host",
    "mops-wire",
    "mops-clients",
    "mops-engine",
    "mops-probe",
    "mops-resources",
    "mops-logins",
    "mops-containers",
    "mops-tokens",
    "mops-diagnose",
    "mops-pulumi",
];
/// No HTTP, TLS, SSH or RPC below the engine. aws-lc-rs as plain cryptography is allowed.
const NOT_IN_ENGINE: &[&str] = &[
    "reqwest",
    "hyper",
    "hyper-util",
    "h2",
    "axum",
    "http-body",
    "rustls",
    "tokio-rustls",
    "native-tls",
    "openssl",
    "ring",
    "russh",
    "openssh",
    "tonic",
    "kube",
    "kube-client",
    "azure_core",
    "mops-wire",
];
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Zlib",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "Apache-2.0 WITH LLVM-exception",
    "Unlicense",
    "CC0-1.0",
];
/// Copyleft by file: shipped as it was published, never changed. Each with what it is for.
const UNCHANGED: &[(&str, &str)] = &[("pulumi_gestalt_proto", "the messages of Pulumi's protocol")];
/// Longest hand-written file, its unit tests not counted. An exception stands here with its reason.
const LINES: usize = 600;
const LONGER: &[(&str, &str)] = &[];
const NO_NAMES: &[&str] = &["utils", "util", "misc", "common", "manager"];

#[tokio::test]
async fn dependencies_point_one_way() {
    let direct = direct().await;
    for (name, allowed) in ALLOWED {
        let allowed: BTreeSet<String> = allowed.iter().map(|&a| a.to_owned()).collect();
        let wrong: Vec<String> = direct[*name].difference(&allowed).cloned().collect();
        assert!(wrong.is_empty(), "{name} may not depend on {wrong:?}");
    }
    for name in SHIPPED {
        assert!(!direct[*name].contains("mops-tests"), "{name} depends on the tests");
    }
}

fn among(tree: &BTreeSet<Package>, names: &[&'static str]) -> Vec<&'static str> {
    names.iter().copied().filter(|n| tree.iter().any(|p| p.name == *n)).collect()
}

#[tokio::test]
async fn the_engine_has_no_network_and_the_core_no_runtime() {
    let none: Vec<&str> = Vec::new();
    assert_eq!(among(&tree(&["mops-engine"]).await, NOT_IN_ENGINE), none, "in the engine's tree");
    assert_eq!(
        among(&tree(&["mops-core"]).await, &["tokio", "reqwest", "hyper", "rustls"]),
        none,
        "in the core's tree"
    );
    assert_eq!(
        among(&tree(&["mops-probe"]).await, &["kube", "kube-client", "azure_core"]),
        none,
        "in the probe's tree"
    );
    assert!(!among(&tree(&["mops-wire"]).await, NOT_IN_ENGINE).is_empty(), "the check finds nothing at all");
}

#[tokio::test]
async fn one_http_stack_and_one_tls_stack() {
    let tree = tree(SHIPPED).await;
    let banned = ["openssl", "openssl-sys", "native-tls", "ring", "schannel", "security-framework"];
    assert_eq!(among(&tree, &banned), Vec::<&str>::new(), "in the shipped tree");
    let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
    for (name, whole) in [("reqwest", true), ("hyper", false), ("http", false), ("rustls", true), ("azure_core", true)]
    {
        let mine = tree.iter().filter(|p| p.name == name);
        let versions: BTreeSet<String> =
            mine.map(|p| if whole { p.version.clone() } else { major(&p.version) }).collect();
        assert!(versions.len() <= 1, "{name} is there more than once: {versions:?}");
    }
}

/// `A OR B`, `A AND B`, `A/B`, parentheses: enough for what crates write.
fn may_ship(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|licence| LICENCES.contains(&licence.trim())))
}

fn is_unchanged(package: &Package) -> bool {
    package.licence == "MPL-2.0" && UNCHANGED.iter().any(|(name, _)| *name == package.name)
}

#[tokio::test]
async fn everything_shipped_has_a_licence_that_we_may_ship() {
    let tree = tree(SHIPPED).await;
    let wrong: Vec<&Package> = tree.iter().filter(|p| p.foreign && !may_ship(&p.licence) && !is_unchanged(p)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!may_ship("GPL-3.0") && may_ship("MIT OR GPL-3.0") && !may_ship("MIT AND GPL-3.0"));
}

fn is_ours(path: &str) -> bool {
    path.ends_with(".rs") && !path.split('/').any(|part| part == "generated")
}

/// Lines before the unit tests at the end.
fn length(source: &str) -> usize {
    source.lines().take_while(|line| line.trim() != "#[cfg(test)]").count()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a reader of the log sees where the weight is")]
async fn files_are_short() {
    let files = tracked().await;
    let sources = files.iter().filter(|p| is_ours(p));
    let mut sizes: Vec<(usize, &String)> = sources.filter_map(|p| Some((length(&text(p)?), p))).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    for (lines, path) in sizes.iter().take(10) {
        println!("{lines:5} {path}");
    }
    println!("median {} of {} files", sizes.get(sizes.len() / 2).map_or(0, |(n, _)| *n), sizes.len());
    let excused = |path: &str| LONGER.iter().any(|(p, _)| *p == path);
    let long: Vec<_> = sizes.iter().filter(|(lines, path)| *lines > LINES && !excused(path)).collect();
    assert!(long.is_empty(), "longer than {LINES} lines: {long:?}");
}

#[tokio::test]
async fn things_have_names() {
    for path in tracked().await.iter().filter(|p| is_ours(p)) {
        let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        assert!(!NO_NAMES.contains(&stem), "{path} has no name");
        for line in text(path).unwrap_or_default().lines() {
            let mut words = line.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_');
            let item = words.next() == Some("pub")
                && words.next().is_some_and(|w| ["mod", "fn", "struct", "enum", "trait", "type"].contains(&w));
            let name = words.next().unwrap_or_default().to_lowercase();
            assert!(!item || !NO_NAMES.contains(&name.as_str()), "{path}: `{name}` is no name");
        }
    }
}

/// Names a file by `mod x;`, by `path = "…x.rs"`, or as a word of the list of resources (`x::Type`) or of checks.
fn names_module(source: &str, module: &str, file: &str) -> bool {
    let declared = source.lines().any(|line| {
        let line = line.trim();
        line.ends_with(&format!("mod {module};")) || line.contains("path = ") && line.contains(file)
    });
    let listed = source.contains("macro_rules! resources") && source.contains(&format!(" {module}::"));
    let word = |line: &str| line.trim().split([',', ' ']).any(|word| word == module);
    let checked = source.contains("macro_rules! checks") && source.lines().any(word);
    declared || listed || checked
}

#[tokio::test]
async fn every_source_file_is_part_of_something() {
    let files = tracked().await;
    let sources: Vec<(&String, String)> =
        files.iter().filter(|p| p.ends_with(".rs")).filter_map(|p| Some((p, text(p)?))).collect();
    let roots = ["lib.rs", "main.rs", "build.rs", "fast.rs", "process.rs", "e2e.rs"];
    for (path, _) in &sources {
        let file = path.rsplit('/').next().unwrap_or_default();
        let folder = path.rsplit('/').nth(1).unwrap_or_default();
        if roots.contains(&file) || folder == "bin" || folder == "benches" || path.starts_with("examples/") {
            continue;
        }
        let module = if file == "mod.rs" { folder } else { file.trim_end_matches(".rs") };
        let crate_root = path.split("/src/").next().unwrap_or_default();
        let mine = |other: &str| {
            if path.contains("/src/") { other.starts_with(crate_root) } else { other.starts_with("tests/") }
        };
        let found =
            sources.iter().any(|(other, source)| other != path && mine(other) && names_module(source, module, file));
        assert!(found, "{path} is part of no crate");
    }
    assert!(root().join("Cargo.lock").is_file());
}
