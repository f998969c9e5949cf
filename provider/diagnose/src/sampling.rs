//! Which of many workers one run looks into (`tests`).

use std::collections::BTreeMap;

/// At most so many of them, from every group as many as from the others as far as it has them; in the order in which
/// they came.
pub(crate) fn spread<T, G: Ord>(all: Vec<T>, most: usize, group: impl Fn(&T) -> G) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    let mut met: BTreeMap<G, usize> = BTreeMap::new();
    let mut rows: Vec<(usize, usize, T)> = Vec::new();
    for (index, one) in all.into_iter().enumerate() {
        let before = met.entry(group(&one)).or_default();
        rows.push((*before, index, one));
        *before += 1;
    }
    rows.sort_by_key(|(before, index, _)| (*before, *index));
    rows.truncate(most);
    rows.sort_by_key(|(_, index, _)| *index);
    rows.into_iter().map(|(.., one)| one).collect()
}

/// `2 %`, and never nothing nor all where it is neither.
pub(crate) fn part(some: usize, all: usize) -> String {
    match some * 100 / all.max(1) {
        0 if some > 0 => "less than 1 %".to_owned(),
        whole => format!("{whole} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_some_of_every_group() {
        let all = vec!["a1", "a2", "a3", "a4", "b1", "c1", "c2"];
        let of = |most| spread(all.clone(), most, |one| one.chars().next());
        assert_eq!(of(3), ["a1", "b1", "c1"]);
        assert_eq!(of(5), ["a1", "a2", "b1", "c1", "c2"]);
        assert_eq!(of(6), ["a1", "a2", "a3", "b1", "c1", "c2"], "who has more gives what others lack");
        assert_eq!((of(7), of(9), of(0).len()), (all.clone(), all.clone(), 0));
    }

    #[test]
    fn a_part_is_neither_nothing_nor_all() {
        let words = [(20, 1000), (1, 1000), (999, 1000), (0, 5)].map(|(some, all)| part(some, all));
        assert_eq!(words, ["2 %", "less than 1 %", "99 %", "0 %"]);
    }
}
