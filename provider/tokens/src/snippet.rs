//! What job scripts read the file with: a POSIX shell's own words, which take a line apart and evaluate nothing of it. The
//! same words look at the file on the host (`tests/tokens_loader.rs`, K-09).

use crate::written::in_single_quotes;

/// Takes a line apart.
pub(crate) const PAIR: &str = include_str!("sh/pair.sh");
/// Reads a file with it.
const LOAD: &str = include_str!("sh/load.sh");
/// What the loader says when it reads; its readers look for it in the log of a job.
pub const SAID: &str = "Loading environment from .env file...";
/// What it says when there is no file.
pub const MISSED: &str = "tokens may be unavailable";

/// The lines for a job's script; `path` is that of the file on the host, `~/` its home folder. A shell that prints what it
/// does is kept from printing values.
#[must_use]
pub fn loader(path: &str) -> String {
    let path = match path.strip_prefix("~/") {
        Some(rest) => format!("\"${{HOME}}\"/{}", in_single_quotes(rest)),
        None => in_single_quotes(path),
    };
    format!(
        "# Tokens for this job, by `mops tokens loader`: lines are read, and nothing in them is executed.\n\
         case $- in *x*) mops_trace=x ;; *) mops_trace='' ;; esac\n{{ set +x; }} 2>/dev/null\n{PAIR}{LOAD}\
         mops_load {path}\n\
         mops_line='' mops_value='' mops_rest='' mops_tail='' mops_char=''\n\
         unset -f mops_load mops_pair mops_strip mops_next\n\
         case $mops_trace in x) set -x ;; esac\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_and_the_home_folder_is_found_by_the_job() {
        assert!(loader("~/my koa/.env").contains("mops_load \"${HOME}\"/'my koa/.env'\n"));
        assert!(loader("/a$(x)/.env").contains("mops_load '/a$(x)/.env'\n"));
        assert!(LOAD.contains(SAID) && LOAD.contains(MISSED));
    }
}
