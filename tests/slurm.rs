//! K-15, K-17 and K-21 where SLURM itself cannot be asked to misbehave: the built program, a real sshd, and programs of a few
//! lines in the place of SLURM's, which write down what they were given. The real ones are in `e2e::slurm`.

use mops_host::fsx;
use mops_tests::token_services::{KEY, Services};

use crate::tokens_sync::{Desk, chmod};

const SCRIPT: &str = "#!/bin/sh\n#SBATCH --time=30:00\n. ~/koa-ml/.env\n";
/// Says where it is, and with what.
const SBATCH: &str = "printf '%s\\n' \"$@\" >\"$HOME/args\"; env >\"$HOME/env\"; echo 41";

struct Login {
    desk: Desk,
}

impl Login {
    /// A host with these programs, a script, and a file of tokens here and there.
    async fn with(test: &str, programs: &[(&str, &str)]) -> Option<Self> {
        let login = Self { desk: Desk::new(test).await? };
        login.desk.place.write("job.slurm", SCRIPT);
        login.has(programs);
        login.before("");
        assert_eq!(login.desk.said("sync").await.0, 0);
        Some(login)
    }

    fn has(&self, programs: &[(&str, &str)]) {
        let folder = self.desk.node.home().join("bin");
        fsx::create_dir_all(&folder).expect("a folder");
        for (name, text) in programs {
            fsx::replace(&folder.join(name), format!("#!/bin/sh\n{text}\n").as_bytes()).expect("a program");
            chmod(&folder.join(name), 0o755);
        }
    }

    /// What a profile of the host does; real programs of this machine are out of sight.
    fn before(&self, lines: &str) {
        let tools =
            "dd sh id ls cut sha256sum stat date cat tail head sed grep wc mkdir chmod mv rm sync sleep env dirname";
        self.desk.node.before(&format!(
            "mkdir -p \"$HOME/bin\"; for p in {tools}; do [ -e \"$HOME/bin/$p\" ] || ln -sf \"$(command -v $p)\" \"$HOME/bin/$p\"; done\n\
             PATH=$HOME/bin; export PATH\n{lines}"
        ));
    }

    /// A host on which no shell finds SLURM, whatever this machine has.
    fn without_slurm(&self) {
        self.desk.node.runs(
            "command() { case $2 in s[bqci]*) return 1 ;; printf) echo printf ;; *) [ -x \"/usr/bin/$2\" ] && echo \"/usr/bin/$2\" ;; esac; }\n\
             line=${SSH_ORIGINAL_COMMAND#*\\'}\neval \"${line%\\'}\"",
        );
    }

    async fn run(&self, line: &str) -> (i32, String, String) {
        let (line, args) =
            line.split_once(" -- ").map_or((line, String::new()), |(l, args)| (l, format!(" -- {args}")));
        let line = format!("mops slurm {line} {}{args}", self.desk.node.flags());
        let output = self.desk.place.run(&["sh", "-c", &line]).await;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!out.contains("canary") && !err.contains("canary"), "{line}: {out}{err}");
        (output.code.expect("a code"), out, err)
    }

    fn wrote(&self, name: &str) -> String {
        fsx::read_text(&self.desk.node.home().join(name)).unwrap_or_default()
    }
}

const QUICK: &str = "submit job.slurm --no-token-check --no-auto-gpu";

#[tokio::test]
async fn k_21_what_keeps_a_verb_from_the_host_or_from_slurm_is_3_and_a_slip_is_2() {
    let Some(login) = Login::with("k_21_what_keeps_a_verb_from_the_host", &[]).await else { return };
    login.without_slurm();
    for (line, program) in [(QUICK, "sbatch"), ("status", "squeue"), ("logs 7", "scontrol")] {
        let (code, out, err) = login.run(line).await;
        assert!(code == 3 && out.is_empty() && err.contains(&format!("the host has no `{program}`")), "{line}: {err}");
    }
    for line in ["submit", "submit none.slurm", "status x", "logs", "logs 7,8", "submit job.slurm --gpus many"] {
        assert_eq!(login.run(line).await.0, 2, "{line}");
    }
    login.desk.place.write("big.slurm", &"#".repeat((4 << 20) + 1));
    assert_eq!(login.run("submit big.slurm").await.0, 2);
    login.desk.node.knows("");
    for line in [QUICK, "submit job.slurm", "status", "logs 7 -f"] {
        let (code, out, err) = login.run(line).await;
        assert!(code == 3 && out.is_empty() && err.contains("SSH_HOST_KEY"), "{line}: {code} {err}");
    }
}

