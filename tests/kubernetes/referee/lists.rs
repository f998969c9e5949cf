//! Lists in pages, watches from a version on.

use serde_json::{Value as Json, json};

use super::seat::{MERGE, SPACE, Seat};

pub(crate) async fn run(seat: &mut Seat) {
    let accounts = format!("{SPACE}/serviceaccounts");
    let account = |name: &str, tier: &str| json!({"metadata": {"name": name, "labels": {"tier": tier}}});
    seat.chapter("lists");
    let from = seat.ask("GET", &format!("{accounts}?labelSelector=tier"), "", &Json::Null).await.1;
    for (name, tier) in [("a", "cpu"), ("b", "gpu"), ("c", "cpu")] {
        seat.ask("POST", &format!("{accounts}?fieldManager=maker"), "application/json", &account(name, tier)).await;
    }
    for selector in [
        "labelSelector=tier%3Dcpu",
        "labelSelector=tier+in+(gpu)",
        "fieldSelector=metadata.name%3Db",
        "labelSelector=%21tier%2Cx",
    ] {
        seat.see("some", "GET", &format!("{accounts}?{selector}"), &Json::Null).await;
    }
    let page = seat.see("a page", "GET", &format!("{accounts}?limit=2"), &Json::Null).await;
    let token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    seat.see("the next", "GET", &format!("{accounts}?limit=2&continue={token}"), &Json::Null).await;
    seat.see("a page by a label", "GET", &format!("{accounts}?limit=1&labelSelector=tier%3Dcpu"), &Json::Null).await;
    seat.see("a token that is none", "GET", &format!("{accounts}?limit=2&continue=eA"), &Json::Null).await;

    seat.chapter("watches");
    let version = from["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let merge = json!({"metadata": {"labels": {"tier": "gpu"}}});
    seat.ask("PATCH", &format!("{accounts}/c?fieldManager=merger"), MERGE, &merge).await;
    seat.ask("DELETE", &format!("{accounts}/a"), "", &Json::Null).await;
    let watch = |rest: &str| format!("{accounts}?watch=true&resourceVersion={version}{rest}");
    seat.watch("all that happened", &watch("&labelSelector=tier"), 5).await;
    seat.watch("of one tier", &watch("&labelSelector=tier%3Dcpu"), 4).await;
    seat.watch("what is there", &format!("{accounts}?watch=true&fieldSelector=metadata.name%3Db"), 1).await;
}
