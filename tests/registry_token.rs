//! Promise: a registry's token opens what its scope map lists and nothing else; each of its passwords is told once, so
//! none is asked for twice, none that was lost stays valid, and the one in use opens the token until the next one has
//! been handed out (`RegistryToken`, `RegistryTokenCleanup`).

use std::time::Duration;

use mops_core::provider::{Known, Provider as _};
use mops_core::{Class, Secret, Urn, Value};
use mops_tests::arm::registry::logins;
use mops_tests::fault::Fault;
use mops_tests::image::{Image, MANIFEST};
use mops_tests::push::{Login, pipeline, push};
use mops_wire::Http;
use mops_wire::registry::{Auth, Client, Reference};

use crate::stand::Stand;

const TOKEN: &str = "modelops:azure:RegistryToken";
const CLEANUP: &str = "modelops:azure:RegistryTokenCleanup";
const HOST: &str = "sampleacr.azurecr.io";
const DAY: u64 = 86_400;

/// A registry of ours with an image, and a token that is not made yet.
struct Ground {
    stand: Stand,
    http: Http,
    token: Urn,
    inputs: Value,
    image: Image,
}

fn sample(token: &str, number: usize) -> Value {
    let entry = mops_resources::entries().into_iter().find(|e| e.schema().token == token).expect("listed");
    entry.samples().swap_remove(number)
}

impl Ground {
    async fn new() -> Self {
        let stand = Stand::new();
        for token in ["modelops:azure:ResourceGroup", "modelops:azure:ContainerRegistry"] {
            let urn = stand.urn(token, "ground");
            stand.create(&urn, &sample(token, 0)).await.expect("the ground");
        }
        let http = pipeline(stand.sandbox.world().ca_pem.as_bytes(), stand.sandbox.connect()).expect("a pipeline");
        let image = Image::tiny("app:1", "an image\n").expect("an image");
        let (host, username, password) = logins(stand.sandbox.arm()).swap_remove(0);
        push(&http, &Login { host, username, password: Secret::new(password) }, &image).await.expect("a push");
        let token = stand.urn(TOKEN, "pull");
        Self { stand, http, token, inputs: sample(TOKEN, 0), image }
    }

    async fn made(&self) -> Known {
        let done = self.stand.create(&self.token, &self.inputs).await.expect("a token");
        Known { id: done.id, inputs: self.inputs.clone(), outputs: done.outputs }
    }

    async fn updated(&self, known: &Known, inputs: &Value) -> Result<Known, mops_core::Error> {
        let done = self.stand.provider().update(self.stand.context(&self.token), known, inputs).await?;
        Ok(Known { id: done.id, inputs: inputs.clone(), outputs: done.outputs })
    }

    async fn cleaned(&self, known: &Known) {
        let inputs = serde_json::json!({"tokenId": known.id, "keep": text(known, "slot")});
        let urn = self.stand.urn(CLEANUP, "cleanup");
        self.stand.create(&urn, &Value::from(inputs)).await.expect("cleaned up");
    }

    fn client(&self, known: &Known) -> Client {
        let auth = Auth::Basic { username: text(known, "name"), password: Secret::new(text(known, "password")) };
        Client::new(self.http.clone(), HOST, auth).expect("a client")
    }

    async fn pulls(&self, known: &Known, image: &str) -> bool {
        let reference: Reference = format!("{HOST}/{image}").parse().expect("a reference");
        self.client(known).manifest(&reference).await.is_ok()
    }

    async fn pushes(&self, known: &Known) -> bool {
        let reference: Reference = format!("{HOST}/app:2").parse().expect("a reference");
        self.client(known).push_manifest(&reference, MANIFEST, self.image.manifest.clone()).await.is_ok()
    }

    /// The passwords that open the token now, by slot.
    fn filled(&self, known: &Known) -> Vec<String> {
        let state = self.stand.sandbox.arm().state();
        let token = state.get(&known.id).expect("the token is there");
        let list = token.body["properties"]["credentials"]["passwords"].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|p| p["name"].as_str().map(str::to_owned)).collect()
    }

    fn pass(&self, days: u64) {
        futures::executor::block_on(self.stand.clock.sleep(Duration::from_secs(days * DAY)));
    }
}

