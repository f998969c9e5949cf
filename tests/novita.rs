//! `mops novita` through the built program, before the fake of Novita in a sandbox: what it prints, what it sends, how it
//! ends; and that no key and no password is seen anywhere (V-01 to V-16).

use mops_tests::novita::{Hostile, Passwords};
use serde_json::{Value, json};

use crate::desk::Desk;

const KEY: &str = "canary-key-of-novita-0123456789";
const PASSWORD: &str = "canary-password:with=signs";

pub(crate) struct Office {
    pub(crate) desk: Desk,
}

impl Office {
    pub(crate) fn new() -> Self {
        let mut desk = Desk::new();
        desk.sandbox.novita().key(KEY);
        desk.place.set("NOVITA_API_KEY", KEY);
        desk.place.write("password", PASSWORD);
        Self { desk }
    }

    pub(crate) fn novita(&self) -> &mops_tests::novita::Novita {
        self.desk.sandbox.novita()
    }

    /// The lines for programs.
    pub(crate) async fn lines(&self, line: &str) -> (i32, Vec<Value>) {
        let (code, said) = self.desk.said(&format!("{line} --json")).await;
        let objects = said.lines().filter(|l| l.starts_with('{'));
        let lines = objects.map(|l| serde_json::from_str(l).expect("an object a line"));
        (code, lines.filter(|l: &Value| l["type"] != "cloud").collect())
    }
}

#[tokio::test]
async fn v_01_the_list_has_no_passwords() {
    let office = Office::new();
    let said = office.desk.good("mops novita auth list").await;
    assert!(said.contains("keeps no registry login"), "{said}");
    let id = office.novita().auth("myacr.azurecr.io", "puller", "canary-one");
    office.novita().shows(Passwords::Real);
    let said = office.desk.good("mops novita auth list -v").await;
    assert!(said.contains(&id) && said.contains("myacr.azurecr.io") && said.contains("puller"), "{said}");
    let (code, lines) = office.lines("mops novita auth list").await;
    let wanted =
        json!({"type": "novita_auth", "version": 1, "id": id, "name": "myacr.azurecr.io", "username": "puller"});
    assert_eq!((code, lines), (0, vec![wanted]));
}

#[tokio::test]
async fn v_02_an_id_is_exact_and_an_absent_one_has_its_nearest() {
    let office = Office::new();
    let id = office.novita().auth("a.io", "u", "p");
    office.novita().auth("b.io", "u", "p");
    assert!(office.desk.good(&format!("mops novita auth get {id}")).await.contains("a.io"));
    let wrong = id.to_uppercase();
    let (code, said) = office.desk.said(&format!("mops novita auth get {wrong}")).await;
    assert_eq!(code, 1, "{said}");
    for words in
        ["Registry authentication not found for ID", &id, "upper and lower case differ", "NOVITA_AUTH_NOT_FOUND"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, lines) = office.lines(&format!("mops novita auth get {wrong}")).await;
    assert_eq!((code, &lines[0]["kind"]), (1, &json!("REGISTRY_AUTH_NOT_FOUND")));
    assert_eq!((&lines[0]["cause"], &lines[0]["exit"]), (&json!("NOVITA_AUTH_NOT_FOUND"), &json!(1)));
}

