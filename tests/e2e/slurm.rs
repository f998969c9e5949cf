//! K-15, K-17, K-18 and K-21: jobs through the built program, the world's sshd and its real SLURM. What is given to a job
//! arrives there as it was given, tokens reach it by their file alone, and what SLURM says of it is what the user reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mops_host::proc::{Command, Output};
use mops_host::{Clock as _, Env, SystemClock, fsx};
use mops_tests::place::Place;
use mops_tests::private::WORLD;
use mops_tests::private::login::{HOST, USER, folder};
use mops_tests::private::slurm::{CONFIG, NODES, installed};
use mops_tests::program::Running;
use mops_tests::skip::skipped;
use rustix::process::Signal;

const HOME: &str = "/run/home/me";
const TOKEN: &str = "hf_canary0123456789";

/// A desk before the world's login node.
struct Desk {
    place: Place,
    ssh_config: PathBuf,
}

impl Desk {
    /// With tokens here and there, and nothing in the queue.
    async fn new(test: &str) -> Option<Self> {
        let node = Env::process().get(WORLD).filter(|_| installed()).map(|world| folder(Path::new(world)));
        let Some(node) = node.filter(|node| node.is_dir()) else {
            skipped("slurm", test);
            return None;
        };
        let place = Place::new();
        place.write(".env", &format!("HF_TOKEN={TOKEN}\nWANDB_API_KEY='can ary $(touch /run/home/me/pwned)'\n"));
        let desk = Self { place, ssh_config: node.join("ssh_config") };
        desk.slurm(&["scontrol", "update", &format!("nodename={}", NODES.join(",")), "state=resume"]).await;
        desk.empty().await;
        desk.good("tokens sync").await;
        Some(desk)
    }

    /// Nothing is in the queue any more, and every node takes jobs.
    async fn empty(&self) {
        self.slurm(&["scancel", "-u", USER]).await;
        self.until("every node is idle", async || {
            let nodes = self.slurm(&["sinfo", "-h", "-o", "%T"]).await;
            !nodes.is_empty() && nodes.lines().all(|state| state == "idle")
        })
        .await;
    }

    /// A verb: its code, what it printed and what it said. No token is ever in either.
    async fn run(&self, line: &str) -> (i32, String, String) {
        let flags = format!("--host {HOST} --user {USER} --ssh-config {}", self.ssh_config.display());
        // What stands behind `--` is the job's.
        let line = match line.split_once(" -- ") {
            Some((line, args)) => format!("mops {line} {flags} -- {args}"),
            None => format!("mops {line} {flags}"),
        };
        let Output { code, stdout, stderr } = self.place.run(&["sh", "-c", &line]).await;
        let (out, err) = (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned());
        assert!(!out.contains("canary") && !err.contains("canary") && !err.contains("can ary"), "{line}: {out}{err}");
        (code.expect("a code"), out, err)
    }

    async fn good(&self, line: &str) -> (String, String) {
        let (code, out, err) = self.run(line).await;
        assert_eq!(code, 0, "{line}: {out}{err}");
        (out, err)
    }

    /// Submits a script; its number and what was said.
    async fn submit(&self, script: &str, flags: &str) -> (String, String) {
        self.place.write("job.slurm", script);
        let (out, err) = self.good(&format!("slurm submit job.slurm {flags}")).await;
        let id = out.trim_end().to_owned();
        assert!(out.ends_with('\n') && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()), "{out}: {err}");
        (id, err)
    }

    /// A program of SLURM as the administrator of the host runs it.
    async fn slurm(&self, words: &[&str]) -> String {
        let command = Command {
            program: words[0].into(),
            args: words[1..].iter().map(|&word| word.to_owned()).collect(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("SLURM_CONF".into(), CONFIG.into())],
            stdin: None,
            timeout: Duration::from_secs(30),
            max_output: 1 << 20,
        };
        let output = command.run().await.expect("a program of SLURM");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    async fn state(&self, id: &str) -> String {
        self.slurm(&["squeue", "-h", "-t", "all", "-j", id, "-o", "%T"]).await.trim().to_owned()
    }

    async fn until(&self, what: &str, ready: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !ready().await {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
            SystemClock::new().sleep(Duration::from_millis(200)).await;
        }
    }

    async fn until_state(&self, id: &str, state: &str) {
        self.until(&format!("job {id} is {state}"), async || self.state(id).await == state).await;
    }
}

/// A file of the user's home on the host.
fn there(name: &str) -> String {
    fsx::read_text(&Path::new(HOME).join(name)).unwrap_or_default()
}

