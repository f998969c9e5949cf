//! Files that are broken in every way we could think of, and in many that a seed thought of: never a panic, always a
//! place and a hint.

use std::panic::catch_unwind;

use mops_core::Severity;
use mops_engine::program::{ExpandOptions, expand};
use mops_engine::stackfile::{load, unsupported};

use super::chance::{Dice, mutate};

/// Loads, and judges what came back. True when the file was refused.
pub(super) fn refused(text: &str) -> bool {
    let owned = text.to_owned();
    let loaded =
        catch_unwind(move || load("dir/broken.yaml", &owned)).unwrap_or_else(|_| panic!("a panic for {text:?}"));
    let errors: Vec<_> = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert_eq!(loaded.file.is_none(), !errors.is_empty(), "{text:?}");
    for d in &loaded.diagnostics {
        let place = d.place.as_ref().unwrap_or_else(|| panic!("no place: {d} for {text:?}"));
        assert_eq!(&*place.file, "dir/broken.yaml");
        assert!(place.line >= 1 && place.column >= 1, "{d} for {text:?}");
        assert!(d.hint.as_ref().is_some_and(|h| !h.trim().is_empty()), "no hint: {d} for {text:?}");
        assert!(!d.summary.contains('\n') && !d.summary.is_empty(), "{d}");
    }
    if let Some(file) = loaded.file {
        let _ = unsupported(&file);
        let options = ExpandOptions { user: Some("u".into()), ..ExpandOptions::default() };
        let _ = expand(&file, &options);
    }
    !errors.is_empty()
}

