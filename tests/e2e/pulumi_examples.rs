//! Promise: the examples in Python, TypeScript, YAML and Rust, and the bare stack file, do what their first lines say, on
//! Pulumi's own engine: they make everything, find nothing to do afterwards, and take everything away again.

use mops_tests::pulumi::PASSPHRASE;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use crate::sdks::{libraries, shell};
use mops_host::Env;
use mops_host::proc::Output;
use mops_tests::control;
use mops_tests::job::{Job, example};
use mops_tests::place::bin_dir;
use mops_tests::skip::skipped;
use mops_tests::tools::folder;

/// A folder in the private world with Pulumi's state in it, and Pulumi, its language for YAML and our provider on the path.
struct Stand {
    job: Job,
    env: Vec<(&'static str, String)>,
}

impl Stand {
    async fn of(test: &str) -> Option<Self> {
        let Some(job) = Job::in_private_world(&example("minimal/minimal.yaml")) else {
            skipped("world", test);
            return None;
        };
        let home = job.place.path().display().to_string();
        libraries(&job.place, test).await?;
        let bins = ["pulumi", "pulumi-yaml"].map(|module| folder(module).expect(module).display().to_string());
        let process = Env::process();
        let path = format!("{}:{}:{}", bin_dir().display(), bins.join(":"), process.get("PATH").unwrap_or_default());
        let env = vec![
            ("PATH", path),
            ("PULUMI_BACKEND_URL", format!("file://{home}")),
            ("PULUMI_SKIP_UPDATE_CHECK", "true".to_owned()),
            ("PYTHONPATH", format!("{home}/sdks/python")),
            (PASSPHRASE.0, PASSPHRASE.1.to_owned()),
            ("HOME", home),
        ];
        Some(Self { job, env })
    }

    async fn good(&self, line: &str) -> String {
        let theirs = self.job.place.env.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let mut env: Vec<(&str, String)> =
            theirs.filter(|(name, _)| !self.env.iter().any(|(own, _)| own == name)).collect();
        env.extend(self.env.iter().cloned());
        let Output { stdout, .. } = shell(self.job.place.path(), &env, line).await;
        String::from_utf8_lossy(&stdout).into_owned()
    }

