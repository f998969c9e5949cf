//! Where the services' own programs save their tokens: a file of the Hub's, and `~/.netrc` for W&B. Both are read and never
//! written (`tests`).

use std::path::PathBuf;

use mops_core::Secret;
use mops_host::{Env, fsx};

/// Where W&B is, where nothing else is said.
const WANDB: &str = "api.wandb.ai";

/// The file in which the Hub's own programs save a token.
#[must_use]
pub fn hub_file(env: &Env) -> PathBuf {
    match (env.get("HF_TOKEN_PATH"), env.get("HF_HOME")) {
        (Some(path), _) => env.path(path),
        (None, Some(home)) => env.path(home).join("token"),
        (None, None) => env.path("~/.cache/huggingface/token"),
    }
}

/// The key of W&B and the file that it stands in; of one that others can read too, which its own programs take.
#[must_use]
pub fn wandb(env: &Env) -> Option<(PathBuf, Secret<String>)> {
    let path = env.get("NETRC").map_or_else(|| env.path("~/.netrc"), |path| env.path(path));
    let host = env.get("WANDB_BASE_URL").map_or(WANDB, host_of);
    let key = password(&fsx::read_text(&path).ok()?, host)?;
    Some((path, key))
}

/// The host of an address, without its port, as a netrc names it.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

fn password(text: &str, host: &str) -> Option<Secret<String>> {
    let mut words = words(text).into_iter();
    let mut here = false;
    while let Some(word) = words.next() {
        match word {
            "machine" => here = words.next() == Some(host),
            "default" => here = false,
            "login" | "account" => drop(words.next()),
            "password" => {
                let value = words.next()?;
                if here {
                    return Some(Secret::from(value.trim_matches('"')));
                }
            }
            _ => {}
        }
    }
    None
}

/// Without comments, and without macros, which end with a blank line.
fn words(text: &str) -> Vec<&str> {
    let (mut all, mut in_macro) = (Vec::new(), false);
    for line in text.lines() {
        in_macro = (in_macro && !line.trim().is_empty()) || line.trim_start().starts_with("macdef");
        if !in_macro {
            all.extend(line.split_whitespace().take_while(|word| !word.starts_with('#')));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_host_is_found_and_no_other() {
        let text = "# mine\nmachine other login user password canary-1\nmachine api.wandb.ai # x\n  login user\n  \
                    password \"canary-2\"\nmacdef init\nmachine api.wandb.ai password no\n\ndefault login a password canary-3\n";
        let of = |text: &str, host: &str| password(text, host).map(|key| key.expose().clone());
        assert_eq!(of(text, "api.wandb.ai").as_deref(), Some("canary-2"));
        assert_eq!((of(text, "wandb.ai"), of("machine api.wandb.ai login user", "api.wandb.ai")), (None, None));
        assert_eq!(of("machine login login login password machine", "login").as_deref(), Some("machine"));
        assert_eq!(
            [host_of("https://w.example:8080/x"), host_of("http://127.0.0.1:1"), host_of("w")],
            ["w.example", "127.0.0.1", "w"]
        );
    }
}
