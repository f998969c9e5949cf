//! What is not done, and what is taken back.

use super::super::cluster::{observations, says};
use super::*;
use mops_diagnose::Finding;
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
async fn what_is_seen_in_several_places_is_one_change() {
    let pull = pull_secret("kubernetes.io/dockerconfigjson", &config(HOST, &json!({"auth": "%%"})));
    let list = json!({"imagePullSecrets": [{"name": "pull"}]});
    let objects = vec![credentials(), pull, workers(env_from("bundle-credentials"), list)];
    let world = world(&says(&observations()), objects).await;
    let first = seen(&world, &asked()).await;
    let found = first.clone().report().findings;
    let one = found.iter().find(|finding| finding.cause_id == "DOCKERCONFIG_MALFORMED").expect("its cause");
    // From the spec, by a probe and by the kubelet, each of which has a name of its own for it.
    let image = format!("{HOST}/worker:1");
    let all = ["pull", HOST, &image].map(|target| Finding { target: target.to_owned(), ..one.clone() });
    let repair = Repair::plan(&all, &first, &asked(), &world.services(), &everything()).await;
    assert_eq!(repair.told().changes.len(), 1, "{:#?}", repair.told());
    let done = repair.carry_out(first, &world.services()).await.report();
    assert_eq!(states(&done), [State::Applied], "{}", text(&done));
    assert!(!causes(&done).contains(&"DOCKERCONFIG_MALFORMED"), "{}", text(&done));
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

/// A write carries the version that was read: what somebody else writes in between is a conflict, and stays.
#[tokio::test]
async fn what_changes_between_the_last_read_and_the_write_is_not_overwritten() {
    let list = json!({"imagePullSecrets": [{"name": "pull"}]});
    let broken = |kind: &str, text: String| {
        vec![credentials(), pull_secret(kind, &text), workers(env_from("bundle-credentials"), list.clone())]
    };
    let docker = "kubernetes.io/dockerconfigjson";
    let other = STANDARD.encode(config(HOST, &json!({"email": "somebody@example.com"})));
    let theirs = json!({"data": {".dockerconfigjson": other}});
    // One is set in place, the other is made again.
    for objects in [broken(docker, config(HOST, &json!({}))), broken("Opaque", good())] {
        let world = world(&says(&observations()), objects).await;
        let before = stored(&world);
        world.meddle("/secrets/pull", theirs.clone());
        let done = fixed(&world, &asked(), &everything()).await;
        assert!(world.was_meddled(), "{}", text(&done));
        assert!(whys(&done)[0].starts_with("it has changed since it was read; run this again"), "{}", text(&done));
        assert_eq!(states(&done), [State::NotApplied], "{}", text(&done));
        let pull = world.fake.object("Secret", NAMESPACE, "pull").expect("the secret");
        assert_eq!(pull["data"][".dockerconfigjson"], json!(other), "what they wrote stays");
        assert_eq!(stored(&world).len(), before.len(), "no copy is left: {:?}", stored(&world));
    }

    // What does not touch the change is no reason to give up: it is made on the newest version.
    let world = world(&says(&observations()), broken(docker, config(HOST, &json!({})))).await;
    world.meddle("/secrets/pull", json!({"metadata": {"annotations": {"note": "theirs"}}}));
    let done = fixed(&world, &asked(), &everything()).await;
    assert!(world.was_meddled());
    assert_eq!(states(&done), [State::Applied], "{}", text(&done));
    let pull = world.fake.object("Secret", NAMESPACE, "pull").expect("the secret");
    assert_eq!(pull["metadata"]["annotations"]["note"], "theirs");
}

/// What a fix that was killed has kept goes where its original is there, and is named where it is the only copy.
#[tokio::test]
async fn a_kept_copy_is_cleaned_up_unless_it_is_the_only_one() {
    let list = json!({"imagePullSecrets": [{"name": "pull"}, {"name": "lost"}]});
    let docker = "kubernetes.io/dockerconfigjson";
    let named = |name: &str| {
        let mut secret = pull_secret(docker, &good());
        secret["metadata"]["name"] = json!(name);
        secret
    };
    let objects = vec![
        named("pull"),
        named("mops-kept-pull"),
        named("mops-kept-lost"),
        named("mops-kept-another"),
        workers(env_from("bundle-credentials"), list),
    ];
    let world = world(&says(&observations()), objects).await;
    let done = mops_diagnose::clean_up(&asked(), &world.services()).await;
    let removed: Vec<&str> = done.objects.iter().map(|o| o.name.as_str()).collect();
    assert_eq!((removed, done.cleanup.complete), (vec!["mops-kept-pull"], false));
    let left: Vec<_> = done.cleanup.left.iter().map(|l| (l.object.name.as_str(), l.why.as_str())).collect();
    let why = "the only copy of secret `lost`; `mops diagnose-auth --fix` puts it back";
    assert_eq!(left, [("mops-kept-lost", why)]);
    let still = ["mops-kept-lost", "mops-kept-another", "pull"];
    assert!(
        still.iter().all(|name| world.fake.object("Secret", NAMESPACE, name).is_some()),
        "nobody else's is touched"
    );

    world.fake.deny("delete", "secrets");
    world.make::<KubeSecret>(named("mops-kept-pull")).await;
    let denied = mops_diagnose::clean_up(&asked(), &world.services()).await;
    assert!(denied.cleanup.left.iter().any(|l| l.object.name == "mops-kept-pull" && l.why.contains("forbidden")));
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
    use mops_diagnose::permissions::{self, Purpose};
    use mops_diagnose::{IdentityView, Trust};
    let identity = IdentityView { client_id: "1111".into(), trust: Trust::Matches { young: false } };
    let vantages = vec![Vantage::P, Vantage::C];
    let request = Request { identity: Some(identity), vantages, ..linked_request() };
    let mut objects = unlinked();
    objects[1]["type"] = json!("Opaque");
    let map = json!({"configMapRef": {"name": "settings", "optional": true}});
    let mut from = env_from("bundle-credentials");
    from["envFrom"].as_array_mut().expect("a list").push(map);
    objects[2] = workers(from, json!({"imagePullSecrets": [{"name": "pull"}]}));
    let world = world(&says(&observations()), objects).await;
    world.forget_asked();
    let done = fixed(&world, &request, &everything()).await;
    assert!(states(&done).iter().all(|state| *state == State::Applied), "{}", text(&done));
    let all = [permissions::IN_NAMESPACE, permissions::FIX].concat();
    let set = super::makers::world().await;
    set.forget_asked();
    let done = fixed(&set, &linked_request(), &everything()).await;
    assert_eq!(states(&done), [State::Applied], "{}", text(&done));
    let mut used = &world.used() | &set.used();
    // Newer servers want both for the one request that opens the stream.
    assert!(used.contains("pods/exec get") && used.insert("pods/exec create".to_owned()));
    // All of these workers run; the events are for those that wait.
    assert!(used.insert("events list".to_owned()));
    assert_eq!(used, super::super::cluster::given(&all));
    let plain = Purpose::new(Command::DiagnoseAuth, NAMESPACE);
    let roles = permissions::kubernetes(Purpose { fix: true, ..plain });
    assert_eq!(roles[0]["rules"].as_array().map(Vec::len), Some(all.len()));
    assert_eq!(
        permissions::kubernetes(plain)[0]["rules"].as_array().map(Vec::len),
        Some(permissions::IN_NAMESPACE.len())
    );
}