#[tokio::test]
async fn v_03_a_login_is_created_by_every_way_but_the_command_line_and_deleted() {
    let office = Office::new();
    for how in [
        "--password-stdin < password".to_owned(),
        "--password-file password".to_owned(),
        "--password-env MINE".to_owned(),
    ] {
        let line = format!("chmod 600 password; MINE='{PASSWORD}' mops novita auth create a.io -u puller {how}");
        let said = office.desk.good(&line).await;
        let kept = office.novita().kept().pop().expect("it is kept");
        assert_eq!((kept.name.as_str(), kept.username.as_str(), kept.password.as_str()), ("a.io", "puller", PASSWORD));
        assert!(said.contains(&kept.id), "{said}");
    }
    let (code, said) = office.desk.said("mops novita auth create a.io -u puller </dev/null").await;
    assert!(code == 2 && said.contains("--password-stdin"), "{said}");
    let sent = office.novita().sent("save").len();
    let (code, said) = office.desk.said("printf '' | mops novita auth create a.io -u puller --password-stdin").await;
    assert_eq!((code, office.novita().sent("save").len()), (2, sent), "{said}");

    let id = office.novita().kept()[0].id.clone();
    office.desk.place.write("templates/one.yaml", &format!("imageUrl: a.io/x:1\nimageAuth: {id}\n"));
    let (code, said) = office.desk.said(&format!("mops novita auth delete {id} --templates templates")).await;
    assert!(code == 1 && said.contains("one.yaml"), "{said}");
    assert_eq!(office.novita().kept().len(), 3);
    office.novita().turn("delete", 1, Hostile::says(200, r#"{"success": false, "message": "in use"}"#));
    let (code, said) = office.desk.said(&format!("mops novita auth delete {id}")).await;
    assert!(code == 1 && said.contains("in use") && said.contains("UNCLASSIFIED"), "{said}");
    office.desk.good(&format!("mops novita auth delete {id}")).await;
    let (code, said) = office.desk.said(&format!("mops novita auth delete {id}")).await;
    assert!(code == 1 && said.contains("Registry authentication not found for ID"), "{said}");
    office.desk.good(&format!("mops novita auth delete {id} --idempotent")).await;
    assert_eq!(office.novita().kept().len(), 2);
}

#[tokio::test]
async fn v_08_a_refused_key_has_both_texts_and_its_cause() {
    let office = Office::new();
    let (code, said) = office.desk.said("NOVITA_API_KEY=canary-another mops novita auth list").await;
    assert_eq!(code, 1, "{said}");
    for words in
        ["Unauthorized access to registry auths", "Authentication failed - check API key", "NOVITA_KEY_INVALID"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    office.novita().turn("auths", 1, Hostile::says(200, r#"{"message": "maintenance"}"#));
    let (code, said) = office.desk.said("mops novita auth list").await;
    assert!(code == 1 && said.contains("NOVITA_BAD_RESPONSE") && said.contains("maintenance"), "{said}");
    office.novita().turn("auths", 1, Hostile::says(418, r#"{"teapot": "canary"}"#));
    let (code, said) = office.desk.said("mops novita auth list").await;
    assert!(code == 1 && said.contains("UNCLASSIFIED") && said.contains("teapot"), "{said}");
}

#[tokio::test]
async fn v_09_without_a_key_nothing_is_sent() {
    let office = Office::new();
    for verb in ["auth list", "auth get x", "auth create a.io -u u --password-file password", "auth delete x"] {
        let line = format!("chmod 600 password; env -u NOVITA_API_KEY mops novita {verb} </dev/null");
        let (code, said) = office.desk.said(&line).await;
        assert!(code == 2 && said.contains("NOVITA_KEY_MISSING") && said.contains("NOVITA_API_KEY"), "{verb}: {said}");
    }
    assert!(office.novita().calls().is_empty());
    for line in [
        format!("MINE={KEY} env -u NOVITA_API_KEY mops novita auth list --key-env MINE"),
        format!("echo {KEY} | env -u NOVITA_API_KEY mops novita auth list --key-stdin"),
    ] {
        office.desk.good(&line).await;
    }
    let (code, said) = office.desk.said("mops novita auth get sk_0123456789abcdef").await;
    assert!(code == 2 && said.contains("history"), "{said}");
}

#[tokio::test]
async fn v_10_the_address_is_https_with_or_without_its_version() {
    let office = Office::new();
    for base in ["https://api.novita.ai/gpu-instance/openapi/v1", "https://api.novita.ai/gpu-instance/openapi/"] {
        office.desk.good(&format!("NOVITA_API_BASE_URL={base} mops novita auth list")).await;
    }
    let sent = office.novita().calls().len();
    for base in ["http://api.novita.ai/gpu-instance/openapi", "https://u:canary@api.novita.ai", "novita"] {
        let (code, said) = office.desk.said(&format!("NOVITA_API_BASE_URL={base} mops novita auth list")).await;
        assert!(code == 2 && said.contains("NOVITA_API_BASE_URL"), "{base}: {said}");
    }
    assert_eq!(office.novita().calls().len(), sent);
    let (code, said) = office.desk.said("NOVITA_API_BASE_URL=http://127.0.0.1:1/v1 mops novita auth list").await;
    assert!(code == 3 && said.contains("Network error - unable to connect"), "{said}");
    assert!(said.contains("NOVITA_NETWORK"), "{said}");
}
