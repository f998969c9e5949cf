//! `tokens:` of a stack file through the built program and a real sshd: the file on the login node is written whole and private,
//! a second run has nothing to do, what somebody changed there is found, and only what is ours goes again.

use mops_host::fsx;

use crate::tokens_sync::{Desk, chmod};

const FILE: &str = "slurm-tokens.yaml";
const HF: &str = "hf_canary0123456789abcdef";
const WANDB: &str = "canary0123456789abcdef0123456789abcdef01";

struct Stack {
    desk: Desk,
}

impl Stack {
    async fn new(test: &str) -> Option<Self> {
        let mut desk = Desk::new(test).await?;
        std::fs::remove_file(desk.place.path().join(".env")).expect("gone");
        desk.place.set("HF_TOKEN", HF);
        desk.place.set("WANDB_API_KEY", WANDB);
        let this = Self { desk };
        this.file(mops_tests::job::example("slurm-tokens/slurm-tokens.yaml").as_str());
        Some(this)
    }

    /// Writes the stack file, with the host of this test for that of the example.
    fn file(&self, text: &str) {
        let node = &self.desk.node;
        let config = node.file("ssh_config");
        let host = format!("host: koa, user: {}, ssh_config: {}", node.user, config.display());
        let text = text.replace("host: koa.its.hawaii.edu, user: your-name", &host);
        assert!(text.contains("ssh_config"), "the example has changed:\n{text}");
        self.desk.place.write(FILE, &text);
    }

    /// A line of the shell: its code and what was said. No value is ever among that.
    async fn said(&self, line: &str) -> (i32, String) {
        let output = self.desk.place.run(&["sh", "-c", line]).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains("canary"), "{line}: {said}");
        (output.code.expect("a code"), said)
    }

    async fn good(&self, line: &str) -> String {
        let (code, said) = self.said(line).await;
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    async fn up(&self) -> String {
        self.good(&format!("mops infra up {FILE} --yes")).await
    }

    async fn settled(&self) {
        self.good(&format!("mops infra preview {FILE} --exit-code")).await;
        let said = self.good(&format!("mops infra up {FILE} --refresh --yes")).await;
        assert!(said.contains("no change"), "{said}");
    }

    fn lines(&self) -> Vec<String> {
        self.desk.there().lines().map(str::to_owned).collect()
    }

    /// Everything that this machine keeps of it.
    fn kept(&self) -> String {
        written(&self.desk.place.path().join("home"))
    }
}

fn written(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &written(&path);
        } else {
            text += &String::from_utf8_lossy(&fsx::read(&path).unwrap_or_default());
        }
    }
    text
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_file_of_a_stack_is_written_once_and_goes_without_a_rest() {
    let Some(it) = Stack::new("the_file_of_a_stack_is_written_once_and_goes_without_a_rest").await else { return };
    it.up().await;
    let lines = it.lines();
    assert!(lines[0].starts_with("# modelops-stack=modelops.dev ") && lines.len() == 3, "{lines:?}");
    assert_eq!(lines[1..], [format!("HF_TOKEN={HF}"), format!("WANDB_API_KEY={WANDB}")]);
    assert_eq!(mode(&it.desk.file()), 0o600);
    assert!(!it.kept().contains("canary"), "a value was kept here");
    it.settled().await;
    let said = it.good("mops infra outputs").await;
    assert!(said.contains("koa-ml/.env"), "{said}");
    it.good("mops infra down --yes").await;
    assert!(!it.desk.file().exists());
    // It is made again where it was made before.
    it.up().await;
    it.good("mops infra down -c tokens --yes").await;
    assert!(!it.desk.file().exists());
}

#[tokio::test]
async fn what_somebody_changed_on_the_host_is_found_and_lines_of_others_stay() {
    let Some(it) = Stack::new("what_somebody_changed_on_the_host_is_found_and_lines_of_others_stay").await else {
        return;
    };
    it.up().await;
    let changed = it.desk.there().replace(HF, "hf_somebody-elses-token") + "export LOG_LEVEL=info # mine\n";
    it.desk.put(&changed, 0o644);
    let (code, said) = it.said(&format!("mops infra preview {FILE} --refresh --exit-code")).await;
    assert!(code == 5 && said.contains("HF_TOKEN") && said.contains("600 → 644"), "{code} {said}");
    it.good(&format!("mops infra up {FILE} --refresh --yes")).await;
    let lines = it.lines();
    assert_eq!(
        lines[1..],
        [format!("HF_TOKEN={HF}"), format!("WANDB_API_KEY={WANDB}"), "export LOG_LEVEL=info # mine".to_owned()]
    );
    assert_eq!((mode(&it.desk.file()), lines[0].starts_with("# modelops-stack=")), (0o600, true));
    it.settled().await;
    // A line that was taken away, and the whole file.
    it.desk.put(&it.desk.there().replace(&format!("HF_TOKEN={HF}\n"), ""), 0o600);
    it.good(&format!("mops infra up {FILE} --refresh --yes")).await;
    assert!(it.desk.there().contains(HF) && it.desk.there().contains("LOG_LEVEL"));
    it.good("mops infra down --yes").await;
    assert_eq!(it.lines(), ["export LOG_LEVEL=info # mine"], "what was not ours went along");
    std::fs::remove_file(it.desk.file()).expect("gone");
    it.up().await;
    std::fs::remove_file(it.desk.file()).expect("gone");
    it.good(&format!("mops infra up {FILE} --refresh --yes")).await;
    assert_eq!(it.lines().len(), 3);
}

