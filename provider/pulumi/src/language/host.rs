//! What Pulumi asks of a language.

use tonic::{Request, Response, Status};

use super::protocol::language_runtime_server::LanguageRuntime;
use super::protocol::{
    Nothing, PackageDependency, PluginInfo, ProgramRequest, RequiredPackages, RunRequest, RunResponse,
};
use super::run::run;

/// The language of stack files.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Where the engine listens that started this process, `HOST:PORT`.
    pub engine: Option<String>,
}

#[tonic::async_trait]
impl LanguageRuntime for Host {
    /// Every stack file needs the one package, in the version that was released with this program.
    async fn get_required_packages(&self, _: Request<ProgramRequest>) -> Result<Response<RequiredPackages>, Status> {
        let package = PackageDependency {
            name: crate::PACKAGE.to_owned(),
            kind: "resource".to_owned(),
            version: crate::VERSION.to_owned(),
            ..PackageDependency::default()
        };
        Ok(Response::new(RequiredPackages { packages: vec![package] }))
    }

    async fn get_plugin_info(&self, _: Request<Nothing>) -> Result<Response<PluginInfo>, Status> {
        Ok(Response::new(PluginInfo { version: crate::VERSION.to_owned() }))
    }

    async fn run(&self, request: Request<RunRequest>) -> Result<Response<RunResponse>, Status> {
        Ok(Response::new(run(request.into_inner(), self.engine.as_deref()).await))
    }
}
