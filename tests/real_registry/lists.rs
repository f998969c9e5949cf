//! Tags and the catalogue, in pages; and what goes.

use mops_tests::image::{Image, MANIFEST};

use super::seat::{Seat, ask};
use super::uploads::push;

const CATALOG: &str = "registry:catalog:*";
const PULL: &str = "repository:team/worker:pull";
const ALL: &str = "repository:team/gone:pull,push,delete";

pub(crate) async fn run(seat: &mut Seat) {
    seat.chapter("tags in pages");
    for query in ["", "?n=1", "?n=1&last=1", "?last=again", "?n=x", "?n=0", "?n=-1"] {
        seat.see(ask("GET", format!("/v2/team/worker/tags/list{query}")).with(PULL)).await;
    }
    seat.see(ask("GET", "/v2/team/nobody/tags/list").with("repository:team/nobody:pull")).await;

    let image = Image::tiny("team/gone:1", "goodbye").expect("in memory");
    seat.call_image(&image, "B");
    push(seat, &image).await;
    seat.chapter("the catalogue in pages");
    for query in [
        "",
        "?n=1",
        "?n=1&last=team/gone",
        "?n=5&last=team/worker",
        "?n=x",
        "?n=0",
        "?n=-1",
        "?last=team/copy",
        "?last=zzz",
        "?n=100000",
    ] {
        seat.see(ask("GET", format!("/v2/_catalog{query}")).with(CATALOG)).await;
    }
    deleted(seat, &image).await;
}

async fn deleted(seat: &mut Seat, image: &Image) {
    seat.chapter("what is deleted is gone");
    let by_tag = "/v2/team/gone/manifests/1";
    let by_digest = format!("/v2/team/gone/manifests/{}", image.digest());
    let layer = format!("/v2/team/gone/blobs/{}", image.blobs[1].0);
    seat.see(ask("DELETE", by_tag).with("repository:team/gone:pull,push")).await;
    seat.see(ask("DELETE", by_tag).with(ALL)).await;
    for method in ["DELETE", "DELETE", "GET"] {
        seat.see(ask(method, &by_digest).with(ALL).header("accept", MANIFEST)).await;
    }
    seat.see(ask("GET", by_tag).with(ALL).header("accept", MANIFEST)).await;
    for method in ["DELETE", "DELETE", "GET"] {
        seat.see(ask(method, &layer).with(ALL)).await;
    }
    seat.see(ask("GET", "/v2/team/gone/tags/list").with(ALL)).await;
    seat.see(ask("GET", "/v2/_catalog").with(CATALOG)).await;
}
