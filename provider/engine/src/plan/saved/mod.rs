//! A plan in a file, so that what was approved is what is done.
//!
//! Guarantees: the file holds no secret, and no digest that could be tried out without the home folder it was made
//! with; an `up` from it does what it lists or, before the first write, nothing at all (`tests/saved_plan.rs`).

mod compare;
mod digest;
mod file;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mops_core::Secret;
use mops_host::Env;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Observed, Plan};
use crate::error::EngineError;
use crate::event::StepView;
use crate::program::{Component, Program};
use crate::run::UpOptions;
use crate::state::{self, Snapshot};

use digest::Digester;

/// The format that this program writes.
const VERSION: u32 = 1;

/// Which part of a stack was planned, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Components of `-c`; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<BTreeSet<Component>>,
    /// `--with-dependants`.
    pub with_dependants: bool,
    /// `--refresh`.
    pub refresh: bool,
}

/// Where a program came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The stack file as the user named it.
    pub file: String,
    /// `--env`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// A plan as it stands in its file. Every digest is keyed: it can be compared with the home folder at hand, not guessed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// Always `plan`.
    #[serde(rename = "type")]
    kind: String,
    /// Raised when a field changes its meaning.
    version: u32,
    /// The version of mops that saved it.
    mops: String,
    /// When, in ISO 8601.
    created: String,
    /// `PROJECT.STACK`.
    stack: String,
    /// The state that it was made from; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    lineage: Option<String>,
    /// The last record of that state.
    sequence: u64,
    /// Where the program came from.
    pub origin: Origin,
    /// What was planned.
    selection: Selection,
    /// What will be done, in order; secrets masked.
    #[schemars(with = "Vec<StepView>")]
    steps: Vec<serde_json::Value>,
    /// How many resources stay as they are.
    unchanged: usize,
    /// Resources that could not be read, so that no digest binds them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    unread: Vec<String>,
    /// Random; part of every digest.
    salt: String,
    /// Which key the digests were made with.
    key: String,
    /// What the steps follow from.
    digests: Digests,
    /// The digest of all the rest.
    proof: String,
}

/// Digests of what the steps follow from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Digests {
    /// Everything that state holds; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// What the file asks for, with everything that shaped it.
    program: String,
    /// Files and settings, by name.
    facts: BTreeMap<String, String>,
    /// Secrets that were there, by the name of their source.
    sources: BTreeMap<String, String>,
    /// What was read of the resources, by URN.
    reads: BTreeMap<String, String>,
}

/// What a plan is bound to beside program, state and world. The same is given when it is saved and when it is used.
#[derive(Clone)]
pub struct Basis {
    key: Secret<String>,
    env: Env,
    origin: Origin,
    facts: BTreeMap<String, Vec<u8>>,
}

impl Basis {
    /// With the key of this home folder, which is made when there is none.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub fn new(home: &Path, env: &Env, origin: Origin) -> Result<Self, EngineError> {
        Ok(Self { key: file::key(home)?, env: env.clone(), origin, facts: BTreeMap::new() })
    }

    /// Adds the content of a file or setting under the name by which a difference is told.
    #[must_use]
    pub fn fact(mut self, name: &str, content: &[u8]) -> Self {
        self.facts.insert(name.to_owned(), content.to_owned());
        self
    }

    fn digests(&self, digester: &Digester, program: &Program, snapshot: &Snapshot) -> Result<Digests, EngineError> {
        let state = match snapshot.is_new {
            true => None,
            false => Some(state::content(snapshot)?),
        };
        let fact = |(name, content): (&String, &Vec<u8>)| (name.clone(), digester.bytes("fact", content));
        Ok(Digests {
            state: state.map(|bytes| digester.bytes("state", &bytes)),
            program: digester.program(program),
            facts: self.facts.iter().map(fact).collect(),
            sources: sources::digests(program, &self.env, digester),
            reads: BTreeMap::new(),
        })
    }
}

impl SavedPlan {
    /// What a preview found, bound to what it follows from.
    ///
    /// # Errors
    /// When something of it has no form in a file.
    pub fn of(
        plan: &Plan,
        program: &Program,
        snapshot: &Snapshot,
        options: &UpOptions,
        basis: &Basis,
        now: OffsetDateTime,
    ) -> Result<Self, EngineError> {
        let salt = file::salt();
        let digester = Digester::new(&basis.key, &salt);
        let mut saved = Self {
            kind: "plan".into(),
            version: VERSION,
            mops: env!("CARGO_PKG_VERSION").into(),
            created: now.format(&Rfc3339).map_err(|e| EngineError::Bug(e.to_string()))?,
            stack: snapshot.stack.to_string(),
            lineage: (!snapshot.is_new).then(|| snapshot.lineage.to_string()),
            sequence: snapshot.sequence,
            origin: basis.origin.clone(),
            selection: Selection {
                components: options.only.clone(),
                with_dependants: options.with_dependants,
                refresh: options.refresh,
            },
            steps: shown(plan)?,
            unchanged: plan.unchanged,
            unread: unread(plan),
            key: file::key_name(&basis.key),
            digests: Digests { reads: reads(plan, &digester), ..basis.digests(&digester, program, snapshot)? },
            salt,
            proof: String::new(),
        };
        saved.proof = saved.prove(&basis.key)?;
        Ok(saved)
    }

    /// How it was planned, and so how it has to be planned again.
    #[must_use]
    pub fn options(&self) -> UpOptions {
        UpOptions {
            only: self.selection.components.clone(),
            with_dependants: self.selection.with_dependants,
            refresh: self.selection.refresh,
            ..UpOptions::default()
        }
    }

    /// How many resources it changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many resources could not be read when it was made.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.unread.len()
    }
}

/// A saved plan on its way to be carried out, and nothing else.
#[derive(Clone)]
pub struct Approved {
    /// The plan.
    pub plan: SavedPlan,
    /// Everything beside state and world, as it is now.
    pub basis: Basis,
}

impl Approved {
    /// Refuses when file, settings, secrets or state are not those of the plan. Nothing has been read by then.
    pub(crate) fn before(&self, program: &Program, snapshot: &Snapshot) -> Result<(), EngineError> {
        let digester = Digester::new(&self.basis.key, &self.plan.salt);
        let now = self.basis.digests(&digester, program, snapshot)?;
        refuse(compare::before(&self.plan, &now, snapshot))
    }

    /// Refuses when the services are not as they were seen, or when something else would be done.
    pub(crate) fn after(&self, plan: &Plan) -> Result<(), EngineError> {
        let digester = Digester::new(&self.basis.key, &self.plan.salt);
        refuse(compare::after(&self.plan, &reads(plan, &digester), &shown(plan)?))
    }
}

fn refuse(found: Vec<String>) -> Result<(), EngineError> {
    if found.is_empty() { Ok(()) } else { Err(EngineError::OutdatedPlan(found)) }
}

fn shown(plan: &Plan) -> Result<Vec<serde_json::Value>, EngineError> {
    let json = |view| serde_json::to_value(view).map_err(|e| EngineError::Bug(e.to_string()));
    plan.views().iter().map(json).collect()
}

fn unread(plan: &Plan) -> Vec<String> {
    let blind = plan.observed.iter().filter(|(_, o)| matches!(o, Observed::Unread(_)));
    blind.map(|(urn, _)| urn.to_string()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn reads(plan: &Plan, digester: &Digester) -> BTreeMap<String, String> {
    plan.observed.iter().filter_map(|(urn, o)| Some((urn.to_string(), digester.observed(o)?))).collect()
}

/// JSON Schema of a plan file.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(SavedPlan).to_value()
}
