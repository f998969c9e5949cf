//! Commands in containers. The fake runs our probe and nothing else; what it refuses, it refuses as the real runtime
//! does a program that the image does not have.

use serde_json::{Value as Json, json};

use super::running::pod;
use super::seat::{SPACE, Seat};

const NOTHING: Json = Json::Null;

pub(crate) async fn run(seat: &mut Seat) {
    let pods = format!("{SPACE}/pods");
    let runs = format!("{pods}/runs");
    seat.chapter("commands");
    seat.command("it says something", &runs, &["/bin/mops-probe", "say", "one", "two"], None).await;
    seat.command("it warns", &runs, &["/bin/mops-probe", "warn", "careful"], None).await;
    seat.command("it listens", &runs, &["/bin/mops-probe", "copy"], Some("a\nb\n")).await;
    seat.command("it fails", &runs, &["/bin/mops-probe", "end", "7"], None).await;
    seat.command("there is no such program", &runs, &["absent", "word"], None).await;

    seat.chapter("commands that are refused");
    let nowhere = {
        let mut body = pod("nowhere", &json!(["/bin/pause"]));
        body["spec"]["nodeSelector"] = json!({"mops.test/nowhere": "yes"});
        body
    };
    seat.ask("POST", &pods, "application/json", &nowhere).await;
    for (what, path) in [
        ("without an upgrade", format!("{runs}/exec?command=x&stdout=true")),
        ("in a container that is none", format!("{runs}/exec?command=x&stdout=true&container=x")),
        ("in a pod that runs nowhere", format!("{pods}/nowhere/exec?command=x&stdout=true")),
        ("in a pod that is none", format!("{pods}/gone/exec?command=x&stdout=true")),
    ] {
        seat.see(what, "GET", &path, &NOTHING).await;
    }
    seat.see_as_stranger("POST", &format!("{runs}/exec?command=x&stdout=true"), ("", &NOTHING)).await;
}
