//! What stands against an `import` entry of the stack file.

use mops_core::{Diagnostic, Identity, Value};

use super::decide::Planner;
use super::standin;
use crate::program::Declared;

impl Planner<'_> {
    /// An import of something that the declared names do not lead to.
    pub(crate) fn refuse_other_import(&mut self, declared: &Declared, inputs: &Value) -> Option<()> {
        let Some(Identity::Name(ours)) = self.provider.identity(&declared.urn, &standin(inputs)) else {
            return Some(());
        };
        let theirs = declared.import.as_ref().filter(|id| !id.eq_ignore_ascii_case(&ours));
        let Some(theirs) = theirs else { return Some(()) };
        let text = format!("`{}` is `{ours}` in this file, the imported one `{theirs}`", declared.urn.name());
        let hint = "correct the id of the `import` entry, or the names in the file";
        self.refused.push(Diagnostic::error(declared.place.clone(), text).hint(hint));
        None
    }
}
