//! Promise: whatever arrives, the plugin lives and gives a proper status: random bytes, messages cut or changed in the
//! middle, values of every wrong kind, before it is configured, while it is, and after it was canceled. `MOPS_CASES`
//! messages (default: the short form), `MOPS_SEED` plays others; with `MOPS_CASES` also one just below the size limit.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use http::uri::PathAndQuery;
use mops_core::{StackId, Urn, Value};
use mops_host::Env;
use mops_pulumi::MESSAGE_LIMIT;
use mops_tests::dice::{self, Dice};
use mops_tests::place::Place;
use mops_tests::program::Running;
use mops_tests::sandbox::{Options, Sandbox};
use prost::Message as _;
use prost_types::Struct;
use prost_types::value::Kind;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::resource_provider_client::ResourceProviderClient;
use rustix::process::Signal;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::raw::Raw;

/// Every call of the service, and one that nobody knows.
const CALLS: [&str; 20] = [
    "Handshake",
    "Attach",
    "GetPluginInfo",
    "GetSchema",
    "CheckConfig",
    "DiffConfig",
    "Configure",
    "Check",
    "Diff",
    "Create",
    "Read",
    "Update",
    "Delete",
    "Invoke",
    "Construct",
    "Call",
    "Parameterize",
    "GetMapping",
    "GetMappings",
    "List",
];
/// What opens a value with a meaning of its own.
const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";
/// Meanings that there are, and one that there is not.
const MEANINGS: [&str; 5] = [
    "1b47061264138c4ac30d75fd1eb44270",
    "5cf8f73096256a8f31e491e813e4eb8e",
    "d0e6a833031e9bbcd3f4e8bde6ca49a4",
    "c44067f5952c0a294b673a41bacd8c17",
    "00000000000000000000000000000000",
];
const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

fn text(text: impl Into<String>) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::StringValue(text.into())) }
}

fn object(members: impl IntoIterator<Item = (String, prost_types::Value)>) -> Struct {
    Struct { fields: members.into_iter().collect() }
}

/// A value that is hardly what anybody expects.
fn odd(dice: &mut Dice) -> prost_types::Value {
    let kind = match dice.below(9) {
        0 => Kind::NumberValue(*dice.pick(&[f64::NAN, f64::INFINITY, -0.0, 1e308, 0.5])),
        1 => Kind::BoolValue(true),
        2 => Kind::NullValue(7),
        3 => return prost_types::Value { kind: None },
        4 => return text("x".repeat(dice.below(1 << 16))),
        5 => return text(UNKNOWN),
        6 => {
            let meaning = (SIGNATURE.to_owned(), text(*dice.pick(&MEANINGS)));
            let members = if dice.percent(50) { vec![meaning] } else { vec![meaning, ("value".to_owned(), odd(dice))] };
            Kind::StructValue(object(members))
        }
        7 => return deep(dice.below(120)),
        _ => Kind::ListValue(prost_types::ListValue { values: (0..dice.below(4)).map(|_| odd(dice)).collect() }),
    };
    prost_types::Value { kind: Some(kind) }
}

/// Lists and objects in each other.
fn deep(levels: usize) -> prost_types::Value {
    (0..levels).fold(text("end"), |inner, level| {
        let kind = if level % 2 == 0 {
            Kind::ListValue(prost_types::ListValue { values: vec![inner] })
        } else {
            Kind::StructValue(object([("in".to_owned(), inner)]))
        };
        prost_types::Value { kind: Some(kind) }
    })
}

/// What a message is made from.
struct Stock {
    /// Type and good inputs of every sample.
    samples: Vec<(String, Struct)>,
}

impl Stock {
    fn new() -> Self {
        let of = |case: mops_tests::samples::Case| {
            let inputs = mops_pulumi::value::encode(&case.inputs).expect("a form");
            (case.urn.token().to_owned(), inputs)
        };
        Self { samples: mops_tests::samples::cases().into_iter().map(of).collect() }
    }

    fn urn(&self, dice: &mut Dice, token: &str) -> String {
        let stack = StackId { project: "modelops".into(), stack: "dev".into() };
        match dice.below(12) {
            0 => String::new(),
            1 => "urn:pulumi:::::x".to_owned(),
            2 => "\u{1f980}".repeat(dice.below(300)),
            3 => Urn::new(&stack, "modelops:azure:Nothing", "n").to_string(),
            4 => Urn::new(&stack, "other:index:Thing", "n").to_string(),
            _ => Urn::new(&stack, token, "n").to_string(),
        }
    }