const BY_HAND: &[&str] = &[
    "",
    " ",
    "\n",
    "#",
    "---",
    "---\n",
    "...",
    "--- ---",
    "---\n---\n",
    "%YAML 1.2",
    "%FOO\n---\na: 1",
    "null",
    "~",
    "[]",
    "{}",
    "[[[[",
    "{{{{",
    "]",
    "}",
    ":",
    "- ",
    "-",
    "?",
    "? a",
    "?a: b",
    ": b",
    "a",
    "a: b: c",
    "a:b",
    "\"",
    "'",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "|",
    ">",
    "a: |",
    "a: >-\n b",
    "&",
    "*",
    "&a",
    "*a",
    "&a *a",
    "a: &a *a",
    "a: *a",
    "&a : *a",
    "a: &a [*a]",
    "a: &a {b: *a}",
    "<<: *a",
    "<<: 1",
    "<<: [1]",
    "a: &a {<<: *a}",
    "!",
    "!!",
    "!!int x",
    "!foo bar",
    "!<tag:x> y",
    "registry: !!map x",
    "registry: !!binary aGk=",
    "@",
    "`",
    "%",
    "\t",
    "\ta: 1",
    "a:\n\tb: 1",
    "a: 1\n\t",
    "registry:\n\tname: x",
    "\u{0}",
    "a: \u{0}",
    "\u{feff}",
    "\u{feff}a: 1",
    "a: \u{feff}",
    "\u{7f}: \u{80}",
    "é: ü",
    "registry: {name: \"\u{1F600}\"}",
    "\u{2028}a: 1",
    "a: \"\u{85}\"",
    "\r",
    "\r\n\r\n",
    "a: 1\rb: 2",
    "registry",
    "registry:",
    "registry: x",
    "registry: []",
    "registry: [1]",
    "registry: {",
    "registry: {name",
    "registry: {name:",
    "registry: {name: a",
    "registry: {name: [a]}",
    "registry: {name: {a: b}}",
    "registry: {name: }",
    "registry: {name: ''}",
    "registry: {name: \" \"}",
    "registry: {sku: [Basic]}",
    "registry: {provider: }\nregistry: {}",
    "registry: {auth: {}}",
    "registry: {auth: []}",
    "registry: {auth: {service_principal: 1}}",
    "registry: {realms: x}",
    "registry: {realms: [x]}",
    "registry: {password: {}}",
    "registry: {provider: ghcr, password: {from_env: {}}}",
    "registry: {provider: generic, host: \"\"}",
    "cluster:",
    "cluster: 1",
    "cluster: []",
    "cluster: {}",
    "cluster: {aks: }",
    "cluster: {aks: 1}",
    "cluster: {aks: {}}",
    "cluster: {aks: {node_pools: }}",
    "cluster: {aks: {node_pools: 1}}",
    "cluster: {aks: {node_pools: []}}",
    "cluster: {aks: {node_pools: [1]}}",
    "cluster: {aks: {node_pools: [[]]}}",
    "cluster: {aks: {node_pools: [{}]}}",
    "cluster: {aks: {node_pools: [{name: 1}]}}",
    "cluster: {aks: {node_pools: {a: 1}}}",
    "cluster: {aks: {node_pools: [null, ~]}}",
    "cluster: {aks: {node_pools: [{name: a, count: 99999999999999999999}]}}",
    "cluster: {aks: {node_pools: [{name: a, count: -}]}}",
    "cluster: {aks: {node_pools: [{name: a, count: 1e3}]}}",
    "cluster: {aks: {node_pools: [{name: a, count: 0x10}]}}",
    "cluster: {aks: {node_pools: [{labels: {[]: 1}}]}}",
    "cluster: {aks: {node_pools: [{labels: {? {a: b} : c}}]}}",
    "cluster: {aks: {node_pools: [{taints: x}]}}",
    "cluster: {aks: {node_pools: [{taints: [[]]}]}}",
    "cluster: {aks: {node_pools: [{taints: [\":\"]}]}}",
    "cluster: {aks: {node_pools: [{taints: [\"=:\"]}]}}",
    "cluster: {aks: {node_pools: [{gpu: 1}]}}",
    "cluster: {aks: {node_pools: [{zones: 1}]}}",
    "cluster: {subscription_id: }",
    "cluster: {subscription_id: []}",
    "cluster: {subscription_id: 0}",
    "cluster: {provider: existing}",
    "cluster: {provider: existing, kubeconfig: }",
    "cluster: {username: \"\u{202e}\"}",
    "cluster: {kubernetes_version: 1}",
    "cluster: {aks: {kubernetes_version: 1.}}",
    "cluster: {aks: {kubernetes_version: .inf}}",
    "cluster: {aks: {kubernetes_version: NaN}}",
    "storage: 1",
    "storage: []",
    "storage: {account_name: }\n  x",
    "storage: {containers: 1}",
    "storage: {containers: [1]}",
    "storage: {containers: [[]]}",
    "storage: {sas: 1}",
    "storage: {sas: [1]}",
    "storage: {sas: [[]]}",
    "storage: {sas: {lifetime: []}}",
    "storage: {sas: {lifetime: 99999999999999999999d}}",
    "storage: {sas: {lifetime: d}}",
    "storage: {sas: {lifetime: -1d}}",
    "storage: {sas: {permissions: \"\"}}",
    "storage: {sas: {container: \"..\"}}",
    "storage: {sas: {env: \"\"}}",
    "storage: {version: []}",
    "workspace: 1",
    "workspace: {}",
    "workspace: {metadata: 1}",
    "workspace: {metadata: {name: []}}",
    "workspace: {spec: 1}",
    "workspace: {spec: {}}",
    "workspace: {spec: {scheduler: 1}}",
    "workspace: {spec: {workers: []}}",
    "workspace: {spec: {scheduler: {env: 1}}}",
    "workspace: {spec: {scheduler: {env: [1]}}}",
    "workspace: {spec: {scheduler: {env: {A: []}}}}",
    "workspace: {spec: {workers: {resources: 1}}}",
    "workspace: {spec: {workers: {resources: {requests: 1}}}}",
    "workspace: {spec: {workers: {resources: {cpu: []}}}}",
    "workspace: {spec: {autoscaling: 1}}",
    "workspace: {spec: {tolerations: 1}}",
    "workspace: {spec: {tolerations: [1]}}",
    "workspace: {spec: {imagePullSecrets: 1}}",
    "workspace: {spec: {imagePullSecrets: [[]]}}",
    "cloud: 1",
    "cloud: []",
    "cloud: {}",
    "cloud: {arm: 1}",
    "cloud: {connect: 1}",
    "cloud: {connect: {a: 1}}",
    "cloud: {connect: {\"\": \"127.0.0.1:1\"}}",
    "cloud: {arm: \"https://\", authority: \"https:///\"}",
    "azure: 1",
    "azure: {client_secret: 1}",
    "import: 1",
    "import: [1]",
    "import: [{}]",
    "monitor: 1",
    "monitor: {interval: []}",
    "outputs: 1",
    "outputs: {env_file: []}",
    "dependsOn: 1",
    "dependsOn: {a: 1}",
    "dependsOn: {cluster: 1}",
    "continueOnError: []",
    "ngc: 1",
    "ngc: {}",
    "ngc: {api_key: }",
    "tokens: 1",
    "tokens: {slurm: 1}",
    "tokens: {\"\": {from_env: A}}",
    "novita: 1",
    "novita: {instances: [1]}",
    "requires: []",
    "requires: \"\"",
    "requires: \">=\"",
    "project: []",
    "environment: \"\"",
    "schemaVersion: []",
    "schemaVersion: 1.0",
    "schema_version: []",
    "schema_version: 2\nfoo: bar",
    "registry: {name: abcde}\nregistry: {name: abcdf}",
    "registry: {name: abcde, name: abcde}",
    "\"registry\": {name: abcde}\nregistry: {}",
    "a: 1\nb",
    "a: [1,\nb: 2",
    "a: {b: [}",
    "a: '",
    "a: \"\n\nb: 1",
    "- a\nb: 1",
    "a: 1\n- b",
    "  a: 1\n b: 2",
];

