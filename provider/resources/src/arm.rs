//! What every Azure resource does in the same way: find it, write it, wait for it, mark it, and say what went
//! wrong with which name. Guarantees that something that exists although its operation failed is reported as
//! such, with its id (`tests/arm.rs`).

mod mark;
mod resource;

use std::time::Duration;

use mops_clients::ClientError;
use mops_clients::arm::{ArmClient, ArmError, LroContext, NotAnId, Precondition, ResourceId, Started, Verb, version};
use mops_core::provider::ChangedBy;
use mops_core::{Class, Error, Identity, Lane, Value};
use serde_json::Value as Json;

pub(crate) use mark::{metadata, metadata_owner, owner, owner_by_parent, tags};
pub(crate) use resource::{ArmResource, find, live, named, named_in_group, read};

use crate::resource::Cx;

/// How long Resource Manager may not know a resource in one region that it has made in another.
pub(crate) const SETTLES: Duration = Duration::from_secs(30);

/// One resource at ARM, within one call.
pub(crate) struct Target<'a> {
    cx: &'a Cx<'a>,
    /// The client, ended by the call's cancellation.
    pub(crate) arm: ArmClient,
    /// Where it is.
    pub(crate) id: ResourceId,
    api: &'static str,
    noun: &'static str,
    tell: Tell,
}

/// Gives the outputs of an answer as a value, for what exists but is not ready.
type Tell = Box<dyn Fn(&ResourceId, &Json) -> Value + Send + Sync>;

impl<'a> Target<'a> {
    /// `noun` is what messages call it: `registry`, `node pool`. What exists but is not ready has no outputs yet.
    pub(crate) fn new(cx: &'a Cx<'a>, id: Result<ResourceId, NotAnId>, noun: &'static str) -> Result<Self, Error> {
        let id = id.map_err(|e| Error::new(Class::User, format!("the {noun} has no valid id: {e}")))?;
        let api = version::for_kind(&id.kind())
            .ok_or_else(|| Error::new(Class::User, format!("`{id}` is not the id of a {noun}")))?;
        let arm = cx.services.arm()?.canceled_by(&cx.call.cancel);
        Ok(Self { cx, arm, id, api, noun, tell: Box::new(|_, _| Value::Null) })
    }

    /// The same with these outputs for what exists but is not ready.
    pub(crate) fn telling(self, tell: impl Fn(&ResourceId, &Json) -> Value + Send + Sync + 'static) -> Self {
        Self { tell: Box::new(tell), ..self }
    }

    /// The same, spoken to in another version.
    pub(crate) fn at_version(self, api: &'static str) -> Self {
        Self { api, ..self }
    }

    /// What is there now; what is on its way out counts as gone.
    pub(crate) async fn get(&self) -> Result<Option<Json>, Error> {
        Ok(self.get_any().await?.filter(|body| !is_going(body)))
    }

    async fn get_any(&self) -> Result<Option<Json>, Error> {
        self.arm.get(self.id.as_str(), self.api).await.map_err(|e| self.failed(e, "read"))
    }

    /// Waits until nothing is under way any more, by the journalled operation if there is one; then what is there.
    pub(crate) async fn settled(&self) -> Result<Option<Json>, Error> {
        let started = match self.resumed(Verb::Put).or_else(|| self.resumed(Verb::Patch)) {
            Some(started) => Some(started),
            None => self.arm.watch(self.id.as_str(), self.api).await.map_err(|e| self.failed(e, "read"))?,
        };
        let Some(started) = started else { return Ok(None) };
        match self.arm.wait(started, &LroContext::from(self.cx.call)).await {
            Ok(Some(body)) => Ok(Some(body)),
            Ok(None) => self.get().await,
            // It failed earlier: the caller brings it to the wanted state now.
            Err(error) if error.arm().is_some_and(|e| e.operation) => self.get().await,
            Err(error) => Err(self.failed(error, "waited for")),
        }
    }

    fn resumed(&self, verb: Verb) -> Option<Started> {
        self.arm.resume(verb, self.id.as_str(), self.api, self.cx.call.resume.as_ref()?)
    }

