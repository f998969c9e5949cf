//! The kill test with `terraform`: killed at a random moment of an apply, what had it printed as complete, and what of
//! that does its state know?

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mops_host::{Env, fsx, proc};
use mops_tests::dice::{Dice, seed};
use mops_tests::peer::Terraform;

/// As many as our kill test has.
const THINGS: usize = 200;

#[derive(Default)]
struct Sum {
    struck: u64,
    /// Kills after which something was missing.
    losing: u64,
    complete: u64,
    lost: u64,
}

/// One line a peer, beside ours.
pub(crate) async fn lines(env: &Env, kills: u64) -> Result<Vec<String>, String> {
    let terraform = match Terraform::find(env).await {
        None => "peer terraform: absent".to_owned(),
        Some(terraform) => killed(&terraform, kills).await?,
    };
    Ok(vec![terraform, format!("peer pulumi: {}", pulumi(env).await)])
}

async fn pulumi(env: &Env) -> &'static str {
    let path = env.get("PATH").unwrap_or_default().to_owned();
    let command = proc::Command {
        program: "pulumi".into(),
        args: vec!["version".into()],
        env: vec![("PATH".into(), path)],
        stdin: None,
        timeout: Duration::from_secs(30),
        max_output: 1 << 16,
    };
    match command.run_checked().await {
        Ok(_) => "not measured: it needs a language plugin for resources without a cloud",
        Err(_) => "absent",
    }
}

async fn killed(terraform: &Terraform, kills: u64) -> Result<String, String> {
    let work = std::env::temp_dir().join(format!("mops-crash-peer-{}", std::process::id()));
    let folder = terraform.stack(&work, "blocks", THINGS).await?;
    let usual = Duration::from_secs_f64(terraform.apply(&folder).await? / 1000.0);
    let mut dice = Dice::new(seed());
    let mut sum = Sum::default();
    for _ in 0..kills {
        for name in ["terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.lock.info"] {
            fsx::remove(&folder.join(name)).map_err(|e| e.to_string())?;
        }
        let delay = usual.mul_f64(dice.below(1000) as f64 / 1000.0);
        kill(terraform, &folder, delay, &mut sum).map_err(|e| e.to_string())?;
    }
    std::fs::remove_dir_all(&work).map_err(|e| e.to_string())?;
    Ok(format!(
        "peer {}: kills={kills} struck={} losing_kills={} complete={} lost={} seed={}",
        terraform.version,
        sum.struck,
        sum.losing,
        sum.complete,
        sum.lost,
        seed()
    ))
}

#[expect(clippy::disallowed_methods, reason = "the peer is killed after a delay in earnest")]
fn kill(terraform: &Terraform, folder: &Path, delay: Duration, sum: &mut Sum) -> std::io::Result<()> {
    let proc::Command { program, args, env, .. } = terraform.command(folder, &["apply", "-auto-approve", "-no-color"]);
    let mut command = std::process::Command::new(program);
    command.args(args).env_clear().envs(env).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command.spawn()?;
    let out = child.stdout.take().map(BufReader::new);
    let reader = std::thread::spawn(move || -> BTreeSet<String> {
        let lines = out.into_iter().flat_map(|out| out.lines().map_while(Result::ok));
        // `terraform_data.r7: Creation complete after 0s [id=…]`
        lines
            .filter_map(|line| Some(line.split_once(": Creation complete")?.0.rsplit('.').next()?.to_owned()))
            .collect()
    });
    std::thread::sleep(delay.saturating_sub(begin.elapsed()));
    child.kill()?;
    let struck = child.wait()?.code().is_none();
    let complete = reader.join().unwrap_or_default();
    let known = known(folder);
    let lost = complete.difference(&known).count() as u64;
    sum.struck += u64::from(struck);
    sum.losing += u64::from(lost > 0);
    sum.complete += complete.len() as u64;
    sum.lost += lost;
    Ok(())
}

/// The names in its state; none when it cannot be read.
fn known(folder: &Path) -> BTreeSet<String> {
    let text = fsx::read_text(&folder.join("terraform.tfstate")).unwrap_or_default();
    let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let resources = state["resources"].as_array().into_iter().flatten();
    resources.filter_map(|r| r["name"].as_str().map(str::to_owned)).collect()
}
