//! The look before the first write: one file a check, one word in the list. Guarantees that nothing is written, that a
//! check that cannot read, or takes too long, is a note and stops nobody, and that each refusal names input, figures
//! and what to do (`tests/preflight.rs`).

mod demand;
mod effective;
mod facts;
mod layout;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use mops_clients::arm::{ArmClient, ResourceId, version};
use mops_core::preflight::{Intent, Planned, Planning, Preflight};
use mops_core::{BoxFuture, Error, Identity};
use mops_host::SharedClock;

use crate::entry::Entry;
use crate::resource::Resource;
use crate::services::Services;
use facts::Facts;
use layout::Layout;

/// The longest that a check may take; the run begins, or is refused, within 10 s.
const LIMIT: Duration = Duration::from_secs(9);

/// What every check may look at.
struct Look<'a> {
    services: &'a Services,
    entries: &'a HashMap<&'static str, Box<dyn Entry>>,
    planning: &'a Planning,
    layout: Layout<'a>,
    facts: Facts,
}

impl Look<'_> {
    /// Resource Manager; asked for only by a check that has something to ask.
    fn arm(&self) -> Result<ArmClient, Error> {
        Ok(self.services.arm()?.canceled_by(&self.planning.cancel))
    }

    /// What the plan needs the right for with a resource.
    fn rights_for(&self, planned: &Planned) -> &'static [&'static str] {
        match self.entries.get(planned.urn.token()) {
            Some(entry) => entry.rights(&layout::filled(&planned.inputs)),
            None => &[],
        }
    }

    /// The resource of a type that something is made from: by its id where that is known, else as this run plans it.
    fn parent<R: Resource>(&self, planned: &Planned, id: &str) -> Option<(ResourceId, Intent)> {
        if let Ok(known) = ResourceId::parse(id) {
            return Some((known, Intent::Keep));
        }
        let mut all = self.planning.resources.iter().filter(|other| planned.dependencies.contains(&other.urn));
        let other = all.find(|other| other.urn.token() == R::TOKEN)?;
        match self.entries.get(R::TOKEN)?.identity(&other.inputs)? {
            Identity::Name(id) => Some((ResourceId::parse(&id).ok()?, other.intent)),
            _ => None,
        }
    }

    /// Whether something of this id is there, if only on its way out: then its name is taken by itself.
    async fn is_there(&self, planned: &Planned) -> Result<bool, Error> {
        let entry = self.entries.get(planned.urn.token());
        let Some(Identity::Name(id)) = entry.and_then(|entry| entry.identity(&planned.inputs)) else {
            return Ok(false);
        };
        let Ok(id) = ResourceId::parse(&id) else { return Ok(false) };
        let Some(api) = version::for_kind(&id.kind()) else { return Ok(false) };
        Ok(self.arm()?.get(id.as_str(), api).await?.is_some())
    }
}

/// Declares the modules and the list of checks.
macro_rules! checks {
    ($($check:ident),* $(,)?) => {
        $(mod $check;)*

        fn all<'a>(look: &'a Look<'a>) -> Vec<BoxFuture<'a, Preflight>> {
            vec![$(Box::pin(bounded(look.services.clock(), $check::WHAT, $check::look(look)))),*]
        }
    };
}

checks! {
    sizes, family_quota, total_quota, zones, kubernetes_version,
    mig, registry_name, storage_name, registration, rights, policy, subnet, images, credentials, gpu_operator, account_settings, credential_count,
}

/// Runs every check at the same time.
pub(crate) async fn run(
    services: &Services,
    entries: &HashMap<&'static str, Box<dyn Entry>>,
    planning: &Planning,
) -> Preflight {
    let layout = Layout::new(planning);
    let look = Look { services, entries, planning, layout, facts: Facts::default() };
    let mut whole = Preflight::default();
    for found in join_all(all(&look)).await {
        whole.refusals.extend(found.refusals);
        whole.notes.extend(found.notes);
    }
    whole
}

/// A check within its time; `what` says what it is about.
async fn bounded(clock: &SharedClock, what: &str, check: impl Future<Output = Result<Preflight, Error>>) -> Preflight {
    let why = match select(std::pin::pin!(check), clock.sleep(LIMIT)).await {
        Either::Left((Ok(found), _)) => return found,
        Either::Left((Err(error), _)) => error.to_string(),
        Either::Right(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    let note = format!("{what} could not be checked before the first write: {why}");
    Preflight { notes: vec![note], ..Preflight::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Class;
    use mops_host::clock::ManualClock;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn a_check_that_fails_or_takes_too_long_is_a_note() {
        let clock = ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH);
        let shared = clock.shared();
        let found = bounded(&shared, "zones", pending()).await;
        assert_eq!(found.notes, ["zones could not be checked before the first write: no answer within 9 s"]);
        assert_eq!(shared.monotonic(), LIMIT);
        let refused = ready(Err(Error::new(Class::Auth, "no right")));
        let found = bounded(&shared, "zones", refused).await;
        assert!(found.refusals.is_empty() && found.notes[0].ends_with(": no right"), "{:?}", found.notes);
    }
}
