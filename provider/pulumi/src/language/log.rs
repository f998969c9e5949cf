//! What Pulumi shows to its user.

use mops_core::{Diagnostic, Severity};
use pulumi_gestalt_proto::pulumi::pulumirpc::engine_client::EngineClient;
use pulumi_gestalt_proto::pulumi::pulumirpc::{LogRequest, LogSeverity};
use tonic::transport::Channel;

/// The log of the engine. A message that cannot be given to it is lost: telling never fails a run.
#[derive(Clone)]
pub(super) struct Log(Option<EngineClient<Channel>>);

impl Log {
    /// The log of the engine at an address, `HOST:PORT`.
    pub(super) async fn at(address: Option<&str>) -> Self {
        let Some(address) = address else { return Self(None) };
        Self(crate::monitor::channel(address).await.ok().map(EngineClient::new))
    }

    /// Says a finding with its place and what to do, as an error or a warning of the program.
    pub(super) async fn tell(&self, finding: &Diagnostic) {
        let severity = match finding.severity {
            Severity::Error => LogSeverity::Error,
            Severity::Warning => LogSeverity::Warning,
        };
        let hint = finding.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        self.say(severity, format!("{finding}{hint}")).await;
    }

    async fn say(&self, severity: LogSeverity, message: String) {
        let Some(mut engine) = self.0.clone() else { return };
        let request = LogRequest { severity: severity.into(), message, ..LogRequest::default() };
        let _lost = engine.log(request).await;
    }
}
