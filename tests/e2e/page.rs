//! Promise: the page of a report is read from a file in a real browser, on a phone and on a desk, in light and in dark,
//! without a network, by keyboard alone; and what is found here is also found missing.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::path::PathBuf;

use mops_diagnose::Capture;
use mops_host::fsx;
use mops_tests::browser::{Browser, Key};
use mops_tests::place::Place;
use mops_tests::reports;
use mops_tests::skip::skipped;
use serde_json::Value;

const PHONE: u32 = 375;
const DESK: u32 = 1100;
/// Stops that are no control, like a part that scrolls.
const SPARE_STOPS: usize = 10;

/// What was looked at, and what is wrong with it.
#[derive(Default)]
struct Examined {
    texts: u64,
    controls: usize,
    opened: u64,
    faults: Vec<String>,
}

impl Examined {
    fn look(browser: &mut Browser, file: &std::path::Path, width: u32, scheme: &str) -> Self {
        browser.open(file, width, scheme);
        browser.evaluate(include_str!("page.js"));
        let mut all = Self::default();
        all.head(browser);
        all.list(browser, "wide");
        all.list(browser, "pale");
        all.keyboard(browser);
        // Once more, with all details open.
        all.list(browser, "wide");
        all.list(browser, "pale");
        all.texts = ask(browser, "texts").as_u64().unwrap_or_default();
        all.silence(browser, file);
        all
    }

    /// Each fault once.
    fn fault(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.faults.contains(&text) {
            self.faults.push(text);
        }
    }

    fn list(&mut self, browser: &mut Browser, question: &str) {
        let found: Vec<String> = serde_json::from_value(ask(browser, question)).expect("a list");
        found.into_iter().for_each(|text| self.fault(text));
    }

    /// The verdict is what a tab and the first screen say.
    fn head(&mut self, browser: &mut Browser) {
        let head = ask(browser, "head");
        let verdict = head["verdict"].as_str().unwrap_or_default();
        if !verdict.ends_with("Failed: 2 causes") {
            self.fault(format!("the verdict on the first screen is `{verdict}`"));
        }
        if head["title"] != "Failed: 2 causes · mops diagnose-auth · env=dev" {
            self.fault(format!("the title is {}", head["title"]));
        }
    }

    /// From control to control by Tab, each operated by Enter.
    fn keyboard(&mut self, browser: &mut Browser) {
        let controls: Vec<String> = serde_json::from_value(ask(browser, "controls")).expect("names");
        let mut reached = vec![false; controls.len()];
        for _ in 0..controls.len() + SPARE_STOPS {
            browser.press(Key::Tab);
            let focus = ask(browser, "focus");
            let at = focus["at"].as_u64().and_then(|at| usize::try_from(at).ok());
            let Some(new) = at.and_then(|at| reached.get_mut(at)).filter(|reached| !**reached) else { continue };
            *new = true;
            if focus["ring"] != true {
                self.fault(format!("focus is not seen: {}", focus["name"]));
            }
            self.operate(browser, &focus);
        }
        let missed = controls.iter().zip(&reached).filter(|(_, reached)| !**reached);
        self.faults.extend(missed.map(|(name, _)| format!("no key reaches {name}")));
        self.controls = controls.len();
        let answers = ask(browser, "answers");
        if answers != self.opened {
            self.fault(format!("evidence of {} from {answers} answers", self.opened));
        }
    }

    fn operate(&mut self, browser: &mut Browser, focus: &Value) {
        match focus["kind"].as_str() {
            Some("opens") => self.evidence(browser),
            Some("summary") => {
                browser.press(Key::Enter);
                if ask(browser, "spread") != true {
                    self.fault(format!("Enter does not spread {}", focus["name"]));
                }
            }
            Some("copy") => {
                browser.press(Key::Enter);
                let said = ask(browser, "said");
                if said != "Copied" && said != "Selected" {
                    self.fault(format!("Enter on the button to copy says {said}"));
                }
            }
            _ => {}
        }
    }

    /// Enter opens the evidence of this answer alone, Tab and Enter close it, and the keyboard is where it was.
    fn evidence(&mut self, browser: &mut Browser) {
        let label = ask(browser, "label");
        browser.press(Key::Enter);
        let open = ask(browser, "open");
        if open["count"] != 1 || open["label"] != label || open["seen"] == 0 {
            self.fault(format!("Enter on {label} opens {open}"));
            return;
        }
        self.opened += 1;
        self.list(browser, "pale");
        self.list(browser, "wide");
        browser.press(Key::Tab);
        browser.press(Key::Enter);
        if ask(browser, "open")["count"] != 0 || ask(browser, "label") != label {
            self.fault(format!("the evidence of {label} is not closed by its button"));
        }
    }

