//! Every field of the stack file: what it takes, what it refuses, and in which words. A row is a case.

#[path = "stackfile/fields.rs"]
mod fields;

use mops_core::{Diagnostic, Severity};
use mops_engine::stackfile::{Loaded, STARTER, StackFile, cloud_file, json_schema, load, unsupported};

const SUB: &str = "00000000-1111-2222-3333-444444444444";

fn errors(loaded: &Loaded) -> Vec<&Diagnostic> {
    loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect()
}

fn accept(row: &str, text: &str) -> StackFile {
    let loaded = load("f.yaml", text);
    assert!(errors(&loaded).is_empty(), "{row}: {:#?}\n{text}", errors(&loaded));
    loaded.file.unwrap_or_else(|| panic!("{row}"))
}

/// The file is refused; one of its errors contains `want`, and all have place and hint.
fn refuse(row: &str, text: &str, want: &str) {
    let loaded = load("f.yaml", text);
    let found = errors(&loaded);
    assert!(loaded.file.is_none() && !found.is_empty(), "{row}: was taken\n{text}");
    for d in &found {
        let place = d.place.as_ref().unwrap_or_else(|| panic!("{row}: no place: {d}"));
        assert!(place.line >= 1 && place.column >= 1 && d.hint.as_ref().is_some_and(|h| !h.is_empty()), "{row}: {d}");
    }
    assert!(found.iter().any(|d| d.to_string().contains(want)), "{row}: wanted {want:?}, got {found:#?}");
}

/// `{}` in the frame takes the row; each `Ok` row is taken, each `Err` row refused in the given words.
fn table(frame: &str, rows: &[(&str, Option<&str>)]) {
    for (row, want) in rows {
        let text = frame.replace("{}", row);
        match want {
            None => {
                accept(row, &text);
            }
            Some(want) => refuse(row, &text, want),
        }
    }
}

const OK: Option<&str> = None;

fn no(words: &str) -> Option<&str> {
    Some(words)
}

#[test]
fn literal_secrets_are_not_quoted() {
    for text in [
        "ngc: {api_key: nvapi-canary}",
        "ngc: {api_key: {from_env: nvapi-canary-5}}",
        "ngc: {api_key: [nvapi-canary]}",
        "ngc: {api_key: {value: nvapi-canary}}",
        "tokens: {HF_TOKEN: hf_canary}",
        "azure: {client_secret: canary}",
        "registry: {provider: ghcr, username: me, password: canary}",
        "registry: {provider: ghcr, token: canary}",
        "storage: {connection_string: canary, sas: {token: canary}}",
        "azure: {client_secret: |\n    canary\n  }",
    ] {
        let loaded = load("f.yaml", text);
        let words: String = loaded.diagnostics.iter().map(|d| format!("{d} {:?}", d.hint)).collect();
        assert!(!words.is_empty() && !words.contains("canary"), "{text}: {words}");
    }
}

#[test]
fn secrets_in_clear_variables_are_warned_about_without_being_quoted() {
    let text = format!(
        "cluster:\n  subscription_id: {SUB}\n  aks: {{node_pools: [{{name: s, mode: System, vm_size: Standard_B2s, count: 1}}]}}\nworkspace: {{metadata: {{name: m}}, spec: {{scheduler: {{image: i, env: {{HF_TOKEN: hf_canary}}}}, workers: {{image: i}}}}}}\n"
    );
    let loaded = load("f.yaml", &text);
    assert!(loaded.file.is_some());
    let words = format!("{:?}", loaded.diagnostics);
    assert!(words.contains("`HF_TOKEN` looks like a secret") && !words.contains("canary"), "{words}");
}

#[test]
fn an_autoscaler_that_cannot_see_is_warned_about() {
    let frame = format!(
        "cluster:\n  subscription_id: {SUB}\n  aks: {{node_pools: [{{name: s, mode: System, vm_size: Standard_B2s, count: 1}}]}}\nworkspace: {{metadata: {{name: m}}, spec: {{scheduler: {{image: i}}, workers: {{image: i}}, ROW}}}}\n"
    );
    for (row, warned) in [
        ("autoscaling: {enabled: true}", true),
        ("autoscaling: {enabled: false}", false),
        ("autoscaling: {type: dask-adaptive}", false),
    ] {
        let loaded = load("f.yaml", &frame.replace("ROW", row));
        assert!(loaded.file.is_some());
        assert_eq!(loaded.diagnostics.iter().any(|d| d.summary.contains("ask for no `cpu`")), warned, "{row}");
    }
}

#[test]
fn unknown_keys_name_the_nearest_and_free_sections_only_warn() {
    let loaded = load("f.yaml", "storage:\n  acount_name: abc\n");
    let d = errors(&loaded)[0];
    assert_eq!(d.to_string(), "f.yaml:2:3: `storage.acount_name` is not a known key");
    assert_eq!(d.hint.as_deref(), Some("did you mean `account_name`?"));
    let loaded = load("f.yaml", "registry:\n  name: abcde\n  retention: 7\n");
    assert!(loaded.file.is_some());
    let d = &loaded.diagnostics[0];
    assert_eq!(
        (d.severity, d.to_string().as_str()),
        (Severity::Warning, "f.yaml:3:3: `registry.retention` is not a known key and is ignored")
    );
}

