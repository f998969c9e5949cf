//! `mops novita instance` and `check` through the built program: six steps that can be read, one way to sign in, no value
//! out of its limits sent, one instance whatever is lost (V-04 to V-07, V-11, V-14, E-10, M-14).

use mops_tests::novita::{Hostile, Passwords};
use serde_json::{Value, json};

use crate::novita::Office;

/// The template of the guide, with what a request needs beside it.
fn template(auth: &str) -> String {
    format!(
        "id: custom-template\nname: Private PyTorch Environment\nimageUrl: registry.company.com/ai/pytorch:latest\n\
         imageAuth: {auth}\nproductId: 4090-1\ngpuNum: 1\nrootfsSize: 60\nports:\n  - {{port: 8888, type: http, name: jupyter}}\n  \
         - {{port: 22, type: tcp, name: ssh}}\nenvs:\n  - {{name: JUPYTER_TOKEN, value: canary-token-of-jupyter}}\n"
    )
}

fn office() -> (Office, String) {
    let office = Office::new();
    office.novita().auth("other.io", "somebody", "canary-other");
    let id = office.novita().auth("registry.company.com", "puller", "canary-password");
    office.desk.place.write("trainer.yaml", &template(&id));
    (office, id)
}

fn created(office: &Office) -> Vec<Value> {
    office.novita().sent("/v1/gpu/instance/create")
}

#[tokio::test]
async fn v_05_v_06_six_steps_lead_to_an_instance_with_the_id_of_its_login() {
    let (office, id) = office();
    let said = office.desk.good("mops novita instance create --template trainer.yaml -v").await;
    let steps = [
        format!("1 template: imageAuth {id}"),
        "2 list: 2 registry logins".to_owned(),
        format!("3 match: {id} is {id} of registry.company.com"),
        "4 extract: user puller, password masked by service".to_owned(),
        format!("5 format: imageAuthId {id}"),
        "6 include: request for private-pytorch-environment-mops-".to_owned(),
    ];
    let mut rest = said.as_str();
    for step in &steps {
        let (_, after) = rest.split_once(step.as_str()).unwrap_or_else(|| panic!("{step}: {said}"));
        rest = after;
    }
    let sent = &created(&office)[0];
    assert_eq!((&sent["imageAuthId"], sent.get("imageAuth")), (&json!(id), None));
    assert_eq!((&sent["ports"], &sent["kind"]), (&json!("8888/http,22/tcp"), &json!("gpu")));
    assert_eq!(sent["envs"], json!([{"key": "JUPYTER_TOKEN", "value": "canary-token-of-jupyter"}]));

    let (code, lines) = office.lines("mops novita instance create --template trainer.yaml").await;
    let told: Vec<u64> = lines.iter().filter_map(|l| l["step"].as_u64()).collect();
    assert_eq!((code, told), (0, vec![1, 2, 3, 4, 5, 6]), "{lines:?}");
    let last = lines.last().expect("the instance");
    assert_eq!(
        (&last["type"], &last["image_auth_id"], &last["adopted"]),
        (&json!("novita_instance_created"), &json!(id), &json!(false))
    );
    office.desk.place.write("named.yaml", &template("{name: registry.company.com}"));
    office.desk.good("mops novita instance create --template named.yaml").await;
    assert_eq!(created(&office)[2]["imageAuthId"], json!(id));
    office.novita().auth("registry.company.com", "puller2", "x");
    let (code, said) = office.desk.said("mops novita instance create --template named.yaml").await;
    assert!(code == 1 && said.contains("several registry logins fit"), "{said}");
}

#[tokio::test]
async fn v_05_a_template_of_the_service_is_taken_by_its_id() {
    let (office, id) = office();
    office.novita().template("tpl-1", json!({
        "name": "t", "image": "registry.company.com/a:1", "imageAuth": id, "ports": [{"type": "http", "ports": [80]}],
        "envs": [{"key": "A", "value": "b"}]
    }));
    office.desk.good("mops novita instance create --template tpl-1 --product p --disk 20 --gpus 2").await;
    let sent = &created(&office)[0];
    assert_eq!((&sent["imageAuthId"], &sent["gpuNum"], &sent["ports"]), (&json!(id), &json!(2), &json!("80/http")));
    let (code, said) = office.desk.said("mops novita instance create --template tpl-2 --product p --disk 20").await;
    assert!(code == 1 && said.contains("404") && said.contains("UNCLASSIFIED"), "{said}");
}

#[tokio::test]
async fn v_06_e_10_a_mask_is_never_sent_as_a_password() {
    let (office, id) = office();
    for shown in [Passwords::Masked, Passwords::Shared] {
        office.novita().shows(shown);
        let line = "mops novita instance create --template trainer.yaml --inline-credentials";
        let (code, said) = office.desk.said(line).await;
        assert!(code == 1 && said.contains("NOVITA_PASSWORD_MASKED"), "{said}");
    }
    assert!(created(&office).is_empty());
    office.novita().shows(Passwords::Real);
    office.desk.good("mops novita instance create --template trainer.yaml --inline-credentials -v").await;
    let sent = &created(&office)[0];
    assert_eq!((sent["imageAuth"].as_str(), sent.get("imageAuthId")), (Some("puller:canary-password"), None));
    let odd = office.novita().auth("odd.io", "a:b", "canary-odd");
    office.desk.place.write("odd.yaml", &template(&odd));
    let (code, said) = office.desk.said("mops novita instance create --template odd.yaml --inline-credentials").await;
    assert!(code == 2 && said.contains("cannot be sent inline"), "{said}");
    assert_eq!((created(&office).len(), id.is_empty()), (1, false));
}

