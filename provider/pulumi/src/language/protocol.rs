//! The messages of `pulumirpc.LanguageRuntime` that are used here, by the field numbers of Pulumi 3.259's
//! `language.proto`. Fields that nobody here reads are left out: they are skipped when a message is read.

use prost_types::Struct;

pub use pulumi_gestalt_proto::pulumi::pulumirpc::{PackageDependency, PluginInfo};

/// No content.
pub type Nothing = ();

/// A program on this machine.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProgramInfo {
    /// Folder of `Pulumi.yaml`.
    #[prost(string, tag = "1")]
    pub root_directory: String,
    /// Folder of the program.
    #[prost(string, tag = "2")]
    pub program_directory: String,
    /// What to start, `.` for the folder itself.
    #[prost(string, tag = "3")]
    pub entry_point: String,
    /// `runtime.options` of `Pulumi.yaml`.
    #[prost(message, optional, tag = "4")]
    pub options: Option<Struct>,
}

/// Asks about a program.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProgramRequest {
    /// Which.
    #[prost(message, optional, tag = "1")]
    pub info: Option<ProgramInfo>,
}

/// The packages that a program uses.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequiredPackages {
    /// In no order.
    #[prost(message, repeated, tag = "1")]
    pub packages: Vec<PackageDependency>,
}

/// Starts a program.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunRequest {
    /// Name of the project.
    #[prost(string, tag = "1")]
    pub project: String,
    /// Name of the stack.
    #[prost(string, tag = "2")]
    pub stack: String,
    /// Working directory.
    #[prost(string, tag = "3")]
    pub pwd: String,
    /// A preview: nothing is made.
    #[prost(bool, tag = "7")]
    pub dry_run: bool,
    /// Address of the resource monitor.
    #[prost(string, tag = "9")]
    pub monitor_address: String,
    /// Which program.
    #[prost(message, optional, tag = "14")]
    pub info: Option<ProgramInfo>,
}

/// How a program ended; neither field set means well.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunResponse {
    /// A failure that the engine has not told yet.
    #[prost(string, tag = "1")]
    pub error: String,
    /// It has told the failure already.
    #[prost(bool, tag = "2")]
    pub bail: bool,
}

pub use made::language_runtime_server;

#[expect(clippy::allow_attributes_without_reason, reason = "the code is made by `build.rs`")]
mod made {
    tonic::include_proto!("pulumirpc.LanguageRuntime");
}