#[tokio::test]
async fn k_21_the_word_of_sbatch_is_taken_for_what_it_is() {
    let Some(login) = Login::with("k_21_the_word_of_sbatch_is_taken_for_what_it_is", &[]).await else { return };
    for (program, code, out, err) in [
        ("echo '41;east'", 0, "41\n", "job 41"),
        ("echo 'welcome to the lab'; echo 'sbatch: no account, taking yours' >&2; echo 42", 0, "42\n", "taking yours"),
        ("echo other >>\"$HOME/koa-ml/jobs/job.slurm\"; echo 43", 0, "43\n", "written by another run meanwhile"),
        ("echo 'sbatch: error: QOSMaxJobs' >&2; exit 1", 1, "", "QOSMaxJobs"),
        ("exit 1", 1, "", "it said nothing"),
        ("echo 'Submitted batch job none'", 1, "", "SLURM refused"),
    ] {
        login.has(&[("sbatch", program)]);
        let found = login.run(QUICK).await;
        assert!(found.0 == code && found.1 == out && found.2.contains(err), "{program}: {found:?}");
        assert!(program.contains("other") || !found.2.contains("another run"), "{program}: {found:?}");
    }
    login.has(&[("sbatch", SBATCH)]);
    let (code, out, _) =
        login.run(&format!("{QUICK} --remote-name a.sh --json --cpus 2 --memory 8G --qos q --account a")).await;
    assert!(code == 0 && out.contains(r#""type":"submitted""#) && out.contains(r#""id":"41""#), "{out}");
    let home = login.desk.node.home().display().to_string();
    let want = format!("--parsable\n--cpus-per-task=2\n--mem=8G\n--account=a\n--qos=q\n{home}/koa-ml/jobs/a.sh\n");
    assert_eq!(login.wrote("args"), want);
    // A session that ends before the word came: nobody knows.
    login.has(&[("sbatch", "kill -9 $PPID; sleep 1")]);
    login.before("trap '' HUP");
    let (code, out, err) = login.run(QUICK).await;
    assert!(code != 0 && out.is_empty(), "{code} {err}");
}

#[tokio::test]
async fn k_21_a_token_that_a_job_would_inherit_is_told() {
    let Some(login) = Login::with("k_21_a_token_that_a_job_would_inherit_is_told", &[("sbatch", SBATCH)]).await else {
        return;
    };
    let warned = |err: &str| err.contains("HF_TOKEN is in the environment of your sessions");
    let (_, _, err) = login.run(QUICK).await;
    assert!(!warned(&err), "{err}");
    login.before("HF_TOKEN=hf_canary-of-the-shell; export HF_TOKEN");
    for (flags, want) in [
        ("", true),
        ("--sbatch-arg=--export=ALL", true),
        ("--sbatch-arg=--export=HF_TOKEN", true),
        ("--sbatch-arg=--export=NONE", false),
        ("--sbatch-arg --export --sbatch-arg LANG", false),
    ] {
        let (code, _, err) = login.run(&format!("{QUICK} {flags}")).await;
        assert!(code == 0 && warned(&err) == want, "{flags}: {err}");
        assert_eq!(err.contains("keeps KOA_ML_CODE_ROOT"), flags.contains("export") && !flags.contains("ALL"), "{err}");
    }
    assert!(!login.wrote("args").contains("canary"));
    assert!(login.wrote("env").contains("KOA_ML_CODE_ROOT="), "{}", login.wrote("env"));
}

#[tokio::test]
async fn k_15_tokens_are_looked_at_before_a_job_is_submitted() {
    let Some(mut login) =
        Login::with("k_15_tokens_are_looked_at_before_a_job_is_submitted", &[("sbatch", SBATCH)]).await
    else {
        return;
    };
    let services = Services::start();
    for name in ["HF_ENDPOINT", "WANDB_BASE_URL"] {
        login.desk.place.set(name, services.base.clone());
    }
    let submit = "submit job.slurm --no-auto-gpu";
    for (token, flags, code, word) in [
        ("hf_canary-me-read", "", 0, "job 41"),
        ("hf_canary-me-write", "", 0, "HF_WRITE_SCOPE"),
        ("hf_canary-me-soon", "", 0, "job 41"),
        ("hf_canary-me-soon", "--time 2:00:00", 1, "--allow-expiring"),
        ("hf_canary-me-soon", "--time 2:00:00 --allow-expiring", 0, "HF_TOKEN ends at"),
        ("hf_canary-me-soon", "--time UNLIMITED", 0, "how long the job may run is not known"),
        ("canary-old", "", 1, "HF_TOKEN_INVALID"),
        ("canary-old", "--no-token-check", 0, "job 41"),
        ("", "", 1, "SLURM_ENV_MISSING"),
    ] {
        let text = if token.is_empty() {
            "LOG_LEVEL=info\n".to_owned()
        } else {
            format!("HF_TOKEN={token}\nWANDB_API_KEY={KEY}\n")
        };
        login.desk.place.write(".env", &text);
        login.desk.put(&text, 0o600);
        let _ = fsx::replace(&login.desk.node.home().join("args"), b"");
        let (got, out, err) = login.run(&format!("{submit} {flags}")).await;
        assert!(got == code && err.contains(word), "{token} {flags}: {got} {out}{err}");
        assert_eq!(login.wrote("args").is_empty(), code != 0, "{token} {flags}");
    }
    // Who has no file here is told by what the host has; a service that does not answer stops no job.
    std::fs::remove_file(login.desk.place.path().join(".env")).expect("gone");
    login.desk.put(&format!("WANDB_API_KEY={KEY}\n"), 0o600);
    assert_eq!(login.run(submit).await.0, 0);
    login.desk.put("LOG_LEVEL=info\n", 0o600);
    let (code, _, err) = login.run(submit).await;
    assert!(code == 1 && err.contains("SLURM_ENV_MISSING"), "{err}");
    drop(services);
    login.desk.place.write(".env", &format!("WANDB_API_KEY={KEY}\n"));
    login.desk.put(&format!("WANDB_API_KEY={KEY}\n"), 0o600);
    let (code, _, err) = login.run(submit).await;
    assert!(code == 0 && err.contains("did not say whether it takes a token"), "{code} {err}");
    login.desk.put(&format!("WANDB_API_KEY={KEY}\n"), 0o644);
    let (code, _, err) = login.run(submit).await;
    assert!(code == 1 && err.contains("SLURM_ENV_MODE"), "{code} {err}");
}

#[tokio::test]
async fn k_17_a_profile_brings_partition_types_and_the_folder_of_data() {
    let sinfo = "case $* in *Partition*) echo 'sinfo: error: Invalid job format' ;; *) echo 'fast*|up|idle|gpu:v100:4||n1|'; \
                 echo 'fast*|up|mix|gpu:b200:8||n2|'; echo 'slow|up|drain|gpu:b300:8||n3|' ;; esac";
    let Some(login) = Login::with("k_17_a_profile", &[("sbatch", SBATCH), ("sinfo", sinfo)]).await else { return };
    let profile = "partition: fast\ngpu_order: [b300, b200]\nremote_data_dir: /scratch/me\n";
    login.desk.place.write("home/.modelops/profiles/lab.yaml", profile);
    let (code, _, err) = login.run("submit job.slurm --no-token-check --profile lab -- x").await;
    assert!(code == 0 && err.contains("b200 8 of 8 free on 1 node, v100 4 of 4"), "{err}");
    let args = login.wrote("args");
    assert!(
        args.starts_with("--parsable\n--partition=fast\n--gres=gpu:b200:1\n/") && args.ends_with("\nx\n"),
        "{args}"
    );
    assert!(login.wrote("env").contains("KOA_ML_DATA_ROOT=/scratch/me\n"));
    // The script's own partition and type come before a profile's.
    login.desk.place.write("job.slurm", "#!/bin/sh\n#SBATCH -p slow --gpus=v100:2\n. .env\n");
    let (code, _, err) = login.run("submit job.slurm --no-token-check --profile lab").await;
    assert!(code == 0 && !login.wrote("args").contains("--g") && !login.wrote("args").contains("--partition"), "{err}");
    // KOA is known.
    login.desk.place.write("home/.config/koa-ml/config.yaml", "host: koa.its.hawaii.edu\n");
    let known = fsx::read_text(&login.desk.node.file("ssh_config")).expect("a file");
    login.desk.place.write("ssh_config", &known.replace("Host koa\n", "Host koa.its.hawaii.edu\n"));
    let user = &login.desk.node.user;
    let line =
        format!("mops slurm submit job.slurm --no-token-check --no-auto-gpu --user {user} --ssh-config ssh_config");
    login.desk.place.write("job.slurm", "#!/bin/sh\n. .env\n");
    let output = login.desk.place.run(&["sh", "-c", &line]).await;
    assert!(output.success() && login.wrote("args").contains("--partition=kill-shared"), "{}", login.wrote("args"));
}

#[tokio::test]
async fn k_21_the_account_tells_of_jobs_that_the_queue_has_forgotten() {
    let squeue = "case $* in *' -j 9') echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1 ;; esac\n\
                  echo '8|RUNNING|0:01|1:00:00|1|n1|None|a|b'";
    let sacct =
        "echo '8|RUNNING|00:00:01|01:00:00|1|n1|None|a|b'; echo '9|CANCELLED by 7|00:10:00|01:00:00|2|n[1-2]|None|old'";
    let Some(login) = Login::with("k_21_the_account_tells", &[("squeue", squeue), ("sacct", sacct)]).await else {
        return;
    };
    let (code, out, err) = login.run("status").await;
    assert!(code == 0 && out.lines().count() == 3 && out.contains("a|b") && out.contains("CANCELLED  "), "{out}{err}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (code, out, err) = login.run("status 9").await;
    assert!(code == 0 && out.contains("n[1-2]"), "{out}{err}");
    let (code, _, err) = login.run("status 9 10").await;
    assert!(code == 1 && err.contains("knows no job 10") && !err.contains("no accounting"), "{err}");
    login.has(&[("squeue", "echo 'squeue: error: Unable to contact slurm controller' >&2; exit 1")]);
    let (code, out, err) = login.run("status").await;
    assert!(code == 1 && out.is_empty() && err.contains("Unable to contact slurm controller"), "{code} {out}{err}");
    // A log that SLURM has forgotten is where logs usually are.
    login.has(&[("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")]);
    fsx::replace(&login.desk.folder().join("slurm-9.out"), b"old words\n").expect("a log");
    let (code, out, err) = login.run("logs 9 -f").await;
    assert!(code == 0 && out == "old words\n" && err.contains("has forgotten job 9"), "{code} {out}{err}");
}
