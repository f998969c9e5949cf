//! Columns aligned by their widest cell; the last one is clipped to the width of the terminal.

use super::style::clip;

/// A table without lines round it.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    /// With a heading.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self(vec![heading.iter().map(|h| (*h).to_owned()).collect()])
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.0.push(cells.into_iter().map(Into::into).collect());
    }

    /// The text, two blanks between columns.
    pub(crate) fn render(&self, width: usize) -> String {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|i| self.0.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0))
            .collect();
        self.0.iter().map(|row| line(row, &widths, width)).collect()
    }
}

fn line(row: &[String], widths: &[usize], width: usize) -> String {
    let mut text = String::new();
    for (i, cell) in row.iter().enumerate() {
        if i + 1 == row.len() {
            text += &clip(cell, width.saturating_sub(text.chars().count()).max(16));
        } else {
            text += &format!("{cell:<width$}  ", width = widths[i]);
        }
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["registry", "ready"]);
        table.row(["x", &"long ".repeat(10)]);
        let text = table.render(30);
        assert_eq!(text.lines().next(), Some("NAME      STATE"));
        assert!(text.lines().all(|l| l.chars().count() <= 30), "{text}");
    }
}
