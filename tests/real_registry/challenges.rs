//! What a registry asks for, and how it refuses.

use super::seat::{As, Seat, ask};

pub(crate) async fn run(seat: &mut Seat) {
    seat.chapter("who are you");
    for by in [As::Nobody, As::Garbage, As::Token("repository:team/worker:pull"), As::Basic(true), As::Basic(false)] {
        seat.see(ask("GET", "/v2/").by(by)).await;
    }

    seat.chapter("what each request needs");
    let rows = [
        ("GET", "/v2/team/worker/manifests/1"),
        ("HEAD", "/v2/team/worker/manifests/1"),
        ("PUT", "/v2/team/worker/manifests/1"),
        ("DELETE", "/v2/team/worker/manifests/1"),
        ("GET", "/v2/team/worker/tags/list"),
        ("POST", "/v2/team/worker/blobs/uploads/"),
        ("POST", "/v2/team/worker/blobs/uploads/?mount=x&from=team/other"),
        ("GET", "/v2/_catalog"),
        ("HEAD", "/v2/team/worker/blobs/sha256:12"),
        ("DELETE", "/v2/team/worker/blobs/sha256:12"),
        ("PATCH", "/v2/team/worker/blobs/uploads/x"),
        ("PUT", "/v2/team/worker/blobs/uploads/x"),
        ("DELETE", "/v2/team/worker/blobs/uploads/x"),
    ];
    for (method, path) in rows {
        seat.see(ask(method, path)).await;
    }

    seat.chapter("a token for something else");
    let rows = [
        ("GET", "/v2/team/worker/manifests/1", "repository:team/other:pull"),
        ("HEAD", "/v2/team/worker/manifests/1", "repository:team/other:pull"),
        ("POST", "/v2/team/worker/blobs/uploads/", "repository:team/worker:pull"),
        ("GET", "/v2/_catalog", "repository:team/worker:pull"),
        ("GET", "/v2/team/worker/manifests/1", "repository:team/worker:*"),
        ("DELETE", "/v2/team/worker/manifests/1", "repository:team/worker:pull,push"),
        ("PUT", "/v2/team/worker/manifests/1", "repository:team/worker:push"),
        ("GET", "/v2/team/worker/tags/list", "registry:catalog:*"),
    ];
    for (method, path, scopes) in rows {
        seat.see(ask(method, path).with(scopes)).await;
    }

    seat.chapter("addresses that mean nothing");
    let rows = [("GET", "/v2/nothing"), ("GET", "/v2/Upper/tags/list"), ("GET", "/v2/team/worker/manifests/-1")];
    for (method, path) in rows {
        seat.see(ask(method, path).with("repository:team/worker:pull,push")).await;
    }
}