    /// Nothing was complained about, nothing else was asked for.
    fn silence(&mut self, browser: &Browser, file: &std::path::Path) {
        let own = format!("file://{}", file.display());
        let asked: Vec<&Value> =
            browser.told("Network.requestWillBeSent").iter().map(|e| &e["request"]["url"]).collect();
        if asked != [&Value::from(own)] {
            self.fault(format!("requests: {asked:?}"));
        }
        for event in ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"] {
            let said = browser.told(event).into_iter().map(|e| format!("{event}: {e}"));
            self.faults.extend(said);
        }
    }
}

fn ask(browser: &mut Browser, question: &str) -> Value {
    browser.evaluate(&format!("examined.{question}()"))
}

/// The page as `mops` makes it of a record, and where it is.
async fn page(place: &Place, record: &Capture) -> (PathBuf, String) {
    place.write("seen.json", &serde_json::to_string(record).expect("a record"));
    let output = place.run(&["mops", "diagnose-auth", "--from", "seen.json", "--format", "html=page.html"]).await;
    assert_eq!(output.code, Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let file = place.path().join("page.html");
    let text = fsx::read_text(&file).expect("the page");
    (file, text)
}

#[tokio::test]
async fn the_page_is_read_on_a_phone_and_on_a_desk_by_keyboard_and_without_a_network() {
    let Some(mut browser) = Browser::start() else { return skipped("chromium", "the page in a browser") };
    let place = Place::new();
    let (mut texts, mut opened, mut controls) = (0, 0, 0);
    // Three pools with their checks and what belongs to no pool; two checks and two messages to somebody else.
    for (record, answers) in [(reports::rotated_record(), 18), (reports::refused_record(), 2)] {
        let (file, _) = page(&place, &record).await;
        for (width, scheme) in [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")] {
            let all = Examined::look(&mut browser, &file, width, scheme);
            assert!(all.faults.is_empty(), "{width} px, {scheme}: {:#?}", all.faults);
            assert_eq!(all.opened, answers, "{width} px, {scheme}");
            (texts, opened, controls) = (texts + all.texts, opened + all.opened, controls + all.controls);
        }
    }
    println!("B-14 pages=2 widths=2 schemes=2 texts={texts} controls={controls} opened={opened} faults=0");
}

/// What is broken, how, and a word of the fault that must be found.
type Broken = (&'static str, &'static str, &'static str);

const BROKEN: &[Broken] = &[
    ("\"use strict\";", "\"use strict\"; missing();", "missing is not defined"),
    ("<main>", "<main><img alt=\"\" src=\"http://127.0.0.1:1/x.png\">", "requests"),
    ("<main>", "<main><p style=\"width: 80rem\">wide</p>", "overflow"),
    ("--soft: #565c66", "--soft: #a0a0a0", "contrast"),
    ("<h1 ", "<h1 hidden ", "the verdict on the first screen is ``"),
    ("<title>", "<title>Report: ", "the title is"),
    (
        "class=\"answer failed\" popovertarget=\"cell-",
        "tabindex=\"-1\" class=\"answer failed\" popovertarget=\"cell-",
        "no key reaches",
    ),
    ("class=\"answer failed\" popovertarget=\"cell-", "class=\"answer failed\" value=\"cell-", "evidence of"),
    ("popovertargetaction=\"hide\">", "disabled>", "is not closed"),
    (":focus-visible { outline: 2px solid var(--link)", ":focus-visible { outline: none", "focus is not seen"),
];

#[tokio::test]
async fn a_page_that_is_broken_is_found_to_be() {
    let Some(mut browser) = Browser::start() else { return skipped("chromium", "a broken page in a browser") };
    let place = Place::new();
    let (_, page) = page(&place, &reports::rotated_record()).await;
    // The page's own policy refuses what is put in by hand; here the eyes of the test are looked at.
    let open = page.replace("http-equiv=\"Content-Security-Policy\"", "name=\"policy\"");
    for (from, to, fault) in BROKEN {
        assert!(open.contains(from), "the page has no `{from}`");
        place.write("broken.html", &open.replace(from, to));
        let all = Examined::look(&mut browser, &place.path().join("broken.html"), PHONE, "light");
        assert!(all.faults.iter().any(|f| f.contains(fault)), "`{to}`: {:#?}", all.faults);
    }
    // And the policy: a style by hand has no effect, and the browser says so.
    place.write("refused.html", &page.replace("<main>", "<main><p style=\"width: 80rem\">wide</p>"));
    let all = Examined::look(&mut browser, &place.path().join("refused.html"), PHONE, "light");
    assert!(all.faults.iter().any(|f| f.contains("Content Security Policy")), "{:#?}", all.faults);
    assert!(!all.faults.iter().any(|f| f.contains("overflow")), "{:#?}", all.faults);
    println!("B-14 broken_pages={} found={}", BROKEN.len() + 1, BROKEN.len() + 1);
}
