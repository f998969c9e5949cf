//! All fakes in one process, for the demo and for trying things by hand.

use std::io::{Error, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mops_core::Secret;
use mops_host::fsx;
use mops_tests::control::ask;
use mops_tests::image::Image;
use mops_tests::push::{Login, pipeline_to, push};
use mops_tests::sandbox::{Options, SUBSCRIPTION, Sandbox};

const USAGE: &str = "\
mops-sandbox: a loopback stand-in for Azure, for the demo and for trying things by hand

usage:
  mops-sandbox serve --dir D [--probe PATH] [--speed N] [--subscription ID]
                                              run in the foreground; prints `ready`
  mops-sandbox env --dir D                    print the variables that point mops here
  mops-sandbox ledger --dir D [--empty]       print what exists; --empty: exit 1 if anything does
  mops-sandbox break registry-password|sas --dir D
                                              rotate credentials behind mops' back
  mops-sandbox edit END POINTER JSON --dir D  change a property of what has such an id, as somebody else would
  mops-sandbox delete END --dir D             delete what has such an id, as somebody else would
  mops-sandbox push-images --dir D            push the images of the examples
  mops-sandbox routes --dir D                 print every route with its evidence

examples:
  mops-sandbox serve --dir /tmp/sandbox &
  eval \"$(mops-sandbox env --dir /tmp/sandbox)\" && mops infra up stack.yaml
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The value after a flag.
fn option<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|a| a == flag)?;
    arguments.get(at + 1).map(String::as_str)
}

fn run(arguments: &[String]) -> Result<(), Error> {
    let verb = arguments.first().map(String::as_str).unwrap_or_default();
    if matches!(verb, "" | "help" | "--help" | "-h") {
        return say(USAGE);
    }
    let dir = option(arguments, "--dir").map(PathBuf::from).ok_or_else(|| Error::other("--dir D is missing"))?;
    match verb {
        "serve" => serve(arguments, &dir),
        "env" => say(&fsx::read_text(&dir.join("env"))?),
        "ledger" => ledger(&dir, arguments.iter().any(|a| a == "--empty")),
        "break" => broken(&dir, arguments.get(1).map_or("", String::as_str)),
        "edit" | "delete" => behind(&dir, arguments),
        "push-images" => push_images(&dir),
        "routes" => say(&(ask(&control(&dir)?, "GET", "/routes", "")? + "\n")),
        other => Err(Error::other(format!("`{other}` is not a verb of mops-sandbox; try --help"))),
    }
}

fn control(dir: &Path) -> Result<String, Error> {
    fsx::read_text(&dir.join("control"))
        .map_err(|e| Error::other(format!("no sandbox serves in {}: {e}", dir.display())))
}

fn serve(arguments: &[String], dir: &Path) -> Result<(), Error> {
    let mut options = Options { dir: Some(std::path::absolute(dir)?), ..Options::default() };
    options.probe = option(arguments, "--probe").map(std::path::absolute).transpose()?;
    if let Some(speed) = option(arguments, "--speed") {
        options.speed = speed.parse().map_err(|_| Error::other("--speed takes a whole number"))?;
    }
    if let Some(subscription) = option(arguments, "--subscription").filter(|s| *s != SUBSCRIPTION) {
        options.subscriptions.push(subscription.to_owned());
    }
    let sandbox = Sandbox::start(options)?;
    say(&format!("ready {}\n", sandbox.dir().display()))?;
    sandbox.wait();
    Ok(())
}

fn ledger(dir: &Path, must_be_empty: bool) -> Result<(), Error> {
    let text = ask(&control(dir)?, "GET", "/ledger", "")?;
    let book: serde_json::Value = serde_json::from_str(&text)?;
    let existing: Vec<&str> = book["existing"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    if must_be_empty && existing.is_empty() {
        return say("empty\n");
    }
    say(&existing.iter().map(|id| format!("{id}\n")).collect::<String>())?;
    if must_be_empty { Err(Error::other(format!("{} things still exist", existing.len()))) } else { Ok(()) }
}

fn broken(dir: &Path, what: &str) -> Result<(), Error> {
    if !["registry-password", "sas"].contains(&what) {
        return Err(Error::other("break takes registry-password or sas"));
    }
    let names = ask(&control(dir)?, "POST", &format!("/break/{what}"), "")?;
    say(&format!("rotated behind mops' back: {names}\n"))
}

/// Does something behind mops' back, and prints to what.
fn behind(dir: &Path, arguments: &[String]) -> Result<(), Error> {
    let [verb, end, rest @ ..] = arguments else { return Err(Error::other("the end of an id is missing")) };
    let body = match (verb.as_str(), rest) {
        ("edit", [pointer, value, ..]) => {
            let value: serde_json::Value = serde_json::from_str(value)?;
            serde_json::json!({"end": end, "pointer": pointer, "value": value, "by": "someone@example.com"}).to_string()
        }
        ("delete", _) => end.clone(),
        _ => return Err(Error::other("edit takes the end of an id, a JSON pointer and a JSON value")),
    };
    say(&(ask(&control(dir)?, "POST", &format!("/behind/{verb}"), &body)? + "\n"))
}

/// Builds the two images of the example and pushes them to every registry with an admin user.
fn push_images(dir: &Path) -> Result<(), Error> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let logins = ask(&control(dir)?, "GET", "/registries", "")?;
    let logins: Vec<(String, String, String)> = serde_json::from_str(&logins)?;
    if logins.is_empty() {
        return Err(Error::other("no registry is there yet; run `mops infra up -c registry` first"));
    }
    let http = pipeline_to(dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (host, username, password) in logins {
        let login = Login { host, username, password: Secret::new(password) };
        for name in ["scheduler:1", "worker:1"] {
            let image = Image::tiny(name, &format!("{name} of the example; nothing in it runs\n"))?;
            image.write_layout(&dir.join("images").join(image.parts().0))?;
            runtime.block_on(push(&http, &login, &image)).map_err(Error::other)?;
            say(&format!("pushed {}/{name} {}\n", login.host, image.digest()))?;
        }
    }
    Ok(())
}
