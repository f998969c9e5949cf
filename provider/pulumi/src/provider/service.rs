//! The service as the generated code wants it: each call goes to its file.

use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_provider_server::ResourceProvider;
use tonic::{Request, Response, Status};

use super::Modelops;
use crate::construct::construct;

type Answer<T> = Result<Response<T>, Status>;

/// Calls that are optional and that we do not offer; the engine goes on without.
fn not_offered<T>(call: &str) -> Answer<T> {
    Err(Status::unimplemented(format!("`{call}` is not offered by the provider `modelops`")))
}

#[tonic::async_trait]
impl ResourceProvider for Modelops {
    async fn handshake(
        &self,
        request: Request<rpc::ProviderHandshakeRequest>,
    ) -> Answer<rpc::ProviderHandshakeResponse> {
        self.guarded("Handshake", async { Ok(self.shake_hands(&request.into_inner())) }).await
    }

    async fn attach(&self, request: Request<rpc::PluginAttach>) -> Answer<()> {
        let attached = async {
            self.attach_to(&request.into_inner());
            Ok(())
        };
        self.guarded("Attach", attached).await
    }

    async fn get_plugin_info(&self, _: Request<()>) -> Answer<rpc::PluginInfo> {
        self.guarded("GetPluginInfo", async { Ok(super::handshake::plugin_info()) }).await
    }

    async fn get_schema(&self, request: Request<rpc::GetSchemaRequest>) -> Answer<rpc::GetSchemaResponse> {
        self.guarded("GetSchema", async { super::handshake::schema(&request.into_inner()) }).await
    }

    async fn check_config(&self, request: Request<rpc::CheckRequest>) -> Answer<rpc::CheckResponse> {
        self.guarded("CheckConfig", async { self.check_configuration(&request.into_inner()) }).await
    }

    async fn diff_config(&self, request: Request<rpc::DiffRequest>) -> Answer<rpc::DiffResponse> {
        self.guarded("DiffConfig", async { super::config::diff(&request.into_inner()) }).await
    }

    async fn configure(&self, request: Request<rpc::ConfigureRequest>) -> Answer<rpc::ConfigureResponse> {
        self.guarded("Configure", async { self.take_configuration(&request.into_inner()) }).await
    }

    async fn check(&self, request: Request<rpc::CheckRequest>) -> Answer<rpc::CheckResponse> {
        self.guarded("Check", async { self.check_inputs(&request.into_inner()) }).await
    }

    async fn diff(&self, request: Request<rpc::DiffRequest>) -> Answer<rpc::DiffResponse> {
        self.guarded("Diff", async { self.difference(&request.into_inner()) }).await
    }

    async fn create(&self, request: Request<rpc::CreateRequest>) -> Answer<rpc::CreateResponse> {
        self.guarded("Create", self.make(request.into_inner())).await
    }

    async fn read(&self, request: Request<rpc::ReadRequest>) -> Answer<rpc::ReadResponse> {
        self.guarded("Read", self.look(request.into_inner())).await
    }

    async fn update(&self, request: Request<rpc::UpdateRequest>) -> Answer<rpc::UpdateResponse> {
        self.guarded("Update", self.change(request.into_inner())).await
    }

    async fn delete(&self, request: Request<rpc::DeleteRequest>) -> Answer<()> {
        self.guarded("Delete", self.remove(request.into_inner())).await
    }

    async fn invoke(&self, request: Request<rpc::InvokeRequest>) -> Answer<rpc::InvokeResponse> {
        self.guarded("Invoke", self.function(request.into_inner())).await
    }

    async fn cancel(&self, _: Request<()>) -> Answer<()> {
        self.stop();
        Ok(Response::new(()))
    }

    async fn construct(&self, request: Request<rpc::ConstructRequest>) -> Answer<rpc::ConstructResponse> {
        let warn = |text| self.0.log.warn(text);
        self.guarded("Construct", construct(request.into_inner(), &self.0.env, warn)).await
    }

    async fn call(&self, _: Request<rpc::CallRequest>) -> Answer<rpc::CallResponse> {
        not_offered("Call")
    }

    async fn parameterize(&self, _: Request<rpc::ParameterizeRequest>) -> Answer<rpc::ParameterizeResponse> {
        not_offered("Parameterize")
    }

    async fn get_mapping(&self, _: Request<rpc::GetMappingRequest>) -> Answer<rpc::GetMappingResponse> {
        not_offered("GetMapping")
    }

    async fn get_mappings(&self, _: Request<rpc::GetMappingsRequest>) -> Answer<rpc::GetMappingsResponse> {
        not_offered("GetMappings")
    }
}