    /// A bag that was good once.
    fn bag(&self, dice: &mut Dice, good: &Struct) -> Option<Struct> {
        let mut bag = good.clone();
        for _ in 0..=dice.below(3) {
            let names: Vec<String> = bag.fields.keys().cloned().collect();
            let name = if names.is_empty() || dice.percent(20) { "odd".to_owned() } else { dice.pick(&names).clone() };
            if dice.percent(20) {
                bag.fields.remove(&name);
            } else {
                bag.fields.insert(name, odd(dice));
            }
        }
        (!dice.percent(5)).then_some(bag)
    }

    /// A message of the kind that the call takes, as a rule.
    fn message(&self, dice: &mut Dice, call: &str) -> Vec<u8> {
        let (token, good) = dice.pick(&self.samples).clone();
        let urn = self.urn(dice, &token);
        let mut bag = || self.bag(dice, &good);
        let (first, second, third) = (bag(), bag(), bag());
        let id = dice.pick(&["", "/subscriptions/x", "a/b/c", "\0"]).to_string();
        let preview = dice.percent(50);
        match call {
            "Check" | "CheckConfig" => {
                rpc::CheckRequest { urn, olds: first, news: second, ..Default::default() }.encode_to_vec()
            }
            "Diff" | "DiffConfig" => {
                let ignore_changes = vec!["a[".to_owned(), "\"".to_owned()];
                let request =
                    rpc::DiffRequest { id, urn, olds: first, news: second, ignore_changes, ..Default::default() };
                rpc::DiffRequest { old_inputs: third, ..request }.encode_to_vec()
            }
            "Create" => {
                let timeout = *dice.pick(&[1.0, f64::NAN, -1.0, 1e300]);
                rpc::CreateRequest { urn, properties: first, timeout, preview, ..Default::default() }.encode_to_vec()
            }
            "Read" => {
                rpc::ReadRequest { id, urn, properties: first, inputs: second, ..Default::default() }.encode_to_vec()
            }
            "Update" => {
                let request = rpc::UpdateRequest {
                    id,
                    urn,
                    olds: first,
                    news: second,
                    timeout: 1.0,
                    preview,
                    ..Default::default()
                };
                rpc::UpdateRequest { old_inputs: third, ..request }.encode_to_vec()
            }
            "Delete" => rpc::DeleteRequest {
                id,
                urn,
                properties: first,
                old_inputs: second,
                timeout: 1.0,
                ..Default::default()
            }
            .encode_to_vec(),
            "Invoke" => {
                let tok = dice.pick(&["", "modelops:azure:getRegistryCredentials", "a:b:c:d"]).to_string();
                rpc::InvokeRequest { tok, args: first, ..Default::default() }.encode_to_vec()
            }
            "Construct" => {
                let r#type = dice.pick(&["", "modelops:index:Workspace", "modelops:azure:NodePool"]).to_string();
                let request = rpc::ConstructRequest { r#type, name: id, inputs: first, ..Default::default() };
                let monitor_endpoint = dice.pick(&["", "127.0.0.1:1", "\u{0}"]).to_string();
                rpc::ConstructRequest { monitor_endpoint, ..request }.encode_to_vec()
            }
            // The configuration stays what it is: only nonsense goes there.
            "Configure" => {
                rpc::ConfigureRequest { args: Some(object([("nonsense".to_owned(), odd(dice))])), ..Default::default() }
                    .encode_to_vec()
            }
            _ => first.map(|bag| bag.encode_to_vec()).unwrap_or_default(),
        }
    }

    /// The next call and its bytes: random, cut, changed in one bit, or only odd.
    fn next(&self, dice: &mut Dice) -> (&'static str, Vec<u8>) {
        let call = *dice.pick(&CALLS);
        let mut bytes = self.message(dice, call);
        match dice.below(6) {
            0 => bytes = (0..dice.below(200)).map(|_| dice.bits().to_le_bytes()[0]).collect(),
            1 => bytes.truncate(dice.below(bytes.len() + 1)),
            2 if !bytes.is_empty() => {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
            _ => {}
        }
        (call, bytes)
    }
}

/// The plugin under attack; without an engine, so that a message that names another one does not end it.
struct Plugin {
    process: Running,
    said: std::sync::mpsc::Receiver<String>,
    channel: Channel,
}

impl Plugin {
    async fn start(place: &Place) -> Self {
        let mut process = Running::start(place, "pulumi-resource-modelops", &[]);
        let (lines, said) = (process.lines(), process.error_lines());
        let port = lines.recv_timeout(Duration::from_secs(10)).expect("a port");
        let channel =
            Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.expect("a server");
        Self { process, said, channel }
    }

    fn client(&self) -> ResourceProviderClient<Channel> {
        ResourceProviderClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_LIMIT)
            // What is too large is the plugin's to refuse.
            .max_encoding_message_size(usize::MAX)
    }

    async fn send(&self, call: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
        let path = PathAndQuery::try_from(format!("/pulumirpc.ResourceProvider/{call}")).expect("a path");
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
        client.unary(tonic::Request::new(bytes), path, Raw).await.map(tonic::Response::into_inner)
    }

    /// So many messages; what was answered, by code.
    async fn attacked(&self, stock: &Stock, first: u64, count: u64, judge: impl Fn(&Status) -> bool) -> Tally {
        let judge = &judge;
        let one = async |seed: u64| {
            let (call, bytes) = stock.next(&mut Dice::new(seed));
            let shown = format!("MOPS_SEED={seed} {call}");
            let answer = tokio::time::timeout(Duration::from_secs(30), self.send(call, bytes)).await;
            match answer.unwrap_or_else(|_| panic!("{shown}: no answer")) {
                Ok(_) => Code::Ok,
                Err(status) => {
                    let unreadable = status.code() == Code::Internal && status.message().contains("decode");
                    assert!(unreadable || judge(&status), "{shown}: {status:?}");
                    status.code()
                }
            }
        };
        let answers = stream::iter(first..first + count).map(one).buffer_unordered(16);
        answers.fold(Tally::default(), async |tally, code| tally.with(code)).await
    }
}

#[derive(Default)]
struct Tally {
    answered: u64,
    refused: u64,
}

impl Tally {
    fn with(mut self, code: Code) -> Self {
        *(if code == Code::Ok { &mut self.answered } else { &mut self.refused }) += 1;
        self
    }
}

/// A refusal that says what is wrong, not that something broke.
fn proper(status: &Status) -> bool {
    let known = !matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss);
    known && (status.code() == Code::Unimplemented || !status.message().is_empty())
}

