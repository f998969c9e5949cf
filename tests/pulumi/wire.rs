//! The provider behind a socket, and a client as the engine is one.

use std::sync::Arc;
use std::time::Duration;

use mops_core::{Provider, Urn, Value};
use mops_host::{Env, SharedClock, SystemClock};
use mops_pulumi::provider::Modelops;
use mops_pulumi::value::{decode, encode};
use mops_pulumi::{MESSAGE_LIMIT, server};
use mops_tests::pulumi::{Heard, serve_engine};
use prost_types::Struct;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_provider_client::ResourceProviderClient;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::stand::Stand;

pub(crate) type Client = ResourceProviderClient<Channel>;

/// A provider in this process, configured, with an engine that remembers what it was told.
pub(crate) struct Wire {
    pub(crate) client: Client,
    said: UnboundedReceiver<rpc::LogRequest>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(crate) async fn client_at(address: &str) -> Client {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.expect("a server");
    Client::new(channel).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
}

impl Wire {
    /// The resources of a stand, configured, on its clock.
    pub(crate) async fn on(stand: &Stand) -> Self {
        Self::configured(Arc::new(stand.provider()), Arc::clone(&stand.clock)).await
    }

    /// These resources, configured.
    pub(crate) async fn over(resources: Arc<dyn Provider>) -> Self {
        Self::configured(resources, SystemClock::shared()).await
    }

    async fn configured(resources: Arc<dyn Provider>, clock: SharedClock) -> Self {
        let mut wire = Self::unconfigured(resources, clock).await;
        wire.client.configure(rpc::ConfigureRequest::default()).await.expect("configured");
        wire
    }

    pub(crate) async fn unconfigured(resources: Arc<dyn Provider>, clock: SharedClock) -> Self {
        let (heard, said) = unbounded_channel();
        let engine = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let engine_address = engine.local_addr().unwrap().to_string();
        let heard = Heard::new(move |message| drop(heard.send(message)));
        let engine = tokio::spawn(serve_engine(heard, engine));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let env = Env::of([("AZURE_TENANT_ID", "tenant")]);
        let provider = Modelops::new(env, clock, Some(engine_address), Box::new(move |_| Ok(Arc::clone(&resources))));
        let server = tokio::spawn(async move {
            let _ = server::serve(provider, listener, std::future::pending()).await;
        });
        Self { client: client_at(&address).await, said, tasks: vec![engine, server] }
    }

    /// The first message for the user with that text.
    pub(crate) async fn hears(&mut self, text: &str) -> rpc::LogRequest {
        let heard = async {
            loop {
                let message = self.said.recv().await.expect("an engine");
                if message.message.contains(text) {
                    return message;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap_or_else(|_| panic!("nobody said `{text}`"))
    }

    /// Inputs as Check gives them; panics with its findings.
    pub(crate) async fn checked(&mut self, urn: &Urn, olds: &Value, news: &Value) -> Value {
        let request = rpc::CheckRequest {
            urn: urn.to_string(),
            olds: bag(olds),
            news: bag(news),
            ..rpc::CheckRequest::default()
        };
        let answer = self.client.check(request).await.expect("an answer").into_inner();
        assert_eq!(answer.failures, [], "{urn}");
        value(answer.inputs.as_ref())
    }

    pub(crate) async fn create(&mut self, urn: &Urn, inputs: &Value, preview: bool) -> Result<(String, Value), Status> {
        let request = rpc::CreateRequest {
            urn: urn.to_string(),
            properties: bag(inputs),
            preview,
            ..rpc::CreateRequest::default()
        };
        self.client.create(request).await.map(|answer| {
            let rpc::CreateResponse { id, properties, .. } = answer.into_inner();
            (id, value(properties.as_ref()))
        })
    }

    pub(crate) async fn diff(&mut self, urn: &Urn, old: &Old, news: &Value) -> rpc::DiffResponse {
        let request = rpc::DiffRequest {
            id: old.id.clone(),
            urn: urn.to_string(),
            olds: bag(&old.outputs),
            old_inputs: bag(&old.inputs),
            news: bag(news),
            ..rpc::DiffRequest::default()
        };
        self.client.diff(request).await.expect("an answer").into_inner()
    }

    pub(crate) async fn update(&mut self, urn: &Urn, old: &Old, news: &Value, preview: bool) -> Result<Value, Status> {
        let request = rpc::UpdateRequest {
            id: old.id.clone(),
            urn: urn.to_string(),
            olds: bag(&old.outputs),
            old_inputs: bag(&old.inputs),
            news: bag(news),
            preview,
            ..rpc::UpdateRequest::default()
        };
        self.client.update(request).await.map(|answer| value(answer.into_inner().properties.as_ref()))
    }

    /// A refresh; with empty inputs an import.
    pub(crate) async fn read(&mut self, urn: &Urn, old: &Old) -> Result<Old, Status> {
        let request = rpc::ReadRequest {
            id: old.id.clone(),
            urn: urn.to_string(),
            properties: bag(&old.outputs),
            inputs: bag(&old.inputs),
            ..rpc::ReadRequest::default()
        };
        self.client.read(request).await.map(|answer| {
            let rpc::ReadResponse { id, properties, inputs, .. } = answer.into_inner();
            Old { id, inputs: value(inputs.as_ref()), outputs: value(properties.as_ref()) }
        })
    }

    pub(crate) async fn delete(&mut self, urn: &Urn, old: &Old) -> Result<(), Status> {
        let request = rpc::DeleteRequest {
            id: old.id.clone(),
            urn: urn.to_string(),
            properties: bag(&old.outputs),
            old_inputs: bag(&old.inputs),
            ..rpc::DeleteRequest::default()
        };
        self.client.delete(request).await.map(Response::into_inner)
    }
}

/// A resource as the engine keeps it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Old {
    pub(crate) id: String,
    pub(crate) inputs: Value,
    /// Inputs and outputs.
    pub(crate) outputs: Value,
}

pub(crate) fn bag(value: &Value) -> Option<Struct> {
    Some(encode(value).expect("it travels"))
}

pub(crate) fn value(wire: Option<&Struct>) -> Value {
    wire.map(|wire| decode(wire).expect("it is read")).unwrap_or_default()
}
