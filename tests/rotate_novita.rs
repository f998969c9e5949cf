//! `mops auth rotate novita` through the built program: another password is another login, which is proven at its registry
//! and named by every template before the old one goes; what is not proven changes nothing (V-15).

use mops_host::fsx;
use mops_tests::novita::Hostile;

use crate::desk::GOOD;
use crate::novita::Office;

/// A login of NGC's registry in a template, beside a template of another one.
fn office() -> (Office, String) {
    let office = Office::new();
    let old = office.novita().auth("nvcr.io", "$oauthtoken", "canary-old");
    let other = office.novita().auth("a.io", "u", "canary-other");
    office.desk.place.write("templates/one.yaml", &template(&old));
    office.desk.place.write("templates/two.yaml", &template(&other));
    (office, old)
}

fn template(auth: &str) -> String {
    format!(
        "# one of ours\nimage: nvcr.io/nim/acme/server:1\nimageAuth: {auth}   # kept\nenvs: [{{key: ID, value: {auth}}}]\n"
    )
}

fn file(office: &Office, name: &str) -> String {
    fsx::read_text(&office.desk.place.path().join(name)).unwrap_or_default()
}

fn journal(office: &Office) -> bool {
    std::fs::read_dir(office.desk.place.path().join("home/.modelops/rotation"))
        .is_ok_and(|mut all| all.next().is_some())
}

#[tokio::test]
async fn v_15_a_new_login_is_proven_named_and_only_then_the_old_one_goes() {
    let (office, old) = office();
    let two = file(&office, "templates/two.yaml");
    let line = format!("mops auth rotate novita {old} --templates templates --password-stdin --yes");
    let said = office.desk.good(&format!("{line} --plan < good")).await;
    assert!(said.contains("one.yaml") && office.novita().sent("save").is_empty(), "{said}");

    let unasked = line.replace(" --yes", "");
    let (code, said) = office.desk.said(&format!("{unasked} < good")).await;
    assert!(code == 2 && said.contains("--yes") && office.novita().sent("save").is_empty(), "{said}");

    let (code, said) = office.desk.said(&format!("{line} < bad")).await;
    assert!(code == 1 && said.contains("nothing was changed"), "{said}");
    assert_eq!((office.novita().sent("save").len(), file(&office, "templates/one.yaml")), (0, template(&old)));

    office.desk.good(&format!("{line} < good")).await;
    let kept = office.novita().kept();
    let new = kept.iter().find(|auth| auth.name == "nvcr.io").expect("the new one");
    assert_eq!((kept.len(), new.password.as_str(), new.id != old), (2, GOOD, true));
    let moved = template(&old).replace(&format!("imageAuth: {old}"), &format!("imageAuth: {}", new.id));
    assert_eq!((file(&office, "templates/one.yaml"), file(&office, "templates/two.yaml")), (moved, two));
    assert!(!journal(&office), "the journal was left");
    let calls: Vec<String> = office.novita().calls().into_iter().map(|(line, _)| line).collect();
    let at = |path: &str| calls.iter().position(|line| line.ends_with(path)).expect("it was asked");
    assert!(at("/auth/save") < at("/auth/delete"), "{calls:?}");
}

#[tokio::test]
async fn v_15_a_run_that_ended_half_way_is_taken_up_without_a_third_login() {
    let (office, old) = office();
    let line = format!("mops auth rotate novita {old} --templates templates --password-stdin --yes");
    office.novita().turn("auth/delete", 1, Hostile::refusal(503, "X", "later"));
    let (code, said) = office.desk.said(&format!("{line} < good")).await;
    assert!(code != 0 && journal(&office), "{said}");
    assert_eq!(
        (office.novita().kept().len(), office.novita().sent("save").len()),
        (3, 1),
        "the old one is still valid"
    );
    office.desk.good(&format!("{line} < good")).await;
    assert_eq!((office.novita().kept().len(), office.novita().sent("save").len()), (2, 1));
    assert!(!journal(&office));
    let (code, said) = office.desk.said(&format!("{line} < good")).await;
    assert!(code == 1 && said.contains("Registry authentication not found for ID"), "{said}");
}
