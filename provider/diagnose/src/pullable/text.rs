//! Images for a terminal: what comes of pulling each, and where it fails the cause, its proof and the way out.

use super::{Pull, Pullable};
use crate::finding::Finding;
use crate::report::columns::wrap;

/// What a reader does about an image that is not given to everybody is in its cause.
const HARMFUL: &str = "anybody gets it, and this machine's login is refused: pull it without one";

impl Pull {
    /// In a few words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::HarmfulLogin => "harmful login",
            Self::WithLogin => "ok with login",
            Self::LoginRequired => "login required",
            Self::Refused => "refused",
            Self::Unknown => "not known",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Public | Self::WithLogin => "✓",
            Self::HarmfulLogin => "!",
            Self::LoginRequired | Self::Refused | Self::Unknown => "✗",
        }
    }
}

impl Pullable {
    /// Its lines, with a newline at the end.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let mut lines = vec![format!("{} {}", self.pull.sign(), self.image)];
        lines.push(wrap(&format!("  {}", self.told()), width, "    "));
        lines.extend(self.made_of());
        lines.extend(self.findings.iter().flat_map(|finding| cause(finding, width)));
        lines.join("\n") + "\n"
    }

    fn told(&self) -> String {
        let word = self.pull.word();
        match (self.pull, &self.login) {
            (Pull::Public, _) => format!("{word}: no login is needed"),
            (Pull::WithLogin, Some(place)) => format!("{word}, that of `{place}`"),
            (Pull::HarmfulLogin, _) => format!("{word}: {HARMFUL}"),
            _ => word.to_owned(),
        }
    }

    fn made_of(&self) -> Option<String> {
        let anatomy = self.anatomy.as_ref()?;
        let size = anatomy.compressed.map(|bytes| format!("{} compressed", size(bytes)));
        let platforms = (!anatomy.platforms.is_empty()).then(|| anatomy.platforms.join(", "));
        let parts: Vec<String> = platforms.into_iter().chain(size).collect();
        (!parts.is_empty()).then(|| format!("  {}", parts.join(" · ")))
    }
}

/// A cause with its way out, two columns in.
#[must_use]
pub fn cause(finding: &Finding, width: usize) -> Vec<String> {
    let sure = finding.confidence.map_or("no rule", crate::rule::Confidence::word);
    let mut lines =
        vec![wrap(&format!("  cause: {} ({sure}) {}", finding.cause_id, finding.message), width, "         ")];
    for fix in &finding.fixes {
        lines.push(wrap(&format!("  fix: {}", fix.text), width, "       "));
        lines.extend(fix.command.iter().map(|command| format!("  {}: {command}", fix.verb())));
        lines.extend(fix.page.iter().map(|page| format!("  page: {page}")));
    }
    lines
}

/// `3.1 MiB`: one decimal from a mebibyte on.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(unit, word)| {
            let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
            format!("{}.{} {word}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use mops_wire::registry::Anatomy;

    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        let said = [(7, "7 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (10_522_669_875, "9.8 GiB")];
        assert_eq!(said.map(|(bytes, _)| size(bytes)), said.map(|(_, word)| word));
    }

    #[test]
    fn an_image_that_is_given_says_by_which_login_and_what_it_is() {
        let anatomy = Anatomy {
            platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
            compressed: Some(3 << 20),
            digest: String::new(),
        };
        let image = Pullable {
            image: "reg.io/team/image:1".to_owned(),
            pull: Pull::WithLogin,
            login: Some("NGC_API_KEY".to_owned()),
            anatomy: Some(anatomy),
            findings: Vec::new(),
        };
        let said = "✓ reg.io/team/image:1\n  ok with login, that of `NGC_API_KEY`\n  linux/amd64, linux/arm64 · 3.0 MiB compressed\n";
        assert_eq!(image.text(80), said);
    }
}