/// Command lines of this machine that have a word.
fn processes(word: &str) -> BTreeSet<String> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = all.map(|entry| fsx::read(&entry.path().join("cmdline")).unwrap_or_default());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(word)).collect()
}

/// The lines by which a script reads the tokens.
async fn loader(desk: &Desk) -> String {
    let output = desk.place.run(&["mops", "tokens", "loader"]).await;
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const HOSTILE: &[&str] = &[
    "a b",
    "",
    "it's",
    "\"double\"",
    "$HOME",
    "$(touch /run/home/me/pwned)",
    "`id`",
    "a\\nb",
    "two\nlines\n",
    "*",
    "--partition=evil",
    "-",
    "; exit 7",
    "ü|&<>#~!",
    "\t",
];

#[tokio::test]
async fn k_21_what_is_given_to_a_job_arrives_as_it_was_given() {
    let Some(desk) = Desk::new("k_21_what_is_given_to_a_job_arrives_as_it_was_given").await else { return };
    let script = format!(
        "#!/bin/sh\n#SBATCH --job-name='a | b'\n{}\nprintf '%s\\0' \"$@\" >\"$KOA_ML_DATA_ROOT/args\"\n\
         printf '%s|' \"$KOA_ML_CODE_ROOT\" \"$(umask)\" \"${{LC_ALL-none}}\" \"$PWD\" >where\n\
         printf %s \"$HF_TOKEN$WANDB_API_KEY\" | sha256sum | cut -c1-64 >hash\n",
        loader(&desk).await
    );
    let args: Vec<String> = HOSTILE.iter().map(|arg| format!("'{}'", arg.replace('\'', "'\\''"))).collect();
    let words = format!("--partition shared --no-auto-gpu --data-dir '~/my data' -- {}", args.join(" "));
    std::fs::create_dir_all(Path::new(HOME).join("my data")).expect("a folder");
    std::os::unix::fs::chown(Path::new(HOME).join("my data"), Some(20_001), Some(20_001)).expect("an owner");
    let (id, said) = desk.submit(&script, &words).await;
    assert!(said.contains(&format!("job {id} on {USER}@{HOST}")), "{said}");
    assert!(!said.contains("does not read the file"), "{said}");
    desk.until_state(&id, "COMPLETED").await;
    let want: String = HOSTILE.iter().map(|arg| format!("{arg}\0")).collect();
    assert_eq!(there("my data/args"), want);
    assert_eq!(there("koa-ml/where"), format!("{HOME}/koa-ml|0022|none|{HOME}/koa-ml|"));
    let hash = desk.place.run(&["sh", "-c", "printf %s \"$1\" | sha256sum | cut -c1-64", "sh", &both()]).await;
    assert_eq!(there("koa-ml/hash"), String::from_utf8_lossy(&hash.stdout));
    assert!(!Path::new("/run/home/me/pwned").exists());
    let sent = std::fs::metadata(format!("{HOME}/koa-ml/jobs/job.slurm")).expect("the script on the host");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&sent.permissions()) & 0o777, 0o600);
}

fn both() -> String {
    format!("{TOKEN}can ary $(touch /run/home/me/pwned)")
}

#[tokio::test]
async fn k_21_no_token_is_in_the_record_the_script_or_a_process_list() {
    let Some(desk) = Desk::new("k_21_no_token_is_in_the_record_the_script_or_a_process_list").await else { return };
    let script = format!("#!/bin/sh\n{}\nsleep 3\n", loader(&desk).await);
    desk.place.write("job.slurm", &script);
    let over = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&over);
    let looking = std::thread::spawn(move || {
        let mut found = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            found.extend(["canary", "can ary", "dd bs=1 count="].into_iter().flat_map(processes));
        }
        found
    });
    let (id, _) = desk.submit(&script, "--partition shared --no-auto-gpu").await;
    desk.until_state(&id, "RUNNING").await;
    over.store(true, Ordering::Relaxed);
    let found = looking.join().expect("a look");
    assert!(!found.is_empty(), "nobody saw the session on the host");
    assert!(found.iter().all(|line| !line.contains("canary") && !line.contains("can ary")), "{found:?}");
    let record = desk.slurm(&["scontrol", "show", "job", &id]).await;
    let kept = desk.slurm(&["scontrol", "write", "batch_script", &id, "-"]).await;
    let spooled = desk.place.run(&["grep", "-rlE", "canary|can ary", "/run/slurm"]).await;
    assert!(record.contains(&format!("JobId={id}")) && kept.contains("mops_load"), "{record}{kept}");
    assert!(!record.contains("canary") && !record.contains("can ary") && !kept.contains("canary"), "{record}{kept}");
    assert_eq!(String::from_utf8_lossy(&spooled.stdout), "", "SLURM keeps a token");
    // Neither by an argument, nor by an export, nor in the script.
    for (flags, word) in [
        (format!("-- --token {TOKEN}"), "key on the command line"),
        ("-- 'x=can ary $(touch /run/home/me/pwned)'".to_owned(), "an argument holds the value of WANDB_API_KEY"),
        ("--sbatch-arg=--export=ALL,HF_TOKEN=x".to_owned(), "would write HF_TOKEN"),
    ] {
        let (code, out, err) = desk.run(&format!("slurm submit job.slurm {flags}")).await;
        assert!(code == 2 && out.is_empty() && err.contains(word), "{flags}: {code} {err}");
    }
    desk.place.write("job.slurm", &format!("#!/bin/sh\nexport HF_TOKEN={TOKEN}\n"));
    let (code, _, err) = desk.run("slurm submit job.slurm").await;
    assert!(code == 2 && err.contains("the script holds the value of HF_TOKEN"), "{code} {err}");
}

