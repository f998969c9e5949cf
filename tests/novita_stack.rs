//! `novita:` of a stack file through the built program: a pull-only token of its own at the registry, the login that Novita
//! keeps of it, an instance that is made once, and nothing left afterwards (V-16, M-14).

use mops_host::fsx;
use mops_tests::control::ask;
use mops_tests::job::example;
use mops_tests::novita::{Hostile, Kept};
use serde_json::json;

use crate::novita::Office;

const FILE: &str = "novita.yaml";

fn office() -> Office {
    let office = Office::new();
    office.desk.place.write(FILE, &example("novita/novita.yaml"));
    office
}

async fn up(office: &Office) -> String {
    office.desk.good(&format!("mops infra up {FILE} --yes")).await
}

fn kept(office: &Office) -> Kept {
    let all = office.novita().kept();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

/// Everything that was written, in one text.
fn written(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &written(&path);
        } else {
            text += &String::from_utf8_lossy(&fsx::read(&path).unwrap_or_default());
        }
    }
    text
}

#[tokio::test]
async fn v_16_a_stack_has_its_own_login_and_one_instance_and_goes_without_a_rest() {
    let office = office();
    office.novita().turn("create", 1, Hostile::Lost);
    up(&office).await;
    let login = kept(&office);
    assert_eq!((login.name.as_str(), login.username.as_str()), ("modelopsnovita.azurecr.io", "modelops-dev-novita"));
    let machines = office.novita().machines();
    assert_eq!(
        (machines.len(), office.novita().sent("/instance/create").len()),
        (1, 1),
        "a lost answer makes no second one"
    );
    assert_eq!(machines[0].1["imageAuthId"], login.id.as_str());
    assert!(machines[0].1.get("imageAuth").is_none());

    let written = written(office.desk.place.path().join("home").as_path());
    assert!(!written.contains(&login.password) && !written.contains("canary-key-of-novita"), "a secret was written");

    let said = up(&office).await;
    assert!(said.contains("no change"), "{said}");
    assert_eq!((office.novita().sent("/auth/save").len(), office.novita().machines().len()), (1, 1));

    office.desk.good("mops infra down --destroy-all --yes").await;
    assert!(office.novita().kept().is_empty() && office.novita().machines().is_empty());
}

#[tokio::test]
async fn v_16_a_login_is_replaced_before_the_old_one_goes() {
    let office = office();
    up(&office).await;
    let ids = |office: &Office| office.novita().machines().into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
    let (before, machines) = (kept(&office), ids(&office));
    // Somebody makes the token's password anew: the one that state holds opens nothing any more.
    let edit = json!({"end": "/tokens/modelops-dev-novita", "pointer": "/properties/credentials/passwords/0/creationTime",
        "value": "2026-01-01T00:00:00.0000000Z", "by": "somebody"});
    ask(office.desk.sandbox.control(), "POST", "/behind/edit", &edit.to_string()).expect("the sandbox");
    office.desk.good(&format!("mops infra up {FILE} --refresh --yes")).await;
    let after = kept(&office);
    assert_eq!((&after.name, &after.username), (&before.name, &before.username));
    assert!(after.id != before.id && after.password != before.password, "the login is the old one");
    let order: Vec<String> = office.novita().calls().into_iter().map(|(line, _)| line).collect();
    let at = |path: &str| order.iter().rposition(|line| line.ends_with(path)).expect("it was asked");
    assert!(at("/auth/save") < at("/auth/delete"), "{order:?}");
    // The instance has its image: it stays, and what it pays for with it.
    assert_eq!(ids(&office), machines, "another login made another instance");
    assert_eq!(office.novita().sent("/instance/create").len(), 1);
    let said = up(&office).await;
    assert!(said.contains("no change"), "{said}");
}

#[tokio::test]
async fn what_a_section_cannot_be_has_its_place() {
    let office = office();
    let good = example("novita/novita.yaml");
    for (from, to, words) in [
        ("registry: self", "registry: ghcr.io", "can only be `self`"),
        ("registry_auth: my-acr", "registry_auth: other", "is none of `registry_auths`"),
        ("registry: {name: modelopsnovita}\n", "storage: {}\n", "needs a registry that this stack makes"),
        ("gpus: 1", "gpus: 9", "gpus"),
        ("disk: 60", "disk: 9", "disk"),
    ] {
        assert!(good.contains(from), "{from}");
        office.desk.place.write(FILE, &good.replace(from, to));
        let (code, said) = office.desk.said(&format!("mops infra validate {FILE}")).await;
        assert!(code == 2 && said.contains(words) && said.contains(&format!("{FILE}:")), "{to}: {said}");
    }
    office.desk.place.write(FILE, &good);
    let (code, said) = office.desk.said(&format!("env -u NOVITA_API_KEY mops infra up {FILE} --yes")).await;
    assert!(code != 0 && said.contains("NOVITA_API_KEY"), "{said}");
    assert!(office.novita().calls().is_empty());
}
