//! What may happen between a preview and the run that it approved.

use std::collections::BTreeSet;

use mops_core::{Urn, Value};
use mops_engine::plan::{Op, Plan};
use mops_engine::program::{Expr, Program};
use mops_host::fsx;
use mops_tests::dice::Dice;
use mops_tests::null::{Thing, name_of};
use mops_tests::rig::{Rig, thing};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Facts;

/// Program and facts of one case.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) first: Program,
    pub(crate) wanted: Program,
    pub(crate) facts: Facts,
}

impl PartialEq for Around {
    fn eq(&self, other: &Self) -> bool {
        (&self.wanted, &self.facts.text, &self.facts.env) == (&other.wanted, &other.facts.text, &other.facts.env)
    }
}

impl Around {
    /// A thing with a secret source, in both programs.
    pub(crate) fn add_source(&mut self) {
        for program in [&mut self.first, &mut self.wanted] {
            program.resources.push(thing("sourced", json!({"data": {"token": {"from_env": "ROTATED"}}})));
        }
    }
}

/// The kinds of change; each is one entry, so that none can be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    FileText,
    FileValue,
    FileAdds,
    FileDrops,
    FileProtects,
    FileOrders,
    SecretRotated,
    SecretGone,
    StateSaved,
    StateForgets,
    StateWentOn,
    StateGone,
    StateEdited,
    StateOfAnotherLineage,
    WorldGone,
    WorldEdited,
    WorldUnmarked,
    WorldOfAnotherStack,
    WorldOfAnotherLineage,
    WorldHasIt,
}

impl Change {
    pub(crate) const ALL: [Self; 20] = [
        Self::FileText,
        Self::FileValue,
        Self::FileAdds,
        Self::FileDrops,
        Self::FileProtects,
        Self::FileOrders,
        Self::SecretRotated,
        Self::SecretGone,
        Self::StateSaved,
        Self::StateForgets,
        Self::StateWentOn,
        Self::StateGone,
        Self::StateEdited,
        Self::StateOfAnotherLineage,
        Self::WorldGone,
        Self::WorldEdited,
        Self::WorldUnmarked,
        Self::WorldOfAnotherStack,
        Self::WorldOfAnotherLineage,
        Self::WorldHasIt,
    ];

    pub(crate) const fn is_of_the_world(self) -> bool {
        self as u8 >= Self::WorldGone as u8
    }

    /// Makes it; false when this case has nothing that it could be made to.
    pub(crate) async fn make(self, dice: &mut Dice, rig: &Rig, around: &mut Around, plan: &Plan) -> bool {
        match self {
            Self::FileText => around.facts.text.push_str("\n# only a comment"),
            Self::SecretRotated => {
                around.facts.env.insert("ROTATED".into(), "another-secret-by-source".into());
            }
            Self::SecretGone => around.facts.env.clear(),
            _ if self.is_of_the_world() => return self.in_world(dice, rig, around, plan),
            Self::StateSaved | Self::StateForgets | Self::StateWentOn => return self.by_a_run(dice, rig, around).await,
            Self::StateGone | Self::StateEdited | Self::StateOfAnotherLineage => return self.by_hand(rig),
            _ => return self.in_file(dice, &mut around.wanted),
        }
        true
    }

    fn in_file(self, dice: &mut Dice, wanted: &mut Program) -> bool {
        let i = dice.below(wanted.resources.len());
        match self {
            Self::FileAdds => wanted.resources.push(thing("added", json!({}))),
            Self::FileDrops => {
                let needed: BTreeSet<Urn> = wanted
                    .resources
                    .iter()
                    .flat_map(|r| r.dependencies().into_iter().chain(r.deleted_with.clone()))
                    .collect();
                let Some(i) = wanted.resources.iter().position(|r| !needed.contains(&r.urn)) else { return false };
                wanted.resources.remove(i);
            }
            Self::FileProtects => wanted.resources[i].protect ^= true,
            Self::FileOrders if i > 0 && !wanted.resources[i].depends_on.contains(&wanted.resources[0].urn) => {
                let first = wanted.resources[0].urn.clone();
                wanted.resources[i].depends_on.push(first);
            }
            Self::FileValue => {
                if let Expr::Map(members) = &mut wanted.resources[i].inputs {
                    members.insert("value".into(), Expr::from("changed"));
                }
            }
            _ => return false,
        }
        true
    }