#[tokio::test]
async fn k_21_the_best_gpus_that_are_free_are_chosen() {
    let Some(mut desk) = Desk::new("k_21_the_best_gpus_that_are_free_are_chosen").await else { return };
    let script = "#!/bin/sh\n#SBATCH --gres=gpu:1\necho \"gpus $CUDA_VISIBLE_DEVICES\"\nsleep 60\n";
    let (best, said) = desk.submit(script, "").await;
    let line = "GPUs: nvidia_h200 2 of 2 free on 1 node, nvidia_a100 2 of 2 free on 1 node";
    assert!(said.contains(line) && said.contains("chosen gres=gpu:nvidia_h200:1 in kill-shared"), "{said}");
    desk.until_state(&best, "RUNNING").await;
    let record = desk.slurm(&["scontrol", "show", "job", &best]).await;
    for word in ["Partition=kill-shared", "NodeList=g1", "TresPerNode=gres:gpu:nvidia_h200:1"] {
        assert!(record.contains(word), "{word}: {record}");
    }
    // One of two is free; two of the next type are.
    let two = script.replace("gpu:1", "gpu:2");
    let (next, said) = desk.submit(&two, "").await;
    assert!(said.contains("nvidia_h200 1 of 2 free") && said.contains("chosen gres=gpu:nvidia_a100:2"), "{said}");
    desk.until_state(&next, "RUNNING").await;
    desk.until("it says its GPUs", async || there(&format!("koa-ml/slurm-{next}.out")) == "gpus 0,1\n").await;
    let (waits, said) = desk.submit(&two, "").await;
    assert!(said.contains("gpu:nvidia_h200:2") && said.contains("has to wait for"), "{said}");
    assert_eq!(desk.state(&waits).await, "PENDING");
    // What is asked for by name is not changed; a list of one's own comes first; no known type leaves it to the script.
    for (flags, record) in [
        ("--gpus nvidia_a100:1", "gres:gpu:nvidia_a100:1"),
        ("--gpu-order a100,h200", "gres:gpu:nvidia_a100:1"),
        ("--partition sandbox", "Partition=sandbox"),
        ("--gpu-order tpu", "gres:gpu:1"),
        ("--no-auto-gpu", "gres:gpu:1"),
        ("--sbatch-arg=--gres=gpu:nvidia_h200:2", "gres:gpu:nvidia_h200:2"),
    ] {
        desk.empty().await;
        let (id, said) = desk.submit(script, flags).await;
        let told = desk.slurm(&["scontrol", "show", "job", &id]).await;
        assert!(told.contains(record), "{flags}: {said}{told}");
    }
    desk.empty().await;
    // Another host has no partition of its own: that of the best GPUs is given.
    let text = fsx::read_text(&desk.ssh_config).expect("a configuration");
    let text =
        text.replace(&format!("Host {HOST}\n"), &format!("Host lab\n  HostName {HOST}\n  HostKeyAlias {HOST}\n"));
    desk.place.write("ssh_config", &text);
    desk.place.write("home/.modelops/profiles/lab.yaml", "host: lab\nuser: me\nremote_workdir: lab-jobs\n");
    desk.place.write("job.slurm", script);
    desk.ssh_config = desk.place.path().join("ssh_config");
    let line = "mops slurm submit job.slurm --profile lab --no-token-check --json --ssh-config ssh_config";
    let output = desk.place.run(&["sh", "-c", line]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(r#"{"kind":"nvidia_h200","free":2,"total":2,"nodes":1}"#), "{said}");
    assert!(said.contains("--partition=kill-shared") && said.contains("/run/home/me/lab-jobs"), "{said} {output:?}");
    desk.slurm(&["scancel", "-u", USER]).await;
}

#[tokio::test]
async fn k_21_status_is_what_slurm_says() {
    let Some(desk) = Desk::new("k_21_status_is_what_slurm_says").await else { return };
    let flags = "--partition sandbox --no-auto-gpu --no-token-check";
    let (running, _) = desk.submit("#!/bin/sh\n#SBATCH -J long|name\nsleep 60\n", flags).await;
    let (done, _) = desk.submit("#!/bin/sh\ntrue\n", flags).await;
    let (failed, _) = desk.submit("#!/bin/sh\nexit 3\n", flags).await;
    desk.until_state(&running, "RUNNING").await;
    desk.until_state(&done, "COMPLETED").await;
    desk.until_state(&failed, "FAILED").await;
    desk.slurm(&["scontrol", "update", "nodename=g2", "state=drain", "reason=repair"]).await;
    let (waits, _) = desk.submit("#!/bin/sh\ntrue\n", flags).await;
    desk.until("a reason", async || desk.slurm(&["squeue", "-h", "-j", &waits, "-o", "%r"]).await.contains("DRAINED"))
        .await;
    let (out, err) = desk.good("slurm status").await;
    assert!(err.contains(&format!("job {waits}: ")) && err.contains("DRAINED"), "{err}");
    for (id, words) in [
        (&running, ["long|name", "RUNNING", "g2"]),
        (&done, ["job.slurm", "COMPLETED", "g2"]),
        (&failed, ["job.slurm", "FAILED", "NonZeroExitCode"]),
        (&waits, ["job.slurm", "PENDING", "Nodes required"]),
    ] {
        let line = out.lines().find(|line| line.split_whitespace().next() == Some(id)).unwrap_or_default();
        assert!(words.iter().all(|word| line.contains(word)), "{id}: {out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (out, _) = desk.good(&format!("slurm status {running} {waits} --json")).await;
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let row = |line: &serde_json::Value| format!("{} {} {} {}", line["type"], line["id"], line["state"], line["name"]);
    let rows: BTreeSet<String> = lines.iter().map(row).collect();
    let want =
        [format!(r#""job" "{running}" "RUNNING" "long|name""#), format!(r#""job" "{waits}" "PENDING" "job.slurm""#)];
    assert_eq!(rows, want.into_iter().collect());
    let (code, out, err) = desk.run(&format!("slurm status {done} 999999")).await;
    assert!(code == 1 && out.contains("COMPLETED") && err.contains("knows no job 999999"), "{out}{err}");
    let (code, _, err) = desk.run("slurm status 999999").await;
    assert!(code == 1 && err.contains("no accounting"), "{err}");
    let (code, _, err) = desk.run("slurm logs 999999").await;
    assert!(code == 1 && err.contains("knows no job 999999"), "{err}");
    let (_, err) = desk.good(&format!("slurm logs {waits}")).await;
    assert!(err.contains("is PENDING") && err.contains("DRAINED"), "{err}");
}

#[tokio::test]
async fn k_21_what_sbatch_refuses_is_told_in_its_words() {
    let Some(desk) = Desk::new("k_21_what_sbatch_refuses_is_told_in_its_words").await else { return };
    desk.place.write("job.slurm", "#!/bin/sh\ntrue\n");
    for (flags, words) in [
        ("--partition nowhere --no-auto-gpu", "nvalid partition name specified"),
        ("--time never", "nvalid --time"),
        ("--gpus nvidia_h200:9", "Requested node configuration is not available"),
    ] {
        let (code, out, err) = desk.run(&format!("slurm submit job.slurm {flags}")).await;
        assert!(
            code == 1 && out.is_empty() && err.contains("SLURM refused") && err.contains(words),
            "{code} {out}{err}"
        );
    }
    desk.place.write("job.slurm", "echo no first line\n");
    let (code, _, err) = desk.run("slurm submit job.slurm --no-auto-gpu").await;
    assert!(code == 1 && err.contains("This does not look like a batch script"), "{code} {err}");
}

#[tokio::test]
async fn k_21_a_log_is_followed_until_its_job_ends() {
    let Some(desk) = Desk::new("k_21_a_log_is_followed_until_its_job_ends").await else { return };
    let flags = "--partition shared --no-auto-gpu";
    let script = "#!/bin/sh\n#SBATCH --output=my-%x-%j.log\nfor n in 1 2 3 4; do echo \"line $n\"; sleep 1; done\n\
                  sed -n 's/^HF_TOKEN=//p' .env\nprintf 'no end'\n";
    let (id, said) = desk.submit(script, flags).await;
    assert!(!said.contains("does not read"), "{said}");
    let (out, err) = desk.good(&format!("slurm logs {id} -f")).await;
    assert_eq!(out, "line 1\nline 2\nline 3\nline 4\n****\nno end");
    assert!(err.contains(&format!("job {id} is COMPLETED")), "{err}");
    let (out, _) = desk.good(&format!("slurm logs {id} --tail 3")).await;
    assert_eq!(out, "line 4\n****\nno end");
    let (out, _) = desk.good(&format!("slurm logs {id} --json")).await;
    assert!(out.starts_with(r#"{"type":"job_log","version":1,"id":"#) && out.contains("line 1\\nline 2"), "{out}");
    assert!(Path::new(HOME).join(format!("koa-ml/my-job.slurm-{id}.log")).exists());
}

#[tokio::test]
async fn k_21_nothing_runs_on_the_host_once_nobody_reads() {
    let Some(desk) = Desk::new("k_21_nothing_runs_on_the_host_once_nobody_reads").await else { return };
    let (id, _) = desk.submit("#!/bin/sh\necho here\nsleep 60\n", "--partition shared --no-auto-gpu").await;
    desk.until_state(&id, "RUNNING").await;
    let config = desk.ssh_config.display().to_string();
    let words = ["slurm", "logs", &id, "-f", "--host", HOST, "--user", USER, "--ssh-config", &config];
    let reading = Running::start(&desk.place, "mops", &words);
    desk.until("somebody follows", async || !processes("dd bs=1 count=").is_empty()).await;
    SystemClock::new().sleep(Duration::from_secs(2)).await;
    assert!(processes("dd bs=1 count=").iter().any(|line| line.starts_with("/bin/sh")), "it has ended by itself");
    reading.signal(Signal::INT);
    desk.until("the host is left", async || processes("dd bs=1 count=").is_empty()).await;
    assert_eq!(desk.state(&id).await, "RUNNING");
    desk.slurm(&["scancel", &id]).await;
    // A reader that has what it wanted goes away.
    let (id, _) =
        desk.submit("#!/bin/sh\nwhile :; do echo more; sleep 1; done\n", "--partition shared --no-auto-gpu").await;
    let line = format!("mops slurm logs {id} -f --host {HOST} --user {USER} --ssh-config {config} | head -n 1");
    let output = desk.place.run(&["sh", "-c", &line]).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "more\n");
    desk.until("the host is left", async || processes("dd bs=1 count=").is_empty()).await;
    desk.slurm(&["scancel", &id]).await;
}

#[tokio::test]
async fn k_15_k_18_a_job_says_whether_it_has_its_tokens() {
    let Some(desk) = Desk::new("k_15_k_18_a_job_says_whether_it_has_its_tokens").await else { return };
    let flags = "--partition shared --no-auto-gpu";
    let (without, said) = desk.submit("#!/bin/sh\necho train\n", flags).await;
    assert!(said.contains("mops tokens loader"), "{said}");
    let good = loader(&desk).await;
    let (with, _) = desk.submit(&format!("#!/bin/sh\n{good}\necho train\n"), flags).await;
    let elsewhere = good.replace("koa-ml/.env", "koa-ml/.none");
    let (missed, _) = desk.submit(&format!("#!/bin/sh\n{elsewhere}\necho train\n"), flags).await;
    for id in [&without, &with, &missed] {
        desk.until_state(id, "COMPLETED").await;
    }
    for (id, code, cause) in [(&without, 1, "SLURM_NOT_LOADED"), (&with, 0, ""), (&missed, 1, "SLURM_ENV_MISSING")] {
        let (got, out, err) = desk.run(&format!("tokens check --offline --job {id}")).await;
        assert!(got == code && out.contains(cause) && (code == 1 || !out.contains("SLURM_")), "{got} {out}{err}");
    }
    // A refresh of the code folder that keeps to the advice leaves the tokens alone; without it the job is not submitted.
    let (_, said) = desk.good("tokens sync").await;
    assert!(said.contains("--exclude .env"), "{said}");
    std::fs::remove_file(Path::new(HOME).join("koa-ml/.env")).expect("a code refresh");
    let (code, out, err) = desk.run(&format!("slurm submit job.slurm {flags}")).await;
    assert!(code == 1 && out.is_empty() && err.contains("SLURM_ENV_MISSING"), "{code} {out}{err}");
    assert!(err.contains("--no-token-check"), "{err}");
}
