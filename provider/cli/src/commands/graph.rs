//! `mops infra graph FILE`: which resource needs which, as Mermaid or DOT (`tests`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mops_core::Urn;
use mops_engine::program::{Component, Program};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::{GraphArgs, GraphFormat};
use crate::exit::{Exit, Outcome};
use crate::printer::kind;

/// The graph of the resources.
#[derive(Serialize, JsonSchema)]
pub(crate) struct GraphLine {
    /// Mermaid or DOT, as `--format` says.
    text: String,
}

pub(crate) fn run(app: &App, args: &GraphArgs) -> Outcome {
    let target = app.program(&args.file)?;
    let text = match args.format {
        GraphFormat::Mermaid => mermaid(&target.program),
        GraphFormat::Dot => dot(&target.program),
    };
    if app.printer.look().json {
        app.printer.object(&GraphLine { text });
    } else {
        app.printer.data(&text);
    }
    Ok(Exit::Ok)
}

/// Node ids that no name can break.
fn ids(program: &Program) -> BTreeMap<&Urn, String> {
    program.resources.iter().enumerate().map(|(i, r)| (&r.urn, format!("n{i}"))).collect()
}

/// Name and kind without characters that either language gives a meaning.
fn caption(urn: &Urn, line_break: &str) -> String {
    let clean = |text: &str| text.replace(['"', '\\', '<', '>', '[', ']', '{', '}'], "'");
    format!("{}{line_break}{}", clean(urn.name()), clean(&kind(urn.token())))
}

/// The edges, as pairs of node ids: what is needed, and by what.
fn edges(program: &Program) -> Vec<(String, String)> {
    let ids = ids(program);
    let from = |r: &mops_engine::program::Declared| {
        r.dependencies().into_iter().map(move |d| (d, r.urn.clone())).collect::<Vec<_>>()
    };
    let pairs = program.resources.iter().flat_map(from);
    pairs.filter_map(|(a, b)| Some((ids.get(&a)?.clone(), ids.get(&b)?.clone()))).collect()
}

fn mermaid(program: &Program) -> String {
    let ids = ids(program);
    let mut text = String::from("graph TD\n");
    for component in Component::ALL {
        let mut members = program.resources.iter().filter(|r| r.component == component).peekable();
        if members.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "  subgraph {component}");
        for member in members {
            let _ = writeln!(text, "    {}[\"{}\"]", ids[&member.urn], caption(&member.urn, "<br/>"));
        }
        text += "  end\n";
    }
    for (a, b) in edges(program) {
        let _ = writeln!(text, "  {a} --> {b}");
    }
    text
}

fn dot(program: &Program) -> String {
    let ids = ids(program);
    let mut text = String::from("digraph stack {\n  rankdir=LR;\n  node [shape=box];\n");
    for component in Component::ALL {
        let mut members = program.resources.iter().filter(|r| r.component == component).peekable();
        if members.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "  subgraph cluster_{component} {{\n    label=\"{component}\";");
        for member in members {
            let _ = writeln!(text, "    {} [label=\"{}\"];", ids[&member.urn], caption(&member.urn, "\\n"));
        }
        text += "  }\n";
    }
    for (a, b) in edges(program) {
        let _ = writeln!(text, "  {a} -> {b};");
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::StackId;
    use mops_engine::program::{Declared, Expr, Scope};

    fn program() -> Program {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let group = Urn::new(&stack, "modelops:azure:ResourceGroup", "resource-group");
        let pool = Urn::new(&stack, "modelops:azure:NodePool", "pool-\"gpu\"");
        let inputs = Expr::Map([("id".to_owned(), Expr::output(&group, "id"))].into());
        let resources = vec![
            Declared::new(group, Component::ResourceGroup, Expr::Map([].into())),
            Declared::new(pool, Component::Cluster, inputs),
        ];
        Program { stack, scope: Scope::default(), resources, outputs: Vec::new() }
    }

    #[test]
    fn mermaid_has_groups_captions_and_edges() {
        let want = "graph TD\n  subgraph resource_group\n    n0[\"resource-group<br/>resource group\"]\n  end\n  \
                    subgraph cluster\n    n1[\"pool-'gpu'<br/>node pool\"]\n  end\n  n0 --> n1\n";
        assert_eq!(mermaid(&program()), want);
    }

    #[test]
    fn dot_is_balanced_and_has_the_edge() {
        let text = dot(&program());
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.contains("  n0 -> n1;\n") && text.contains("pool-'gpu'\\nnode pool"), "{text}");
    }
}