fn cloud() -> (Sandbox, Place) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let sandbox = Sandbox::start(Options { speed: 1000, ..Options::default() }).expect("a sandbox");
    let mut place = Place::new();
    sandbox.variables().into_iter().for_each(|(name, value)| place.set(&name, value));
    (sandbox, place)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn lives_and_gives_a_proper_status_whatever_arrives() {
    let (sandbox, place) = cloud();
    let plugin = Plugin::start(&place).await;
    let (stock, seed, count) = (Stock::new(), dice::seed(), dice::cases(2000));
    let early = plugin.attacked(&stock, seed, count / 10, proper).await;
    plugin.client().configure(rpc::ConfigureRequest::default()).await.expect("configured");
    let tally = plugin.attacked(&stock, seed + count, count * 8 / 10, proper).await;
    assert!(tally.answered > 0 && tally.refused > tally.answered / 10, "{} {}", tally.answered, tally.refused);
    let alive = plugin.client().get_plugin_info(()).await.expect("alive").into_inner();
    assert_eq!(alive.version, env!("CARGO_PKG_VERSION"));
    plugin.client().cancel(()).await.expect("acknowledged");
    let stopping = |status: &Status| matches!(status.code(), Code::Unavailable | Code::Unimplemented);
    let late = plugin.attacked(&stock, seed + 2 * count, count / 10, stopping).await;
    assert_eq!(late.answered, 0, "work after Cancel");
    plugin.process.signal(Signal::INT);
    let Plugin { process, said, .. } = plugin;
    let code = tokio::task::spawn_blocking(move || process.wait()).await.expect("waited");
    assert_eq!((code, said.iter().collect::<Vec<_>>()), (Some(0), Vec::new()), "a panic");
    assert_eq!(sandbox.ledger().doubled(), Vec::<String>::new());
    println!(
        "R20 messages={} answered={} refused={} panics=0",
        count,
        early.answered + tally.answered,
        early.refused + tally.refused + late.refused
    );
}

#[tokio::test]
async fn large_messages_go_there_and_back_and_larger_ones_are_refused() {
    let place = Place::new();
    let plugin = Plugin::start(&place).await;
    // A configuration is checked before there is one, and its text comes back as it was.
    let there_and_back = async |mebibytes: usize| {
        let long = Value::Map([("clientSecret".to_owned(), Value::from("x".repeat(mebibytes << 20)))].into());
        let news = Some(mops_pulumi::value::encode(&long).expect("a form"));
        let answer = plugin.client().check_config(rpc::CheckRequest { news: news.clone(), ..Default::default() }).await;
        answer.map(|answer| answer.into_inner().inputs == news)
    };
    assert!(there_and_back(20).await.expect("20 MiB"));
    if Env::process().has("MOPS_CASES") {
        assert!(there_and_back(399).await.expect("399 MiB"));
        let refused = there_and_back(400).await.expect_err("more than the limit");
        assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused:?}");
    }
}