#[tokio::test]
async fn v_04_a_login_in_a_template_is_refused_before_anything_is_sent() {
    let (office, _) = office();
    office.desk.place.write("pair.yaml", &template("'puller:canary-password'"));
    office.desk.place.write("object.yaml", &template("{username: u, password: canary-password}"));
    for file in ["pair.yaml", "object.yaml"] {
        let (code, said) = office.desk.said(&format!("mops novita instance create --template {file}")).await;
        assert!(code == 2 && said.contains("imageAuth"), "{said}");
    }
    let (code, said) = office.desk.said("mops novita instance create --template nope.yaml").await;
    assert!(code == 2 && said.contains("there is no template `nope.yaml`") && !said.contains("stack file"), "{said}");
    let (code, said) =
        office.desk.said("mops novita instance create --image a --image-auth u:secretpart --product p").await;
    assert!(code == 2 && !said.contains("secretpart"), "{said}");
    assert!(office.novita().calls().is_empty());
}

#[tokio::test]
async fn v_07_a_value_out_of_its_limits_is_named_and_not_sent() {
    let (office, _) = office();
    let long = "x".repeat(501);
    for (flags, field) in [
        ("--gpus 9", "`gpuNum`"),
        ("--disk 9", "`rootfsSize`"),
        ("--billing monthly", "`month`"),
        ("--ports 22", "`--ports`"),
        (&format!("--image {long}"), "`imageUrl`"),
    ] {
        let (code, said) =
            office.desk.said(&format!("mops novita instance create --template trainer.yaml {flags}")).await;
        assert!(code == 2 && said.contains(field), "{flags}: {said}");
    }
    let (code, said) = office.desk.said("mops novita instance create --image a.io/x:1").await;
    assert!(code == 2 && said.contains("`productId`") && said.contains("`rootfsSize`"), "{said}");
    assert!(office.novita().calls().is_empty());
}

#[tokio::test]
async fn m_14_v_11_a_lost_answer_gives_one_instance_that_is_said_to_be_found() {
    let (office, _) = office();
    office.novita().turn("create", 1, Hostile::Lost);
    let said = office.desk.good("mops novita instance create --template trainer.yaml").await;
    assert!(said.contains("no second one was made"), "{said}");
    assert_eq!((office.novita().machines().len(), created(&office).len()), (1, 1));
    office.novita().turn("create", 9, Hostile::refusal(400, "INSUFFICIENT_RESOURCE", "none free"));
    let (code, said) = office.desk.said("mops novita instance create --template trainer.yaml").await;
    assert!(code == 1 && said.contains("NOVITA_CAPACITY") && said.contains("none free"), "{said}");
    assert_eq!(office.novita().machines().len(), 1);
}

#[tokio::test]
async fn an_instance_is_looked_at_stopped_started_and_deleted() {
    let (office, _) = office();
    let said = office.desk.good("mops novita instance create --template trainer.yaml 2>/dev/null").await;
    let id = said.trim().to_owned();
    let (code, lines) = office.lines(&format!("mops novita instance get {id}")).await;
    assert_eq!((code, &lines[0]["status"], &lines[0]["id"]), (0, &json!("toCreate"), &json!(id)));
    office.desk.good(&format!("mops novita instance stop {id}")).await;
    assert!(office.desk.good("mops novita instance list --status exited").await.contains(&id));
    office.desk.good(&format!("mops novita instance start {id}")).await;
    office.desk.good(&format!("mops novita instance delete {id}")).await;
    let (code, said) = office.desk.said(&format!("mops novita instance delete {id}")).await;
    assert!(code == 1 && said.contains("404"), "{said}");
    office.desk.good(&format!("mops novita instance delete {id} --idempotent")).await;
    assert!(office.novita().machines().is_empty());
}

#[tokio::test]
async fn v_14_the_way_to_novita_is_told_step_by_step() {
    let (office, _) = office();
    office.desk.good("mops novita instance create --template trainer.yaml").await;
    let said = office.desk.good("mops novita check").await;
    for words in
        ["api.novita.ai: 127.0.0.1", "certificate is good until", "key: accepted", "logins: 2, 2 of them", "1 toCreate"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, said) = office.desk.said("NOVITA_API_KEY=canary-wrong mops novita check").await;
    assert!(code == 1 && said.contains("✗ key: refused") && said.contains("cause: NOVITA_KEY_INVALID"), "{said}");
    office.novita().turn("auths", 1, Hostile::says(200, r#"{"data": "moved"}"#));
    let (code, lines) = office.lines("mops novita check").await;
    assert_eq!((code, &lines[0]["key"]), (1, &json!("not known")));
    assert_eq!(lines[0]["findings"][0]["cause_id"], json!("NOVITA_BAD_RESPONSE"));
    let (code, said) = office.desk.said("NOVITA_API_BASE_URL=https://127.0.0.1:1 mops novita check").await;
    assert!(code == 3 && said.contains("NOVITA_NETWORK"), "{said}");
    let plain =
        "sed /ca_file/d \"$MOPS_CLOUD\" > plain.yaml; chmod 600 plain.yaml; mops novita check --cloud plain.yaml";
    let (code, said) = office.desk.said(plain).await;
    assert!(code == 3 && said.contains("TLS_UNTRUSTED"), "{said}");
    let sent = office.novita().calls().len();
    let (code, said) = office.desk.said("env -u NOVITA_API_KEY mops novita check </dev/null").await;
    assert!(code == 2 && said.contains("NOVITA_KEY_MISSING"), "{said}");
    assert_eq!(office.novita().calls().len(), sent);
}
