//! The official contract of Azure Resource Manager, as a judge of what the product sends: an operation that no document
//! describes, a query or a property that it does not know, a read-only value, an answer that it does not promise.
//!
//! The documents are other people's and lie outside the project; the folder that `MOPS_AZURE_DATA` names has them. Proven
//! by `fast::official`, with the recorded traffic of real clients as positive control.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::http::{Call, Reply};

mod body;
mod documents;
mod operation;
mod types;

use body::Judge;
use documents::Documents;
use operation::{Operation, Operations};
use types::Types;

/// Operations of which no document is at hand: part of the path, and what vouches for them instead.
const UNDOCUMENTED: &[(&str, &str)] = &[
    ("/providers/Microsoft.Compute/locations/", "the list of quota has the form of storage's"),
    ("/providers/Microsoft.Authorization/permissions", "documented at groups and resources, not at a subscription"),
    ("/providers/Microsoft.Authorization/denyAssignments", "the service's documentation"),
    ("/providers/Microsoft.Authorization/roleEligibilityScheduleInstances", "the service's documentation"),
    ("/providers/Microsoft.PolicyInsights/checkPolicyRestrictions", "the service's documentation"),
    ("/providers/Microsoft.Network/virtualNetworks/", "the service's documentation"),
    ("/providers/Microsoft.Insights/eventtypes/management/values", "the service's documentation"),
];

/// Faults of properties that are newer than every document at hand, and what vouches for them instead.
const AHEAD: &[(&str, &str)] = &[(
    "`/properties/gpuProfile/nvidia` is unknown",
    "managed GPUs, version 2026-08-01: the models of the service's SDK",
)];

/// Parts of the addresses of operations that the service itself hands out.
const POLLS: [&str; 5] =
    ["/operationresults/", "/asyncoperations/", "/operationstatuses/", "/operations/", "/operationsstatus/"];

/// All documents, read once a process.
pub struct Contract {
    documents: Documents,
    types: Types,
}

impl Contract {
    /// What `MOPS_AZURE_DATA` names; `None` when it names nothing.
    ///
    /// # Panics
    /// When a document cannot be read.
    #[must_use]
    pub fn official() -> Option<&'static Self> {
        static OFFICIAL: OnceLock<Option<Contract>> = OnceLock::new();
        let load = || {
            let env = mops_host::Env::process();
            let folder = Path::new(env.get("MOPS_AZURE_DATA")?);
            Some(Self {
                documents: Documents::load(&folder.join("openapi")),
                types: Types::load(&folder.join("types")),
            })
        };
        OFFICIAL.get_or_init(load).as_ref()
    }

    /// What is wrong with a request: nothing when it is as documented. `returned` is what the service last said of the
    /// same resource: what it returns may be sent back.
    #[must_use]
    pub fn faults(&self, call: &Call, returned: &Value) -> Vec<String> {
        let operations = Operations::of(&self.documents);
        let Some(operation) = operations.find(call.method.as_str(), &call.path) else {
            return vec![format!("no document describes {} {}", call.method, call.path)];
        };
        let mut faults = operation.query_faults(call);
        faults.extend(self.body_faults(&operation, call, returned));
        faults
    }

    /// Whether a success of this status is documented for the request; a request that nothing describes has none.
    #[must_use]
    pub fn promises(&self, call: &Call, status: u16) -> bool {
        Operations::of(&self.documents)
            .find(call.method.as_str(), &call.path)
            .is_some_and(|operation| operation.answers(status))
    }

    fn body_faults(&self, operation: &Operation<'_>, call: &Call, returned: &Value) -> Vec<String> {
        let Some(body) = operation.body() else { return Vec::new() };
        let Some(sent) = call.json() else {
            let missing = body.required && call.body.is_empty();
            return if missing { vec!["the body is missing".into()] } else { Vec::new() };
        };
        let newer = operation.is_older_than(call);
        let kind = types::kind_of(&call.path);
        let types = newer.then(|| self.types.of(&kind)).flatten();
        Judge::new(&self.documents, types, returned).faults(body.schema, &sent)
    }
}

/// The judge beside one service: it remembers what the service returned.
#[derive(Default)]
pub struct Watch {
    returned: Mutex<HashMap<String, Value>>,
}

impl Watch {
    /// The service's answer; an accepted request that the contract forbids, or an answer that it does not promise, becomes
    /// a refusal that says so. Without documents every answer passes.
    #[must_use]
    pub fn judged(&self, call: &Call, reply: Reply) -> Reply {
        let Some(contract) = Contract::official() else { return reply };
        if reply.status >= 400 || is_exempt(&call.path) {
            return reply;
        }
        let key = call.path.to_lowercase();
        let mut book = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let returned = book.get(&key).cloned().unwrap_or_default();
        let mut faults = contract.faults(call, &returned);
        if faults.is_empty() && !contract.promises(call, reply.status) {
            faults.push(format!("status {} is not documented", reply.status));
        }
        faults.retain(|fault| !AHEAD.iter().any(|(ahead, _)| fault == ahead));
        if let Some(body) = serde_json::from_slice(&reply.body).ok().filter(Value::is_object) {
            book.insert(key, body);
        }
        if faults.is_empty() { reply } else { refusal(call, &faults) }
    }
}

fn is_exempt(path: &str) -> bool {
    let path = path.to_lowercase();
    POLLS.iter().chain(UNDOCUMENTED.iter().map(|(part, _)| part)).any(|part| path.contains(&part.to_lowercase()))
}

fn refusal(call: &Call, faults: &[String]) -> Reply {
    let message = format!("{} {}: {}", call.method, call.path, faults.join("; "));
    crate::arm::refusal::gateway(400, "ContractViolation", &message)
}
