//! Text in columns of a given width, counted in characters. Nothing is wider than the width
//! (`tests::fits`).

/// Cuts in the middle, so that beginning and end can still be read.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let keep = width.saturating_sub(1);
    let (head, tail) = (keep.div_ceil(2), keep / 2);
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(length - tail).collect();
    format!("{head}…{tail}")
}

/// Cuts at the end.
pub(crate) fn head(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}

/// Breaks at spaces; a word longer than a line is left whole, since cut commands are useless.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut begun = false;
    for word in text.split_whitespace() {
        if begun && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    lines.push(line);
    lines.join("\n")
}

/// Columns as wide as their widest cell, two spaces between, nothing after the last.
pub(crate) fn grid(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(t, w)| format!("{t:<w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits() {
        assert_eq!(fit("aks-gpu1-12345678-vmss000003", 12), "aks-gp…00003");
        assert_eq!(fit("short", 12), "short");
        assert_eq!(head("one two three", 9), "one two…");
        for width in 1..40 {
            assert!(fit("aks-gpu1-12345678-vmss000003", width).chars().count() <= width);
        }
    }

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("aaa bbb ccc ddd", 9, "  "), "aaa bbb\n  ccc ddd");
        assert_eq!(wrap("  aaa bbb ccc", 9, "    "), "  aaa bbb\n    ccc");
        assert_eq!(wrap("a long-word-that-does-not-fit", 5, " "), "a\n long-word-that-does-not-fit");
    }
}
