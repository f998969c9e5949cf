//! Promise: over layouts of roles, scopes and deny assignments made by chance, the look before the first write refuses
//! what Azure would refuse and nothing else. The judge here is of its own make: actions by name, patterns by recursion.
//! `MOPS_CASES` sets the number of layouts.

use mops_core::preflight::{Intent, Planned, Planning};
use mops_core::{Cancel, Provider as _, Value};
use mops_tests::dice::{Dice, cases, seed};
use serde_json::json;

use crate::stand::{SUBSCRIPTION, Stand};

/// What the samples need the right for; the first only where the group is new.
const NEEDED: [&str; 5] = [
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.ContainerRegistry/registries/write",
    "Microsoft.Storage/storageAccounts/write",
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
];
const ROLES: [(&[&str], &[&str]); 9] = [
    (&["*"], &[]),
    (&["*"], &["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"]),
    (&["*/read"], &[]),
    (&["Microsoft.Storage/*", "Microsoft.Resources/subscriptions/resourceGroups/*"], &[]),
    (
        &["Microsoft.ContainerRegistry/*", "Microsoft.ContainerService/managedClusters/*"],
        &["*/listClusterAdminCredential/action"],
    ),
    (&["Microsoft.*/write", "microsoft.containerservice/*/action"], &["Microsoft.Storage/storageAccounts/write"]),
    (&["*/write", "*/action"], &[]),
    (&["Microsoft.Storage/storageAccounts/write"], &[]),
    (&["Microsoft.ContainerService/*"], &["Microsoft.ContainerService/managedClusters/write"]),
];
const DENIED: [&str; 4] = ["*/write", "Microsoft.Storage/*", "*", "Microsoft.Compute/*"];
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

struct Layout {
    roles: Vec<(String, usize)>,
    denies: Vec<Deny>,
    new_group: bool,
}

struct Deny {
    scope: String,
    pattern: &'static str,
    principal: (String, &'static str),
    spares_us: bool,
}

fn layout(dice: &mut Dice, me: &str) -> Layout {
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let scopes = [
        subscription.clone(),
        format!("{subscription}/resourceGroups/sample-rg"),
        format!("{subscription}/resourceGroups/other"),
    ];
    let roles = (0..1 + dice.below(4)).map(|_| (dice.pick(&scopes).clone(), dice.below(ROLES.len()))).collect();
    let principals = [
        (EVERYBODY.to_owned(), "SystemDefined"),
        (me.to_owned(), "ServicePrincipal"),
        ("a-group".to_owned(), "Group"),
        ("x".to_owned(), "User"),
    ];
    let few = if dice.percent(40) { 1 + dice.below(2) } else { 0 };
    let deny = |dice: &mut Dice| Deny {
        scope: dice.pick(&scopes).clone(),
        pattern: DENIED[dice.below(DENIED.len())],
        principal: dice.pick(&principals).clone(),
        spares_us: dice.percent(30),
    };
    Layout { roles, denies: (0..few).map(|_| deny(dice)).collect(), new_group: dice.percent(50) }
}

/// Whether a pattern covers an action, character by character.
fn covers(pattern: &[u8], action: &[u8]) -> bool {
    match (pattern.split_first(), action.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if covers(rest, action) => true,
        (Some((b'*', _)), Some((_, tail))) => covers(pattern, tail),
        (Some((p, rest)), Some((a, tail))) => p.eq_ignore_ascii_case(a) && covers(rest, tail),
        _ => false,
    }
}

impl Layout {
    fn scope(&self) -> String {
        let group = if self.new_group { "" } else { "/resourceGroups/sample-rg" };
        format!("/subscriptions/{SUBSCRIPTION}{group}")
    }

    /// Whether Azure lets us.
    fn allows(&self, action: &str, me: &str) -> bool {
        let scope = self.scope();
        let above = |at: &str| scope == at || scope.starts_with(&format!("{at}/"));
        let any = |patterns: &[&str]| patterns.iter().any(|p| covers(p.as_bytes(), action.as_bytes()));
        let given = self.roles.iter().any(|(at, role)| above(at) && any(ROLES[*role].0) && !any(ROLES[*role].1));
        let about_us = |d: &Deny| !d.spares_us && (d.principal.0 == EVERYBODY || d.principal.0 == me);
        given && !self.denies.iter().any(|d| above(&d.scope) && any(&[d.pattern]) && about_us(d))
    }

    fn figures(&self, me: &str) -> serde_json::Value {
        let role =
            |(at, role): &(String, usize)| json!([at, {"actions": ROLES[*role].0, "notActions": ROLES[*role].1}]);
        let deny = |d: &Deny| {
            let spared = if d.spares_us { json!([{"id": me, "type": "ServicePrincipal"}]) } else { json!([]) };
            json!({"properties": {
                "denyAssignmentName": "d", "scope": d.scope, "excludePrincipals": spared,
                "permissions": [{"actions": [d.pattern], "notActions": []}],
                "principals": [{"id": d.principal.0, "type": d.principal.1}],
            }})
        };
        json!({"permissions": self.roles.iter().map(role).collect::<Vec<_>>(),
               "denies": self.denies.iter().map(deny).collect::<Vec<_>>()})
    }
}

fn planning(stand: &Stand, new_group: bool) -> Planning {
    let names = ["ResourceGroup", "ContainerRegistry", "StorageAccount", "ManagedCluster"];
    let entries = mops_resources::entries();
    let planned = |name: &&str| {
        let token = format!("modelops:azure:{name}");
        let entry = entries.iter().find(|entry| entry.schema().token == token).expect("it is listed");
        let intent = if *name == "ResourceGroup" && !new_group { Intent::Adopt } else { Intent::Create };
        let inputs: Value = entry.samples().remove(0);
        Planned { urn: stand.urn(&token, name), intent, known: None, inputs, dependencies: Vec::new() }
    };
    Planning { resources: names.iter().map(planned).collect(), preview: false, cancel: Cancel::new() }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn rights_are_judged_as_azure_judges_them() {
    let stand = Stand::in_real_time();
    let me = stand.sandbox.world().application.client_id.clone();
    let (mut false_alarms, mut missed, mut refused) = (Vec::new(), Vec::new(), 0);
    let layouts = cases(40);
    for case in 0..layouts {
        let layout = layout(&mut Dice::new(seed() + case), &me);
        stand.sandbox.arm().state().figures.set(&layout.figures(&me)).expect("figures");
        let found = stand.provider().preflight(&planning(&stand, layout.new_group)).await;
        let told: Vec<String> = found.refusals.iter().map(|r| r.failure.reason.clone()).collect();
        let told = told.join("\n");
        refused += usize::from(!told.is_empty());
        // Of what a deny assignment takes away, the first is named.
        let denied = told.contains("deny assignment");
        for action in NEEDED.into_iter().skip(usize::from(!layout.new_group)) {
            let named = told.contains(&format!("`{action}`"));
            match (layout.allows(action, &me), named) {
                (true, true) => false_alarms.push(format!("case {case}: {action}\n{told}")),
                (false, false) if !denied => missed.push(format!("case {case}: {action}\n{told}")),
                _ => {}
            }
        }
    }
    println!(
        "preflight-rights layouts={layouts} refused={refused} false_alarms={} missed={}",
        false_alarms.len(),
        missed.len()
    );
    assert!(false_alarms.is_empty() && missed.is_empty(), "{false_alarms:#?}\n{missed:#?}");
    assert!(refused > 0 && refused < usize::try_from(layouts).expect("few"), "the layouts are all of one kind");
}
