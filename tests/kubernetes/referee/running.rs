//! Pods that run: their status, their logs, and containers that come later.

use serde_json::{Value as Json, json};

use super::seat::{MERGE, SPACE, Seat};

const NOTHING: Json = Json::Null;
/// On the nodes of the private world from their start.
pub(super) const IMAGE: &str = "localhost/pause:1";

/// A pod whose one container has this command; it is not started again.
pub(super) fn pod(name: &str, command: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": IMAGE, "command": command}]}})
}

/// What a client goes by; identities are each server's own.
fn status(pod: &Json, list: &str) -> Json {
    let said = |known: &Json| known.as_str().is_some_and(|text| !text.is_empty());
    let of = |one: &Json| {
        json!({"name": one["name"], "image": one["image"], "ready": one["ready"], "started": one["started"],
            "restartCount": one["restartCount"], "imageID": said(&one["imageID"]),
            "containerID": said(&one["containerID"]), "state": shown(&one["state"])})
    };
    let containers: Vec<Json> = pod["status"][list].as_array().into_iter().flatten().map(of).collect();
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let conditions: Vec<Json> =
        conditions.map(|one| json!({"type": one["type"], "status": one["status"], "reason": one["reason"]})).collect();
    json!({"phase": pod["status"]["phase"], "qosClass": pod["status"]["qosClass"], "podIP": said(&pod["status"]["podIP"]),
        "startTime": pod["status"]["startTime"], list: containers, "conditions": conditions})
}

/// A state without the container's identity and with times as such.
fn shown(state: &Json) -> Json {
    let mut state = state.clone();
    for below in state.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        below.as_object_mut().map(|map| map.shift_remove("containerID"));
        for time in ["startedAt", "finishedAt"] {
            if below[time].is_string() {
                below[time] = json!("TIME");
            }
        }
    }
    state
}

pub(crate) async fn run(seat: &mut Seat) {
    let pods = format!("{SPACE}/pods");
    seat.chapter("a pod that runs");
    seat.ask("POST", &pods, "application/json", &pod("runs", &json!(["/bin/pause"]))).await;
    let ready = |pod: &Json| pod["status"]["containerStatuses"][0]["ready"] == true;
    let live = seat.until(&format!("{pods}/runs"), ready).await;
    seat.write("> its status", 200, &status(&live, "containerStatuses"));
    seat.see("its log", "GET", &format!("{pods}/runs/log"), &NOTHING).await;

    seat.chapter("a pod that has ended");
    let said = json!(["/bin/mops-probe", "say", "one", "two", "three"]);
    seat.ask("POST", &pods, "application/json", &pod("ended", &said)).await;
    // A kubelet that is busy tells the end first, and then that it has taken the sandbox of the pod away.
    let swept = json!({"type": "PodReadyToStartContainers", "status": "False"});
    let is_swept = |told: &Json| ["type", "status"].iter().all(|member| told[member] == swept[member]);
    let over = |pod: &Json| {
        let told = pod["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(is_swept));
        told && (pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed")
    };
    let live = seat.until(&format!("{pods}/ended"), over).await;
    seat.write("> its status", 200, &status(&live, "containerStatuses"));
    let log = format!("{pods}/ended/log");
    for (what, query) in [
        ("its log", ""),
        ("of its container", "?container=main"),
        ("the end of it", "?tailLines=2"),
        ("followed to its end", "?follow=true"),
        ("of a run before", "?previous=true"),
        ("of a container that is none", "?container=x"),
    ] {
        seat.see(what, "GET", &format!("{log}{query}"), &NOTHING).await;
    }
    seat.ask("POST", &pods, "application/json", &pod("failed", &json!(["/bin/mops-probe", "end", "7"]))).await;
    let live = seat.until(&format!("{pods}/failed"), over).await;
    seat.write("> the status of one that failed", 200, &status(&live, "containerStatuses"));

    later(seat, &format!("{pods}/runs")).await;
}

/// Containers that come into a pod that runs.
async fn later(seat: &mut Seat, pod: &str) {
    seat.chapter("containers that come later");
    let part = format!("{pod}/ephemeralcontainers?fieldManager=maker");
    let one =
        |name: &str, word: &str| json!({"name": name, "image": IMAGE, "command": ["/bin/mops-probe", "say", word]});
    let patch = |list: Json| json!({"spec": {"ephemeralContainers": list}});
    let added = seat.ask("PATCH", &part, MERGE, &patch(json!([one("later", "hello")]))).await;
    let (list, held) = (&added.1["spec"]["ephemeralContainers"], &added.1["metadata"]["managedFields"]);
    let held: Vec<Json> = held.as_array().into_iter().flatten().filter(|m| m["manager"] == "maker").cloned().collect();
    seat.write("> one", added.0, &json!({"ephemeralContainers": list, "managedFields": held}));
    let ended = |pod: &Json| pod["status"]["ephemeralContainerStatuses"][0]["state"]["terminated"].is_object();
    let live = seat.until(pod, ended).await;
    seat.write("> its status, and that of its pod", 200, &status(&live, "ephemeralContainerStatuses"));
    seat.see("its log", "GET", &format!("{pod}/log?container=later"), &NOTHING).await;
    for (what, list) in [
        ("it may not change", json!([one("later", "other")])),
        ("nor go", json!([one("more", "x")])),
        ("nor have a name that is taken", json!([list[0], one("main", "x")])),
        ("nor lack an image", json!([list[0], {"name": "bare"}])),
    ] {
        let (code, refusal) = seat.ask("PATCH", &part, MERGE, &patch(list)).await;
        let causes = &refusal["details"]["causes"];
        seat.write(&format!("> {what}"), code, &json!({"reason": refusal["reason"], "causes": causes}));
    }
    let (code, refusal) = seat.ask("PATCH", pod, MERGE, &patch(json!([list[0], one("more", "x")]))).await;
    seat.write("> nor come with the pod itself", code, &json!({"field": refusal["details"]["causes"][0]["field"]}));
    seat.see_as(
        "of a pod that is none",
        "PATCH",
        &format!("{SPACE}/pods/gone/ephemeralcontainers"),
        (MERGE, &patch(json!([]))),
    )
    .await;
}
