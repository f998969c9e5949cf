//! The matrix pool × check, and the checks that belong to no pool. Each answer is a button that opens its evidence,
//! without a script.

use super::super::matrix::{Matrix, Question, Row, worst};
use super::super::owner::Matters;
use super::super::phrase;
use super::markup::Markup;
use super::{evidence, outcome, sign};
use crate::observed::{Observed, Status};

/// The table; nothing when no pool is known.
pub(super) fn matrix(matrix: &Matrix<'_>, matters: &Matters<'_>) -> Markup {
    if matrix.pools.is_empty() {
        return Markup::default();
    }
    let column = |question: &Question<'_>| {
        let (check, credential) = (phrase::name(question.check), question.credential);
        Markup::fill(
            include_str!("column.html"),
            &[("check", Markup::text(check)), ("credential", Markup::text(credential))],
        )
    };
    let rows = matrix.pools.iter().enumerate().map(|(at, pool)| row(at, pool, &matrix.questions, matters));
    Markup::fill(
        include_str!("matrix.html"),
        &[
            ("title", Markup::text("Each pool, each check")),
            ("columns", matrix.questions.iter().map(column).collect()),
            ("rows", rows.collect()),
        ],
    )
}

fn row(at: usize, row: &Row<'_>, questions: &[Question<'_>], matters: &Matters<'_>) -> Markup {
    let cell = |(number, question): (usize, &Question<'_>)| {
        let words = phrase::asked(question.check, question.credential);
        let asked = Markup::text(&words);
        let Some(seen) = row.cells.get(question) else {
            return Markup::fill(include_str!("blank.html"), &[("question", asked)]);
        };
        let title = format!("pool {}: {words}", row.pool);
        let button = button(&format!("cell-{at}-{number}"), &title, &summary(seen), seen, matters);
        Markup::fill(include_str!("cell.html"), &[("question", asked), ("button", button)])
    };
    Markup::fill(
        include_str!("row.html"),
        &[
            ("pool", Markup::text(row.pool)),
            ("nodes", Markup::text(&row.nodes())),
            ("cells", questions.iter().enumerate().map(cell).collect()),
        ],
    )
}

/// What was looked at outside of pools.
pub(super) fn elsewhere(matrix: &Matrix<'_>, matters: &Matters<'_>) -> Markup {
    let chip = |(number, (question, seen)): (usize, (&Question<'_>, &Vec<&Observed>))| {
        let title = phrase::asked(question.check, question.credential);
        let text = format!("{title}: {}", summary(seen));
        let button = button(&format!("chip-{number}"), &title, &text, seen, matters);
        Markup::fill(include_str!("chip.html"), &[("button", button)])
    };
    let chips: Vec<Markup> = matrix.elsewhere.cells.iter().enumerate().map(chip).collect();
    if chips.is_empty() {
        return Markup::default();
    }
    Markup::fill(include_str!("elsewhere.html"), &[("chips", chips.into_iter().collect())])
}

/// The worst outcome, with how many when they differ.
fn summary(seen: &[&Observed]) -> String {
    let status = worst(seen);
    let count = seen.iter().filter(|o| o.status == status).count();
    if count == seen.len() || status != Status::Fail {
        return status.word().to_owned();
    }
    format!("{} {}/{}", status.word(), phrase::number(count), phrase::number(seen.len()))
}

fn button(id: &str, title: &str, text: &str, seen: &[&Observed], matters: &Matters<'_>) -> Markup {
    let status = worst(seen);
    let causes = matters.causes(seen);
    let title = if causes.is_empty() { title.to_owned() } else { format!("{title} · {}", causes.join(", ")) };
    Markup::fill(
        include_str!("button.html"),
        &[
            ("id", Markup::text(id)),
            ("status", outcome(status)),
            ("sign", Markup::text(sign(status))),
            ("text", Markup::text(text)),
            ("label", Markup::text(&format!("{title}: {text}"))),
            ("title", Markup::text(&title)),
            ("evidence", evidence::answers(seen)),
        ],
    )
}
