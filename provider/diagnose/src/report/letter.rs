//! What only somebody else can mend, as a message to send: who, what is asked for, about which object, and the evidence
//! with its ids. It holds what the report holds and nothing more, so no secret (`tests/diagnose/report_letter.rs`).

use std::collections::BTreeMap;

use super::model::Report;
use super::owner::{Matter, Matters};
use super::phrase;
use crate::catalogue::Repair;
use crate::finding::Fix;
use crate::observed::Observed;

/// The heading above the messages.
pub(crate) const HEADING: &str = "Send this to your administrator";
/// Observations that prove one cause; more would not be read.
const EVIDENCE: usize = 3;

/// A message to one person.
pub(crate) struct Letter {
    /// Who can do it.
    pub(crate) to: &'static str,
    /// What is said, a line each; the first says what this is about.
    pub(crate) lines: Vec<String>,
}

impl Letter {
    /// The message as somebody sends it.
    pub(crate) fn text(&self) -> String {
        format!("To: {}\n\n{}", self.to, self.lines.join("\n"))
    }
}

/// One letter a person, in the order of the report.
pub(crate) fn letters(report: &Report, matters: &Matters<'_>) -> Vec<Letter> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut letters: Vec<Letter> = Vec::new();
    for matter in &matters.all {
        let Some(fix) = asked(matter) else { continue };
        let to = addressee(&matter.first.family);
        let at = *places.entry(to).or_insert(letters.len());
        if at == letters.len() {
            letters.push(Letter { to, lines: vec![about(report)] });
        }
        letters[at].lines.extend(request(matter, fix, &matters.evidence(matter)));
    }
    letters
}

/// The fix that needs somebody else: a person's work, or a change of the cloud that no command of ours makes.
fn asked<'a>(matter: &Matter<'a>) -> Option<&'a Fix> {
    let needs = |fix: &&Fix| match fix.class {
        Repair::Human => true,
        Repair::Stack => !fix.repairs,
        Repair::Apply | Repair::Restart | Repair::Nothing => false,
    };
    matter.first.fixes.iter().find(needs)
}

/// Who answers for the causes of a family.
fn addressee(family: &str) -> &'static str {
    match family {
        "access" => "whoever administers the cluster",
        "config" => "whoever keeps the secrets of the namespace",
        "network" => "whoever administers the network of the cluster",
        "identity" => "whoever administers the subscription and its registry",
        "artifact" => "whoever publishes the image",
        "ngc" => "the owner of the NGC organisation",
        "storage" => "whoever administers the storage account",
        "hf" => "the owner of the Hugging Face account or of the model",
        "wandb" => "the administrator of the Weights & Biases team",
        "slurm" => "whoever administers the login node",
        "novita" => "the owner of the Novita account",
        "engine" => "whoever runs the inference engine",
        _ => "whoever administers the service",
    }
}

fn about(report: &Report) -> String {
    let run = &report.run;
    let named = |what: &str, name: &str| (!name.is_empty()).then(|| format!("{what} {name}"));
    let places = [named("cluster", &run.context), named("namespace", &run.namespace), named("environment", &run.env)];
    let places: Vec<String> = places.into_iter().flatten().collect();
    let when = if run.started.is_empty() { String::new() } else { format!(" at {}", run.started) };
    let name = report.command.name();
    format!("Seen by mops {name}{when} (run {}): {}.", run.id, places.join(", "))
}

fn request(matter: &Matter<'_>, fix: &Fix, seen: &[&Observed]) -> Vec<String> {
    let f = matter.first;
    let object = f.objects.first().map_or_else(|| f.target.clone(), phrase::path);
    let mut lines = vec![
        String::new(),
        format!("{} ({}): {}", f.cause_id, phrase::sure(f), f.message),
        format!("Please: {}", fix.text),
        format!("Object: {object}"),
    ];
    lines.extend(fix.command.iter().map(|command| format!("Command: {command}")));
    lines.extend(fix.page.iter().map(|page| format!("Page: {page}")));
    lines.extend(seen.iter().take(EVIDENCE).map(|o| format!("Evidence: {} [{}]", phrase::long(o), o.id)));
    lines
}

#[cfg(test)]
mod tests {
    use super::addressee;
    use crate::catalogue;

    #[test]
    fn every_family_whose_causes_need_somebody_has_one_who_answers() {
        let nobody: Vec<&str> = catalogue::causes()
            .map(|(family, _)| family.name)
            .filter(|name| addressee(name) == addressee("of no catalogue"))
            .collect();
        assert!(nobody.is_empty(), "nobody answers for {nobody:?}");
    }
}
