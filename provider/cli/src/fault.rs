//! A fault of ours ends like every other error: with an exit code of the contract, a place to report, and without the
//! message of the panic, which could quote a value (`tests`).

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use mops_core::{Class, Error};

use crate::exit::{Failure, Outcome};

/// From now on a panic says where it was, and nothing else.
pub(crate) fn say_only_the_place() {
    if !mops_core::secret::masked() {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        // Not through the printer, which the panic may have left locked.
        let _ = std::io::stderr().write_all(place(info.location()).as_bytes());
    }));
}

fn place(at: Option<&Location<'_>>) -> String {
    at.map_or_else(|| "note: at an unknown place\n".into(), |at| format!("note: at {}:{}\n", at.file(), at.line()))
}

/// Runs a verb; a panic becomes an error of class `Bug`.
pub(crate) fn guarded(verb: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(verb)).unwrap_or_else(|_| {
        let error = Error::new(Class::Bug, "mops stopped in the middle of its work");
        Err(Failure::could_not_run(error.hint("run the same command to go on: what was begun is looked up")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::Sources;
    use crate::printer::tests::printer;

    #[test]
    fn a_panic_is_an_error_that_quotes_nothing() {
        let failure = guarded(|| panic!("canary")).unwrap_err();
        for json in [false, true] {
            let (printer, out, err) = printer(json, false);
            assert_eq!(printer.failure(&failure, &Sources::default()).code(), 3);
            let said = out.text() + &err.text();
            assert!(said.contains("stopped in the middle") && !said.contains("canary"), "{said}");
        }
        assert!(place(Some(Location::caller())).contains("fault.rs:"));
    }
}
