//! A counting line of a test.

use serde_json::{Map, Value, json};

/// `R2 kills=24 lost=0 …`
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) number: u32,
    counts: Vec<(String, String)>,
}

impl Line {
    /// Finds one in a line of a log, where the test runner may have written before it.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip_while(|w| number(w).is_none());
        let number = number(words.next()?)?;
        let counts = words.map(|w| w.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
        let counts: Vec<_> = counts.collect::<Option<_>>()?;
        (!counts.is_empty()).then_some(Self { number, counts })
    }

    /// As it was printed.
    pub(crate) fn text(&self) -> String {
        let counts: String = self.counts.iter().map(|(k, v)| format!(" {k}={v}")).collect();
        format!("R{:<2}{counts}", self.number)
    }

    pub(crate) fn json(&self) -> Value {
        let count = |v: &String| v.parse::<u64>().map_or_else(|_| json!(v), |n| json!(n));
        let counts: Map<String, Value> = self.counts.iter().map(|(k, v)| (k.clone(), count(v))).collect();
        json!({"id": format!("R{}", self.number), "counts": counts})
    }
}

fn number(word: &str) -> Option<u32> {
    word.strip_prefix('R')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counting_line_is_found_and_nothing_else() {
        let line = Line::parse("test x ... R2 kills=24 lost=0 p=5%").unwrap();
        assert_eq!((line.number, line.text().as_str()), (2, "R2  kills=24 lost=0 p=5%"));
        assert_eq!(line.json()["counts"], json!({"kills": 24, "lost": 0, "p": "5%"}));
        for other in ["R2", "R2 skipped: no build", "Rx a=1", "a line about R2 and more", ""] {
            assert_eq!(Line::parse(other), None, "{other}");
        }
    }
}