    /// Everything went but the group, which is protected; it goes here, since the world is everybody's.
    fn is_gone_but_for(&self, group: &str, before: &[String]) {
        let left = self.job.existing();
        assert!(left.iter().all(|id| before.contains(id) || id.ends_with(group)), "{left:?}");
        control::ask(&self.job.control(), "POST", "/behind/delete", group).expect("the sandbox");
        assert_eq!(self.job.existing(), before);
    }
}

#[tokio::test]
async fn the_example_in_python_comes_up_stays_and_goes() {
    let Some(stand) = Stand::of("the example in Python").await else { return };
    let python = folder("pulumi-python").expect("a folder").join("python").display().to_string();
    let before = stand.job.existing();
    stand.job.place.write("main.py", &example("pulumi-python/main.py"));
    let made = stand.good(&format!("'{python}' main.py up")).await;
    assert!(made.contains("changes: 5 create") && stand.job.existing().len() > before.len(), "{made}");
    let again = stand.good(&format!("'{python}' main.py up")).await;
    assert!(again.contains("changes: 5 same"), "{again}");
    stand.good(&format!("'{python}' main.py destroy")).await;
    assert_eq!(stand.job.existing(), before);
}

#[tokio::test]
async fn a_workspace_as_one_component_comes_up_stays_and_goes() {
    let Some(stand) = Stand::of("the component in Python").await else { return };
    let python = folder("pulumi-python").expect("a folder").join("python").display().to_string();
    let before = stand.job.existing();
    stand.job.place.write("main.py", &example("pulumi-python/workspace.py"));
    let made = stand.good(&format!("'{python}' main.py up")).await;
    assert!(made.contains("changes: 11 create") && !made.contains("sig="), "{made}");
    let again = stand.good(&format!("'{python}' main.py up")).await;
    assert!(again.contains("changes: 11 same"), "{again}");
    stand.good(&format!("'{python}' main.py destroy")).await;
    stand.is_gone_but_for("/resourcegroups/modelops-workspace-rg", &before);
}

#[tokio::test]
async fn the_bare_stack_file_comes_up_stays_and_goes() {
    let Some(stand) = Stand::of("the stack file as a program of Pulumi's").await else { return };
    let before = stand.job.existing();
    for file in ["Pulumi.yaml", "infra.yaml"] {
        stand.job.place.write(file, &example(&format!("pulumi-stackfile/{file}")));
    }
    stand.good("pulumi stack init organization/modelops-stackfile/dev --non-interactive").await;
    let made = stand.good("pulumi up --yes --skip-preview --non-interactive").await;
    assert!(made.contains(" created") && stand.job.existing().len() > before.len(), "{made}");
    let again = stand.good("pulumi up --yes --skip-preview --non-interactive").await;
    assert!(again.contains(" unchanged") && !again.contains(" created"), "{again}");
    stand.good("pulumi destroy --yes --skip-preview --non-interactive --exclude-protected").await;
    stand.is_gone_but_for("/resourcegroups/modelops-stackfile-rg", &before);
}

/// The language by which Pulumi runs a built program, on the path of a place.
fn language(stand: &Stand) {
    let python = folder("pulumi-python").expect("a folder").join("python").display().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/gestalt_language.py");
    let name = "language/pulumi-language-gestalt";
    stand.job.place.write(name, &format!("#!/bin/sh\nexec '{python}' '{script}' \"$@\"\n"));
    let path = stand.job.place.path().join(name);
    std::fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("our own file");
}

#[tokio::test]
async fn the_example_in_rust_comes_up_stays_and_goes() {
    let test = "the example in Rust";
    let Some(program) = Env::process().get("MOPS_GESTALT").map(ToOwned::to_owned) else {
        return skipped("gestalt", test);
    };
    let Some(stand) = Stand::of(test).await else { return };
    language(&stand);
    let before = stand.job.existing();
    stand.job.place.write("Pulumi.yaml", &example("gestalt/Pulumi.yaml"));
    let pulumi = |line: &str| {
        format!("export PATH=\"$PWD/language:$PATH\" MOPS_PROGRAM='{program}' && pulumi {line} --non-interactive")
    };
    stand.good(&pulumi("stack init organization/modelops-gestalt/dev")).await;
    let made = stand.good(&pulumi("up --yes --skip-preview")).await;
    assert!(made.contains("3 created") && stand.job.existing().len() == before.len() + 2, "{made}");
    let again = stand.good(&pulumi("up --yes --skip-preview")).await;
    assert!(again.contains("3 unchanged"), "{again}");
    stand.good(&pulumi("destroy --yes --skip-preview")).await;
    assert_eq!(stand.job.existing(), before);
}

/// What `npm install` does, with the packages of the tools.
fn built(modules: &str) -> String {
    let compiler = format!("node '{modules}/typescript/bin/tsc' -p .");
    format!(
        "(cd sdks/nodejs && ln -s '{modules}' node_modules && {compiler} && cp package.json bin/) && mkdir -p \
         node_modules/@pulumi && ln -s '{modules}/@pulumi/pulumi' \"$PWD/sdks/nodejs/bin\" node_modules/@pulumi/ && mv \
         node_modules/@pulumi/bin node_modules/@pulumi/modelops && ln -s '{modules}/@types' node_modules/ && {compiler}"
    )
}

#[tokio::test]
async fn the_example_in_typescript_comes_up_stays_and_goes() {
    let Some(stand) = Stand::of("the example in TypeScript").await else { return };
    let modules = folder("pulumi-node").expect("a folder").with_file_name("node_modules").display().to_string();
    let before = stand.job.existing();
    for file in ["main.ts", "tsconfig.json"] {
        stand.job.place.write(file, &example(&format!("pulumi-typescript/{file}")));
    }
    stand.good(&built(&modules)).await;
    let made = stand.good("node main.js up").await;
    assert!(made.contains("changes: 5 create") && stand.job.existing().len() > before.len(), "{made}");
    let again = stand.good("node main.js up").await;
    assert!(again.contains("changes: 5 same"), "{again}");
    stand.good("node main.js destroy").await;
    assert_eq!(stand.job.existing(), before);
}

#[tokio::test]
async fn the_example_in_yaml_comes_up_stays_and_goes() {
    let Some(stand) = Stand::of("the example in YAML").await else { return };
    let before = stand.job.existing();
    stand.job.place.write("Pulumi.yaml", &example("pulumi-yaml/Pulumi.yaml"));
    stand.good("pulumi stack init organization/modelops-yaml/dev --non-interactive").await;
    let made = stand.good("pulumi up --yes --skip-preview --non-interactive").await;
    assert!(made.contains("5 created") && stand.job.existing().len() > before.len(), "{made}");
    let again = stand.good("pulumi up --yes --skip-preview --non-interactive").await;
    assert!(again.contains("5 unchanged"), "{again}");
    stand.good("pulumi destroy --yes --skip-preview --non-interactive").await;
    assert_eq!(stand.job.existing(), before);
}
