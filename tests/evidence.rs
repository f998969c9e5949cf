//! Promise: no route of a fake is believed without a reason, and what is only assumed is said.

use std::collections::BTreeSet;

use mops_tests::listing;

#[test]
fn every_route_names_its_evidence() {
    let without: Vec<String> = listing().iter().filter(|r| !r.evidence.is_given()).map(ToString::to_string).collect();
    assert!(without.is_empty(), "routes without evidence: {without:#?}");
}

#[test]
fn no_route_is_listed_twice() {
    let mut seen = BTreeSet::new();
    // A list and a watch of Kubernetes share a path and differ in evidence.
    for route in listing().iter().filter(|r| r.fake != "kubernetes") {
        let key = format!("{} {} {}", route.fake, route.method, route.template);
        assert!(seen.insert(key.clone()), "{key} is listed twice");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "README publishes this list under `not verified`")]
fn assumed_routes_are_printed() {
    let assumed: Vec<String> = listing().iter().filter(|r| r.evidence.is_assumed()).map(ToString::to_string).collect();
    println!("{} of {} routes are assumed\n{}", assumed.len(), listing().len(), assumed.join("\n"));
}