/// A file that is well and uses most of the format.
pub(super) fn seeds() -> Vec<String> {
    ["unified-infra/unified-infra", "minimal/minimal", "every-field/every-field", "gpu-pools/gpu-pools"]
        .iter()
        .map(|name| {
            let path = format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
        })
        .collect()
}

#[test]
fn broken_by_hand() {
    assert!(BY_HAND.len() >= 200, "{}", BY_HAND.len());
    let taken: Vec<&str> = BY_HAND.iter().filter(|text| !refused(text)).copied().collect();
    // An empty name is an absent one: the only text of this list that is a stack.
    assert_eq!(taken, ["registry: {name: }"]);
}

#[test]
fn broken_by_chance() {
    let seeds = seeds();
    let (mut dice, mut bad) = (Dice::new(0x9E37_79B9_7F4A_7C15), 0);
    for i in 0..2000 {
        let text = mutate(&seeds[i % seeds.len()], &mut dice);
        bad += usize::from(refused(&text));
    }
    assert!(bad >= 1000, "only {bad} of 2000 were refused");
}

#[test]
fn cut_anywhere() {
    for seed in seeds() {
        for (i, _) in seed.char_indices().step_by(3) {
            refused(&seed[..i]);
        }
    }
}

#[test]
fn sizes_that_hurt_are_refused_quickly() {
    let deep = "a: ".to_owned() + &"[".repeat(100_000);
    let deeper = (0..2000).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    let wide = (0..60_000).map(|i| format!("k{i}: 1\n")).collect::<String>();
    let big = "x".repeat((1 << 20) + 1);
    let long_key = "k".repeat(500_000) + ": 1\n";
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    (1..30).for_each(|i| bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", ")));
    for text in [deep, deeper, wide, big, long_key, bomb] {
        assert!(refused(&text), "{}…", &text[..40]);
    }
}