    async fn by_a_run(self, dice: &mut Dice, rig: &Rig, around: &Around) -> bool {
        let state = rig.read().unwrap();
        if self == Self::StateWentOn {
            let mut other = around.first.clone();
            other.resources.push(thing("other", json!({})));
            return rig.up(&other).await.is_ok_and(|r| r.changed());
        }
        if state.resources.is_empty() {
            return false;
        }
        let mut one = dice.pick(&state.resources).clone();
        let mut store = rig.open().await.unwrap();
        if self == Self::StateForgets {
            store.forget(std::slice::from_ref(&one.urn)).await.unwrap();
        } else {
            one.protect ^= true;
            store.save(one).await.unwrap();
        }
        true
    }

    fn by_hand(self, rig: &Rig) -> bool {
        let path = rig.folder().join("snapshot.json");
        let Ok(text) = fsx::read_text(&path) else { return false };
        if self == Self::StateGone {
            std::fs::remove_dir_all(rig.folder()).unwrap();
            return true;
        }
        let lineage = rig.read().unwrap().lineage.0;
        let changed = match self {
            Self::StateOfAnotherLineage => text.replacen(&lineage, &lineage.replace(['0', '1', '2', '3'], "f"), 1),
            _ => text.replacen("\"value\":\"v", "\"value\":\"w", 1),
        };
        let body = changed.find('\n').unwrap() + 1;
        let sum: String = Sha256::digest(&changed.as_bytes()[body..]).iter().map(|b| format!("{b:02x}")).collect();
        let head = format!("{{\"mops\":{{\"sum\":\"{sum}\",\n");
        fsx::replace(&path, format!("{head}{}", &changed[body..]).as_bytes()).unwrap();
        changed != text
    }

    fn in_world(self, dice: &mut Dice, rig: &Rig, around: &Around, plan: &Plan) -> bool {
        if self == Self::WorldHasIt {
            return stranger(rig, around, plan);
        }
        let bound: Vec<String> = bound(rig, around, plan).into_iter().collect();
        if bound.is_empty() {
            return false;
        }
        let name = dice.pick(&bound);
        let Some(mut found) = rig.null.things().remove(name) else { return false };
        let Some((stack, urn, lineage)) = found.mark.clone() else { return false };
        match self {
            Self::WorldGone => {
                rig.null.steal(name);
                return true;
            }
            Self::WorldEdited => found.inputs["value"] = json!("edited"),
            Self::WorldUnmarked => found.mark = None,
            Self::WorldOfAnotherStack => found.mark = Some(("null.other".into(), urn, lineage)),
            _ => found.mark = Some((stack, urn, "f".repeat(32))),
        }
        rig.null.put(name, found);
        true
    }
}

/// Somebody made what the plan is to make.
fn stranger(rig: &Rig, around: &Around, plan: &Plan) -> bool {
    // Inside something that is only made by the plan nobody can have made anything.
    let mut created = plan.steps.iter().filter(|s| s.op == Op::Create).filter_map(|s| around.wanted.get(&s.urn));
    let declared = created.find(|d| d.deleted_with.is_none());
    let Some(Expr::Map(members)) = declared.map(|d| &d.inputs) else { return false };
    let known = members
        .iter()
        .filter_map(|(k, e)| Some((k.clone(), if let Expr::Value(v) = e { v.clone() } else { return None })));
    let name = name_of(&Value::Map(known.collect()));
    if rig.null.things().contains_key(&name) {
        return false;
    }
    rig.null.put(&name, Thing { inputs: json!({"name": name}), mark: None, creates: 0 });
    true
}

/// The names at the service of what the plan writes, and of what that directly depends on, as far as it exists.
fn bound(rig: &Rig, around: &Around, plan: &Plan) -> BTreeSet<String> {
    let state = rig.read().unwrap();
    let writes = plan.steps.iter().filter(|s| !matches!(s.op, Op::Same | Op::Read | Op::Forget));
    let wanted = writes.flat_map(|s| {
        let declared = around.wanted.get(&s.urn).map(|d| d.dependencies()).unwrap_or_default();
        std::iter::once(s.urn.clone()).chain(declared)
    });
    let ids = wanted.filter_map(|urn| Some(state.get(&urn)?.id.strip_prefix("/things/")?.to_owned()));
    ids.collect()
}
