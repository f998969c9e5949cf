//! Colour, clipping and durations. Colour never carries meaning alone: every coloured word says it too.

use std::time::Duration;

/// Whether a stream takes colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style(bool);

impl Style {
    pub(crate) const fn of(colour: bool) -> Self {
        Self(colour)
    }

    pub(crate) const fn is_coloured(self) -> bool {
        self.0
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    pub(crate) fn magenta(self, text: &str) -> String {
        self.wrap("35", text)
    }
}

/// `0.4s`, `12s`, `3m12s`, `1h02m`.
pub(crate) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 => format!("{:.1}s", time.as_secs_f64()),
        10..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// At most `width` characters on one line; control characters become blanks, so that no text moves the cursor.
pub(crate) fn clip(text: &str, width: usize) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut kept: String = clean.clone().take(width).collect();
    if clean.count() > width {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// Lines of at most `width` characters, broken at blanks and continued two to the right; a word that is longer stays
/// whole, since half an address is of no use. Colours take no room.
pub(crate) fn fold(text: &str, width: usize) -> String {
    text.split('\n')
        .map(|line| if room(line) > width { folded(line, width) } else { line.to_owned() })
        .collect::<Vec<_>>()
        .join("\n")
}

fn folded(line: &str, width: usize) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for word in line.split(' ') {
        let need = room(word);
        if used > 0 && used + 1 + need > width {
            text += "\n  ";
            used = 2;
        } else if !text.is_empty() {
            text.push(' ');
            used += 1;
        }
        text += word;
        used += need;
    }
    text
}

/// Columns of a text on the screen.
fn room(text: &str) -> usize {
    let (mut columns, mut hidden) = (0, false);
    for c in text.chars() {
        match (hidden, c) {
            (false, '\x1b') => hidden = true,
            (false, _) => columns += 1,
            (true, c) => hidden = !c.is_ascii_alphabetic(),
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_break_at_blanks_and_words_stay_whole() {
        let rows = [
            ("note: one two three", "note: one\n  two three"),
            ("short", "short"),
            ("\x1b[36mnote:\x1b[0m one", "\x1b[36mnote:\x1b[0m one"),
            ("see https://example.com/a/b ok", "see\n  https://example.com/a/b\n  ok"),
            ("a b\n\n  c", "a b\n\n  c"),
        ];
        for (text, want) in rows {
            assert_eq!(fold(text, 12), want, "{text}");
        }
    }

    #[test]
    fn times_read_as_people_say_them() {
        let rows = [(400, "0.4s"), (12_000, "12s"), (192_000, "3m12s"), (3_720_000, "1h02m")];
        for (millis, want) in rows {
            assert_eq!(elapsed(Duration::from_millis(millis)), want);
        }
    }

    #[test]
    fn clipping_counts_characters_and_hides_escapes() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("a\x1b[2Jb\n", 10), "a [2Jb ");
    }
}