#[test]
fn one_run_tells_all_errors_in_order() {
    let text =
        "schemaVersion: 3\nregistry: {sku: basic, sku: Basic}\nstorage:\n  account_name: A\n  sku: none\nfoo: 1\n";
    let loaded = load("f.yaml", text);
    let lines: Vec<usize> = errors(&loaded).iter().map(|d| d.place.as_ref().unwrap().line).collect();
    assert_eq!(lines, [1, 2, 2, 4, 5, 6]);
}

#[test]
fn values_mean_what_the_original_took_them_for() {
    let text = format!(
        "registry: {{name: abcde}}\ncluster:\n  subscription_id: {SUB}\n  location: NO\n  aks:\n    node_pools:\n      - &base {{name: s, mode: System, vm_size: Standard_B2s, count: 1, labels: {{country: NO, on: off}}}}\n      - {{<<: *base, name: t, spot: off, mode: User}}\nstorage: {{account_name: \"123\"}}\noutputs: {{env_file: \"${{HOME}}/x\"}}\n"
    );
    let file = accept("meaning", &text);
    let cluster = file.cluster.as_ref().unwrap();
    assert_eq!(cluster.location.as_ref().unwrap().as_str(), "NO");
    let pools = &cluster.aks.as_ref().unwrap().node_pools;
    assert_eq!(pools[1].labels.0[0].1.as_str(), "NO");
    assert_eq!((pools[1].name.as_str(), pools[1].count.as_ref().unwrap().0), ("t", 1));
    assert!(!pools[1].spot.as_ref().unwrap().value);
    assert_eq!(file.outputs.unwrap().env_file.as_ref().unwrap().value, "${HOME}/x");
}

#[test]
fn one_document_may_be_marked_as_one() {
    accept("marks", "%YAML 1.2\n---\nregistry: {name: abcde}\n...\n");
    refuse("two", "registry: {name: abcde}\n---\n", "a second document begins here");
}

#[test]
fn every_combination_of_optional_sections_parses() {
    let sections = [
        "registry: {name: abcde}\n".to_owned(),
        format!(
            "cluster:\n  subscription_id: {SUB}\n  aks: {{node_pools: [{{name: s, mode: System, vm_size: Standard_B2s, count: 1}}]}}\n"
        ),
        "storage: {}\n".to_owned(),
        "schemaVersion: 1\n".to_owned(),
        "project: p\nenvironment: e\n".to_owned(),
        "cloud: public\nazure: {auth: auto}\n".to_owned(),
        "continueOnError: true\ndependsOn: {cluster: [registry]}\n".to_owned(),
        "workspace: {metadata: {name: m}, spec: {scheduler: {image: i}, workers: {image: i}}}\n".to_owned(),
    ];
    for mask in 1_u32..(1 << sections.len()) {
        let text: String =
            sections.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0).map(|(_, s)| s.as_str()).collect();
        let (built, orphan) = (mask & 0b111 != 0, mask & 0b1000_0010 == 0b1000_0000);
        let loaded = load("f.yaml", &text);
        assert_eq!(loaded.file.is_some(), built && !orphan, "{text}: {:?}", loaded.diagnostics);
    }
}

#[test]
fn starter_is_valid_but_for_the_subscription() {
    let loaded = load("stack.yaml", STARTER);
    let found = errors(&loaded);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].summary.contains("placeholder `YOUR_SUBSCRIPTION_ID`")
            && found[0].hint.as_ref().unwrap().contains("az account show")
    );
    let filled = STARTER.replace("YOUR_SUBSCRIPTION_ID", SUB);
    assert!(unsupported(&accept("starter", &filled)).is_empty());
    let bare: String = filled
        .lines()
        .map(|l| {
            if l.starts_with("# ") && (l.contains(": ") || l.ends_with(':')) && !l.contains("mops ") {
                &l[2..]
            } else {
                l
            }
        })
        .map(|l| format!("{l}\n"))
        .collect();
    assert!(bare.contains("\nworkspace:"), "{bare}");
}

#[test]
fn cloud_files_have_the_members_of_the_section() {
    let text = "arm: https://127.0.0.1:1\nauthority: https://127.0.0.1:2\narm_scope: https://x/.default\nca_file: ca.crt\nconnect: {\"*.azurecr.io\": \"127.0.0.1:3\"}\n";
    let cloud = cloud_file("c.yaml", text).unwrap();
    assert_eq!(
        (cloud.name.as_str(), cloud.arm.as_str(), cloud.arm_scope.as_str()),
        ("c.yaml", "https://127.0.0.1:1", "https://x/.default")
    );
    assert_eq!(cloud.connect[0].0, "*.azurecr.io");
    let found = cloud_file("c.yaml", "arm: https://a\nnonsense: 1\n").unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn editor_schema_is_current() {
    let path = format!("{}/../schema/stack.schema.json", env!("CARGO_MANIFEST_DIR"));
    let wanted = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    if mops_host::env::Env::process().get("MOPS_GOLDEN") == Some("1") {
        mops_host::fsx::replace(path.as_ref(), wanted.as_bytes()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "schema/stack.schema.json is stale: run `make schema`");
}