    /// Creates or replaces, and waits for the end.
    pub(crate) async fn put(&self, body: &Json, precondition: Precondition<'_>) -> Result<Json, Error> {
        let mut started = self.arm.put(self.id.as_str(), self.api, body, precondition).await;
        if started.as_ref().is_err_and(is_conflict) && self.get_any().await?.as_ref().is_some_and(is_going) {
            // An earlier deletion is still under way: the name is free when it has ended.
            self.gone().await?;
            started = self.arm.put(self.id.as_str(), self.api, body, precondition).await;
        }
        let verb = if matches!(precondition, Precondition::Unchanged(_)) { "changed" } else { "created" };
        self.finish(started, verb).await
    }

    /// The same for a caller that reads again when somebody else was faster: that error comes back bare.
    pub(crate) async fn put_unchanged(&self, body: &Json, etag: &str) -> Result<Option<Json>, Error> {
        let precondition = Precondition::Unchanged(etag);
        match self.arm.put(self.id.as_str(), self.api, body, precondition).await {
            Err(error) if is_outdated(&error) => Ok(None),
            started => self.finish(started, "changed").await.map(Some),
        }
    }

    /// The same for a caller that knows what some refusals mean: what ARM refuses at once comes back bare.
    pub(crate) async fn offer(&self, body: &Json) -> Result<Result<Json, Box<ArmError>>, Error> {
        match self.arm.put(self.id.as_str(), self.api, body, Precondition::None).await {
            Err(ClientError::Arm(refused)) => Ok(Err(refused)),
            started => self.finish(started, "created").await.map(Ok),
        }
    }

    /// Everything of its type that has the same parent, this one among them.
    pub(crate) async fn siblings(&self) -> Result<Vec<Json>, Error> {
        self.siblings_with("").await
    }

    /// The same with a query such as `$filter=atScope()`.
    pub(crate) async fn siblings_with(&self, query: &str) -> Result<Vec<Json>, Error> {
        let list = self.id.as_str().rsplit_once('/').map_or("", |(list, _)| list);
        let path = if query.is_empty() { list.to_owned() } else { format!("{list}?{query}") };
        self.arm.list(&path, self.api).await.map_err(|e| self.failed(e, "looked for"))
    }

    /// Changes what the body names, and waits for the end.
    pub(crate) async fn patch(&self, body: &Json) -> Result<Json, Error> {
        let started = self.arm.patch(self.id.as_str(), self.api, body).await;
        self.finish(started, "changed").await
    }

    /// Creates only if nothing is there; `None` when something is.
    pub(crate) async fn put_new(&self, body: &Json) -> Result<Option<Json>, Error> {
        match self.arm.put(self.id.as_str(), self.api, body, Precondition::Absent).await {
            Err(error) if error.arm().is_some_and(|e| e.status == 412) => Ok(None),
            started => self.finish(started, "created").await.map(Some),
        }
    }

    /// Removes it and waits until it is gone; already gone is success.
    pub(crate) async fn delete(&self) -> Result<(), Error> {
        self.delete_with("").await
    }

    /// The same with a query such as `force=true`.
    pub(crate) async fn delete_with(&self, query: &str) -> Result<(), Error> {
        let path = if query.is_empty() { self.id.to_string() } else { format!("{}?{query}", self.id) };
        let started = match self.resumed(Verb::Delete) {
            Some(started) => started,
            None => match self.get_any().await? {
                None => return Ok(()),
                Some(body) if is_going(&body) => return self.gone().await,
                Some(_) => self.arm.delete(&path, self.api).await.map_err(|e| self.failed(e, "deleted"))?,
            },
        };
        self.end(started).await
    }

    /// Waits for the end of a deletion that somebody began earlier.
    async fn gone(&self) -> Result<(), Error> {
        let started = self.arm.watch_gone(self.id.as_str(), self.api).map_err(|e| self.failed(e, "deleted"))?;
        self.end(started).await
    }

    async fn end(&self, started: Started) -> Result<(), Error> {
        let done = self.arm.wait(started, &LroContext::from(self.cx.call)).await;
        done.map(drop).map_err(|e| self.failed(e, "deleted"))
    }

    async fn finish(&self, started: Result<Started, ClientError>, verb: &str) -> Result<Json, Error> {
        let started = started.map_err(|e| self.failed(e, verb))?;
        match self.arm.wait(started, &LroContext::from(self.cx.call)).await {
            Ok(Some(body)) => Ok(body),
            Ok(None) => self.get().await?.ok_or_else(|| self.vanished()),
            Err(error) => Err(self.partial(error, verb).await),
        }
    }

