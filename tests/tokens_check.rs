//! K-04 to K-08, K-10, K-12, K-15, K-16, K-19 and E-09 through the built program, a real sshd and the fakes of both services:
//! what the host has is told by hashes, each token is shown to its service once, and nothing is ever good by default.

use mops_tests::token_services::{Hostile, KEY, Services};

use crate::tokens_sync::{Desk, chmod};

const TOKEN: &str = "hf_canary-me-read";

struct Checked {
    desk: Desk,
    services: Services,
}

impl Checked {
    /// The same tokens here and there.
    async fn new(test: &str) -> Option<Self> {
        let mut desk = Desk::new(test).await?;
        let services = Services::start();
        desk.place.set("HF_ENDPOINT", services.base.clone());
        desk.place.set("WANDB_BASE_URL", services.base.clone());
        let this = Self { desk, services };
        this.both(&format!("HF_TOKEN={TOKEN}\nWANDB_API_KEY={KEY}\n"));
        Some(this)
    }

    fn here(&self, text: &str) {
        self.desk.place.write(".env", text);
    }

    fn both(&self, text: &str) {
        self.here(text);
        self.desk.put(text, 0o600);
    }

    /// The code and what was said, in one line of single blanks.
    async fn check(&self, flags: &str) -> (i32, String) {
        let (code, said) = self.desk.said(&format!("check {flags}")).await;
        (code, said.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    async fn fails(&self, flags: &str, words: &[&str]) {
        let (code, said) = self.check(flags).await;
        assert_eq!(code, 1, "{said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    }

    async fn passes(&self, flags: &str, words: &[&str]) {
        let (code, said) = self.check(flags).await;
        assert_eq!(code, 0, "{said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    }
}

#[tokio::test]
async fn k_04_e_09_set_empty_missing_and_differs_are_four_things() {
    let Some(it) = Checked::new("k_04_e_09_set_empty_missing_and_differs_are_four_things").await else { return };
    it.passes("--offline", &["HF_TOKEN set = local", "WANDB_API_KEY set = local", "WANDB_ENTITY missing", "mode 600"])
        .await;
    assert!(it.services.calls().is_empty());
    // Words that hold other words: a name counts as a whole, and a value says nothing.
    it.desk.put("MY_HF_TOKEN=SET\nHF_TOKEN_NOT_SET=1\nWANDB_API_KEY=NOT_SET\n#HF_TOKEN=x\n", 0o600);
    it.fails(
        "--offline",
        &["HF_TOKEN missing", "SLURM_ENV_MISSING", "WANDB_API_KEY set ≠ local", "SLURM_TOKEN_DIFFERS"],
    )
    .await;
    it.desk.put(&format!("HF_TOKEN=\nexport WANDB_API_KEY='{KEY}' # mine\r\n"), 0o600);
    it.fails("--offline", &["HF_TOKEN empty", "SLURM_TOKEN_EMPTY", "WANDB_API_KEY set = local"]).await;
    it.desk.put(&format!("HF_TOKEN={TOKEN}\nHF_TOKEN='  '\nWANDB_API_KEY={KEY}\n"), 0o600);
    it.fails("--offline", &["HF_TOKEN empty"]).await;
    it.desk.put("", 0o600);
    it.fails("--offline", &["HF_TOKEN missing", "WANDB_API_KEY missing"]).await;
    std::fs::remove_file(it.desk.file()).expect("gone");
    it.fails("--offline", &["SLURM_ENV_MISSING", "mops tokens sync"]).await;
    // What is not used here need not be there; what is asked for must.
    it.both(&format!("HF_TOKEN={TOKEN}\n"));
    it.passes("--offline", &["WANDB_API_KEY missing"]).await;
    it.fails("--offline --require WANDB_ENTITY", &["SLURM_ENV_MISSING", "WANDB_ENTITY"]).await;
    std::fs::remove_file(it.desk.place.path().join(".env")).expect("gone");
    it.fails("--offline", &["HF_TOKEN set not here", "WANDB_API_KEY missing"]).await;
}

#[tokio::test]
async fn k_05_k_16_mode_and_age_of_the_file_are_told() {
    let Some(it) = Checked::new("k_05_k_16_mode_and_age_of_the_file_are_told").await else { return };
    chmod(&it.desk.file(), 0o644);
    it.fails("--offline", &["SLURM_ENV_MODE", "mode 644"]).await;
    chmod(&it.desk.file(), 0o400);
    it.passes("--offline", &["mode 400"]).await;
    let file = it.desk.file().display().to_string();
    assert!(mops_tests::sshd::tool("touch", &["-d", "100 days ago", &file]).await.success());
    it.passes("--offline --max-age 90", &["age 100 d", "100 days old, more than 90"]).await;
    it.passes("--offline --max-age 120", &["age 100 d"]).await;
}

#[tokio::test]
async fn k_06_k_12_no_value_crosses_and_sync_may_look_afterwards() {
    let Some(it) = Checked::new("k_06_k_12_no_value_crosses_and_sync_may_look_afterwards").await else { return };
    // What the host sends back, as its own shell writes it.
    it.desk
        .node
        .runs(&format!("/bin/sh -c \"$SSH_ORIGINAL_COMMAND\" | tee -a {}/answers", it.desk.node.home().display()));
    it.passes("", &["HF_TOKEN set = local here valid: user me, role read"]).await;
    let (code, said) = it.desk.said("sync --check").await;
    assert!(code == 0 && said.contains("sent HF_TOKEN") && said.contains("valid: user me"), "{said}");
    let answers = mops_host::fsx::read_text(&it.desk.node.home().join("answers")).expect("answers");
    assert!(answers.contains("token HF_TOKEN set ") && !answers.contains("canary"), "{answers}");
    it.desk.node.knows("");
    let (code, said) = it.check("").await;
    assert!(code == 3 && said.contains("SSH_HOST_KEY"), "{said}");
}

#[tokio::test]
async fn k_07_k_19_each_token_is_shown_to_its_service_once() {
    let Some(it) = Checked::new("k_07_k_19_each_token_is_shown_to_its_service_once").await else { return };
    it.passes("", &["valid: user me, role read", "valid: user me"]).await;
    assert_eq!(it.services.calls(), ["GET /api/whoami-v2", "POST /graphql"]);
    it.both(&format!("HF_TOKEN=hf_canary-me-write\nWANDB_API_KEY={KEY}\nWANDB_ENTITY=team-a\nWANDB_PROJECT=runs\n"));
    it.passes("", &["HF_WRITE_SCOPE", "role write"]).await;
    it.both(&format!("HF_TOKEN=hf_canary-me-soon\nWANDB_API_KEY={KEY}\n"));
    it.passes("", &["valid: user me, role read, ends 20"]).await;
    it.both(&format!("HF_TOKEN=canary-old\nWANDB_API_KEY={KEY}\nWANDB_ENTITY=team-b\nWANDB_PROJECT=runs\n"));
    it.fails("", &["HF_TOKEN_INVALID", "WANDB_ENTITY", "team-a"]).await;
    it.both(&format!("WANDB_API_KEY={KEY}\nWANDB_ENTITY=team-a\nWANDB_PROJECT=new\n"));
    it.passes("", &["WANDB_PROJECT", "team-a/new"]).await;
    it.both("WANDB_API_KEY=canary-nobody\n");
    it.fails("", &["WANDB_KEY_INVALID", "names no user"]).await;
    it.both("WANDB_API_KEY=canary-wrong\n");
    it.fails("", &["WANDB_KEY_INVALID"]).await;
}

#[tokio::test]
async fn k_08_what_a_model_answers_has_its_cause() {
    let Some(it) = Checked::new("k_08_what_a_model_answers_has_its_cause").await else { return };
    for model in ["lab/open", "lab/moved", "lab/bare"] {
        it.passes(&format!("--model {model}"), &[&format!("✓ {model}")]).await;
    }
    for (model, cause) in [
        ("gated", "HF_LICENSE_NOT_ACCEPTED"),
        ("hidden", "HF_LICENSE_NOT_ACCEPTED"),
        ("pending", "HF_PENDING"),
        ("rejected", "HF_REJECTED"),
        ("disabled", "HF_REPO_DISABLED"),
        ("absent", "HF_REPO_NOT_FOUND"),
    ] {
        it.fails(&format!("--model lab/{model}"), &[cause, &format!("✗ lab/{model}")]).await;
    }
    it.both("HF_TOKEN=hf_canary-me-narrow\n");
    it.fails("--model lab/gated", &["HF_FINE_GRAINED_SCOPE"]).await;
    it.both("HF_TOKEN=hf_canary-me-gated\n");
    it.passes("--model lab/gated", &["chosen rights"]).await;
    it.both("LOG_LEVEL=info\n");
    it.fails("--model lab/gated", &["HF_NO_TOKEN"]).await;
    let (code, said) = it.check("--model ../../etc").await;
    assert_eq!(code, 2, "{said}");
}

#[tokio::test]
async fn another_value_on_the_host_is_shown_to_its_service_there() {
    let Some(it) = Checked::new("another_value_on_the_host_is_shown_to_its_service_there").await else { return };
    if !std::path::Path::new("/usr/bin/curl").exists() {
        return;
    }
    it.desk.put(&format!("HF_TOKEN=hf_canary-other-read\nWANDB_API_KEY='{KEY}x'\n"), 0o600);
    it.fails("", &["HF_TOKEN set ≠ local host valid", "SLURM_TOKEN_DIFFERS", "WANDB_KEY_INVALID"]).await;
    it.here(&format!("HF_TOKEN=canary-mine\nWANDB_API_KEY={KEY}y\n"));
    it.desk.put(&format!("HF_TOKEN=canary-old\nWANDB_API_KEY={KEY}\n"), 0o600);
    it.fails("", &["HF_TOKEN_INVALID", "WANDB_API_KEY set ≠ local host valid"]).await;
    // Without curl there nothing is claimed.
    it.desk.node.before("mkdir -p \"$HOME/bin\"; for p in dd sh id ls cut sha256sum stat date cat; do ln -sf /usr/bin/$p \"$HOME/bin/$p\"; done; PATH=$HOME/bin; export PATH");
    let (_, said) = it.check("").await;
    assert!(said.contains("set ≠ local"), "{said}");
}

#[tokio::test]
async fn answers_that_nobody_knows_stay_so_and_show_nothing() {
    let Some(it) = Checked::new("answers_that_nobody_knows_stay_so_and_show_nothing").await else { return };
    for hostile in [Hostile::Page, Hostile::Endless, Hostile::Metadata, Hostile::Echo, Hostile::Unknown, Hostile::Busy]
    {
        it.services.turn(Some(hostile));
        let (code, said) = it.check("--model lab/open").await;
        assert!(code == 1 && !said.contains("valid:"), "{hostile:?}: {code} {said}");
        let invented = ["HF_LICENSE", "HF_PENDING", "HF_REPO"].iter().any(|cause| said.contains(cause));
        assert!(!invented && (hostile == Hostile::Echo || !said.contains("HF_TOKEN_INVALID")), "{hostile:?}: {said}");
    }
    let base = it.services.base.replace("http://", "http://me:canary@");
    let (code, said) = it.desk.said(&format!("check --offline >/dev/null; HF_ENDPOINT={base} mops tokens check")).await;
    assert!(code == 2 && said.contains("HF_ENDPOINT"), "{said}");
}
