//! A world for each cause that is mended.

use mops_core::Secret;
use mops_diagnose::observed::{Object, Observed, check, code};
use mops_diagnose::{ArmView, IdentityView, Trust};
use mops_probe::Observation;
use mops_probe::observation::{check as probe, code as seen_as, variant};

use super::super::cluster::{observations, says};
use super::*;

/// A cause, its world, and what is asked.
struct Broken {
    cause: &'static str,
    probe: String,
    objects: Vec<Json>,
    request: Request,
}

fn broken(cause: &'static str, objects: Vec<Json>) -> Broken {
    Broken { cause, probe: says(&observations()), objects, request: asked() }
}

/// A probe that sees this only while the condition of the shell holds.
fn while_(condition: &str, observed: &[Observation]) -> String {
    one_of(condition, &says(&[observed, &observations()[1..]].concat()), &says(&observations()))
}

fn pulls(config: &str, name: &str) -> Vec<Json> {
    let list = json!({"imagePullSecrets": [{"name": "pull"}]});
    vec![credentials(), pull_secret(name, config), workers(env_from("bundle-credentials"), list)]
}

const DOCKER: &str = "kubernetes.io/dockerconfigjson";

fn of_secrets() -> Vec<Broken> {
    let plain = || workers(env_from("bundle-credentials"), json!({}));
    let good = || config(HOST, &json!({"username": "reg", "password": PASSWORD}));
    let key = json!({"env": [{"name": "X", "valueFrom":
        {"secretKeyRef": {"name": "bundle-credentials", "key": "REGISTRY_PASSWORD"}}}]});
    let wrong = json!({"metadata": {"name": "bundle-credentials"}, "stringData": {"REGISTRY_PASWORD": PASSWORD}});
    let elsewhere = Request { search_namespaces: vec!["other".into()], ..asked() };
    let linked = Request { pull_secret: Some("pull".into()), ..asked() };
    let missing = workers(env_from("bundle-credentials"), json!({"imagePullSecrets": [{"name": "pull"}]}));
    vec![
        Broken { request: elsewhere, ..broken("SECRET_WRONG_NAMESPACE", vec![plain()]) },
        broken("PULL_SECRET_MISSING", vec![credentials(), missing]),
        broken("SECRET_WRONG_TYPE", pulls(&good(), "Opaque")),
        broken("SECRET_KEY_MISSING", vec![wrong, workers(key, json!({}))]),
        broken("DOCKERCONFIG_MALFORMED", pulls(&config(HOST, &json!({"auth": "%%"})), DOCKER)),
        broken("PULL_SECRET_NO_CREDENTIAL", pulls(&config(HOST, &json!({})), DOCKER)),
        broken(
            "PULL_SECRET_HOST_MISMATCH",
            pulls(&config("other.io", &json!({"username": "a", "password": "canary-b"})), DOCKER),
        ),
        broken("ENVFROM_MISSING", vec![credentials(), workers(json!({}), json!({}))]),
        Broken {
            request: linked,
            ..broken("PULL_SECRET_NOT_LINKED", vec![credentials(), pull_secret(DOCKER, &good()), plain()])
        },
    ]
}

/// A key of NGC, and the world of one.
fn ngc(cause: &'static str, entry: &Json, env: &str, probe: String) -> Broken {
    let keys = json!({"metadata": {"name": "ngc"}, "stringData": {"NGC_API_KEY": env}});
    let list = json!({"imagePullSecrets": [{"name": "pull"}]});
    let objects = vec![keys, pull_secret(DOCKER, &config("nvcr.io", entry)), workers(env_from("ngc"), list)];
    let request = Request { registry: Some("nvcr.io".into()), env_secret: Some("ngc".into()), ..asked() };
    Broken { probe, request, ..broken(cause, objects) }
}

fn of_keys() -> Vec<Broken> {
    let key = format!("nvapi-{}", "canary-1".repeat(8));
    let entry = |user: &str| json!({"username": user, "password": key});
    let malformed = Observation::failed(probe::KEY_FORM, variant::ENV, "nvcr.io", seen_as::MALFORMED);
    let form = while_("[ \"$(printf %s \"$NGC_API_KEY\" | wc -l)\" != 0 ]", &[malformed]);
    let refused = Observation::failed(probe::NGC_TOKEN, variant::ENV, "nvcr.io", "UNAUTHORIZED").status(401);
    let taken = Observation::ok(probe::NGC_TOKEN, variant::PULL_SECRET, "nvcr.io").status(200);
    let differ = while_("[ \"$NGC_API_KEY\" = canary-old ]", &[refused, taken]);
    vec![
        ngc("PULL_SECRET_USERNAME", &entry("me"), &key, says(&observations())),
        ngc("KEY_MALFORMED", &entry("$oauthtoken"), &format!("{key}\n\n"), form),
        ngc("SECRETS_DISAGREE", &entry("$oauthtoken"), "canary-old", differ),
    ]
}

