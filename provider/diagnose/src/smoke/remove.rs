//! Takes the artefact away again, and asks whether it is gone.

use std::time::Duration;

use mops_wire::registry::RegistryError;

use super::push::Pushed;
use crate::observed::Object;
use crate::report::Left;

/// Removes what a run has pushed, with every tag of it. Gives what is left, and why.
pub(crate) async fn remove(pushed: &Pushed, limit: Duration) -> Option<Left> {
    let Pushed { client, tagged, by_digest } = pushed;
    let client = client.clone().with_limits(limit, 1);
    let left = |why: String| Left { object: Object::new("Image", "", &by_digest.to_string()), why };
    if let Err(error) = client.delete_manifest(by_digest).await {
        return Some(left(refusal(&error)));
    }
    for name in [tagged, by_digest] {
        match client.head_manifest(name).await {
            Err(error) if error.refusal().is_some_and(|r| r.status == 404) => {}
            Err(error) => return Some(left(format!("whether it is gone is not known: {error}"))),
            Ok(_) => return Some(left("the registry still gives it after it was deleted".to_owned())),
        }
    }
    None
}

fn refusal(error: &RegistryError) -> String {
    match error.refusal().map(|r| r.status) {
        Some(status @ (401 | 403)) => format!("the login that pushed it may not delete ({status})"),
        Some(405) => "the registry deletes nothing (405)".to_owned(),
        _ => error.to_string(),
    }
}
