//! Workers that no Deployment makes: those of a StatefulSet are mended as its controller makes them again, and a pod without an
//! owner is never touched.

use super::super::cluster::{observations, says};
use super::*;

fn objects(mut workers: Json) -> Vec<Json> {
    workers["metadata"]["name"] = json!("dask-workers");
    let pull =
        pull_secret("kubernetes.io/dockerconfigjson", &config(HOST, &json!({"username": "reg", "password": PASSWORD})));
    vec![credentials(), pull, workers]
}

/// Two numbered workers that do not name the pull secret.
fn stateful(strategy: Json) -> Vec<Json> {
    let mut set = workers(env_from("bundle-credentials"), json!({}));
    set["spec"]["replicas"] = json!(2);
    set["spec"]["serviceName"] = json!("dask-workers");
    set["spec"]["updateStrategy"] = strategy;
    objects(set)
}

fn linked() -> Request {
    Request { pull_secret: Some("pull".into()), ..asked() }
}

async fn until_ready(world: &World, count: usize) {
    let ready = |pod: &Json| {
        pod["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|c| c["type"] == "Ready" && c["status"] == "True")
    };
    while world.fake.objects("Pod", NAMESPACE).iter().filter(|pod| ready(pod)).count() < count {
        world.fake.changed().await;
    }
}

/// A world whose workers are those of a StatefulSet.
pub(super) async fn world() -> World {
    let world = super::world(&says(&observations()), stateful(json!({"type": "RollingUpdate"}))).await;
    until_ready(&world, 2).await;
    world
}

#[tokio::test]
async fn the_pods_of_a_stateful_set_are_made_again_one_by_one() {
    let world = world().await;
    let done = fixed(&world, &linked(), &everything()).await;
    assert_eq!(states(&done), [State::Applied], "{}", text(&done));
    assert_eq!(done.fixing.as_ref().map(|f| f.changes[0].rights.clone()), Some(vec!["patch statefulsets".to_owned()]));
    for pod in world.fake.objects("Pod", NAMESPACE) {
        assert_eq!(pod["spec"]["imagePullSecrets"], json!([{"name": "pull"}]), "{}", pod["metadata"]["name"]);
    }
    assert!(!causes(&seen(&world, &linked()).await.report()).contains(&"PULL_SECRET_NOT_LINKED"));
}

#[tokio::test]
async fn a_stateful_set_that_waits_for_people_is_told_and_left() {
    for strategy in [json!({"type": "OnDelete"}), json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})] {
        let world = super::world(&says(&observations()), stateful(strategy)).await;
        until_ready(&world, 2).await;
        let before = stored(&world);
        let done = fixed(&world, &linked(), &everything()).await;
        let why = done.fixing.as_ref().map(|f| f.changes[0].why.clone()).unwrap_or_default();
        assert!(why.starts_with("pods of a StatefulSet are not made again here (it"), "{}", text(&done));
        assert_eq!((states(&done), stored(&world)), (vec![State::NotApplied], before));
    }
}

#[tokio::test]
async fn a_pod_without_an_owner_is_never_deleted_and_the_command_is_printed() {
    let container = json!({"name": "worker", "image": format!("{HOST}/worker:1"), "envFrom": [{"secretRef": {"name": "bundle-credentials"}}]});
    let pod = json!({"metadata": {"labels": {"app": "dask-worker"}}, "spec": {"containers": [container]}});
    let world = super::world(&says(&observations()), objects(pod)).await;
    let uid = || world.fake.object("Pod", NAMESPACE, "dask-workers").expect("the pod")["metadata"]["uid"].clone();
    let before = uid();
    let done = fixed(&world, &linked(), &everything()).await;
    let text = text(&done);
    let left = &done.fixing.as_ref().expect("a plan").left;
    let found = left.iter().find(|left| left.cause_id == "PULL_SECRET_NOT_LINKED").expect(&text);
    assert_eq!(found.why, "pod `dask-workers` has no owner that would make it again");
    let kubectl = format!("kubectl -n {NAMESPACE}");
    let command = format!("{kubectl} get pod dask-workers -o yaml | {kubectl} replace --force -f -");
    assert!(found.command.as_ref() == Some(&command) && text.contains(&command), "{text}");
    assert_eq!((states(&done), uid()), (Vec::new(), before));
}
