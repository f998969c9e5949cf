//! The one interface between an engine and the resources: what can be checked and compared
//! without I/O is a plain function, everything that calls a service is a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cancel::Cancel;
use crate::diff::PropertyDiff;
use crate::error::{Class, Error};
use crate::identity::{Identity, Lane};
use crate::mark::{Mark, Ownership};
use crate::preflight::{Planning, Preflight};
use crate::schema::ResourceSchema;
use crate::secret::Secret;
use crate::urn::Urn;
use crate::value::{Path, Value};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a running call tells the engine.
#[derive(Clone, Debug)]
pub enum Progress {
    /// What it waits for, in a few words: `Creating, next poll in 15 s`.
    Waiting(String),
    /// The URL by which a long operation can be resumed; the engine journals it, nobody prints it.
    Operation(Secret<String>),
    /// Something worth keeping on the screen.
    Note(String),
}

/// Takes progress of one call; cheap, never blocks.
pub type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

/// Everything about a call that is not the resource itself.
#[derive(Clone)]
pub struct CallContext {
    /// The resource.
    pub urn: Urn,
    /// What to write on it, and what to expect on it.
    pub mark: Mark,
    /// Checked at every wait.
    pub cancel: Cancel,
    /// Where progress goes.
    pub progress: ProgressSink,
    /// The longest the call may take.
    pub timeout: Duration,
    /// The journalled URL of an operation that an earlier run started.
    pub resume: Option<Secret<String>>,
    /// Whether something of our stack with another lineage may be taken over (there was no local state).
    pub takeover: bool,
    /// Whether the stack file imports this resource, so that an unmarked one is accepted.
    pub import: bool,
    /// Whether an update has to make a new credential although the present one is still good.
    pub renew: bool,
}

/// One reason why inputs are not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFailure {
    /// Which property.
    pub path: Path,
    /// One sentence that names value and rule.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Inputs in their normal form, or why not.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// With defaults filled in; equal meaning gives equal values.
    pub inputs: Value,
    /// Empty when acceptable.
    pub failures: Vec<CheckFailure>,
    /// Worth saying although acceptable: a source that is absent in a preview.
    pub notes: Vec<String>,
}

/// A resource as state knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The identity given by the service.
    pub id: String,
    /// The inputs of the last create or update.
    pub inputs: Value,
    /// The outputs of the last create, update or read.
    pub outputs: Value,
}

/// A resource that a plan is about to ask about.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// The resource.
    pub urn: Urn,
    /// What it is wanted to be if nothing that it is made from changes; what `check` will be given.
    pub inputs: Value,
    /// What state knows of it; what `diff` will be given.
    pub known: Known,
}

/// What has to happen to a resource.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// Empty means nothing to do.
    pub changes: Vec<PropertyDiff>,
    /// Properties that force a replacement; empty means an update in place will do.
    pub replace: Vec<String>,
    /// A change that no input shows, for example an SAS that is about to run out.
    pub reason: Option<String>,
    /// Why no update can bring it there; a replacement may.
    pub impossible: Option<CheckFailure>,
}

impl Difference {
    /// Whether anything has to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.replace.is_empty() && self.reason.is_none()
    }
}

/// Who changed something last, as far as the service tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangedBy {
    /// In the service's words: a user's name, the id of an application, a field manager.
    pub who: String,
    /// When, ISO 8601.
    pub at: Option<String>,
}

/// A resource as the service shows it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Identity and properties as they are; `inputs` hold what is seen of the declared inputs.
    pub known: Known,
    /// Whose it is.
    pub ownership: Ownership,
    /// Who changed it last, if the service tells.
    pub changed_by: Option<ChangedBy>,
}

/// What creates, updates and reads give.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Never empty.
    pub id: String,
    /// Everything known about it; secrets marked as such.
    pub outputs: Value,
    /// True when a create found it already there with our mark.
    pub adopted: bool,
    /// True when a create found it without our mark and took it over (import, adoptable type): such a
    /// one is kept on the way down.
    pub foreign: bool,
}

/// The resources, seen from an engine. `check`, `diff`, `identity` and `lanes` do no I/O, except that `check`
/// may look whether environment variables and files of secret sources are there.
pub trait Provider: Send + Sync {
    /// The declaration of a type; `None` for a type that this provider does not have.
    fn schema(&self, token: &str) -> Option<&ResourceSchema>;

    /// Told at the start of a plan what `check` and `diff` will probably be asked for. A provider at the other end of a
    /// connection gets its answers together then, instead of one after another as the plan comes to them; others need
    /// not look. Only a guess: the plan may ask for less, for more, and with other values.
    fn foresee(&self, _resources: &mut dyn Iterator<Item = Foreseen>) {}

    /// Validates and normalises inputs. Unknown parts are accepted and kept.
    fn check(&self, urn: &Urn, inputs: &Value, preview: bool) -> Checked;

    /// Compares what is known with what is wanted; `inputs` have passed `check`. Never calls anything.
    fn diff(&self, urn: &Urn, old: &Known, inputs: &Value) -> Difference;

    /// How to find it again; `None` while the inputs that name it are unknown.
    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity>;

    /// Which queues its writes must pass; empty while unknown.
    fn lanes(&self, urn: &Urn, inputs: &Value) -> Vec<Lane>;

    /// Looks it up by id, or by the inputs that name it when `id` is `None`. `Ok(None)`: it is not there.
    fn read<'a>(
        &'a self,
        cx: CallContext,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>>;

    /// The inputs that an id alone tells, enough to read the rest.
    ///
    /// # Errors
    /// For a type whose id does not tell them, and for a text that is no id of the type; with what to do instead.
    fn named_by(&self, urn: &Urn, _id: &str) -> Result<Value, Error> {
        Err(Error::new(Class::User, format!("a `{}` cannot be imported by its id", urn.token())))
    }

    /// Makes it. Reads first: ours is taken over, a stranger's is refused.
    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>>;

    /// Changes it in place; the id stays.
    fn update<'a>(&'a self, cx: CallContext, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>>;

    /// Removes it; already gone is success.
    fn delete<'a>(&'a self, cx: CallContext, old: &'a Known) -> BoxFuture<'a, Result<(), Error>>;

    /// Calls a function of the package; it changes nothing.
    fn invoke<'a>(&'a self, token: &'a str, _args: &'a Value) -> BoxFuture<'a, Result<Value, Error>> {
        Box::pin(
            async move { Err(Error::new(Class::NotFound, format!("`{token}` is not a function of this version"))) },
        )
    }

    /// What the services are known to refuse of a plan. Reads only, ends within 10 s, and never fails: what could not
    /// be read is a note. Not asked for a plan that changes nothing.
    fn preflight<'a>(&'a self, _planning: &'a Planning) -> BoxFuture<'a, Preflight> {
        Box::pin(async { Preflight::default() })
    }
}
