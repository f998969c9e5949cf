//! The plan as a file: private, without a secret, and believed only when it is as it was written.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use mops_core::Value;
use mops_engine::error::{EngineError, Exit};
use mops_engine::plan::saved::{SavedPlan, json_schema};
use mops_engine::program::Expr;
use mops_engine::run::UpOptions;
use mops_engine::state::Sealer;
use mops_host::{Env, fsx};
use mops_tests::rig::{Rig, program, thing};
use serde_json::json;

use super::{Facts, carry_out, room, save};

async fn saved(home: &Path) -> (Rig, PathBuf) {
    let rig = Rig::new(home);
    save(&rig, &program(vec![thing("a", json!({}))]), &Facts::new(), &UpOptions::default()).await.unwrap();
    (rig, home.join("p.plan"))
}

fn refusal(path: &Path, home: &Path) -> String {
    let error = SavedPlan::read(path, home).unwrap_err();
    assert!(matches!(error, EngineError::UnusablePlan { .. }) && error.exit() == Exit::Usage, "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn what_cannot_be_believed_is_refused_by_name() {
    let (home, elsewhere) = (room(), room());
    let (_, path) = saved(home.path()).await;
    let mode = |m: u32| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(m)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    mode(0o640);
    assert!(refusal(&path, home.path()).contains("640"));
    mode(0o600);
    assert!(refusal(&path, elsewhere.path()).contains("another home folder"));
    assert!(refusal(&home.path().join("none"), home.path()).contains("no such file"));
    let text = fsx::read_text(&path).unwrap();
    let rows = [
        (text.replace("\"version\": 1", "\"version\": 2"), "a newer mops"),
        (text.replace("\"type\": \"plan\"", "\"type\": \"event\""), "not a plan"),
        (text.replace("\"create\"", "\"update\""), "changed after it was saved"),
        (text.replace("\"sequence\": 0", "\"sequence\": 1"), "changed after it was saved"),
        (text[..text.len() / 2].to_owned(), "damaged"),
        (text.replace("\"salt\"", "\"sult\""), "damaged"),
        (String::new(), "not a plan"),
    ];
    for (changed, why) in rows {
        assert_ne!(changed, text, "{why}");
        fsx::replace(&path, changed.as_bytes()).unwrap();
        assert!(refusal(&path, home.path()).contains(why), "{why}: {}", refusal(&path, home.path()));
    }
}

#[tokio::test]
async fn a_plan_of_another_stack_says_whose_it_is() {
    let home = room();
    let (rig, path) = saved(home.path()).await;
    let plan = SavedPlan::read(&path, home.path()).unwrap();
    let mut other = program(vec![thing("a", json!({}))]);
    other.stack.stack = "other".into();
    let options = mops_engine::state::OpenOptions { ..rig.open_options() };
    let mut store = mops_engine::state::Store::open(home.path(), &other.stack, options).await.unwrap();
    let approved = mops_engine::plan::saved::Approved { plan, basis: Facts::new().basis(home.path()) };
    let up = UpOptions { approved: Some(std::sync::Arc::new(approved)), ..UpOptions::default() };
    let error = rig.engine.up(&other, &mut store, &up).await.unwrap_err();
    assert!(error.to_string().contains("for stack `null.test`, not for `null.other`"), "{error}");
}

#[tokio::test]
async fn no_secret_is_in_it_and_nothing_that_gives_one_away() {
    const CANARY: &str = "literal-canary-5f2c";
    let home = room();
    let mut rig = Rig::new(home.path());
    rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "p")]);
    let make = |value: &str, secret: &str| {
        let mut one = thing("a", json!({"value": value, "data": {"token": {"from_env": "ROTATED"}}}));
        if let Expr::Map(members) = &mut one.inputs {
            members.insert("secret".into(), Expr::Value(Value::from(secret).into_secret()));
        }
        program(vec![one])
    };
    rig.up(&make("one", "an-older-canary-77")).await.unwrap();
    let wanted = make("two", CANARY);
    // A secret in clear can be compared only with the passphrase at hand.
    let sealer = Sealer::new(home.path(), &mops_tests::null::stack(), &rig.env, rig.read().unwrap().salt);
    let options = UpOptions { sealer: Some(std::sync::Arc::new(sealer)), ..UpOptions::default() };
    let (plan, saved) = save(&rig, &wanted, &Facts::new(), &options).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    let text = fsx::read_text(&home.path().join("p.plan")).unwrap();
    let source = "a-secret-by-source-canary";
    for secret in [CANARY, source, "an-older-canary-77"] {
        let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
        assert!(!text.contains(secret) && !text.contains(&base64[..12]), "{text}");
    }
    assert!(!format!("{saved:?}").contains("canary"));
    let schema: serde_json::Value = json_schema();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    for field in plan.as_object().unwrap().keys() {
        assert!(schema["properties"].get(field).is_some(), "`{field}` is not in the schema");
    }
    assert_eq!(carry_out(&rig, &wanted, &Facts::new(), &saved).await.unwrap().totals.updated, 1);
}
