//! The known word that was probably meant.

/// The nearest of `known`, when it is near enough to be a slip: a third of the letters at most.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let wanted = fold(word);
    let best = known.iter().map(|k| (distance(&wanted, &fold(k)), *k)).min_by_key(|(d, _)| *d)?;
    (best.0 <= (wanted.chars().count() / 3).max(1)).then_some(best.1)
}

/// So many of `known` at most, the nearest first, however far they are.
#[must_use]
pub fn by_nearness<'a>(word: &str, known: &[&'a str], most: usize) -> Vec<&'a str> {
    let wanted = fold(word);
    let mut all: Vec<(usize, &str)> = known.iter().map(|k| (distance(&wanted, &fold(k)), *k)).collect();
    all.sort_unstable();
    all.into_iter().take(most).map(|(_, word)| word).collect()
}

/// How many letters one word is off another, but for case, `_` and `-`.
#[must_use]
pub fn letters_off(a: &str, b: &str) -> usize {
    distance(&fold(a), &fold(b))
}

/// Case, `_` and `-` are what people mix up most.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-')).take(64).flat_map(char::to_lowercase).collect()
}

/// Letters to insert, delete, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{by_nearness, nearest};

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["node_pools", "kubernetes_version", "name"];
        assert_eq!(nearest("nodePools", &known), Some("node_pools"));
        assert_eq!(nearest("node_pool", &known), Some("node_pools"));
        assert_eq!(nearest("naem", &known), Some("name"));
        assert_eq!(nearest("flavour", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn the_nearest_come_first() {
        let known = ["team/trainer", "team/workers", "base", "team/worker-gpu"];
        assert_eq!(by_nearness("team/worker", &known, 2), ["team/workers", "team/worker-gpu"]);
        assert_eq!(by_nearness("x", &known, 9).len(), 4);
    }
}
