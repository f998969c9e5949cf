//! Invoke: functions, which read and change nothing.

use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::{Modelops, failure, properties};

impl Modelops {
    pub(super) async fn function(&self, request: rpc::InvokeRequest) -> Result<rpc::InvokeResponse, Status> {
        let args = properties::arrived(request.args.as_ref())?;
        let result = self.resources()?.invoke(&request.tok, &args).await.map_err(|e| failure::plain(&e))?;
        Ok(rpc::InvokeResponse { r#return: properties::leaving(&result)?, failures: Vec::new() })
    }
}
