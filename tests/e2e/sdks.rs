//! Promise: Pulumi finds nothing wrong with the package schema, and the libraries that its generators make of it pass the
//! strict type check of TypeScript, serve a checked program in Python, and pass Go's compiler and vet, against Pulumi's own libraries.
//! Nothing can be fetched here: `make tools` and Go's module cache have what is needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::proc::{Command, Output};
use mops_host::{Env, fsx};
use mops_tests::job::example;
use mops_tests::place::{Place, bin_dir};
use mops_tests::skip::skipped;
use mops_tests::tools::{folder, program};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/pulumi.schema.json");

/// Runs a line of the shell in a folder, with success.
pub(crate) async fn shell(folder: &Path, env: &[(&str, String)], line: &str) -> Output {
    let process = Env::process();
    let always =
        ["PATH", "HOME", "XDG_CACHE_HOME"].map(|name| (name, process.get(name).unwrap_or_default().to_owned()));
    let given = always.iter().chain(env).filter(|(_, value)| !value.is_empty());
    let command = Command {
        program: "sh".to_owned(),
        args: ["-c", "cd \"$1\" && eval \"$2\"", "sh", &folder.display().to_string(), line].map(str::to_owned).to_vec(),
        env: given.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        stdin: None,
        timeout: Duration::from_secs(300),
        max_output: 4 << 20,
    };
    let output = command.run().await.expect("sh");
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.success(), "{line}: {}{}", told(&output.stdout), told(&output.stderr));
    output
}

/// The libraries of the published schema, below a folder of the test's own; `None`, and the skip is said, without tools.
pub(crate) async fn libraries(place: &Place, test: &str) -> Option<PathBuf> {
    let (Ok(sdks), Ok(_), Ok(_)) =
        (program("pulumi", "sdks"), program("pulumi-node", "tsc"), program("pulumi-python", "python"))
    else {
        skipped("pulumi", test);
        return None;
    };
    shell(place.path(), &[], &format!("'{}' '{SCHEMA}' sdks", sdks.display())).await;
    // What an installation adds to the library for Python, which asks for its own version.
    let installed = format!("sdks/python/pulumi_modelops-{0}.dist-info", mops_pulumi::VERSION);
    let told = format!("Metadata-Version: 2.1\nName: pulumi_modelops\nVersion: {}\n", mops_pulumi::VERSION);
    place.write(&format!("{installed}/METADATA"), &told);
    Some(place.path().join("sdks"))
}

#[tokio::test]
async fn pulumi_finds_nothing_wrong_with_the_schema() {
    let Ok(pulumi) = program("pulumi", "pulumi") else { return skipped("pulumi", "Pulumi's check of the schema") };
    let place = Place::new();
    let (pulumi, provider) = (pulumi.display(), bin_dir().join("pulumi-resource-modelops"));
    let env = [("PULUMI_SKIP_UPDATE_CHECK", "true".to_owned()), ("PULUMI_HOME", place.path().display().to_string())];
    let checked = shell(place.path(), &env, &format!("'{pulumi}' schema check '{SCHEMA}' 2>&1")).await;
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "");
    let told = shell(place.path(), &env, &format!("'{pulumi}' package get-schema '{}'", provider.display())).await;
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("a schema");
    let kept: serde_json::Value =
        serde_json::from_str(&fsx::read_text(Path::new(SCHEMA)).expect("the schema")).expect("JSON");
    for part in ["resources", "functions"] {
        let tokens =
            |of: &serde_json::Value| of[part].as_object().expect(part).keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(tokens(&told), tokens(&kept));
    }
}

#[tokio::test]
async fn the_library_for_typescript_passes_its_strict_check() {
    let place = Place::new();
    let Some(sdks) = libraries(&place, "the library for TypeScript").await else { return };
    let tools = folder("pulumi-node").expect("the folder of the tools").with_file_name("node_modules");
    let tools = tools.display();
    let line = format!("ln -s '{tools}' node_modules && node node_modules/typescript/bin/tsc --noEmit --strict -p .");
    shell(&sdks.join("nodejs"), &[], &line).await;
}

/// Of Pulumi's generator's own lines mypy has opinions that are not ours, so it is asked about a program that uses them, and
/// about one that gives a number for a name.
#[tokio::test]
async fn a_program_in_python_passes_mypy_with_the_library_and_a_wrong_one_does_not() {
    let place = Place::new();
    let Some(sdks) = libraries(&place, "the library for Python").await else { return };
    let python = program("pulumi-python", "python").expect("python");
    let main = example("pulumi-python/main.py");
    place.write("main.py", &main);
    place.write("wrong.py", &main.replace("sku=\"Basic\"", "sku=7"));
    let env = [("MYPYPATH", sdks.join("python").display().to_string())];
    let check = format!(
        "'{}' -m mypy --cache-dir /dev/null --strict --follow-imports=silent --no-incremental",
        python.display()
    );
    shell(place.path(), &env, &format!("{check} main.py && ! {check} wrong.py")).await;
    let every = "import importlib, pkgutil, pulumi_modelops as m\n\
                 [importlib.import_module(f.name) for f in pkgutil.walk_packages(m.__path__, 'pulumi_modelops.')]";
    shell(&sdks.join("python"), &[], &format!("'{}' -c \"{every}\"", python.display())).await;
}

#[tokio::test]
async fn the_library_for_go_passes_its_compiler_and_vet() {
    let place = Place::new();
    let Some(sdks) = libraries(&place, "the library for Go").await else { return };
    // The tools are made of the same module of Pulumi's with the same flags, so what it needs is fetched and compiled.
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/pulumi");
    let line = format!(
        "cp '{module}/go.sum' . && sed 's#^module .*#module example.com/pulumi-modelops/sdk/go#; /^tool/,/^)/d' \
         '{module}/go.mod' >go.mod && go vet ./..."
    );
    let env = [
        ("GOPROXY", "off".to_owned()),
        ("GOFLAGS", "-mod=mod -trimpath".to_owned()),
        ("CGO_ENABLED", "0".to_owned()),
        ("GOWORK", "off".to_owned()),
    ];
    shell(&sdks.join("go"), &env, &line).await;
}
