//! The part of Pulumi's engine that a plugin talks to: it takes messages for the user.

use mops_pulumi::MESSAGE_LIMIT;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::engine_server::{Engine, EngineServer};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// Takes each message for the user.
pub struct Heard(Box<dyn Fn(rpc::LogRequest) + Send + Sync>);

impl Heard {
    /// With what becomes of a message.
    pub fn new(tell: impl Fn(rpc::LogRequest) + Send + Sync + 'static) -> Self {
        Self(Box::new(tell))
    }
}

fn nobody_asks<T>() -> Answer<T> {
    Err(Status::unimplemented("this engine hears messages and nothing else"))
}

#[tonic::async_trait]
impl Engine for Heard {
    async fn log(&self, request: Request<rpc::LogRequest>) -> Answer<()> {
        (self.0)(request.into_inner());
        Ok(Response::new(()))
    }
    async fn get_root_resource(&self, _: Request<rpc::GetRootResourceRequest>) -> Answer<rpc::GetRootResourceResponse> {
        nobody_asks()
    }
    async fn set_root_resource(&self, _: Request<rpc::SetRootResourceRequest>) -> Answer<rpc::SetRootResourceResponse> {
        nobody_asks()
    }
    async fn start_debugging(&self, _: Request<rpc::StartDebuggingRequest>) -> Answer<()> {
        nobody_asks()
    }
    async fn require_pulumi_version(
        &self,
        _: Request<rpc::RequirePulumiVersionRequest>,
    ) -> Answer<rpc::RequirePulumiVersionResponse> {
        nobody_asks()
    }
}

/// Serves an engine until the task is aborted.
pub async fn serve_engine(heard: Heard, listener: TcpListener) {
    let service =
        EngineServer::new(heard).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
    let _ = Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)).await;
}
