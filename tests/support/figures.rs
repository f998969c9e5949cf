//! Figures of the promises R1–R24: how large a test is, and the one line that it prints of what it counted.

use mops_host::Env;

/// How large a randomised test is: the variable, else its short form.
#[must_use]
pub fn size(variable: &str, short: u64) -> u64 {
    Env::process().get(variable).and_then(|n| n.parse().ok()).unwrap_or(short)
}

/// Prints `R2 kills=24 lost=0 …`, which `mops-crash-report` collects.
#[expect(clippy::print_stdout, reason = "counts are printed")]
pub fn tell(id: &str, counts: &[(&str, u64)]) {
    let counts: String = counts.iter().map(|(name, n)| format!(" {name}={n}")).collect();
    println!("{id}{counts}");
}
