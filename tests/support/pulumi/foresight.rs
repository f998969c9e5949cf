//! Answers that were asked for before the plan came to them, several at a time over one connection.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt as _, stream};
use mops_core::provider::{Checked, Difference, Foreseen, Known};
use mops_core::{Urn, Value};

use super::grpc_provider::{Client, check, diff, waited};

/// How many resources are asked about at the same time.
const AT_ONCE: usize = 16;

/// What was foreseen of the plan that was made last.
#[derive(Default)]
pub(super) struct Foresight(Mutex<HashMap<Urn, Answered>>);

struct Answered {
    asked: Foreseen,
    checked: Checked,
    difference: Option<Difference>,
}

impl Foresight {
    /// Asks for everything that is foreseen, but for what it was asked before: after reads a plan is made once more.
    pub(super) fn fill(&self, client: &Client, resources: &mut dyn Iterator<Item = Foreseen>) {
        let mut before = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let one = |asked: Foreseen| {
            let (known, client) = (before.remove(&asked.urn).filter(|a| a.asked == asked), client.clone());
            async move {
                match known {
                    Some(known) => known,
                    None => answered(client, asked).await,
                }
            }
        };
        let asking = stream::iter(resources.map(one)).buffer_unordered(AT_ONCE);
        let all = waited(asking.map(|one| (one.asked.urn.clone(), one)).collect());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// The normal form of these inputs, if they were foreseen.
    pub(super) fn checked(&self, urn: &Urn, inputs: &Value) -> Option<Checked> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(urn).filter(|a| a.asked.inputs == *inputs).map(|a| a.checked.clone())
    }

    /// What differs, if just this was foreseen.
    pub(super) fn difference(&self, urn: &Urn, old: &Known, inputs: &Value) -> Option<Difference> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = known.get(urn).filter(|a| a.asked.known == *old && a.checked.inputs == *inputs)?;
        answered.difference.clone()
    }
}

async fn answered(client: Client, asked: Foreseen) -> Answered {
    let checked = check(client.clone(), &asked.urn, &asked.inputs).await;
    let difference = match checked.failures.is_empty() {
        true => Some(diff(client, &asked.urn, &asked.known, &checked.inputs).await),
        false => None,
    };
    Answered { asked, checked, difference }
}