#[tokio::test]
async fn a_new_value_in_its_source_is_written_and_a_name_that_is_not_declared_any_more_goes() {
    let Some(mut it) = Stack::new("a_new_value_in_its_source_is_written").await else { return };
    it.up().await;
    it.desk.put(&format!("{}MINE=1\n", it.desk.there()), 0o600);
    it.desk.place.set("HF_TOKEN", "hf_canary-next-0123456789");
    let (code, said) = it.said(&format!("mops infra preview {FILE} --exit-code")).await;
    assert!(code == 5 && said.contains("`HF_TOKEN` has a new value in"), "{code} {said}");
    it.up().await;
    assert!(it.desk.there().contains("hf_canary-next-0123456789") && !it.desk.there().contains(HF));
    let text = mops_tests::job::example("slurm-tokens/slurm-tokens.yaml");
    it.file(&text.replace("  WANDB_API_KEY: {from_env: WANDB_API_KEY}\n", ""));
    it.up().await;
    assert_eq!(it.lines()[1..], ["HF_TOKEN=hf_canary-next-0123456789", "MINE=1"]);
    // A source that is not here is a note in a preview and a refusal before anything is written.
    it.desk.place.set("HF_TOKEN", "");
    let (code, said) = it.said(&format!("mops infra up {FILE} --yes")).await;
    assert!(code != 0 && said.contains("`HF_TOKEN`"), "{code} {said}");
    it.good("mops infra down --yes").await;
    assert_eq!(it.lines(), ["MINE=1"]);
}

#[tokio::test]
async fn a_file_of_somebody_else_is_refused_and_that_of_a_stack_is_not_overwritten_by_hand() {
    let Some(it) = Stack::new("a_file_of_somebody_else_is_refused").await else { return };
    it.desk.put("HF_TOKEN=theirs\nMORE=1\n", 0o600);
    let (code, said) = it.said(&format!("mops infra up {FILE} --yes")).await;
    assert!(code != 0 && said.contains("has HF_TOKEN already, not by this stack"), "{code} {said}");
    assert_eq!(it.desk.there(), "HF_TOKEN=theirs\nMORE=1\n");
    // What has none of our names is no hindrance, and stays.
    it.desk.put("MORE=1\n", 0o600);
    it.up().await;
    assert!(it.desk.there().contains(HF) && it.lines()[1] == "MORE=1");
    it.settled().await;
    it.good("mops infra down --yes").await;
    assert_eq!(it.desk.there(), "MORE=1\n");

    it.up().await;
    it.desk.place.write(".env", "HF_TOKEN=hf_canary-by-hand\n");
    let before = it.desk.there();
    for line in ["mops tokens sync", "mops tokens sync --merge"] {
        let (code, said) = it.said(&format!("{line} --file {FILE}")).await;
        assert!(code == 1 && said.contains("stack `modelops.dev` keeps the file"), "{code} {said}");
    }
    assert_eq!(it.desk.there(), before);
    // Without the mark nobody says any more that it is ours.
    it.desk.put("HF_TOKEN=theirs\n", 0o600);
    let (code, said) = it.said("mops infra down --yes").await;
    assert!(code == 0 && said.contains("carries no mark and is not deleted"), "{code} {said}");
    assert_eq!(it.desk.there(), "HF_TOKEN=theirs\n");
}

#[tokio::test]
async fn k_10_the_stack_file_names_the_host_after_flags_variables_and_profiles() {
    let Some(it) = Stack::new("k_10_the_stack_file_names_the_host").await else { return };
    it.up().await;
    it.desk.place.write(".env", &format!("HF_TOKEN={HF}\nWANDB_API_KEY={WANDB}\n"));
    let said = it.good(&format!("mops tokens check --offline --file {FILE}")).await;
    assert!(said.contains("= local") && said.contains("koa-ml/.env"), "{said}");
    it.desk.place.write("unified-infra.yaml", &fsx::read_text(&it.desk.place.path().join(FILE)).expect("a file"));
    it.good("mops tokens check --offline").await;
    let loader = it.good("mops tokens loader").await;
    assert!(loader.contains("/'koa-ml/.env'"), "{loader}");
    it.desk.place.write("home/.modelops/profiles/lab.yaml", "user: nobody-here\n");
    for line in ["KOA_USER=nobody-here mops tokens check --offline", "mops tokens check --offline --profile lab"] {
        let (code, said) = it.said(line).await;
        assert!(code == 3 && said.contains("nobody-here@koa"), "{line}: {code} {said}");
    }
    it.desk.place.write("home/.config/koa-ml/config.yaml", "user: after\nhost: after.invalid\n");
    it.good("mops tokens check --offline").await;
    it.desk.place.write("unified-infra.yaml", "cluster: [\n");
    let (code, said) = it.said("mops tokens check --offline").await;
    assert!(code == 3 && said.contains("has mistakes") && said.contains("after@after.invalid"), "{code} {said}");
    it.desk.place.write("bare.yaml", "registry: {name: abcde}\n");
    let (code, said) = it.said("mops tokens check --offline --file bare.yaml").await;
    assert!(code == 2 && said.contains("names no login node"), "{said}");
}

#[tokio::test]
async fn a_host_that_is_not_known_is_not_taken_on_trust() {
    let Some(it) = Stack::new("a_host_that_is_not_known_is_not_taken_on_trust").await else { return };
    it.desk.node.knows("");
    let (code, said) = it.said(&format!("mops infra up {FILE} --yes")).await;
    assert!(code != 0 && said.contains("SSH_HOST_KEY") && said.contains("mops explain"), "{code} {said}");
    it.desk.node.knows(&it.desk.node.known_line().await);
    it.up().await;
    chmod(&it.desk.folder(), 0o777);
    it.desk.put(&it.desk.there().replace(HF, "hf_somebody-elses-token"), 0o600);
    let (code, said) = it.said(&format!("mops infra up {FILE} --refresh --yes")).await;
    assert!(code != 0 && said.contains("may write"), "{code} {said}");
}
