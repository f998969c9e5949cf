//! How a resource is declared: typed inputs and outputs, the rules of its life, and the calls.
//!
//! One file implements this trait; the schema, the adoption rules, the conformance tests and the
//! engines take it from there (`tests/conformance.rs` runs every listed resource).

use std::future::Future;
use std::time::Duration;

use mops_core::convert::from_value;
use mops_core::provider::{CallContext, ChangedBy, CheckFailure, Known};
use mops_core::value::Path;
use mops_core::{Class, Error, Identity, Lane, Ownership};
use mops_host::env::Env;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::services::Services;

/// A call in progress: what it is about and what it may use.
pub struct Cx<'a> {
    /// The resource, its mark, cancellation and progress.
    pub call: &'a CallContext,
    /// Clients, clock and environment.
    pub services: &'a Services,
    /// What state knows of it, in a read; literal secrets in it are stand-ins that only equal themselves.
    pub known: Option<&'a Known>,
}

impl Cx<'_> {
    /// The outputs that state holds, in a read.
    #[must_use]
    pub fn stored<T: DeserializeOwned>(&self) -> Option<T> {
        from_value(self.known?.outputs.clone()).ok()
    }
}

/// What plain comparisons may look at.
pub struct Offline<'a> {
    /// Now, by the injected clock.
    pub now: OffsetDateTime,
    /// Variables of secret sources.
    pub env: &'a Env,
    /// Whether absent sources are a note (preview) or a failure.
    pub preview: bool,
}

/// Reasons against inputs, and notes.
#[derive(Debug, Default)]
pub struct Findings {
    /// Empty when acceptable.
    pub failures: Vec<CheckFailure>,
    /// Worth saying although acceptable.
    pub notes: Vec<String>,
}

impl Findings {
    /// Refuses the property at `path` (`nodePools.0.name`).
    pub fn refuse(&mut self, path: &str, reason: impl Into<String>, hint: impl Into<String>) {
        let path = Path(path.split('.').filter(|s| !s.is_empty()).map(str::to_owned).collect());
        self.failures.push(CheckFailure { path, reason: reason.into(), hint: Some(hint.into()) });
    }
}

/// A resource as we know it, typed.
pub struct State<R: Resource> {
    /// The identity given by the service.
    pub id: String,
    /// Inputs of the last create or update, or as read.
    pub inputs: R::Inputs,
    /// Outputs of the last call.
    pub outputs: R::Outputs,
}

/// A resource as the service shows it.
pub struct Live<R: Resource> {
    /// Identity, the declared inputs as they are seen (in the normal form of `check`, service
    /// defaults that nobody declared left out), and outputs.
    pub state: State<R>,
    /// Whose it is.
    pub ownership: Ownership,
    /// Who changed it last, if the service tells.
    pub changed_by: Option<ChangedBy>,
}

/// What a create or update gives.
pub struct Made<R: Resource> {
    /// Never empty.
    pub id: String,
    /// Everything known.
    pub outputs: R::Outputs,
}

/// Why an id alone does not tell the inputs of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotImported {
    /// The text is no id of this type; what one is.
    NoId(String),
    /// No id of this type tells enough.
    Never {
        /// What cannot be read back.
        why: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
}

impl NotImported {
    /// The refusal of `id` for a resource of type `token`.
    #[must_use]
    pub fn refusal(self, token: &str, id: &str) -> Error {
        match self {
            Self::NoId(form) => {
                Error::new(Class::User, format!("`{id}` is not the id of a `{token}`")).hint(format!("give {form}"))
            }
            Self::Never { why, instead } => {
                Error::new(Class::User, format!("a `{token}` cannot be imported: {why}")).hint(instead)
            }
        }
    }
}

