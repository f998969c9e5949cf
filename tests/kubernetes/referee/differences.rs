//! Where the fake answers otherwise than the real API server, and what only the real one has: the
//! token that is mounted into every pod, the revision of a deployment, `null` where there is no time
//! (`plain` leaves them out of both), and admission by Pod Security and quota (`only_real`).

use mops_tests::evidence::Evidence;

use crate::referee::{Difference, Place};

pub(crate) const DIFFERENCES: &[Difference] = &[Difference {
    name: "a field of another type is refused in the words of another reader",
    evidence: Evidence::Spec("Kubernetes API v1.34: 400 BadRequest, cannot be handled as"),
    places: &[Place {
        chapter: "refused",
        question: "> a field of another type: POST /api/v1/namespaces/referee/secrets",
        real: "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        fake: "invalid type: string \\\"a\\\", expected a map",
    }],
}];

/// The same for pods that run.
pub(crate) const OF_NODES: &[Difference] = &[];
