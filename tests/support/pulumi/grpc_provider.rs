//! The provider process behind our own engine: the engine's provider trait over Pulumi's protocol.
//!
//! ```ignore
//! let provider = GrpcProvider::start(&place);             // the process has the environment of `place`
//! let engine = Engine::new(Arc::new(provider), …);        // or call it like any other provider
//! ```
//!
//! `place` needs the variables of a cloud (`Sandbox::variables`) before the start. The process ends with the value. What
//! the protocol has no word for is answered here: declarations, identities, queues and what an id names come from the
//! resources' own table; a creation never says `adopted`; what was read is taken for ours, as Pulumi takes it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::executor::block_on;
use mops_core::provider::{
    BoxFuture, CallContext, Checked, Difference, Done, Foreseen, Found, Known, Progress, ProgressSink, Provider,
};
use mops_core::schema::ResourceSchema;
use mops_core::{Class, Error, Identity, Lane, Ownership, Urn, Value};
use mops_pulumi::MESSAGE_LIMIT;
use mops_resources::entry::Entry;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_provider_client::ResourceProviderClient;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use super::engine::{Heard, serve_engine};
use super::foresight::Foresight;
use super::translate::{bag, difference, error, failure, merged, outputs, undecided, value};
use crate::place::Place;
use crate::program::Running;

const PLUGIN: &str = "pulumi-resource-modelops";

/// A running `pulumi-resource-modelops`, configured from its environment; it is killed when this is dropped.
pub struct GrpcProvider {
    table: HashMap<&'static str, Box<dyn Entry>>,
    client: Client,
    foresight: Foresight,
    listening: Listening,
    process: Running,
    /// Carries the connections, so that an answer can be waited for by code that is not asynchronous.
    runtime: Option<Runtime>,
}

/// The provider's end of the connection.
pub(super) type Client = ResourceProviderClient<Channel>;

/// Who wants to hear of a resource.
type Listening = Arc<Mutex<HashMap<String, ProgressSink>>>;

impl Drop for GrpcProvider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl GrpcProvider {
    /// Starts the process, shakes hands and configures it. May be called from asynchronous code.
    ///
    /// # Panics
    /// When the program is not there, or does not answer.
    #[must_use]
    pub fn start(place: &Place) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listening = Listening::default();
        let engine = engine(&runtime, Arc::clone(&listening));
        let mut process = Running::start(place, PLUGIN, &[&engine]);
        let port = process.lines().recv_timeout(Duration::from_secs(10)).expect("a port");
        let client = client(&runtime, &port);
        let table = mops_resources::entries().into_iter().map(|entry| (entry.schema().token, entry)).collect();
        let started =
            Self { table, client, foresight: Foresight::default(), listening, process, runtime: Some(runtime) };
        let mut client = started.client.clone();
        waited(client.handshake(rpc::ProviderHandshakeRequest::default())).expect("hands");
        waited(client.configure(rpc::ConfigureRequest::default())).expect("a configuration");
        started
    }

    /// The process, for one who stops it in the middle.
    #[must_use]
    pub const fn process(&self) -> &Running {
        &self.process
    }

    fn entry(&self, urn: &Urn) -> Option<&dyn Entry> {
        self.table.get(urn.token()).map(AsRef::as_ref)
    }

    /// Waits for an answer; an interruption of the run is handed on as Cancel, and the answer still waited for.
    async fn call<T>(
        &self,
        cx: &CallContext,
        answer: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        let name = cx.urn.to_string();
        let sinks = || self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        sinks().insert(name.clone(), Arc::clone(&cx.progress));
        let mut client = self.client.clone();
        tokio::pin!(answer);
        let answer = tokio::select! {
            biased;
            () = cx.cancel.canceled() => {
                let _gone = client.cancel(()).await;
                answer.await
            }
            answer = &mut answer => answer,
        };
        sinks().remove(&name);
        let schema = self.schema(cx.urn.token());
        answer.map(Response::into_inner).map_err(|status| error(schema, &status, cx.cancel.is_canceled()))
    }
}

/// Asks for the normal form; what could not be asked is a refusal.
pub(super) async fn check(mut client: Client, urn: &Urn, inputs: &Value) -> Checked {
    let request = rpc::CheckRequest {
        urn: urn.to_string(),
        olds: bag(&Value::map()),
        news: bag(inputs),
        ..rpc::CheckRequest::default()
    };
    match client.check(request).await.map(Response::into_inner) {
        Ok(rpc::CheckResponse { inputs, failures }) => {
            let failures = failures.iter().map(failure).collect();
            Checked { inputs: value(inputs.as_ref()), failures, notes: Vec::new() }
        }
        Err(status) => {
            let refused = rpc::CheckFailure { property: String::new(), reason: status.message().to_owned() };
            Checked { inputs: inputs.clone(), failures: vec![failure(&refused)], notes: Vec::new() }
        }
    }
}

/// Asks what differs.
pub(super) async fn diff(mut client: Client, urn: &Urn, old: &Known, inputs: &Value) -> Difference {
    let request = rpc::DiffRequest {
        id: old.id.clone(),
        urn: urn.to_string(),
        olds: bag(&merged(&old.inputs, &old.outputs)),
        old_inputs: bag(&old.inputs),
        news: bag(inputs),
        ..rpc::DiffRequest::default()
    };
    match client.diff(request).await {
        Ok(answer) => difference(answer.get_ref(), &old.inputs, inputs),
        Err(status) => undecided(&status, old, inputs),
    }
}

