//! Promise: the plugin is a good child of its engine: the port comes first and alone on standard output, it goes with the
//! engine and on a signal, and without an engine it waits for one that attaches.

use std::time::Duration;

use mops_core::{StackId, Urn};
use mops_pulumi::value::encode;
use mops_tests::place::Place;
use mops_tests::program::{Running, Sandbox};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_provider_client::ResourceProviderClient;
use rustix::process::Signal;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::transport::Channel;

const PLUGIN: &str = "pulumi-resource-modelops";
/// Two seconds are promised; a busy machine gets three times as long.
const GONE: Duration = Duration::from_secs(6);

struct Plugin {
    process: Running,
    lines: std::sync::mpsc::Receiver<String>,
    client: ResourceProviderClient<Channel>,
}

async fn plugin(place: &Place, args: &[&str]) -> Plugin {
    let mut process = Running::start(place, PLUGIN, args);
    let lines = process.lines();
    let port: u16 = lines.recv_timeout(Duration::from_secs(10)).expect("a line").parse().expect("a port alone");
    let address = format!("http://127.0.0.1:{port}");
    let channel = Channel::from_shared(address).unwrap().connect().await.expect("a server");
    Plugin { process, lines, client: ResourceProviderClient::new(channel).max_decoding_message_size(400 << 20) }
}

/// Waits for the end of the process elsewhere, so that this runtime goes on.
async fn code(process: Running) -> Option<i32> {
    let ended = tokio::task::spawn_blocking(move || process.wait());
    tokio::time::timeout(GONE, ended).await.expect("it did not end").expect("waited")
}

#[tokio::test]
async fn goes_with_its_engine() {
    let place = Place::new();
    let engine = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = engine.local_addr().unwrap().to_string();
    let mut plugin = plugin(&place, &["--logtostderr", "-v=9", &address]).await;
    plugin.client.handshake(rpc::ProviderHandshakeRequest::default()).await.expect("hands");
    drop(engine);
    assert_eq!(code(plugin.process).await, Some(0));
}

#[tokio::test]
async fn ends_quietly_on_the_signal_of_its_engine() {
    let place = Place::new();
    let engine = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plugin = plugin(&place, &[&engine.local_addr().unwrap().to_string()]).await;
    plugin.client.cancel(()).await.expect("acknowledged");
    plugin.process.signal(Signal::INT);
    assert_eq!(code(plugin.process).await, Some(0));
    assert!(plugin.lines.try_iter().next().is_none(), "more than the port on standard output");
}

#[tokio::test]
async fn without_an_engine_it_waits_for_one_and_makes_things_in_the_cloud_of_its_environment() {
    let mut place = Place::new();
    let sandbox = Sandbox::at_speed(&place, Some(1000)).await;
    for (name, value) in sandbox.variables().await {
        place.set(&name, value);
    }
    let mut plugin = plugin(&place, &[]).await;
    plugin.client.attach(rpc::PluginAttach { address: "127.0.0.1:1".into() }).await.expect("attached");
    plugin.client.configure(rpc::ConfigureRequest::default()).await.expect("configured");
    let stack = StackId { project: "modelops".into(), stack: "dev".into() };
    let urn = Urn::new(&stack, "modelops:azure:ResourceGroup", "group").to_string();
    let subscription = "00000000-1111-2222-3333-444444444444";
    let inputs = json!({"subscriptionId": subscription, "name": "plugin-rg", "location": "East US 2"});
    let news = Some(encode(&inputs.into()).unwrap());
    let check = rpc::CheckRequest { urn: urn.clone(), news, ..rpc::CheckRequest::default() };
    let properties = plugin.client.check(check).await.expect("checked").into_inner().inputs;
    let create = rpc::CreateRequest { urn, properties, ..rpc::CreateRequest::default() };
    let made = plugin.client.create(create).await.expect("made").into_inner();
    assert!(made.id.ends_with("/resourceGroups/plugin-rg"), "{}", made.id);
    plugin.process.signal(Signal::TERM);
    assert_eq!(code(plugin.process).await, Some(0));
}