fn text(known: &Known, name: &str) -> String {
    known.outputs.get(name).map(Value::exposed_json).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

#[tokio::test]
async fn it_pulls_what_its_scope_map_lists_and_pushes_nothing() {
    let ground = Ground::new().await;
    let known = ground.made().await;
    assert!(ground.pulls(&known, "app:1").await);
    assert!(!ground.pushes(&known).await, "a token that may only pull has pushed");
    let elsewhere = Value::from(serde_json::json!(["repositories/other/content/read"]));
    let narrow = with(&ground.inputs, "actions", elsewhere);
    let known = ground.updated(&known, &narrow).await.expect("changed in place");
    assert_eq!(text(&known, "slot"), "password1", "other actions need no other password");
    assert!(!ground.pulls(&known, "app:1").await, "a repository that is not listed was pulled");
    let wide = Value::from(serde_json::json!(["repositories/app/content/read", "repositories/app/content/write"]));
    let known = ground.updated(&known, &with(&ground.inputs, "actions", wide)).await.expect("changed in place");
    assert!(ground.pulls(&known, "app:1").await && ground.pushes(&known).await);
}

fn with(inputs: &Value, name: &str, value: Value) -> Value {
    let Value::Map(mut map) = inputs.clone() else { return Value::Null };
    map.insert(name.to_owned(), value);
    Value::Map(map)
}

#[tokio::test]
async fn it_is_renewed_in_its_window_and_the_old_password_opens_it_until_the_cleanup() {
    let ground = Ground::new().await;
    let first = ground.made().await;
    ground.cleaned(&first).await;
    let due = || ground.stand.provider().diff(&ground.token, &first, &ground.inputs).reason;
    ground.pass(75);
    assert_eq!(due(), None, "renewed too early");
    ground.pass(2);
    assert!(due().is_some_and(|reason| reason.starts_with("it expires at ")), "{:?}", due());
    let second = ground.updated(&first, &ground.inputs).await.expect("another password");
    assert_eq!((text(&first, "slot"), text(&second, "slot")), ("password1".into(), "password2".into()));
    assert!(ground.pulls(&first, "app:1").await && ground.pulls(&second, "app:1").await, "there is a gap");
    ground.cleaned(&second).await;
    assert!(!ground.pulls(&first, "app:1").await, "the old password opens it after the cleanup");
    assert!(ground.pulls(&second, "app:1").await);
    ground.pass(91);
    assert!(!ground.pulls(&second, "app:1").await, "a password outlives its expiry");
}

#[tokio::test]
async fn a_password_that_was_lost_on_the_way_is_not_asked_for_again_and_does_not_stay() {
    let ground = Ground::new().await;
    ground.stand.sandbox.faults().once(&["arm POST", "/generateCredentials"], Fault::LostAfterCommit);
    let error = ground.stand.create(&ground.token, &ground.inputs).await.expect_err("the answer is lost");
    let partial = error.partial().expect("the token exists").clone();
    assert_eq!(error.class(), Class::Partial, "{error:?}");
    let lost = Known { id: partial.id, inputs: ground.inputs.clone(), outputs: partial.outputs };
    assert_eq!(ground.filled(&lost), ["password1"], "asked for again");
    let found = ground.updated(&lost, &ground.inputs).await.expect("the other slot");
    assert_eq!(text(&found, "slot"), "password2");
    assert!(ground.pulls(&found, "app:1").await);
    ground.cleaned(&found).await;
    assert_eq!(ground.filled(&found), ["password2"], "the lost password still opens the token");
}

#[tokio::test]
async fn an_answer_lost_in_a_rotation_leaves_the_password_in_use_alone() {
    let ground = Ground::new().await;
    let first = ground.made().await;
    ground.pass(80);
    for _ in 0..2 {
        ground.stand.sandbox.faults().once(&["arm POST", "/generateCredentials"], Fault::LostAfterCommit);
        let error = ground.updated(&first, &ground.inputs).await.expect_err("the answer is lost");
        let kept = error.partial().expect("what is known").outputs.clone();
        assert_eq!(kept.get("slot"), first.outputs.get("slot"));
        assert!(ground.pulls(&first, "app:1").await, "the password in use was overwritten");
    }
    let second = ground.updated(&first, &ground.inputs).await.expect("another password");
    assert!(ground.pulls(&first, "app:1").await && ground.pulls(&second, "app:1").await);
}

#[tokio::test]
async fn a_password_made_anew_by_somebody_else_is_noticed_and_replaced() {
    let ground = Ground::new().await;
    let first = ground.made().await;
    {
        let mut state = ground.stand.sandbox.arm().state();
        let token = state.get_mut(&first.id).expect("the token is there");
        token.secrets[0] = "made elsewhere".into();
        token.body["properties"]["credentials"]["passwords"][0]["creationTime"] = "2020-01-01T00:00:00Z".into();
    }
    let found = ground.stand.read(&ground.token, Some(&first.id), &first).await.expect("it is there").known;
    let reason = ground.stand.provider().diff(&ground.token, &found, &ground.inputs).reason;
    assert!(reason.is_some_and(|r| r.contains("not known any more")));
    let second = ground.updated(&found, &ground.inputs).await.expect("another password");
    assert!(!ground.pulls(&first, "app:1").await && ground.pulls(&second, "app:1").await);
}

#[tokio::test]
async fn a_scope_map_of_somebody_else_is_not_overwritten() {
    let ground = Ground::new().await;
    let known = ground.made().await;
    {
        let mut state = ground.stand.sandbox.arm().state();
        let map = state.get_mut(&text(&known, "scopeMapId")).expect("the scope map is there");
        map.body["properties"]["description"] = "modelops-stack=other.stack modelops-lineage=x".into();
    }
    let error = ground.updated(&known, &ground.inputs).await.expect_err("somebody else's");
    assert_eq!(error.class(), Class::Conflict, "{error:?}");
    assert!(error.summary().contains("belongs to stack `other.stack`"), "{error:?}");
}
