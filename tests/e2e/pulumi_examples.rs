//! Promise: the examples in Python and YAML do what their first lines say, on Pulumi's own engine: they make everything, find
//! nothing to do afterwards, and take everything away again.

use mops_host::proc::Output;
use mops_tests::job::{Job, example};
use mops_tests::place::bin_dir;
use mops_tests::skip::skipped;
use mops_tests::tools::folder;

use crate::pulumi::PASSPHRASE;
use crate::sdks::{libraries, shell};

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
        let path = format!("{}:{}:/usr/bin:/bin", bin_dir().display(), bins.join(":"));
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
