//! The peer: `terraform` with its built-in `terraform_data` and local state, which needs no provider and no network.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mops_host::proc::{Command, Output};
use mops_host::{Env, fsx};

/// Terraform as it is on the path.
#[derive(Debug)]
pub struct Terraform {
    /// Name and version, for the line beside the figures.
    pub version: String,
    path: String,
}

impl Terraform {
    /// Looks for it; `None` when it is absent.
    pub async fn find(env: &Env) -> Option<Self> {
        let mut found = Self { version: String::new(), path: env.get("PATH").unwrap_or("/usr/bin:/bin").to_owned() };
        let output = found.command(Path::new("/"), &["version"]).run_checked().await.ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        found.version = text.lines().find(|l| l.starts_with("Terraform"))?.replace("Terraform v", "terraform ");
        Some(found)
    }

    /// A command in a folder, with nothing of the user's configuration.
    #[must_use]
    pub fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let chdir = format!("-chdir={}", folder.display());
        let home = std::env::temp_dir().display().to_string();
        let env = [
            ("PATH", self.path.as_str()),
            ("HOME", &home),
            ("CHECKPOINT_DISABLE", "1"),
            ("TF_CLI_CONFIG_FILE", "/dev/null"),
        ];
        Command {
            program: "terraform".into(),
            args: std::iter::once(chdir.as_str()).chain(args.iter().copied()).map(ToOwned::to_owned).collect(),
            env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            stdin: None,
            timeout: Duration::from_secs(600),
            max_output: 64 << 20,
        }
    }

    async fn timed(&self, folder: &Path, args: &[&str]) -> Result<(f64, Output), String> {
        let command = self.command(folder, args);
        let start = Instant::now();
        let output = command.run_checked().await.map_err(|e| e.to_string())?;
        Ok((start.elapsed().as_secs_f64() * 1000.0, output))
    }

    /// A folder with N blocks, one block with `count`, or a `chain` of N, initialised.
    ///
    /// # Errors
    /// When terraform fails, with its last line.
    pub async fn stack(&self, work: &Path, shape: &str, n: usize) -> Result<PathBuf, String> {
        let folder = work.join(format!("terraform-{shape}-{n}"));
        let text = match shape {
            "count" => {
                format!("resource \"terraform_data\" \"r\" {{\n  count = {n}\n  input = \"${{count.index}}\"\n}}\n")
            }
            "chain" => (0..n).map(link).collect(),
            _ => (0..n).map(|i| format!("resource \"terraform_data\" \"r{i}\" {{\n  input = \"{i}\"\n}}\n")).collect(),
        };
        fsx::create_dir_all(&folder).map_err(|e| e.to_string())?;
        fsx::replace(&folder.join("main.tf"), text.as_bytes()).map_err(|e| e.to_string())?;
        self.timed(&folder, &["init", "-no-color"]).await?;
        Ok(folder)
    }

    /// Apply from nothing.
    ///
    /// # Errors
    /// When terraform fails, with its last line.
    pub async fn apply(&self, folder: &Path) -> Result<f64, String> {
        for name in ["terraform.tfstate", "terraform.tfstate.backup"] {
            fsx::remove(&folder.join(name)).map_err(|e| e.to_string())?;
        }
        Ok(self.timed(folder, &["apply", "-auto-approve", "-no-color"]).await?.0)
    }

    /// Plan without a change, after an apply.
    ///
    /// # Errors
    /// When terraform fails, with its last line.
    pub async fn plan(&self, folder: &Path) -> Result<f64, String> {
        Ok(self.timed(folder, &["plan", "-no-color"]).await?.0)
    }

    /// Wall time of `terraform version`.
    ///
    /// # Errors
    /// When terraform fails, with its last line.
    pub async fn version_time(&self) -> Result<f64, String> {
        Ok(self.timed(Path::new("/"), &["version"]).await?.0)
    }
}

/// A block of a chain: its input is the output of the one before.
fn link(i: usize) -> String {
    let input = if i == 0 { "\"0\"".to_owned() } else { format!("terraform_data.r{}.output", i - 1) };
    format!("resource \"terraform_data\" \"r{i}\" {{\n  input = {input}\n}}\n")
}
