//! The probe: reads its environment, makes its checks, prints one JSON line an observation and a
//! last line with their number. Takes no secret but from the environment; its only argument is the question whether it
//! can be started, which a cluster asks.

use std::io::Write as _;
use std::process::ExitCode;

use mops_host::{Env, SystemClock, fsx};
use mops_probe::observation::{lines_with, login_lines};
use mops_probe::settings::Settings;
use mops_probe::{Line, checks, keys, live};
use mops_wire::{ConnectMap, Http, HttpConfig, ProxySettings, WireError};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(mops_probe::ALIVE) {
        return ExitCode::SUCCESS;
    }
    // Only fails when there is one already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let env = match live::environment(&Env::process()) {
        Ok(env) => env,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: the environment that was asked for cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let settings = Settings::from_env(&env);
    let logins = settings.logins();
    let result = http(&settings, &env).map(|http| {
        let clock = SystemClock::shared();
        let http = logins.as_ref().map_or_else(|| http.clone(), |logins| http.minding(logins));
        runtime.block_on(checks::run(&settings, &http, &clock))
    });
    match result {
        Ok(observations) => {
            let mut lines = logins.as_ref().map(login_lines).unwrap_or_default();
            lines.extend(lines_with(&observations, &keys::of_settings(&settings), &keys::of_compared(&settings)));
            if print(&lines).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Own roots, and the file that the environment names when it is there.
fn http(settings: &Settings, env: &Env) -> Result<Http, WireError> {
    let named = settings.cert_file.as_deref().and_then(|path| fsx::read(path).ok());
    Http::new(HttpConfig {
        roots: named.into_iter().collect(),
        bundled_roots: true,
        connect: ConnectMap::new(settings.connect.iter().cloned())?,
        proxy: ProxySettings::from_env(env),
        user_agent: concat!("mops-probe/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..HttpConfig::new()
    })
}

fn print(lines: &[Line]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        serde_json::to_writer(&mut out, line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
