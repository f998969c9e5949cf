//! The resource monitor of a run: it takes what a program declares, and answers with what became of it.

use pulumi_gestalt_proto::pulumi::pulumirpc::resource_monitor_client::ResourceMonitorClient;
use pulumi_gestalt_proto::pulumi::pulumirpc::{
    RegisterResourceOutputsRequest, RegisterResourceRequest, RegisterResourceResponse, Result as Outcome,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::MESSAGE_LIMIT;

/// A connection to a server of Pulumi on this machine, `HOST:PORT`.
pub(crate) async fn channel(address: &str) -> Result<Channel, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| e.to_string())?;
    endpoint.connect().await.map_err(|e| format!("nobody answers at `{address}`: {e}"))
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The engine has told its user already.
    Told,
    /// Nobody knows of it yet.
    Untold(String),
}

impl From<Status> for Refused {
    /// A resource that fails ends its call as internal, an engine that stops as unavailable: both have been told.
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Internal | Code::Unavailable | Code::Cancelled | Code::Unknown => Self::Told,
            _ => Self::Untold(status.message().to_owned()),
        }
    }
}

/// The monitor.
#[derive(Clone)]
pub(crate) struct Monitor(ResourceMonitorClient<Channel>);

impl Monitor {
    /// The monitor at an address.
    pub(crate) async fn at(address: &str) -> Result<Self, String> {
        let client = ResourceMonitorClient::new(channel(address).await?);
        Ok(Self(client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)))
    }

    /// Declares a resource and waits for what becomes of it.
    pub(crate) async fn register(&self, request: RegisterResourceRequest) -> Result<RegisterResourceResponse, Refused> {
        let answer = self.0.clone().register_resource(request).await?.into_inner();
        if answer.result() == Outcome::Success { Ok(answer) } else { Err(Refused::Told) }
    }

    /// Gives the stack its outputs.
    pub(crate) async fn outputs(&self, request: RegisterResourceOutputsRequest) -> Result<(), Refused> {
        self.0.clone().register_resource_outputs(request).await?;
        Ok(())
    }
}
