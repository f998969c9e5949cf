//! What the engine asks before anything else. Nothing here takes time: it waits ten seconds and no longer.

use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::Modelops;

/// The package schema, byte by byte as it is published; a test holds it to the resources.
const SCHEMA: &str = include_str!("../../../../schema/pulumi.schema.json");

impl Modelops {
    pub(super) fn shake_hands(&self, request: &rpc::ProviderHandshakeRequest) -> rpc::ProviderHandshakeResponse {
        if !request.engine_address.is_empty() {
            self.0.log.listen_at(&request.engine_address);
        }
        rpc::ProviderHandshakeResponse {
            accept_secrets: true,
            accept_resources: true,
            accept_outputs: true,
            supports_autonaming_configuration: true,
        }
    }

    pub(super) fn attach_to(&self, request: &rpc::PluginAttach) {
        self.0.log.listen_at(&request.address);
    }
}

pub(super) fn plugin_info() -> rpc::PluginInfo {
    rpc::PluginInfo { version: crate::VERSION.to_owned() }
}

pub(super) fn schema(request: &rpc::GetSchemaRequest) -> Result<rpc::GetSchemaResponse, Status> {
    match request.version {
        0 => Ok(rpc::GetSchemaResponse { schema: SCHEMA.to_owned() }),
        other => Err(Status::invalid_argument(format!("a schema of version {other} is not known, only 0"))),
    }
}
