//! What a stack file asks for, as declared resources with references between them.
//!
//! Guarantees: a program that passed [`Program::validate`] has no cycle and no reference to something it does not
//! declare (`tests::cycles_and_strangers_are_named`); a value built from a secret is a secret (`expr::tests`).

mod expand;
mod expr;
mod order;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use mops_core::{Diagnostic, Place, StackId, Urn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use expand::{DEVICE_PLUGIN, NGC, NOVITA, TOKENS};
pub use expand::{ExpandOptions, PRINCIPAL_PULL, expand};
pub use expr::Expr;

/// The parts of a stack that `-c` names, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// The resource group; belongs to every component and is made with the first one.
    ResourceGroup,
    /// The container registry.
    Registry,
    /// Storage account, containers, SAS.
    Storage,
    /// The cluster with its pools.
    Cluster,
    /// Everything inside the cluster that the stack's own pods need.
    Workspace,
    /// The key of NGC in the namespaces of its servers.
    Ngc,
    /// Registry logins and instances at Novita.
    Novita,
    /// Tokens of tools, in a Secret and on a login node.
    Tokens,
}

impl Component {
    /// All components in the order in which they are made.
    pub const ALL: [Self; 8] = [
        Self::ResourceGroup,
        Self::Registry,
        Self::Storage,
        Self::Cluster,
        Self::Workspace,
        Self::Ngc,
        Self::Novita,
        Self::Tokens,
    ];
    /// Those inside a cluster, which go with it.
    pub const INSIDE: [Self; 2] = [Self::Workspace, Self::Ngc];

    /// The word of the command line and of state.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResourceGroup => "resource_group",
            Self::Registry => "registry",
            Self::Storage => "storage",
            Self::Cluster => "cluster",
            Self::Workspace => "workspace",
            Self::Ngc => "ngc",
            Self::Novita => "novita",
            Self::Tokens => "tokens",
        }
    }

    /// The component with this name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One resource as wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Its name in the stack.
    pub urn: Urn,
    /// The part it belongs to.
    pub component: Component,
    /// A map expression; references become values as their targets get done.
    pub inputs: Expr,
    /// What must be done first although no input names it.
    pub depends_on: Vec<Urn>,
    /// Refused to be deleted until unprotected.
    pub protect: bool,
    /// Leaves the state without a call when it is no longer wanted.
    pub retain_on_delete: bool,
    /// The id of something that exists and is taken over.
    pub import: Option<String>,
    /// Something whose deletion takes this along.
    pub deleted_with: Option<Urn>,
    /// The longest a write may take; else the engine's default for the type.
    pub timeout: Option<Duration>,
    /// Where the stack file asks for it.
    pub place: Option<Place>,
    /// Where it gives single inputs, by their path (`systemPool.vmSize`).
    pub places: Vec<(String, Place)>,
}

impl Declared {
    /// A resource with nothing special about it.
    #[must_use]
    pub const fn new(urn: Urn, component: Component, inputs: Expr) -> Self {
        Self {
            urn,
            component,
            inputs,
            depends_on: Vec::new(),
            protect: false,
            retain_on_delete: false,
            import: None,
            deleted_with: None,
            timeout: None,
            place: None,
            places: Vec::new(),
        }
    }

    /// Where the stack file gives this input, or asks for the whole.
    #[must_use]
    pub fn place_of(&self, path: &str) -> Option<&Place> {
        let own = self.places.iter().find(|(name, _)| name == path).map(|(_, place)| place);
        own.or(self.place.as_ref())
    }

    /// Everything that must be done before: references of the inputs, and `depends_on`.
    #[must_use]
    pub fn dependencies(&self) -> BTreeSet<Urn> {
        let mut all = self.inputs.references();
        all.extend(self.depends_on.iter().cloned());
        all
    }
}

/// A value that a run shows at its end and state keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The component that shows it.
    pub component: Component,
    /// Unique within the component, for example `login_server`.
    pub name: String,
    /// What it is; a secret is shown on request only.
    pub value: Expr,
}

/// Which cloud resources a stack is about; `meta.json` keeps it, so that another file for the same stack is noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Azure subscription.
    pub subscription: Option<String>,
    /// Resource group.
    pub resource_group: Option<String>,
    /// Cluster.
    pub cluster: Option<String>,
    /// Registry.
    pub registry: Option<String>,
}

/// Everything that a stack file asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Whose.
    pub stack: StackId,
    /// Which cloud resources it is about.
    pub scope: Scope,
    /// In the order of the file; execution follows the references.
    pub resources: Vec<Declared>,
    /// In the order of the components.
    pub outputs: Vec<Output>,
}

impl Program {
    /// A resource by name.
    #[must_use]
    pub fn get(&self, urn: &Urn) -> Option<&Declared> {
        self.resources.iter().find(|r| r.urn == *urn)
    }

    /// Checks that names are unique, everything referred to is declared, and nothing waits for itself.
    ///
    /// # Errors
    /// One diagnostic a fault, at the place of the resource.
    pub fn validate(&self) -> Result<(), Vec<Diagnostic>> {
        order::check(self)
    }

    /// The resources so that each comes after what it depends on, otherwise in the order of the file. Members of a
    /// cycle are left out: [`Program::validate`] names them.
    #[must_use]
    pub fn ordered(&self) -> Vec<&Declared> {
        order::topological(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Value;

    fn program(edges: &[(&str, &[&str])]) -> Program {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let urn = |name: &str| Urn::new(&stack, "modelops:t:T", name);
        let resources = edges
            .iter()
            .map(|(name, deps)| {
                let refs = deps.iter().map(|d| ((*d).to_owned(), Expr::output(&urn(d), "id"))).collect();
                Declared::new(urn(name), Component::Registry, Expr::Map(refs))
            })
            .collect();
        Program { stack: stack.clone(), scope: Scope::default(), resources, outputs: Vec::new() }
    }

    fn names(program: &Program) -> Vec<&str> {
        program.ordered().iter().map(|r| r.urn.name()).collect()
    }

    #[test]
    fn order_follows_references_and_else_the_file() {
        let p = program(&[("d", &["b", "c"]), ("b", &["a"]), ("c", &[]), ("a", &[])]);
        assert!(p.validate().is_ok());
        assert_eq!(names(&p), ["c", "a", "b", "d"]);
    }

    #[test]
    fn cycles_and_strangers_are_named() {
        let p = program(&[("a", &["b"]), ("b", &["a"]), ("c", &["x"]), ("c", &[])]);
        let errors: Vec<String> = p.validate().unwrap_err().iter().map(ToString::to_string).collect();
        let text = errors.join("\n");
        assert!(text.contains("`a`") && text.contains("wait for each other"), "{text}");
        assert!(text.contains("`x`") && text.contains("declared twice"), "{text}");
        assert_eq!(Value::Null, Value::default());
    }

    #[test]
    fn components_have_one_word_each() {
        for c in Component::ALL {
            assert_eq!(Component::parse(c.as_str()), Some(c));
        }
        assert_eq!(Component::parse("nothing"), None);
    }
}
