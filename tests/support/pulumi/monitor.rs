//! A resource monitor that remembers what was declared and answers as an engine would: every resource is made at once,
//! its outputs are its inputs, and in a preview it has no id.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use mops_pulumi::MESSAGE_LIMIT;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_monitor_server::{ResourceMonitor, ResourceMonitorServer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// What was declared, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Every resource.
    pub resources: Vec<rpc::RegisterResourceRequest>,
    /// Every set of outputs.
    pub outputs: Vec<rpc::RegisterResourceOutputsRequest>,
}

/// A running monitor; it ends when dropped.
pub struct Recorder {
    /// Where it listens, `HOST:PORT`.
    pub address: String,
    recorded: Arc<Mutex<Recorded>>,
    task: JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    /// Starts one. `preview` leaves ids out; a resource of the type `fails` is refused as a failed one is.
    ///
    /// # Panics
    /// When there is no loopback.
    pub async fn start(preview: bool, fails: Option<&str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let address = listener.local_addr().expect("an address").to_string();
        let recorded = Arc::<Mutex<Recorded>>::default();
        let recording = Recording { recorded: Arc::clone(&recorded), preview, fails: fails.map(str::to_owned) };
        let service = ResourceMonitorServer::new(recording)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let task = tokio::spawn(async move {
            let _ = Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)).await;
        });
        Self { address, recorded, task }
    }

    /// What was declared until now.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Recording {
    recorded: Arc<Mutex<Recorded>>,
    preview: bool,
    fails: Option<String>,
}

/// The name that an engine gives: the types of the parents stand before the own one, the stack's not.
fn urn(request: &rpc::RegisterResourceRequest) -> String {
    let parents = request.parent.rsplit_once("::").and_then(|(front, _)| front.rsplit("::").next());
    let chain = parents.filter(|types| *types != "pulumi:pulumi:Stack").map(|types| format!("{types}$"));
    format!("urn:pulumi:dev::shop::{}{}::{}", chain.unwrap_or_default(), request.r#type, request.name)
}

fn not_asked<T>() -> Answer<T> {
    Err(Status::unimplemented("this monitor takes declarations and nothing else"))
}

#[tonic::async_trait]
impl ResourceMonitor for Recording {
    async fn register_resource(
        &self,
        request: Request<rpc::RegisterResourceRequest>,
    ) -> Answer<rpc::RegisterResourceResponse> {
        let request = request.into_inner();
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).resources.push(request.clone());
        if self.fails.as_ref() == Some(&request.r#type) {
            return Err(Status::internal("resource registration failed"));
        }
        let made = request.custom && !self.preview;
        Ok(Response::new(rpc::RegisterResourceResponse {
            urn: urn(&request),
            id: if made { format!("id-of-{}", request.name) } else { String::new() },
            object: request.object,
            ..rpc::RegisterResourceResponse::default()
        }))
    }
    async fn register_resource_outputs(&self, request: Request<rpc::RegisterResourceOutputsRequest>) -> Answer<()> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).outputs.push(request.into_inner());
        Ok(Response::new(()))
    }
    async fn supports_feature(&self, _: Request<rpc::SupportsFeatureRequest>) -> Answer<rpc::SupportsFeatureResponse> {
        not_asked()
    }
    async fn invoke(&self, _: Request<rpc::ResourceInvokeRequest>) -> Answer<rpc::InvokeResponse> {
        not_asked()
    }
    async fn call(&self, _: Request<rpc::ResourceCallRequest>) -> Answer<rpc::CallResponse> {
        not_asked()
    }
    async fn read_resource(&self, _: Request<rpc::ReadResourceRequest>) -> Answer<rpc::ReadResourceResponse> {
        not_asked()
    }
    async fn register_stack_transform(&self, _: Request<rpc::Callback>) -> Answer<()> {
        not_asked()
    }
    async fn register_stack_invoke_transform(&self, _: Request<rpc::Callback>) -> Answer<()> {
        not_asked()
    }
    async fn register_resource_hook(&self, _: Request<rpc::RegisterResourceHookRequest>) -> Answer<()> {
        not_asked()
    }
    async fn register_error_hook(&self, _: Request<rpc::RegisterErrorHookRequest>) -> Answer<()> {
        not_asked()
    }
    async fn register_package(&self, _: Request<rpc::RegisterPackageRequest>) -> Answer<rpc::RegisterPackageResponse> {
        not_asked()
    }
    async fn signal_and_wait_for_shutdown(&self, _: Request<()>) -> Answer<()> {
        not_asked()
    }
}
