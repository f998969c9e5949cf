//! Each cloud of Azure as its requests show it: the token comes from the cloud's own sign-in host with the cloud's own
//! scope, it goes to the cloud's own Resource Manager, and no host of another cloud hears of either.

use std::sync::{Arc, Mutex};

use mops_clients::arm::ArmClient;
use mops_clients::identity;
use mops_core::cloud::{AuthKind, AzureAuth, Cloud};
use mops_host::Env;
use mops_host::clock::ManualClock;
use mops_tests::http::{Call, Reply, handler};
use mops_tests::tls::{Authority, Leaf, bind, serve_tls};
use mops_wire::{ConnectMap, Http, HttpConfig};
use serde_json::json;

use super::script::{API, GROUP, TOKEN, lock};

const TENANT: &str = "00000000-0000-0000-0000-00000000000a";
/// Every host that a sign-in or a call could go to.
const HOSTS: [&str; 8] = [
    "login.microsoftonline.com",
    "management.azure.com",
    "login.microsoftonline.us",
    "management.usgovcloudapi.net",
    "login.chinacloudapi.cn",
    "management.chinacloudapi.cn",
    "login.example.org",
    "arm.example.org",
];

fn custom() -> Cloud {
    Cloud {
        name: "custom".into(),
        arm: "https://arm.example.org".into(),
        authority: "https://login.example.org".into(),
        arm_scope: "https://audience.example.org/.default".into(),
        graph: "https://graph.example.org".into(),
        ca_file: None,
        connect: Vec::new(),
    }
}

/// One read at Resource Manager of a cloud: everything that any host was asked.
async fn asked(cloud: &Cloud) -> Vec<Call> {
    let authority = Authority::new();
    let listener = bind().expect("a port");
    let address = listener.local_addr().expect("an address");
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let kept = Arc::clone(&calls);
    let answer = handler(move |call| {
        lock(&kept).push(call.clone());
        if call.path.ends_with("/oauth2/v2.0/token") {
            let life = json!({"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN});
            return Reply::json(200, &life);
        }
        Reply::json(200, &json!({"id": GROUP}))
    });
    let _server = serve_tls(answer, listener, authority.leaf(Leaf::Good, &HOSTS).server_config()).expect("a server");
    let clock = ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
    let mut config = HttpConfig::new();
    config.roots = vec![authority.pem().as_bytes().to_vec()];
    config.connect = ConnectMap::new(HOSTS.map(|host| (host.to_owned(), address))).expect("loopback");
    config.this_machine_only = true;
    config.clock = clock.shared();
    let http = Http::new(config).expect("a pipeline");
    // What the environment says about the sign-in host never decides.
    let env = Env::of([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000000b"),
        ("AZURE_CLIENT_SECRET", "client-secret-canary"),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com"),
    ]);
    let auth = AzureAuth { kind: AuthKind::ServicePrincipal, ..AzureAuth::default() };
    let chosen = identity::credential(cloud, &auth, &env, http.clone(), clock.shared()).expect("an identity");
    let arm = ArmClient::new(cloud, chosen.tokens, http, clock.shared()).expect("a client");
    arm.get(GROUP, API).await.expect("an answer");
    lock(&calls).clone()
}

#[tokio::test]
async fn each_cloud_signs_in_and_is_asked_at_its_own_hosts() {
    let rows = [
        (Cloud::public(), HOSTS[0], HOSTS[1], "https://management.azure.com/.default"),
        (Cloud::government(), HOSTS[2], HOSTS[3], "https://management.core.usgovcloudapi.net/.default"),
        (Cloud::china(), HOSTS[4], HOSTS[5], "https://management.chinacloudapi.cn/.default"),
        (custom(), HOSTS[6], HOSTS[7], "https://audience.example.org/.default"),
    ];
    for (cloud, login, arm, scope) in rows {
        let calls = asked(&cloud).await;
        let [sign_in, read] = calls.as_slice() else { panic!("{}: {calls:?}", cloud.name) };
        assert_eq!((sign_in.host.as_str(), read.host.as_str()), (login, arm), "{}", cloud.name);
        assert_eq!(sign_in.path, format!("/{TENANT}/oauth2/v2.0/token"));
        let form = sign_in.form();
        assert!(form.contains(&("scope".to_owned(), scope.to_owned())), "{}: {form:?}", cloud.name);
        assert_eq!(read.bearer(), Some(TOKEN), "{}", cloud.name);
        assert!(sign_in.header("authorization").is_none(), "{}", cloud.name);
    }
}
