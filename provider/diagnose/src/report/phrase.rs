//! The words that all forms of a report share, so that none says it in another way.

use mops_probe::observation::check as probe;

use super::model::{Cleanup, Report, Run, Verdict};
use crate::finding::Finding;
use crate::observed::{Object, Observed, check};
use crate::rule::{Confidence, Severity};

/// `FAILED: 2 causes, 9 ok, 4 failed, 3 skipped`.
pub(crate) fn verdict(report: &Report) -> String {
    let counts = report.summary.counts;
    let found = format!("{} ok, {} failed, {} skipped", counts.ok, counts.failed, counts.skipped);
    match report.summary.status {
        Verdict::Pass if counts.skipped > 0 => format!("passed, {} skipped", counts.skipped),
        Verdict::Pass => format!("passed, all {} checks", counts.ok),
        Verdict::Fail => format!("FAILED: {}, {found}", plural(counts.causes, "cause")),
        Verdict::Incomplete => format!("INCOMPLETE: {found}"),
        Verdict::Usage => "NOTHING WAS ASKED: the kubeconfig cannot be used".to_owned(),
        Verdict::Interrupted => format!("INTERRUPTED: {found}"),
    }
}

/// What was looked at, in one word: the stack's environment, or where there is none the namespace, or the cluster.
pub(crate) fn scope(run: &Run) -> String {
    match (run.env.as_str(), run.namespace.as_str()) {
        ("", "") => format!("cluster={}", run.context),
        ("", namespace) => format!("namespace={namespace}"),
        (env, _) => format!("env={env}"),
    }
}

/// How sure a finding is.
pub(crate) fn sure(f: &Finding) -> &'static str {
    f.confidence.map_or("no rule", Confidence::word)
}

/// How bad it is.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// What a finding is about, with its pools.
pub(crate) fn subject(f: &Finding) -> String {
    let object = f.objects.first().map(|o| format!("{} {}", o.kind.to_lowercase(), o.name));
    let what = object.unwrap_or_else(|| f.target.clone());
    match f.pools.as_slice() {
        [] => what,
        [one] => format!("{what}, pool {one}"),
        more => format!("{what}, {} pools", more.len()),
    }
}

/// `Secret/NAMESPACE/NAME`.
pub(crate) fn path(object: &Object) -> String {
    let parts = [&object.kind, &object.namespace, &object.name];
    parts.into_iter().filter(|p| !p.is_empty()).map(String::as_str).collect::<Vec<_>>().join("/")
}

/// The pool, or the vantage point of what has none.
pub(crate) fn place(o: &Observed) -> String {
    if o.pool.is_empty() { o.vantage.word().to_owned() } else { format!("pool {}", o.pool) }
}

/// Place, check, credential and result.
pub(crate) fn short(o: &Observed) -> String {
    format!("{}: {}: {}", place(o), question(o), o.result())
}

/// Check and credential.
pub(crate) fn question(o: &Observed) -> String {
    asked(&o.check, &o.credential)
}

/// A check and a credential in a reader's words.
pub(crate) fn asked(check: &str, credential: &str) -> String {
    if credential.is_empty() { name(check).to_owned() } else { format!("{} by {credential}", name(check)) }
}

/// [`short`] with target and reason.
pub(crate) fn long(o: &Observed) -> String {
    let detail =
        if o.reason.is_empty() || o.result().contains(&o.reason) { String::new() } else { format!(" ({})", o.reason) };
    format!("{} of {}{detail}", short(o), o.target)
}

/// The sentence of a finding, and below it a line for each fix and each command.
pub(crate) fn paragraph(f: &Finding) -> String {
    let fixes = f.fixes.iter().map(|fix| {
        let command = fix.command.as_ref().map(|command| format!("\n{}: {command}", fix.verb()));
        let page = fix.page.as_ref().map(|page| format!("\npage: {page}"));
        format!("\nfix: {}{}{}", fix.text, command.unwrap_or_default(), page.unwrap_or_default())
    });
    std::iter::once(f.message.clone()).chain(fixes).collect()
}

/// A check in a reader's words.
pub(crate) fn name(check: &str) -> &str {
    match check {
        probe::ENV => "variable",
        probe::PULL_SECRET => "pull secret entry",
        probe::REGISTRY_V2 => "/v2/",
        probe::REGISTRY_PULL => "manifest",
        probe::REGISTRY_TAGS => "tag list",
        probe::STORAGE_SAS => "SAS text",
        probe::STORAGE_READ => "SAS list",
        probe::STORAGE_WRITE_REFUSED => "SAS write",
        check::API => "API server",
        check::POOL => "nodes",
        check::PASSWORD => "password compared",
        check::ENV_SECRET | check::PULL_SECRET => "secret",
        check::ENV_LIVE => "environment compared",
        check::KUBELET => "image pull",
        check::PROBE => "probe pod",
        check::PUSH => "push",
        check::SCHEDULER => "scheduler",
        other => other,
    }
}

/// `1 cause`, `2 causes`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", number(count)) }
}

/// `1,000`.
pub(crate) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How many names are given as examples.
pub(crate) const EXAMPLES: usize = 3;

/// `400 of 1,000 pods, e.g. a, b, c`; all names when there are few.
pub(crate) fn examples(total: Option<usize>, noun: &str, names: Vec<&str>) -> String {
    let counted = match total {
        Some(total) if total > names.len() => format!("{} of {}", number(names.len()), plural(total, noun)),
        _ => plural(names.len(), noun),
    };
    let few = names.len() <= EXAMPLES;
    let shown = names.into_iter().take(EXAMPLES).collect::<Vec<_>>().join(", ");
    if few { format!("{counted}: {shown}") } else { format!("{counted}, e.g. {shown}") }
}

/// `; 2 containers stay listed until their pods are replaced: a (mops-probe-7f3a ended), …`
pub(crate) fn stays(cleanup: &Cleanup) -> String {
    let names: Vec<String> = cleanup.stays.iter().map(|left| format!("{} ({})", left.object.name, left.why)).collect();
    match names.len() {
        0 => String::new(),
        1 => format!("; 1 container stays listed until its pod is replaced: {}", names[0]),
        count => format!("; {} containers stay listed until their pods are replaced: {}", number(count), some(&names)),
    }
}

/// `a, b, c and 397 more`.
pub(crate) fn some(names: &[String]) -> String {
    match names.len().checked_sub(EXAMPLES) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {} more", names[..EXAMPLES].join(", "), number(more)),
    }
}

/// `41s`, `3m12s`.
pub(crate) fn seconds(millis: u64) -> String {
    let seconds = millis / 1000;
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{:02}s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted_and_some_are_shown() {
        let names = ["a", "b", "c", "d"];
        assert_eq!(examples(Some(1000), "pod", names.to_vec()), "4 of 1,000 pods, e.g. a, b, c");
        assert_eq!(examples(Some(4), "pod", names.to_vec()), "4 pods, e.g. a, b, c");
        assert_eq!(examples(None, "secret", vec!["a", "b"]), "2 secrets: a, b");
        let names = names.map(str::to_owned);
        assert_eq!([some(&names), some(&names[..3]), some(&[])], ["a, b, c and 1 more", "a, b, c", ""]);
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
