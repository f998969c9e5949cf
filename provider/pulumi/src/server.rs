//! A server on loopback, as the engine starts one: its port is the first line on standard output.
//!
//! Guarantees that a process does not outlive its engine by more than two seconds, and that it ends quietly on a signal,
//! calls under way brought to a point that can be recorded (`tests/pulumi/process.rs`).

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use mops_host::SharedClock;
use pulumi_gestalt_proto::pulumi::pulumirpc::resource_provider_server::ResourceProviderServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::Server;
use tonic::transport::server::{Router, TcpIncoming};

use crate::MESSAGE_LIMIT;
use crate::language::Host;
use crate::language::protocol::language_runtime_server::LanguageRuntimeServer;
use crate::provider::Modelops;

/// How often the engine is looked for.
const LOOK: Duration = Duration::from_millis(700);
/// How long calls under way may take to come to a point that can be recorded; the engine kills after five seconds.
const GRACE: Duration = Duration::from_secs(4);
/// How often it is seen whether they have.
const STEP: Duration = Duration::from_millis(50);

/// A socket on loopback, and its port as the first line on standard output.
///
/// # Errors
/// When there is no loopback, or nobody reads the line.
pub async fn announced() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    out.flush()?;
    Ok(listener)
}

/// Answers the engine's calls until `end`.
///
/// # Errors
/// When the socket breaks.
pub async fn serve(
    provider: Modelops,
    listener: TcpListener,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let service = ResourceProviderServer::new(provider)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    until(Server::builder().add_service(service), listener, end).await
}

/// Answers Pulumi as a language until `end`.
///
/// # Errors
/// When the socket breaks.
pub async fn serve_language(
    host: Host,
    listener: TcpListener,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let service = LanguageRuntimeServer::new(host)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    until(Server::builder().add_service(service), listener, end).await
}

async fn until(
    router: Router,
    listener: TcpListener,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let server = router.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    tokio::select! { result = server => result, () = end => Ok(()) }
}

/// Waits for the end of a process that an engine started: a signal, or that the engine is no longer there. A process
/// without an engine waits for the signal only.
///
/// # Errors
/// When signals cannot be heard.
pub fn ended(provider: Modelops, clock: SharedClock, started_by_engine: bool) -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        let asked = tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            () = engine_gone(|| provider.engine(), &clock), if started_by_engine => false,
        };
        provider.stop();
        // Nobody records anything any more when the engine is gone.
        if asked {
            recorded(&provider, &clock).await;
        }
    })
}

async fn engine_gone(engine: impl Fn() -> Option<String>, clock: &SharedClock) {
    loop {
        clock.sleep(LOOK).await;
        let Some(engine) = engine() else { continue };
        if TcpStream::connect(&engine).await.is_err() {
            return;
        }
    }
}

async fn recorded(provider: &Modelops, clock: &SharedClock) {
    let end = clock.sleep(GRACE);
    tokio::pin!(end);
    while provider.is_busy() {
        tokio::select! { () = &mut end => return, () = clock.sleep(STEP) => {} }
    }
}

/// As [`ended`] for a language, which has nothing of its own under way.
///
/// # Errors
/// When signals cannot be heard.
pub fn left(engine: Option<String>, clock: SharedClock) -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = engine_gone(|| engine.clone(), &clock) => {}
        }
    })
}
