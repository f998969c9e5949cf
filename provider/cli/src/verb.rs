//! Every verb of the product, built or not. The parser may know no verb outside this list
//! (`tests::the_parser_knows_no_verb_outside_the_list`), and a command that a message suggests is looked up in it.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::CommandFactory;

/// The verbs in the order of the documentation, words separated by one blank.
const VERBS: &[&str] = &[
    "infra init",
    "infra validate",
    "infra preview",
    "infra up",
    "infra down",
    "infra refresh",
    "infra status",
    "infra outputs",
    "infra graph",
    "infra kubeconfig",
    "infra list",
    "infra remove",
    "infra export",
    "infra import",
    "infra unlock",
    "infra passphrase rotate",
    "infra state show",
    "infra state forget",
    "infra state unprotect",
    "diagnose-auth",
    "smoke-test",
    "explain",
    "auth login",
    "auth logout",
    "auth status",
    "auth check",
    "auth rotate acr",
    "auth rotate storage",
    "auth rotate sp",
    "auth rotate ngc",
    "auth rotate hf",
    "auth rotate wandb",
    "auth rotate novita",
    "auth rotate novita-key",
    "auth migrate",
    "ngc check",
    "ngc fix",
    "ngc mock serve",
    "ngc mock on",
    "ngc mock off",
    "ngc login",
    "ngc logout",
    "ngc status",
    "tokens sync",
    "tokens check",
    "tokens loader",
    "novita auth list",
    "novita auth get",
    "novita auth create",
    "novita auth delete",
    "novita instance create",
    "novita instance get",
    "novita instance list",
    "novita instance start",
    "novita instance stop",
    "novita instance delete",
    "novita check",
    "env up",
    "env exec",
    "env down",
    "env logs",
    "env ls",
    "slurm submit",
    "slurm status",
    "slurm logs",
    "completions",
    "version",
    "dev diagnose-auth",
    "dev smoke-test",
    "dev check-credentials",
];

/// The verb of the list that a command line names. Asked for when the parser does not know it: then it is a verb
/// that a later version brings, not a slip of the keyboard.
pub(crate) fn planned(args: &[OsString]) -> Option<&'static str> {
    let words: Vec<&str> = args.iter().skip(1).filter_map(|a| a.to_str()).filter(|a| !a.starts_with('-')).collect();
    VERBS.iter().copied().find(|verb| verb.split(' ').eq(words.iter().copied().take(verb.split(' ').count())))
}

/// The verbs that the parser knows.
pub(crate) fn built() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    leaves(&crate::args::Cli::command(), "", &mut found);
    found
}

fn leaves(command: &clap::Command, prefix: &str, found: &mut BTreeSet<String>) {
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let name = format!("{prefix}{}", sub.get_name());
        match sub.get_subcommands().next() {
            Some(_) => leaves(sub, &format!("{name} "), found),
            None => drop(found.insert(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_knows_no_verb_outside_the_list() {
        let built = built();
        let listed: BTreeSet<String> = VERBS.iter().map(ToString::to_string).collect();
        assert_eq!(listed.len(), VERBS.len(), "a verb stands in the list twice");
        let unknown: Vec<_> = built.difference(&listed).collect();
        assert!(unknown.is_empty(), "verbs outside the list: {unknown:?}");
        assert!(built.contains("infra up") && built.contains("dev smoke-test"));
        let missing: Vec<_> = VERBS.iter().filter(|v| !built.contains(**v)).copied().collect();
        let text = format!("verbs not built yet ({} of {}): {}\n", missing.len(), VERBS.len(), missing.join(", "));
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()).unwrap();
    }

    #[test]
    fn a_verb_of_a_later_version_is_recognised() {
        let args = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(planned(&args("mops -v auth login")), Some("auth login"));
        assert_eq!(planned(&args("mops infra refresh f.yaml")), Some("infra refresh"));
        assert_eq!(planned(&args("mops infra upp")), None);
    }
}