/// Waits for an answer in code that is not asynchronous. What the caller's task may still do before it yields does not
/// count here: it cannot yield, and a spent share would keep the answer from being seen for ever.
pub(super) fn waited<T>(answer: impl Future<Output = T>) -> T {
    block_on(tokio::task::unconstrained(answer))
}

/// An engine that hands messages to whoever waits for that resource; its address.
fn engine(runtime: &Runtime, listening: Listening) -> String {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address").to_string();
    let heard = Heard::new(move |message| {
        let sink = listening.lock().unwrap_or_else(PoisonError::into_inner).get(&message.urn).cloned();
        let of = if message.ephemeral { Progress::Waiting } else { Progress::Note };
        sink.into_iter().for_each(|sink| sink(of(message.message.clone())));
    });
    runtime.spawn(async move { serve_engine(heard, TcpListener::from_std(listener).expect("a socket")).await });
    address
}

fn client(runtime: &Runtime, port: &str) -> Client {
    let _inside = runtime.enter();
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("a port alone").connect_lazy();
    ResourceProviderClient::new(channel)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT)
}

impl Provider for GrpcProvider {
    fn schema(&self, token: &str) -> Option<&ResourceSchema> {
        self.table.get(token).map(|entry| entry.schema())
    }

    fn foresee(&self, resources: &mut dyn Iterator<Item = Foreseen>) {
        self.foresight.fill(&self.client, resources);
    }

    fn check(&self, urn: &Urn, inputs: &Value, _preview: bool) -> Checked {
        self.foresight.checked(urn, inputs).unwrap_or_else(|| waited(check(self.client.clone(), urn, inputs)))
    }

    fn diff(&self, urn: &Urn, old: &Known, inputs: &Value) -> Difference {
        let foreseen = self.foresight.difference(urn, old, inputs);
        foreseen.unwrap_or_else(|| waited(diff(self.client.clone(), urn, old, inputs)))
    }

    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity> {
        self.entry(urn)?.identity(inputs)
    }

    fn lanes(&self, urn: &Urn, inputs: &Value) -> Vec<Lane> {
        self.entry(urn).map(|entry| entry.lanes(inputs)).unwrap_or_default()
    }

    fn named_by(&self, urn: &Urn, id: &str) -> Result<Value, Error> {
        let unknown = || Error::new(Class::User, format!("`{}` is not a resource type", urn.token()));
        self.entry(urn).ok_or_else(unknown)?.named_by(id)
    }

    /// Without an id, by the one that the inputs name: the protocol reads by id only.
    fn read<'a>(
        &'a self,
        cx: CallContext,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let named = || match self.identity(&cx.urn, &known.inputs) {
                Some(Identity::Name(name)) => Some(name),
                _ => None,
            };
            let Some(id) = id.map(str::to_owned).or_else(named) else { return Ok(None) };
            let request = rpc::ReadRequest {
                id,
                urn: cx.urn.to_string(),
                properties: bag(&merged(&known.inputs, &known.outputs)),
                inputs: bag(&known.inputs),
                ..rpc::ReadRequest::default()
            };
            let answer = self.call(&cx, self.client.clone().read(request)).await?;
            if answer.id.is_empty() {
                return Ok(None);
            }
            let outputs = outputs(self.schema(cx.urn.token()), &answer.id, &value(answer.properties.as_ref()));
            let known = Known { id: answer.id, inputs: value(answer.inputs.as_ref()), outputs };
            let ownership = Ownership::Ours { lineage: cx.mark.lineage };
            Ok(Some(Found { known, ownership, changed_by: None }))
        })
    }

    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            let request = rpc::CreateRequest {
                urn: cx.urn.to_string(),
                properties: bag(inputs),
                timeout: cx.timeout.as_secs_f64(),
                ..rpc::CreateRequest::default()
            };
            let rpc::CreateResponse { id, properties, .. } =
                self.call(&cx, self.client.clone().create(request)).await?;
            let outputs = outputs(self.schema(cx.urn.token()), &id, &value(properties.as_ref()));
            Ok(Done { id, outputs, adopted: false, foreign: false })
        })
    }

    fn update<'a>(&'a self, cx: CallContext, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            let request = rpc::UpdateRequest {
                id: old.id.clone(),
                urn: cx.urn.to_string(),
                olds: bag(&merged(&old.inputs, &old.outputs)),
                old_inputs: bag(&old.inputs),
                news: bag(inputs),
                timeout: cx.timeout.as_secs_f64(),
                ..rpc::UpdateRequest::default()
            };
            let answer = self.call(&cx, self.client.clone().update(request)).await?;
            let outputs = outputs(self.schema(cx.urn.token()), &old.id, &value(answer.properties.as_ref()));
            Ok(Done { id: old.id.clone(), outputs, adopted: false, foreign: false })
        })
    }

    fn delete<'a>(&'a self, cx: CallContext, old: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let request = rpc::DeleteRequest {
                id: old.id.clone(),
                urn: cx.urn.to_string(),
                properties: bag(&merged(&old.inputs, &old.outputs)),
                old_inputs: bag(&old.inputs),
                timeout: cx.timeout.as_secs_f64(),
                ..rpc::DeleteRequest::default()
            };
            self.call(&cx, self.client.clone().delete(request)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_task_may_wait_for_any_number_of_answers() {
        let (done, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                for _ in 0..1000 {
                    let (sender, answer) = tokio::sync::oneshot::channel();
                    sender.send(()).expect("a listener");
                    waited(answer).expect("an answer");
                }
            });
            done.send(()).expect("a test that waits");
        });
        heard.recv_timeout(Duration::from_secs(30)).expect("a task that goes on");
    }
}