fn of_values() -> Vec<Broken> {
    let pull = pull_secret(DOCKER, &config(HOST, &json!({"username": "reg", "password": PASSWORD})));
    let list = json!({"imagePullSecrets": [{"name": "pull"}]});
    let with = |data: Json| {
        let secret = json!({"metadata": {"name": "bundle-credentials"}, "stringData": data});
        vec![secret, pull.clone(), workers(env_from("bundle-credentials"), list.clone())]
    };
    let absent = Observation::failed(probe::ENV, "", "REGISTRY_PASSWORD", seen_as::ENV_MISSING);
    let blank = Observation::failed(probe::ENV, "", "REGISTRY_PASSWORD", seen_as::ENV_EMPTY);
    let old = Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, "UNAUTHORIZED").status(401);
    let listed = ArmView::Credentials { username: "reg".into(), passwords: vec![Secret::from(PASSWORD)] };
    vec![
        Broken {
            probe: while_("[ -z \"${REGISTRY_PASSWORD+x}\" ]", &[absent]),
            ..broken("ENV_MISSING", with(json!({"REGISTRY_USERNAME": "reg"})))
        },
        Broken {
            probe: while_("[ -z \"$REGISTRY_PASSWORD\" ]", &[blank]),
            ..broken("ENV_EMPTY", with(json!({"REGISTRY_USERNAME": "reg", "REGISTRY_PASSWORD": ""})))
        },
        Broken {
            probe: while_("[ \"$REGISTRY_PASSWORD\" = canary-old ]", &[old]),
            request: Request { arm: listed, ..asked() },
            ..broken(
                "ACR_PASSWORD_ROTATED",
                with(json!({"REGISTRY_USERNAME": "reg", "REGISTRY_PASSWORD": "canary-old"})),
            )
        },
    ]
}

fn of_identity() -> Vec<Broken> {
    let identity = IdentityView { client_id: "1111".into(), trust: Trust::Matches { young: false } };
    let request = Request { identity: Some(identity), ..asked() };
    ["WI_SA_ANNOTATION", "WI_POD_LABEL"]
        .map(|cause| {
            let objects = vec![credentials(), workers(env_from("bundle-credentials"), json!({}))];
            Broken { request: request.clone(), ..broken(cause, objects) }
        })
        .into()
}

/// What a run saw, and beside it what only other places can see.
fn beside(cause: &str, mut first: Capture) -> Capture {
    let more = match cause {
        // A value inside the running worker.
        "ENV_STALE" => {
            Observed::at(Vantage::C, Observation::failed(check::ENV_LIVE, "", "REGISTRY_PASSWORD", code::DIFFERS))
                .about(Object::new("Deployment", NAMESPACE, DEPLOYMENT))
        }
        // The registry's own login, from the workstation.
        "ACR_PASSWORD_ROTATED" => {
            Observed::at(Vantage::W, Observation::ok(probe::REGISTRY_V2, variant::ARM, HOST).status(200))
        }
        _ => return first,
    };
    first.observations.push(more);
    first
}

/// One run mends it, for good.
async fn held(case: Broken) {
    let Broken { cause, probe, objects, request } = case;
    let world = world(&probe, objects).await;
    if cause == "SECRET_WRONG_NAMESPACE" {
        world.secret_in("other", "bundle-credentials").await;
    }
    let first = beside(cause, seen(&world, &request).await);
    let before = first.clone().report();
    assert!(causes(&before).contains(&cause), "{cause}: {}", text(&before));
    let only = Allowed { only: vec![cause.to_owned()], ..everything() };
    let done = fixed_from(&world, first, &request, &only).await;
    let said = text(&done);
    let states = states(&done);
    assert!(!states.is_empty() && states.iter().all(|state| *state == State::Applied), "{cause}: {said}");
    assert!(!causes(&done).contains(&cause), "{cause}: {said}");
    let second = fixed(&world, &request, &only).await;
    assert!(!causes(&second).contains(&cause) && self::states(&second).is_empty(), "{cause}: {}", text(&second));
    let kept = world
        .fake
        .objects("Secret", NAMESPACE)
        .into_iter()
        .filter(|s| s["metadata"]["name"].as_str().is_some_and(|n| n.starts_with("mops-kept-")));
    assert_eq!(kept.count(), 0, "{cause}: what was kept for the way back is gone");
    assert_eq!(world.probes_left(), 0);
}

#[tokio::test]
async fn each_cause_is_mended_in_one_run_and_stays_so() {
    let stale = broken("ENV_STALE", vec![credentials(), workers(env_from("bundle-credentials"), json!({}))]);
    let all: Vec<Broken> =
        of_secrets().into_iter().chain(of_keys()).chain(of_values()).chain(of_identity()).chain([stale]).collect();
    let tried = set_of(all.iter().map(|case| case.cause));
    assert_eq!(tried, set_of(mendable().into_iter()), "each cause that is mended has its world");
    let count = tried.len();
    for case in all {
        held(case).await;
    }
    println!("M-05 causes={count} second-runs={count}");
}