/// One resource type.
pub trait Resource: Send + Sync + Sized + 'static {
    /// For example `modelops:azure:NodePool`.
    const TOKEN: &'static str;
    /// Inputs (as written, camelCase) whose change replaces the resource; `a.b` for a part of one.
    const REPLACE: &'static [&'static str] = &[];
    /// Outputs that an update in place may change.
    const CHANGED_BY_UPDATE: &'static [&'static str] = &[];
    /// Whether the old one must go before the new one is made; true where the name is ours.
    const DELETE_BEFORE_REPLACE: bool = true;
    /// Whether an existing one without a mark may be taken over (and is then kept on the way down).
    const ADOPTABLE: bool = false;
    /// Whether only a read tells that it has to be made again; then `read` is asked although nothing can find it.
    const READ_TELLS: bool = false;
    /// How long the service may answer "not there" for something that it has just made.
    const SETTLES: Duration = Duration::ZERO;

    /// What the user declares.
    type Inputs: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// What others may refer to.
    type Outputs: Serialize + DeserializeOwned + JsonSchema + Send + Sync;

    /// How it is found again.
    fn identity(inputs: &Self::Inputs) -> Identity;

    /// Which queues its writes pass.
    fn lanes(_inputs: &Self::Inputs) -> Vec<Lane> {
        Vec::new()
    }

    /// Validates, and fills in defaults, so that equal meaning gives equal inputs.
    fn check(_inputs: &mut Self::Inputs, _cx: &Offline<'_>, _findings: &mut Findings) {}

    /// Makes inputs equal that differ without meaning anything, before they are compared: a count
    /// that the autoscaler owns, a size that the service filled in.
    fn settle(_old: &State<Self>, _new: &mut Self::Inputs) {}

    /// The input whose change replaces the resource only between some values: a sku of another tier.
    fn replaced_between(_old: &Self::Inputs, _new: &Self::Inputs) -> Option<&'static str> {
        None
    }

    /// Why no update can bring it from one to the other, although nothing of it forces a replacement.
    fn impossible(_old: &Self::Inputs, _new: &Self::Inputs) -> Option<Error> {
        None
    }

    /// A reason to act that no input shows: an SAS about to expire, a source with a new value.
    fn reason(_cx: &Offline<'_>, _old: &State<Self>, _new: &Self::Inputs) -> Option<String> {
        None
    }

    /// Actions at ARM that making or changing it needs, for the look before the first write.
    fn rights(_inputs: &Self::Inputs) -> &'static [&'static str] {
        &[]
    }

    /// What a create sends, where policies may have something against it.
    fn body(_inputs: &Self::Inputs) -> Option<serde_json::Value> {
        None
    }

    /// Inputs that hold what an id tells, for the read of something that is known by its id only (an import). What the
    /// read finds takes the place of the rest, optional inputs among it: one that is to be looked for is there already.
    ///
    /// # Errors
    /// Why not: the text is no id of this type, or no id of it tells enough.
    fn named_by(id: &str) -> Result<Self::Inputs, NotImported>;

    /// Looks it up by id, else by the inputs that name it. `known` are the declared inputs, onto
    /// which what is found is projected.
    fn read(
        cx: &Cx<'_>,
        id: Option<&str>,
        known: &Self::Inputs,
    ) -> impl Future<Output = Result<Option<Live<Self>>, Error>> + Send;

    /// Makes it; the framework has read first and found nothing.
    fn create(cx: &Cx<'_>, inputs: &Self::Inputs) -> impl Future<Output = Result<Made<Self>, Error>> + Send;

    /// Changes it in place and renews the mark.
    fn update(
        cx: &Cx<'_>,
        old: &State<Self>,
        inputs: &Self::Inputs,
    ) -> impl Future<Output = Result<Made<Self>, Error>> + Send;

    /// Takes over one without our mark ([`Self::ADOPTABLE`] or an import); by default only looks.
    fn adopt(
        _cx: &Cx<'_>,
        found: State<Self>,
        _inputs: &Self::Inputs,
    ) -> impl Future<Output = Result<Made<Self>, Error>> + Send {
        async { Ok(Made { id: found.id, outputs: found.outputs }) }
    }

    /// Removes it; already gone is success.
    fn delete(cx: &Cx<'_>, old: &State<Self>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Inputs that are valid at the sandbox, the first one small; for the conformance tests.
    fn samples() -> Vec<Self::Inputs>;
}
