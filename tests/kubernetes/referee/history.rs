//! What both say when history is gone. It is asked of events: of everything else the real server remembers for a while
//! by itself what its etcd has forgotten.

use serde_json::{Value as Json, json};

use super::seat::{SPACE, Seat};

/// What of a list differs by server: only these are shown.
fn page(list: &Json) -> Json {
    if list["kind"] == "Status" {
        return list.clone();
    }
    let names: Vec<&Json> = list["items"].as_array().into_iter().flatten().map(|o| &o["metadata"]["name"]).collect();
    json!({"names": names, "metadata": {"continue": list["metadata"]["continue"]}})
}

pub(crate) async fn run(seat: &mut Seat) {
    seat.chapter("history that is forgotten");
    let events = format!("{SPACE}/events");
    let event = |name: &str| {
        json!({"metadata": {"name": name, "labels": {"chapter": "history"}}, "reason": "Asked",
            "involvedObject": {"kind": "Namespace", "name": "referee", "namespace": "referee"}})
    };
    for name in ["a", "b", "d"] {
        seat.ask("POST", &events, "application/json", &event(name)).await;
    }
    let ours = format!("{events}?labelSelector=chapter%3Dhistory");
    let first = seat.ask("GET", &format!("{ours}&limit=1"), "", &Json::Null).await.1;
    seat.write("> a page", 200, &page(&first));
    seat.ask("POST", &events, "application/json", &event("c")).await;
    seat.ask("DELETE", &format!("{events}/b"), "", &Json::Null).await;
    let next = |token: &Json| format!("{ours}&limit=2&continue={}", token.as_str().unwrap_or_default());
    let (code, rest) = seat.ask("GET", &next(&first["metadata"]["continue"]), "", &Json::Null).await;
    seat.write("> the next, as it was", code, &page(&rest));
    seat.forget().await;
    let (code, gone) = seat.ask("GET", &next(&first["metadata"]["continue"]), "", &Json::Null).await;
    seat.write("> the next of a state that is forgotten", code, &page(&gone));
    let (code, rest) = seat.ask("GET", &next(&gone["metadata"]["continue"]), "", &Json::Null).await;
    seat.write("> the rest as it is now", code, &page(&rest));
    let version = first["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    seat.watch("from a state that is forgotten", &format!("{events}?watch=true&resourceVersion={version}"), 1).await;
}
