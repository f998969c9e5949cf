//! What no rule knows.

use crate::catalogue::{CAUSE, Cause, UNCLASSIFIED};
use crate::rule::Remedy;

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: UNCLASSIFIED,
    title: "A check failed in a way that no rule knows",
    meaning: "Something that has to work failed, and nothing in the catalogue fits what was seen. The reply is shown as it \
              came, redacted. It is no cause: two different faults may look like this.",
    signal: "a failed check that no rule used",
    near_miss: "any rule that uses the failed check gives its own id instead",
    remedy: Remedy {
        text: "read the reply above; keep this run with `--save FILE` and send the file",
        stack: "",
        plain: "",
    },
    ..CAUSE
}];
