//! What the catalogue knows about a cause, for `mops explain`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::catalogue::{Cause, Family, Repair};
use crate::report::columns::wrap;
use crate::report::phrase;
use crate::rule::{Confidence, Severity};

/// An entry of the catalogue as data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// Stable id.
    pub id: &'static str,
    /// The family for `--only` and `--skip`.
    pub family: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What must be seen.
    pub signal: &'static str,
    /// What looks like it, and what that gives instead.
    pub near_miss: &'static str,
    /// How bad.
    pub severity: Severity,
    /// As sure as it can get; absent for what no rule finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Who may mend it.
    pub repair: Repair,
    /// What to do, in words; names of a run in braces.
    pub fixes: Vec<&'static str>,
    /// Commands; names of a run in braces.
    pub commands: Vec<&'static str>,
    /// The page on which a person mends it; names of a run in braces.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub page: &'static str,
    /// Known from public reports and not checked against the live service, hence never certain.
    pub unconfirmed: bool,
    /// Public issues and documents.
    pub sources: &'static [&'static str],
}

impl Entry {
    /// The entry of a cause.
    #[must_use]
    pub fn of(family: &Family, cause: &Cause) -> Self {
        Self {
            id: cause.id,
            family: family.name,
            title: cause.title,
            meaning: cause.meaning,
            signal: cause.signal,
            near_miss: cause.near_miss,
            severity: cause.severity,
            confidence: cause.rules.iter().map(|r| r.confidence).max(),
            repair: cause.repair,
            fixes: said(cause.remedies().map(|r| r.text)),
            commands: said(cause.remedies().flat_map(|r| [r.stack, r.plain])),
            page: cause.page,
            unconfirmed: cause.unconfirmed,
            sources: cause.sources,
        }
    }

    /// For a terminal of this width; ends with a newline.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let mut lines =
            vec![format!("{}  {}", self.id, self.title), String::new(), wrap(self.meaning, width, ""), String::new()];
        let mut row = |name: &str, text: &str| {
            if !text.is_empty() {
                let below = format!("\n{:11}", "");
                lines.push(format!("{name:<11}{}", wrap(text, width.saturating_sub(11), "").replace('\n', &below)));
            }
        };
        row("family:", self.family);
        row("severity:", &self.weight());
        row("signal:", self.signal);
        row("near miss:", self.near_miss);
        for fix in &self.fixes {
            row("fix:", &placeholders(fix));
        }
        row("who:", self.repair.meaning());
        row("page:", &placeholders(self.page));
        row("sources:", &self.sources.join(", "));
        // A command is never broken into lines.
        lines.extend(self.commands.iter().map(|c| format!("{:<11}{}", "command:", placeholders(c))));
        lines.join("\n") + "\n"
    }

    fn weight(&self) -> String {
        let severity = phrase::severity(self.severity);
        let sure = self.confidence.map_or_else(|| "no rule finds it".to_owned(), |c| format!("{} at most", c.word()));
        let unconfirmed = if self.unconfirmed { ", known from public reports only" } else { "" };
        format!("{severity}, {sure}{unconfirmed}")
    }
}

/// Texts that say something, each once, in their order.
fn said(texts: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for text in texts.filter(|t| !t.is_empty()) {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// `{namespace}` as people write placeholders in commands: `NAMESPACE`.
fn placeholders(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&name.to_uppercase());
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_entry_is_told_within_the_width() {
        for (family, cause) in catalogue::causes() {
            let text = Entry::of(family, cause).text(80);
            let prose = text.lines().filter(|l| !l.starts_with("command:"));
            let wide: Vec<&str> = prose.filter(|l| l.chars().count() > 80 && l.trim().contains(' ')).collect();
            assert!(wide.is_empty(), "{}: {wide:?}", cause.id);
            assert!(!text.contains(['{', '}']), "{}: {text}", cause.id);
        }
    }

    #[test]
    fn placeholders_are_capitals() {
        assert_eq!(placeholders("mops infra up {file} -c workspace"), "mops infra up FILE -c workspace");
        assert_eq!(placeholders("no name"), "no name");
        assert_eq!(placeholders("an { open one"), "an { open one");
    }
}
