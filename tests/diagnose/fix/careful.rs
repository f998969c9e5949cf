//! What is not done, and what is taken back.

use super::super::cluster::{observations, says};
use super::*;
use mops_probe::Observation;
use mops_probe::observation::{check as probe, code as seen_as};

fn good() -> String {
    config(HOST, &json!({"username": "reg", "password": PASSWORD}))
}

fn unlinked() -> Vec<Json> {
    let pull = pull_secret("kubernetes.io/dockerconfigjson", &good());
    vec![credentials(), pull, workers(env_from("bundle-credentials"), json!({}))]
}

fn linked_request() -> Request {
    Request { pull_secret: Some("pull".into()), ..asked() }
}

fn whys(report: &Report) -> Vec<&str> {
    report.fixing.iter().flat_map(|f| &f.changes).map(|change| change.why.as_str()).collect()
}

#[tokio::test]
async fn a_change_that_does_not_help_is_taken_back() {
    // The variable stays away whatever is in the secret.
    let absent = Observation::failed(probe::ENV, "", "REGISTRY_PASSWORD", seen_as::ENV_MISSING);
    let secret = json!({"metadata": {"name": "bundle-credentials"}, "stringData": {"REGISTRY_USERNAME": "reg"}});
    let list = json!({"imagePullSecrets": [{"name": "pull"}]});
    let pull = pull_secret("kubernetes.io/dockerconfigjson", &good());
    let world = world(&says(&[absent]), vec![secret, pull, workers(env_from("bundle-credentials"), list)]).await;
    let before = stored(&world);
    let done = fixed(&world, &asked(), &everything()).await;
    assert_eq!(states(&done), [State::RolledBack, State::RolledBack], "{}", text(&done));
    assert!(whys(&done).iter().all(|why| *why == "the cause is still there"), "{}", text(&done));
    assert_eq!(stored(&world), before);
    assert!(causes(&done).contains(&"ENV_MISSING") && done.summary.exit_code == 1, "{}", text(&done));
}

#[tokio::test]
async fn pods_are_not_made_again_without_leave() {
    let world = world(&says(&observations()), unlinked()).await;
    let before = stored(&world);
    let done = fixed(&world, &linked_request(), &Allowed::default()).await;
    assert_eq!(whys(&done), ["pods restart: give `--allow-restart`"], "{}", text(&done));
    let other = Allowed { only: vec!["ENV_MISSING".into()], ..everything() };
    assert_eq!(states(&fixed(&world, &linked_request(), &other).await), []);
    assert_eq!(stored(&world), before);
}

