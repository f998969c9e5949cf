//! Random stacks of null things, and what may become of them: changed values, tags that force a replacement, edges
//! that turn round, flags, things inside others.

use mops_core::Urn;
use mops_engine::program::{Component, Declared, Expr, Program};
use mops_tests::dice::Dice;
use mops_tests::null::{GROUP, SWAP, TOKEN, name_of, stack};
use mops_tests::rig::{program, refer, typed};
use serde_json::json;

/// How one thing is made from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// By its id, which only a replacement changes.
    Id,
    /// By its version, which every update changes.
    Version,
    /// By its value, which an update may leave as it is.
    Echo,
    /// It only comes later.
    Order,
}

/// One thing.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) token: &'static str,
    pub(crate) component: Component,
    pub(crate) value: usize,
    pub(crate) tag: usize,
    pub(crate) links: Vec<(Link, String)>,
    pub(crate) protect: bool,
    pub(crate) retain: bool,
    pub(crate) inside: Option<String>,
}

/// Things, each after what it is made from.
#[derive(Clone, Debug)]
pub(crate) struct Stack(pub(crate) Vec<Node>);

const PARTS: [Component; 4] = [Component::Registry, Component::Storage, Component::Cluster, Component::Workspace];

impl Node {
    fn random(dice: &mut Dice, i: usize) -> Self {
        Self {
            name: format!("n{i}"),
            token: if dice.percent(35) { SWAP } else { TOKEN },
            component: *dice.pick(&PARTS),
            value: dice.below(3),
            tag: dice.below(2),
            links: Vec::new(),
            protect: dice.percent(3),
            retain: dice.percent(5),
            inside: None,
        }
    }

    pub(crate) fn urn(&self) -> Urn {
        Urn::new(&stack(), self.token, &self.name)
    }

    fn link(&mut self, dice: &mut Dice, before: &[Self]) {
        self.links.clear();
        self.inside = None;
        for _ in 0..dice.below(4) {
            if !before.is_empty() {
                let link = *dice.pick(&[Link::Id, Link::Version, Link::Echo, Link::Order]);
                self.links.push((link, dice.pick(before).name.clone()));
            }
        }
        let around: Vec<&Self> = before.iter().filter(|n| n.token == TOKEN && n.inside.is_none()).collect();
        if self.token == TOKEN && dice.percent(12) && !around.is_empty() {
            self.inside = Some(dice.pick(&around).name.clone());
        }
    }

    fn declared(&self, all: &[Self]) -> Declared {
        let mut inputs = json!({"value": format!("v{}", self.value), "replace": format!("t{}", self.tag)});
        if self.token == SWAP {
            inputs["swap"] = json!(true);
        }
        if let Some(around) = &self.inside {
            inputs["inside"] = json!(around);
        }
        let mut declared = typed(self.token, &self.name, inputs);
        let urn = |name: &String| all.iter().find(|n| n.name == *name).map(Self::urn);
        for (k, (link, target)) in self.links.iter().enumerate() {
            let Some(target) = urn(target) else { continue };
            match link {
                Link::Id => refer(&mut declared, &format!("edge{k}"), &target, "id"),
                Link::Version => refer(&mut declared, &format!("edge{k}"), &target, "version"),
                Link::Echo => refer(&mut declared, &format!("edge{k}"), &target, "echo"),
                Link::Order => declared.depends_on.push(target),
            }
        }
        declared.component = self.component;
        declared.protect = self.protect;
        declared.retain_on_delete = self.retain;
        declared.deleted_with = self.inside.as_ref().and_then(urn);
        declared
    }
}

impl Stack {
    /// Up to `most` things; sometimes the first is a group that the others are in.
    pub(crate) fn random(dice: &mut Dice, most: usize) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        for i in 0..=dice.below(most) {
            let mut node = Node::random(dice, i);
            if i == 0 && dice.percent(40) {
                (node.token, node.component) = (GROUP, Component::ResourceGroup);
            }
            node.link(dice, &nodes);
            nodes.push(node);
        }
        Self(nodes)
    }

    /// The same stack some commits later.
    pub(crate) fn changed(&self, dice: &mut Dice) -> Self {
        let mut from = self.0.clone();
        if dice.percent(30) {
            for i in (2..from.len()).rev() {
                let j = 1 + dice.below(i);
                from.swap(i, j);
            }
        }
        let mut nodes: Vec<Node> = Vec::new();
        for mut node in from {
            if dice.percent(15) && !node.protect {
                continue;
            }
            if dice.percent(40) {
                node.value = dice.below(3);
            }
            if dice.percent(20) && !node.protect && node.token != GROUP {
                node.tag = dice.below(2);
            }
            if dice.percent(4) {
                node.retain = !node.retain;
            }
            let here = |name: &String| nodes.iter().any(|n| n.name == *name);
            if dice.percent(25) {
                node.link(dice, &nodes);
            } else {
                node.links.retain(|(_, target)| here(target));
                node.inside = node.inside.filter(here);
            }
            nodes.push(node);
        }
        for i in 0..dice.below(3) {
            let mut node = Node::random(dice, 50 + i);
            node.link(dice, &nodes);
            nodes.push(node);
        }
        Self(nodes)
    }

    /// What the engine is given.
    pub(crate) fn program(&self) -> Program {
        program(self.0.iter().map(|n| n.declared(&self.0)).collect())
    }
}

/// The names at the service that a program asks for.
pub(crate) fn names(program: &Program) -> Vec<String> {
    let known = |d: &Declared| {
        let Expr::Map(members) = &d.inputs else { return String::new() };
        let values = members
            .iter()
            .filter_map(|(k, e)| Some((k.clone(), if let Expr::Value(v) = e { v.clone() } else { return None })));
        name_of(&mops_core::Value::Map(values.collect()))
    };
    let mut all: Vec<String> = program.resources.iter().map(known).collect();
    all.sort();
    all
}
