//! The way of a pod's identity into an Azure registry, seen by the probe: directory token, refresh token, access token,
//! and what the last one opens by its own claims.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mops_diagnose::finding::classify;
use mops_diagnose::observed::Vantage;
use mops_diagnose::{Observed, Words};
use mops_host::{Env, fsx};
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Observation, Outcome, checks};
use mops_tests::http::Reply;
use serde_json::json;

use crate::web::{Seen, Web};

const HOST: &str = "reg.example";
const IMAGE: &str = "reg.example/team/worker:1";

/// What the second trade gives.
#[derive(Clone, Copy)]
enum Second {
    Opens(&'static str),
    Opaque,
    Refused(u16),
}

fn token(repository: &str) -> String {
    let access = json!([{"type": "repository", "name": repository, "actions": ["pull"]}]);
    let claims = json!({"exp": 1_800_000_000, "access": access, "jti": "canary"}).to_string();
    format!("canary.{}.canary", URL_SAFE_NO_PAD.encode(claims))
}

fn refused(status: u16) -> Reply {
    Reply::json(status, &json!({"errors": [{"code": "UNAUTHORIZED"}]}))
}

fn answer(first: u16, second: Second, seen: &Seen) -> Reply {
    let call = &seen.call;
    match (call.host.as_str(), call.path.as_str()) {
        ("auth.example", _) => Reply::json(200, &json!({"access_token": "canary-directory"})),
        (_, "/oauth2/exchange") if first == 200 => Reply::json(200, &json!({"refresh_token": "canary-refresh"})),
        (_, "/oauth2/exchange") => refused(first),
        (_, "/oauth2/token") => {
            let scoped = call.form().iter().any(|(name, _)| name == "scope");
            match second {
                _ if !scoped => Reply::json(200, &json!({"access_token": "canary-any"})),
                Second::Refused(status) => refused(status),
                Second::Opaque => Reply::json(200, &json!({"access_token": "canary-opaque"})),
                Second::Opens(repository) => Reply::json(200, &json!({"access_token": token(repository)})),
            }
        }
        (_, path) if call.bearer().is_some_and(|t| path == "/v2/" || opens(t, second)) => {
            Reply::json(200, &json!({"layers": []}))
        }
        _ => refused(401)
            .header("www-authenticate", format!("Bearer realm=\"https://{HOST}/oauth2/token\",service=\"{HOST}\"")),
    }
}

fn opens(token: &str, second: Second) -> bool {
    token == "canary-opaque" || matches!(second, Second::Opens("team/worker")) && token.contains('.')
}

async fn probe(first: u16, second: Second) -> Vec<Observation> {
    let web = Web::start(move |seen, _| answer(first, second, seen));
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("token");
    fsx::replace(&file, b"canary-account").expect("written");
    let file = file.display().to_string();
    let env = [
        (names::REGISTRY, HOST),
        (names::IMAGES, IMAGE),
        (names::IDENTITY, "1"),
        (names::CLIENT_ID, "client"),
        (names::TENANT_ID, "tenant"),
        (names::TOKEN_FILE, &file),
        (names::AUTHORITY, "https://auth.example"),
    ];
    let seen = checks::run(&Settings::from_env(&Env::of(env)), &web.http(), &web.clock.shared()).await;
    assert!(!serde_json::to_string(&seen).expect("lines").contains("canary"), "{seen:?}");
    let here = web.seen().iter().filter(|seen| seen.call.host == HOST).count();
    assert!(here <= 12, "{here} requests");
    seen
}

fn of<'a>(seen: &'a [Observation], check: &str) -> &'a Observation {
    let found = seen.iter().find(|o| o.check == check && o.variant == variant::WI);
    found.unwrap_or_else(|| panic!("no {check} in {seen:?}"))
}

fn causes(seen: &[Observation]) -> Vec<String> {
    let here = seen.iter().filter(|o| o.check != check::ENV);
    let here: Vec<_> = here.map(|o| Observed::at(Vantage::P, o.clone()).on("gpu", "node-1")).collect();
    classify(&here, &Words::default()).into_iter().map(|f| f.cause_id).collect()
}

#[tokio::test]
async fn an_access_token_is_judged_by_what_it_opens() {
    let seen = probe(200, Second::Opens("team/worker")).await;
    let access = of(&seen, check::IDENTITY_ACCESS);
    assert_eq!((access.outcome, access.target.as_str()), (Outcome::Ok, IMAGE));
    assert_eq!(access.detail, "until 2027-01-15T08:00:00Z", "its life is read and not assumed");
    assert_eq!(of(&seen, check::IDENTITY_EXCHANGE).target, HOST);
    assert_eq!(causes(&seen), [""; 0]);

    let seen = probe(200, Second::Opens("team/other")).await;
    assert!(of(&seen, check::IDENTITY_ACCESS).has_code(code::NOT_GRANTED), "{seen:?}");
    assert_eq!(causes(&seen), ["ACR_ACCESS_TOKEN_DENIED"]);

    let seen = probe(200, Second::Opaque).await;
    assert_eq!(of(&seen, check::IDENTITY_ACCESS).outcome, Outcome::Ok, "who says nothing is not judged");
    assert_eq!(causes(&seen), [""; 0]);
}

#[tokio::test]
async fn each_trade_is_refused_under_its_own_name() {
    let seen = probe(200, Second::Refused(401)).await;
    assert_eq!(of(&seen, check::IDENTITY_EXCHANGE).outcome, Outcome::Ok);
    assert_eq!(of(&seen, check::IDENTITY_ACCESS).status, Some(401));
    assert_eq!(causes(&seen), ["ACR_ACCESS_TOKEN_DENIED"]);
    let seen = probe(401, Second::Opaque).await;
    assert_eq!(of(&seen, check::IDENTITY_EXCHANGE).status, Some(401));
    assert!(seen.iter().all(|o| o.check != check::IDENTITY_ACCESS), "no second trade without a first");
    assert_eq!(causes(&seen), ["ACR_EXCHANGE_DENIED"]);
}
