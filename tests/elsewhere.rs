//! `mops diagnose-auth` of a stack that has brought credentials to other places than its cluster: each is asked, and what is
//! wrong there is a cause of the one report.

use mops_tests::job::example;
use serde_json::Value as Json;

use crate::novita::Office;

const FILE: &str = "novita.yaml";

async fn office() -> Office {
    let office = Office::new();
    office.desk.place.write(FILE, &example("novita/novita.yaml"));
    office.desk.good(&format!("mops infra up {FILE} --yes")).await;
    office
}

/// The exit code of a diagnosis, its causes, and every check with its outcome.
async fn diagnosed(office: &Office, before: &str) -> (i32, Vec<String>, Vec<(String, String)>) {
    let (code, said) = office.desk.said(&format!("{before} mops diagnose-auth --file {FILE} --json")).await;
    let report: Json = said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).expect("a report");
    let texts = |list: &str, keys: &[&str]| -> Vec<Vec<String>> {
        let all = report[list].as_array().unwrap_or_else(|| panic!("no {list}: {said}"));
        let of = |one: &Json| keys.iter().map(|key| one[*key].as_str().unwrap_or_default().to_owned()).collect();
        all.iter().map(of).collect()
    };
    let causes = texts("findings", &["cause_id"]).concat();
    let checks = texts("probes", &["check", "status"]).into_iter().map(|mut one| (one.remove(0), one.remove(0)));
    (code, causes, checks.collect())
}

#[tokio::test]
async fn a_login_that_novita_lost_and_a_key_that_it_refuses_are_causes() {
    let office = office().await;
    let (code, causes, checks) = diagnosed(&office, "").await;
    assert_eq!((code, causes.as_slice()), (0, &[][..]), "{checks:?}");
    for check in ["novita.key", "novita.auths", "novita.auth", "novita.instance"] {
        assert!(checks.contains(&(check.to_owned(), "pass".to_owned())), "{check}: {checks:?}");
    }

    let id = office.novita().kept()[0].id.clone();
    office.desk.good(&format!("mops novita auth delete {id}")).await;
    let (code, causes, _) = diagnosed(&office, "").await;
    assert_eq!((code, causes), (1, vec!["NOVITA_AUTH_NOT_FOUND".to_owned()]));

    let (code, causes, _) = diagnosed(&office, "NOVITA_API_KEY=canary-refused-0123456789").await;
    assert_eq!((code, causes), (1, vec!["NOVITA_KEY_INVALID".to_owned()]));
    let sent = office.novita().calls().len();
    let (code, causes, _) = diagnosed(&office, "env -u NOVITA_API_KEY").await;
    assert_eq!((code, causes), (1, vec!["NOVITA_KEY_MISSING".to_owned()]));
    assert_eq!(office.novita().calls().len(), sent, "nothing is sent without a key");
}
