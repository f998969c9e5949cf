//! The line of a stack file below a message. Guarantees that no value is shown which the message itself does not
//! name: messages never quote a secret, so neither does the excerpt (`tests`, `tests/scenarios/secrets.txt`).

/// What stands for a value that is not shown.
const HIDDEN: char = '…';

/// The line with its number, and a mark below the column; `told` is the text of the message.
pub(super) fn excerpt(line: &str, number: usize, column: usize, told: &str, width: usize) -> String {
    let gutter = number.to_string();
    let room = width.saturating_sub(gutter.len() + 5);
    let (shown, at) = veiled(line, column.saturating_sub(1), told);
    let skip = (at + 1).saturating_sub(room);
    let shown: String = shown.chars().skip(skip).take(room).collect();
    let (blank, mark) = (" ".repeat(gutter.len()), " ".repeat(at - skip));
    format!("  {gutter} | {shown}\n  {blank} | {mark}^\n")
}

/// The line with keys and punctuation, values only as far as they are told; and where a column of it went.
fn veiled(line: &str, column: usize, told: &str) -> (String, usize) {
    let chars: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (mut shown, mut count, mut mark) = (String::new(), 0, None);
    let mut i = 0;
    while i < chars.len() && chars[i] != '#' {
        let end = word_end(&chars, i);
        let word: String = chars[i..end].iter().collect();
        let text =
            if structural(&word) || is_key(&chars, end) || names(told, &word) { word } else { HIDDEN.to_string() };
        if (i..end).contains(&column) {
            let inside = if text.chars().count() == end - i { column - i } else { 0 };
            mark = Some(count + inside);
        }
        count += text.chars().count();
        shown += &text;
        i = end;
    }
    (shown.trim_end().to_owned(), mark.unwrap_or(count))
}

/// The end of the word, the quoted text or the run of punctuation that begins here.
fn word_end(chars: &[char], start: usize) -> usize {
    let first = chars[start];
    if first == '"' || first == '\'' {
        let closing = chars[start + 1..].iter().position(|c| *c == first);
        return closing.map_or(chars.len(), |p| start + p + 2);
    }
    if punctuation(first) {
        return start + 1;
    }
    let ends = |i: usize| punctuation(chars[i]) || (chars[i] == ':' && blank(chars, i + 1));
    (start..chars.len()).find(|i| ends(*i)).unwrap_or(chars.len()).max(start + 1)
}

const fn punctuation(c: char) -> bool {
    matches!(c, ' ' | ',' | '{' | '}' | '[' | ']')
}

fn blank(chars: &[char], at: usize) -> bool {
    chars.get(at).is_none_or(|c| *c == ' ')
}

fn structural(word: &str) -> bool {
    word == "-" || word == ":" || word.chars().all(punctuation)
}

/// Whether a word that ends here is followed by the colon of a key.
fn is_key(chars: &[char], end: usize) -> bool {
    chars.get(end) == Some(&':') && blank(chars, end + 1)
}

/// Whether the message names the word, as a whole.
fn names(told: &str, word: &str) -> bool {
    let bare = word.trim_matches(['"', '\'']);
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !bare.is_empty()
        && told
            .match_indices(bare)
            .any(|(at, found)| !part(told[..at].chars().next_back()) && !part(told[at + found.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_the_message_names_are_shown() {
        let rows = [
            ("  min: 3", "min (3) is greater than max (2)", "  min: 3"),
            ("  api_key: nvapi-canary  # canary", "a secret is not written here", "  api_key: …"),
            ("env: {HF_TOKEN: hf_canary, A: \"x: canary\"}", "`env.HF_TOKEN` is secret", "env: {HF_TOKEN: …, A: …}"),
            ("- canary", "entry 1 is not text", "- …"),
            ("password:canary", "not a map", "…"),
            ("  id: YOUR_SUBSCRIPTION_ID", "is the placeholder `YOUR_SUBSCRIPTION_ID`", "  id: YOUR_SUBSCRIPTION_ID"),
            ("  pin: 3", "unknown key: 30 rules", "  pin: …"),
        ];
        for (line, told, want) in rows {
            assert_eq!(veiled(line, 0, told).0, want, "{line}");
        }
    }

    #[test]
    fn the_mark_follows_what_is_hidden() {
        let line = "a: {b: canary, c: 7}";
        let column = line.find('7').unwrap();
        let text = excerpt(line, 4, column + 1, "`c` is 7", 80);
        assert_eq!(text, "  4 | a: {b: …, c: 7}\n    |              ^\n");
    }

    #[test]
    fn long_lines_are_cut_round_the_mark() {
        let line = format!("a: {}, bad: 1", "x, ".repeat(200));
        let column = line.find("bad").unwrap() + 1;
        let text = excerpt(&line, 7, column, "`bad` is not known", 80);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    }
}
