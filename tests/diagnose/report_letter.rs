//! Promise: what only somebody else can mend is said in a message to that person, the same as text and on the page, with
//! what is asked for, the object and the ids of the evidence; and there is none where the reader can mend it.

use mops_diagnose::report;
use mops_tests::reports;

const HEADING: &str = "Send this to your administrator";

/// The messages of a text report, unbroken.
fn messages(text: &str) -> Vec<String> {
    let lines = |part: &str| {
        let said = part.lines().skip(1).map_while(|line| line.strip_prefix("  |"));
        said.fold(String::new(), |all, line| match line.strip_prefix("   ") {
            Some(more) => format!("{all} {more}"),
            None => format!("{all}\n{}", line.trim_start()),
        })
    };
    text.split(HEADING).skip(1).map(lines).collect()
}

#[test]
fn each_person_is_asked_once_for_what_only_they_can_do() {
    let text = report::text(&reports::refused(), 80, false);
    let messages = messages(&text);
    assert_eq!(messages.len(), 2, "{text}");
    let [proxy, ngc] = [&messages[0], &messages[1]];
    assert!(proxy.contains("To: whoever administers the network of the cluster\n"), "{proxy}");
    assert!(ngc.contains("To: the owner of the NGC organisation\n"), "{ngc}");
    for (message, parts) in [
        (
            proxy,
            ["\nPROXY_AUTH (certain): ", "\nPlease: ", "407", "[P/system/registry.v2/env/modelopsdevacr1.azurecr.io"],
        ),
        (
            ngc,
            [
                "\nNGC_LICENSE_NOT_ACCEPTED (likely): ",
                "Please: accept the licence",
                "\nPage: https://catalog.ngc.nvidia.com",
                "[P/gpu/registry.pull/pullsecret/nvcr.io/nim/meta/llama:1",
            ],
        ),
    ] {
        let place = "(run 7f3a): cluster modelops-dev-aks, namespace modelops-dask-dev, environment dev.";
        assert!(message.contains(place), "{message}");
        for part in parts {
            assert!(message.contains(part), "{part} is not in {message}");
        }
    }
}

#[test]
fn the_page_has_the_same_messages() {
    let page = report::html(&reports::refused());
    let (_, section) = page.split_once(HEADING).expect("the section");
    for message in messages(&report::text(&reports::refused(), 80, false)) {
        for line in message.lines() {
            let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;");
            assert!(section.contains(&escaped.replace('"', "&quot;")), "{line}");
        }
    }
}

#[test]
fn nobody_is_written_to_where_a_command_mends_it() {
    for report in [reports::rotated(), reports::passed()] {
        assert!(!report::text(&report, 80, false).contains(HEADING));
        assert!(!report::html(&report).contains(HEADING));
    }
}