#[tokio::test]
async fn what_somebody_else_keeps_is_told_and_left() {
    let mut objects = unlinked();
    objects[2]["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "dask"});
    let world = world(&says(&observations()), objects).await;
    let before = stored(&world);
    let done = fixed(&world, &linked_request(), &everything()).await;
    assert_eq!(whys(&done), ["kept by Helm: make the change there"], "{}", text(&done));
    assert_eq!(stored(&world), before);
    world.fake.deny("patch", "deployments");
    let world = self::world(&says(&observations()), unlinked()).await;
    world.fake.deny("patch", "deployments");
    let done = fixed(&world, &linked_request(), &everything()).await;
    assert_eq!(whys(&done), ["not permitted: patch deployments"], "{}", text(&done));
}

/// The only trace of it is that the secret is younger than the pod.
#[tokio::test]
async fn what_is_only_possible_is_never_mended() {
    let all = mops_diagnose::catalogue::causes();
    let possible = all.filter(|(_, cause)| mendable().contains(&cause.id)).count();
    assert_eq!(possible, mendable().len());
    let world =
        world(&says(&observations()), vec![credentials(), workers(env_from("bundle-credentials"), json!({}))]).await;
    let mut first = seen(&world, &asked()).await;
    let newer = Observation::ok("env.age", "env", "bundle-credentials").code("SECRET_NEWER");
    let about = mops_diagnose::observed::Object::new("Deployment", NAMESPACE, DEPLOYMENT);
    let check = mops_diagnose::observed::check::ENV_AGE;
    first.observations.retain(|o| o.check != check);
    first
        .observations
        .push(mops_diagnose::Observed::at(Vantage::W, Observation { check: check.into(), ..newer }).about(about));
    let before = stored(&world);
    let done = fixed_from(&world, first, &asked(), &everything()).await;
    let left: Vec<_> =
        done.fixing.iter().flat_map(|f| &f.left).map(|l| (l.cause_id.as_str(), l.why.as_str())).collect();
    assert_eq!(left, [("ENV_STALE", "it is possible only, and not likely")], "{}", text(&done));
    assert_eq!((states(&done), stored(&world)), (Vec::new(), before));
}

#[tokio::test]
async fn an_object_that_has_changed_since_is_left() {
    let mut objects = unlinked();
    objects[1] = pull_secret("kubernetes.io/dockerconfigjson", &config(HOST, &json!({})));
    objects[2] = workers(env_from("bundle-credentials"), json!({"imagePullSecrets": [{"name": "pull"}]}));
    let world = world(&says(&observations()), objects).await;
    let first = seen(&world, &asked()).await;
    let findings = first.clone().report().findings;
    let repair = Repair::plan(&findings, &first, &asked(), &world.services(), &everything()).await;
    assert_eq!(repair.waiting(), 1);
    // Somebody works on it in between, and it is no better for that.
    let secrets: Api<KubeSecret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let other = config(HOST, &json!({"email": "somebody@example.com"}));
    let change = json!({"data": {".dockerconfigjson": STANDARD.encode(other)}});
    secrets.patch("pull", &PatchParams::default(), &Patch::Merge(change)).await.expect("changed");
    let before = stored(&world);
    let done = repair.carry_out(first, &world.services()).await.report();
    assert!(whys(&done)[0].starts_with("it has changed since it was read; run this again"), "{}", text(&done));
    assert_eq!((states(&done), stored(&world)), (vec![State::NotApplied], before));
}

/// Ended at any moment, a run leaves what was there before or what should be there after.
#[tokio::test]
async fn an_interrupted_fix_leaves_one_or_the_other() {
    let objects = || {
        let list = json!({"imagePullSecrets": [{"name": "pull"}]});
        vec![credentials(), pull_secret("Opaque", &good()), workers(env_from("bundle-credentials"), list)]
    };
    let whole = world(&says(&observations()), objects()).await;
    let before = stored(&whole);
    let done = fixed(&whole, &asked(), &everything()).await;
    assert_eq!(states(&done), [State::Applied], "{}", text(&done));
    let after = stored(&whole);
    let (mut early, mut late) = (0, 0);
    for writes in 0..5 {
        let world = world(&says(&observations()), objects()).await;
        let services = world.services();
        let first = seen(&world, &asked()).await;
        let findings = first.clone().report().findings;
        let repair = Repair::plan(&findings, &first, &asked(), &services, &everything()).await;
        world.cancel_after_writes(writes);
        let ended = repair.carry_out(first, &services).await.report();
        assert_eq!(ended.summary.exit_code, 130, "{}", text(&ended));
        let now = stored(&world);
        let applied = now == after;
        assert!(applied || now == before, "{writes}: {now:?}");
        let told = [State::Unchecked, State::Applied].contains(&states(&ended)[0]);
        assert_eq!(applied, told, "{}", text(&ended));
        *(if applied { &mut late } else { &mut early }) += 1;
    }
    assert!(early > 0 && late > 0, "{early} {late}");
}

/// M-17: runs that mend what a run can mend use each right of the printed roles, and no other.
#[tokio::test]
async fn the_printed_roles_are_what_a_fix_uses() {
    use mops_diagnose::{IdentityView, Trust, permissions};
    let identity = IdentityView { client_id: "1111".into(), trust: Trust::Matches { young: false } };
    let vantages = vec![Vantage::P, Vantage::C];
    let request = Request { identity: Some(identity), vantages, ..linked_request() };
    let mut objects = unlinked();
    objects[1]["type"] = json!("Opaque");
    objects[2] = workers(env_from("bundle-credentials"), json!({"imagePullSecrets": [{"name": "pull"}]}));
    let world = world(&says(&observations()), objects).await;
    world.forget_asked();
    let done = fixed(&world, &request, &everything()).await;
    assert!(states(&done).iter().all(|state| *state == State::Applied), "{}", text(&done));
    let all = [permissions::IN_NAMESPACE, permissions::FIX].concat();
    let mut used = world.used();
    // Newer servers want both for the one request that opens the stream.
    assert!(used.contains("pods/exec get") && used.insert("pods/exec create".to_owned()));
    assert_eq!(used, super::super::cluster::given(&all));
    let roles = permissions::kubernetes(NAMESPACE, None, (true, false));
    assert_eq!(roles[0]["rules"].as_array().map(Vec::len), Some(all.len()));
    assert_eq!(
        permissions::kubernetes(NAMESPACE, None, (false, false))[0]["rules"].as_array().map(Vec::len),
        Some(permissions::IN_NAMESPACE.len())
    );
}
