//! Messages for the user, by way of the engine. Guarantees that no operation waits for one or fails with one.

use std::sync::{Mutex, PoisonError};

use mops_core::Urn;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::engine_client::EngineClient;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::transport::{Channel, Endpoint};

use crate::MESSAGE_LIMIT;

pub(super) use rpc::LogSeverity as Severity;

/// The way to the engine, and where it is.
#[derive(Default)]
pub(super) struct Log(Mutex<Way>);

#[derive(Default)]
struct Way {
    engine: Option<String>,
    sender: Option<UnboundedSender<rpc::LogRequest>>,
}

impl Log {
    pub(super) fn new(engine: Option<String>) -> Self {
        Self(Mutex::new(Way { engine, sender: None }))
    }

    /// From now on messages go there.
    pub(super) fn listen_at(&self, engine: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Way { engine: Some(engine.to_owned()), sender: None };
    }

    /// Where the engine listens.
    pub(super) fn engine(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).engine.clone()
    }

    /// Something to keep on the screen.
    pub(super) fn say(&self, severity: Severity, urn: &Urn, message: impl Into<String>) {
        self.send(severity, urn.as_str(), message.into(), false);
    }

    /// Something about no resource in particular.
    pub(super) fn warn(&self, message: String) {
        self.send(Severity::Warning, "", message, false);
    }

    /// What a call waits for; gone with the next one.
    pub(super) fn wait(&self, urn: &Urn, message: String) {
        self.send(Severity::Info, urn.as_str(), message, true);
    }

    fn send(&self, severity: Severity, urn: &str, message: String, ephemeral: bool) {
        let mut way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if way.sender.is_none() {
            way.sender = way.engine.as_deref().and_then(open);
        }
        if let Some(sender) = &way.sender {
            let urn = urn.to_owned();
            let _ = sender.send(rpc::LogRequest { severity: severity.into(), message, urn, stream_id: 0, ephemeral });
        }
    }
}

/// A queue to that address; connects with the first message.
fn open(address: &str) -> Option<UnboundedSender<rpc::LogRequest>> {
    let channel = Endpoint::from_shared(format!("http://{address}")).ok()?.connect_lazy();
    let (sender, queue) = unbounded_channel();
    tokio::spawn(deliver(channel, queue));
    Some(sender)
}

async fn deliver(channel: Channel, mut queue: UnboundedReceiver<rpc::LogRequest>) {
    let mut engine =
        EngineClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
    while let Some(message) = queue.recv().await {
        // the engine that is gone needs no message
        let _ = engine.log(message).await;
    }
}
