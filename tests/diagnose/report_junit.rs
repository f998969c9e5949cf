//! Promise: the JUnit document is well formed whatever the values hold, its counts are those of its cases, and a failed
//! case names the cause that explains it (M-08).

use std::collections::BTreeMap;

use mops_diagnose::report::{self, Report};
use mops_tests::reports;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element as far as the tests look: name, attributes, text.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let pair = |a: quick_xml::events::attributes::Attribute<'_>| {
            (
                text(a.key.as_ref()),
                a.normalized_value(quick_xml::XmlVersion::Explicit1_0).expect("a value").into_owned(),
            )
        };
        let attributes = start.attributes().map(|a| pair(a.expect("an attribute"))).collect();
        Self { name: text(start.name().as_ref()), attributes, ..Self::default() }
    }

    pub(crate) fn every<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        let here = self.children.iter().filter(move |child| child.name == name);
        Box::new(here.chain(self.children.iter().flat_map(move |child| child.every(name))))
    }

    fn count(&self, attribute: &str) -> usize {
        self.attributes[attribute].parse().expect("a number")
    }
}

/// The document as a tree.
pub(crate) fn parsed(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}:\n{xml}")) {
            Event::Start(start) => open.push(Element::of(&start)),
            Event::Empty(start) => open.last_mut().expect("a parent").children.push(Element::of(&start)),
            Event::End(_) => {
                let done = open.pop().expect("an element");
                open.last_mut().expect("a parent").children.push(done);
            }
            Event::Text(text) => open.last_mut().expect("a parent").text += &text.decode().expect("UTF-8"),
            Event::GeneralRef(name) => {
                let name = name.decode().expect("UTF-8");
                let text = quick_xml::escape::unescape(&format!("&{name};")).expect("an entity").into_owned();
                open.last_mut().expect("a parent").text += &text;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "an element is not closed");
    open.remove(0).children.remove(0)
}

#[test]
fn counts_are_those_of_the_cases_and_each_failure_has_its_cause() {
    for (name, report) in reports::all() {
        let root = parsed(&report::junit(&report));
        assert_eq!(root.name, "testsuites");
        for suite in root.every("testsuite").chain([&root]) {
            let (cases, failures) = (suite.every("testcase").count(), suite.every("failure").count());
            assert_eq!((suite.count("tests"), suite.count("failures")), (cases, failures), "{name}");
            assert_eq!(suite.count("skipped"), suite.every("skipped").count(), "{name}");
        }
        let ids: Vec<&str> = report.findings.iter().map(|f| f.cause_id.as_str()).collect();
        for failure in root.every("failure") {
            assert!(ids.contains(&failure.attributes["type"].as_str()), "{name}: {failure:?}");
        }
        for suite in root.every("testsuite") {
            let cases: std::collections::BTreeSet<&str> =
                suite.every("testcase").map(|case| case.attributes["name"].as_str()).collect();
            assert_eq!(cases.len(), suite.count("tests"), "{name}: two cases have one name");
        }
    }
}

#[test]
fn a_suite_is_a_vantage_and_a_pool() {
    let root = parsed(&report::junit(&reports::rotated()));
    let names: Vec<&str> = root.every("testsuite").map(|suite| suite.attributes["name"].as_str()).collect();
    assert_eq!(names, ["workstation", "workstation.gpuspot", "pod.gpu", "pod.system"]);
    let skipped = root.every("skipped").find(|s| s.attributes["message"] == "0 nodes (autoscale 0-2)");
    assert!(skipped.is_some_and(|s| s.text.contains("pool gpuspot was not checked")), "{skipped:?}");
}

#[test]
fn what_a_fix_has_done_is_a_suite_of_its_own() {
    let root = parsed(&report::junit(&reports::fixed()));
    let suite = root.every("testsuite").find(|suite| suite.attributes["name"] == "fix").expect("a suite");
    assert_eq!(["tests", "failures", "skipped"].map(|of| suite.count(of)), [4, 1, 2]);
    let case =
        |name: &str| suite.every("testcase").find(|case| case.attributes["name"].starts_with(name)).expect("a case");
    let applied = &case("SECRET_WRONG_TYPE acr-pull: Secret acr-pull type").children[0];
    assert!(applied.name == "system-out" && applied.text.starts_with("applied: 5f0c11aa -> 9d3e7b02"), "{applied:?}");
    let back = &case("ACR_PASSWORD_ROTATED acr-pull").children[0];
    assert_eq!((back.name.as_str(), back.attributes["message"].as_str()), ("failure", "rolled back"));
    assert!(back.text.ends_with("the cause is still there"), "{back:?}");
    let left = &case("NGC_LICENSE_NOT_ACCEPTED").children[0];
    let why = "only a person can do it: page: https://catalog.ngc.nvidia.com/x";
    assert_eq!((left.name.as_str(), left.attributes["message"].as_str()), ("skipped", why));
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "</failure><testcase name=\"x\"/>]]>&amp;\u{0}\u{b}\u{1b}[31m\u{ffff}\"'\n<!--";
    let mut report: Report = reports::odd();
    for probe in &mut report.probes {
        probe.reason = hostile.into();
        probe.target = hostile.into();
    }
    report.findings[0].message = hostile.into();
    let root = parsed(&report::junit(&report));
    assert_eq!(root.every("testcase").count(), 7);
    let failure = root.every("failure").next().expect("a failure");
    let shown = hostile.replace(['\u{0}', '\u{b}', '\u{1b}', '\u{ffff}'], "\u{fffd}");
    assert!(failure.text.contains(&shown), "{failure:?}");
}
