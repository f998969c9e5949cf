//! The plugin as a process: its arguments, its runtime, its end.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use mops_host::{Env, SystemClock};

use crate::language::Host;
use crate::provider::Modelops;
use crate::server;

/// Runs the provider until its engine is gone or a signal comes.
pub fn provider(arguments: impl Iterator<Item = String>) -> ExitCode {
    run("provider", serve(engine_of(arguments)))
}

/// Runs the language of stack files until its engine is gone or a signal comes. It ends at once: what it has asked for
/// is the engine's to finish.
pub fn language(arguments: impl Iterator<Item = String>) -> ExitCode {
    run("language", serve_language(engine_of(arguments)))
}

fn run(what: &str, served: impl Future<Output = Result<(), String>>) -> ExitCode {
    say_only_the_place();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // Pulumi starts a plugin in the folder of its project; `mops` keeps that elsewhere than the stack file.
    let moved = Env::process().get("MOPS_FOLDER").map_or(Ok(()), std::env::set_current_dir);
    let runtime = moved.and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build());
    match runtime.map_err(|e| e.to_string()).and_then(|runtime| runtime.block_on(served)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "error: the {what} `modelops` cannot run: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(engine: Option<String>) -> Result<(), String> {
    let started_by_engine = engine.is_some();
    let provider = Modelops::over_azure(Env::process(), engine);
    let end = server::ended(provider.clone(), SystemClock::shared(), started_by_engine).map_err(|e| e.to_string())?;
    let listener = server::announced().await.map_err(|e| e.to_string())?;
    server::serve(provider, listener, end).await.map_err(|e| e.to_string())
}

async fn serve_language(engine: Option<String>) -> Result<(), String> {
    let end = server::left(engine.clone(), SystemClock::shared()).map_err(|e| e.to_string())?;
    let listener = server::announced().await.map_err(|e| e.to_string())?;
    server::serve_language(Host { engine }, listener, end).await.map_err(|e| e.to_string())
}

/// The address of the engine stands last; flags are the engine's own and mean nothing here.
fn engine_of(arguments: impl Iterator<Item = String>) -> Option<String> {
    arguments.last().filter(|last| last.parse::<SocketAddr>().is_ok())
}

/// From now on a panic says where it was, and nothing else: its message could quote a value.
fn say_only_the_place() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "note: at {place}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_the_last_argument_and_flags_are_none() {
        let of = |words: &[&str]| engine_of(words.iter().map(|w| (*w).to_owned()));
        assert_eq!(of(&["--logtostderr", "-v=9", "127.0.0.1:4000"]).as_deref(), Some("127.0.0.1:4000"));
        assert_eq!(of(&["--tracing", "http://x"]), None);
        assert_eq!(of(&[]), None);
    }
}