    /// The service had accepted it: what failed later may exist all the same, and then the error carries it.
    async fn partial(&self, error: ClientError, verb: &str) -> Error {
        if matches!(error, ClientError::Canceled) {
            return self.failed(error, verb);
        }
        match self.arm.get(self.id.as_str(), self.api).await {
            Ok(Some(body)) => self.failed(error, verb).with_partial(self.id.as_str(), (self.tell)(&self.id, &body)),
            Ok(None) if error.arm().is_some_and(|e| e.operation) => self.failed(error, verb),
            // Whether it exists is not known: the next run has to look.
            _ => self.unknown(&error, verb),
        }
    }

    fn unknown(&self, error: &ClientError, verb: &str) -> Error {
        let summary =
            format!("{} `{}` could not be {verb}, and whether it exists is not known", self.noun, self.id.name());
        Error::new(Class::Transient, summary).note(error.to_string()).hint("run the same command again: it looks first")
    }

    /// The error for the user.
    pub(crate) fn failed(&self, error: ClientError, verb: &str) -> Error {
        error.into_core(format!("{} `{}` could not be {verb}", self.noun, self.id.name()))
    }

    fn vanished(&self) -> Error {
        let summary = format!("{} `{}` was made and is not there", self.noun, self.id.name());
        Error::new(Class::Transient, summary).hint("run the same command again")
    }
}

/// Whether something is on its way out.
fn is_going(body: &Json) -> bool {
    text(body, "/properties/provisioningState").eq_ignore_ascii_case("Deleting")
}

fn is_conflict(error: &ClientError) -> bool {
    error.arm().is_some_and(|e| e.status == 409)
}

/// Somebody wrote between our read and our write.
fn is_outdated(error: &ClientError) -> bool {
    error.arm().is_some_and(|e| e.status == 412 || e.is("EtagMismatch") || e.is("OriginalEtagNotExpect"))
}

/// Who changed it last, for the types whose answers say so.
pub(crate) fn changed_by(body: &Json) -> Option<ChangedBy> {
    let who = text(body, "/systemData/lastModifiedBy");
    let at = text(body, "/systemData/lastModifiedAt");
    (!who.is_empty()).then(|| ChangedBy { who, at: (!at.is_empty()).then_some(at) })
}

/// A region as ARM compares it: `East US` is `eastus`.
pub(crate) fn region(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase()
}

/// Text at a JSON pointer, empty when absent.
pub(crate) fn text(body: &Json, pointer: &str) -> String {
    body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// The declared spelling when the service means the same, else the service's.
pub(crate) fn spelled(declared: &str, found: &str) -> String {
    if declared.eq_ignore_ascii_case(found) { declared.to_owned() } else { found.to_owned() }
}

/// How something with an id at ARM is found again.
pub(crate) fn identity(id: &Result<ResourceId, NotAnId>) -> Identity {
    Identity::Name(id.as_ref().map(ToString::to_string).unwrap_or_default())
}

/// The queues that a write of this resource passes.
pub(crate) fn lanes(id: &Result<ResourceId, NotAnId>, parent: Option<&str>) -> Vec<Lane> {
    let subscription = id.as_ref().map(ResourceId::subscription).unwrap_or_default().to_ascii_lowercase();
    let arm = Lane::new(format!("arm:{subscription}"), 8);
    let below = parent.map(|parent| Lane::new(format!("parent:{}", parent.to_ascii_lowercase()), 1));
    std::iter::once(arm).chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_change_is_told_by_those_who_know_it() {
        let told =
            json!({"systemData": {"lastModifiedBy": "someone@example.com", "lastModifiedAt": "2026-01-01T00:00:00Z"}});
        let by = changed_by(&told).unwrap();
        assert_eq!((by.who.as_str(), by.at.as_deref()), ("someone@example.com", Some("2026-01-01T00:00:00Z")));
        assert_eq!(changed_by(&json!({"systemData": {"lastModifiedByType": "Application"}})), None);
    }

    #[test]
    fn regions_compare_without_spaces() {
        assert_eq!(region("East US 2"), "eastus2");
    }
}
