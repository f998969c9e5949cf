//! What the controllers make of workloads whose pods fit nowhere: status, pods, events; pods and
//! their fields; deletion with and without what belongs to an object.

use serde_json::{Value as Json, json};

use super::applies::deployment;
use super::seat::{MERGE, SPACE, Seat};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/referee/deployments";
const JOBS: &str = "/apis/batch/v1/namespaces/referee/jobs";
const NOTHING: Json = Json::Null;

fn pods_of(label: &str) -> String {
    format!("{SPACE}/pods?labelSelector={label}")
}

fn job(name: &str) -> Json {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "nodeSelector": {"mops.test/nowhere": "yes"},
        "containers": [{"name": "main", "image": "registry.example/worker:1"}]}}}})
}

fn count(list: &Json) -> usize {
    list["items"].as_array().map_or(0, Vec::len)
}

pub(crate) async fn run(seat: &mut Seat) {
    seat.chapter("a deployment whose pods fit nowhere");
    let path = format!("{DEPLOYMENTS}/nowhere");
    seat.ask("POST", &format!("{DEPLOYMENTS}?fieldManager=maker"), "application/json", &deployment("nowhere", 2)).await;
    let pods = seat
        .until(&pods_of("app%3Dnowhere"), |pods| {
            let told = |pod: &Json| pod["status"]["conditions"][0]["reason"] == "Unschedulable";
            count(pods) == 2 && pods["items"].as_array().into_iter().flatten().all(told)
        })
        .await;
    // What is said of nodes depends on their number.
    let mut pod = pods["items"][0].clone();
    pod["status"]["conditions"][0]["message"] = json!("…");
    seat.write("> one of its pods", 200, &pod);
    let live = seat
        .until(&path, |d| {
            let list = d["status"]["conditions"].as_array();
            d["status"]["updatedReplicas"] == 2
                && list.into_iter().flatten().any(|c| c["reason"] == "ReplicaSetUpdated")
        })
        .await;
    seat.write("> its status", 200, &live["status"]);
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let events = format!("{SPACE}/events?fieldSelector=involvedObject.name%3D{name}%2Creason%3DFailedScheduling");
    let events = seat.until(&events, |events| count(events) > 0).await;
    let first = &events["items"][0];
    let said = json!({"type": first["type"], "reason": first["reason"], "kind": first["involvedObject"]["kind"]});
    seat.write("> what was said of it", 200, &said);
    seat.see("its log", "GET", &format!("{SPACE}/pods/{name}/log"), &NOTHING).await;

    jobs(seat).await;
    pods_alone(seat).await;
    gone(seat).await;
}

async fn jobs(seat: &mut Seat) {
    seat.chapter("a job whose pod fits nowhere");
    seat.see("without a policy", "POST", JOBS, &{
        let mut body = job("policy");
        body["spec"]["template"]["spec"].as_object_mut().map(|spec| spec.shift_remove("restartPolicy"));
        body
    })
    .await;
    seat.ask("POST", &format!("{JOBS}?fieldManager=maker"), "application/json", &job("nowhere")).await;
    let live = seat.until(&format!("{JOBS}/nowhere"), |j| j["status"]["active"] == 1).await;
    seat.write("> it", 200, &live);
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "registry.example/other:1"}]}}}});
    let (status, refusal) = seat.ask("PATCH", &format!("{JOBS}/nowhere"), MERGE, &image).await;
    // The value is quoted as the server's own types have it.
    let cause = json!({"field": refusal["details"]["causes"][0]["field"], "reason": refusal["reason"]});
    seat.write("> its template may not change", status, &cause);
    let pods = seat.until(&pods_of("job-name%3Dnowhere"), |pods| count(pods) == 1).await;
    seat.write("> the labels of its pod", 200, &pods["items"][0]["metadata"]["labels"]);
}

async fn pods_alone(seat: &mut Seat) {
    let pods = format!("{SPACE}/pods");
    let pod = |spec: Json| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": spec});
    let spec = json!({"nodeSelector": {"mops.test/nowhere": "yes"}, "containers": [{"name": "main", "image": "registry.example/worker:1"}]});
    seat.chapter("pods");
    let mut nobody = spec.clone();
    nobody["serviceAccountName"] = json!("nobody");
    seat.see("of an account that is not there", "POST", &pods, &pod(nobody)).await;
    seat.see("without containers", "POST", &pods, &pod(json!({"containers": []}))).await;
    let twice = json!([{"name": "main", "image": "i"}, {"name": "main", "image": ""}]);
    seat.see("bad containers", "POST", &pods, &pod(json!({"containers": twice}))).await;
    seat.see("one", "POST", &format!("{pods}?fieldManager=maker"), &pod(spec)).await;
    let alone = format!("{pods}/alone");
    seat.see_as(
        "what may not change",
        "PATCH",
        &alone,
        (MERGE, &json!({"spec": {"nodeSelector": null, "hostNetwork": true}})),
    )
    .await;
    seat.see("the log of a container that is none", "GET", &format!("{alone}/log?container=x"), &NOTHING).await;
    seat.see("the log of a pod that is none", "GET", &format!("{pods}/gone/log"), &NOTHING).await;
}

async fn gone(seat: &mut Seat) {
    seat.chapter("deleted with what belongs to it");
    seat.see("a pod that runs nowhere", "DELETE", &format!("{SPACE}/pods/alone"), &NOTHING).await;
    seat.until(&format!("{SPACE}/pods/alone"), |pod| pod["code"] == 404).await;
    seat.see(
        "in the background",
        "DELETE",
        &format!("{DEPLOYMENTS}/nowhere"),
        &json!({"propagationPolicy": "Background"}),
    )
    .await;
    seat.until(&pods_of("app%3Dnowhere"), |pods| count(pods) == 0).await;
    seat.see("a job, as by default", "DELETE", &format!("{JOBS}/nowhere"), &NOTHING).await;
    let left = seat
        .until(&pods_of("job-name%3Dnowhere"), |pods| {
            count(pods) == 1 && pods["items"][0]["metadata"]["ownerReferences"].is_null()
        })
        .await;
    seat.write(
        "> its pod stays, without an owner",
        200,
        &json!({"owners": left["items"][0]["metadata"]["ownerReferences"]}),
    );
    let foreground = json!({"propagationPolicy": "Foreground"});
    seat.see("in the foreground", "DELETE", &format!("{DEPLOYMENTS}/applied"), &foreground).await;
    seat.until(&format!("{DEPLOYMENTS}/applied"), |d| d["code"] == 404).await;

    seat.chapter("a namespace goes");
    let space = "/api/v1/namespaces/referee-gone";
    seat.see("made", "POST", "/api/v1/namespaces?fieldManager=maker", &json!({"metadata": {"name": "referee-gone"}}))
        .await;
    let finalizer = json!({"metadata": {"name": "held", "finalizers": ["mops.test/held"]}});
    seat.see("something that is held", "POST", &format!("{space}/secrets?fieldManager=maker"), &finalizer).await;
    seat.see("deleted", "DELETE", space, &NOTHING).await;
    let held = format!("{space}/secrets/held");
    let live = seat.until(&held, |s| s["metadata"]["deletionTimestamp"].is_string()).await;
    seat.write("> what is held", 200, &live);
    seat.see("nothing new in it", "POST", &format!("{space}/secrets"), &json!({"metadata": {"name": "new"}})).await;
    seat.ask("PATCH", &held, MERGE, &json!({"metadata": {"finalizers": null}})).await;
    seat.until(space, |space| space["code"] == 404).await;
}
