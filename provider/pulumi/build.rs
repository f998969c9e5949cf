//! Makes the server of Pulumi's language runtime, a service that the protocol crate lacks. Its messages are
//! written by hand in `src/language/protocol.rs`; no `protoc` is needed.

use tonic_build::manual::{Builder, Method, Service};

const MESSAGES: &str = "crate::language::protocol";

fn method(name: &str, route: &str, input: &str, output: &str) -> Method {
    let path = |message: &str| format!("{MESSAGES}::{message}");
    Method::builder()
        .name(name)
        .route_name(route)
        .input_type(path(input))
        .output_type(path(output))
        .codec_path("tonic_prost::ProstCodec")
        .build()
}

fn main() {
    let service = Service::builder()
        .name("LanguageRuntime")
        .package("pulumirpc")
        .method(method("get_required_packages", "GetRequiredPackages", "ProgramRequest", "RequiredPackages"))
        .method(method("get_plugin_info", "GetPluginInfo", "Nothing", "PluginInfo"))
        .method(method("run", "Run", "RunRequest", "RunResponse"))
        .build();
    Builder::new().build_client(false).compile(&[service]);
}
