//! Which GPUs a container gets: all, none, those that are named, or as many idle ones as are asked for. An idle one that
//! another container of ours was given counts as taken, though nothing runs on it yet (`tests`).

use std::collections::BTreeSet;

use mops_host::Env;

/// A choice of GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gpus {
    /// Every one.
    All,
    /// Not one.
    None,
    /// By number or id.
    These(Vec<String>),
}

impl std::fmt::Display for Gpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::None => f.write_str("none"),
            Self::These(ids) => f.write_str(&ids.join(",")),
        }
    }
}

impl Gpus {
    /// Reads a choice.
    ///
    /// # Errors
    /// The form that it should have.
    pub fn parse(text: &str) -> Result<Self, String> {
        let good = |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            _ if text.split(',').all(|id| good(id) && (id.len() > 3 || id.parse::<u8>().is_ok())) => {
                Ok(Self::These(text.split(',').map(str::to_owned).collect()))
            }
            _ => Err(format!("`{text}` is not all, none, or numbers such as 0,1")),
        }
    }
}

/// From when on a GPU is idle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Idle {
    /// Per cent; below it.
    pub utilisation: f64,
    /// MB; from it on.
    pub free_memory: f64,
}

impl Idle {
    /// As the variables of mlenv say.
    ///
    /// # Errors
    /// A variable that is no number.
    pub fn of(env: &Env) -> Result<Self, String> {
        let number = |name: &str, usual: f64| match env.get(name) {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite() && *n >= 0.0)
                .ok_or_else(|| format!("{name} is no number: `{text}`")),
        };
        Ok(Self {
            utilisation: number("MLENV_GPU_UTIL_THRESHOLD", 30.0)?,
            free_memory: number("MLENV_GPU_MIN_FREE_MEM", 1000.0)?,
        })
    }
}

/// What the vendor's tool is asked.
pub const QUESTION: [&str; 2] = ["--query-gpu=index,utilization.gpu,memory.free", "--format=csv,noheader,nounits"];

/// The idle GPUs among what the vendor's tool prints, the freest first, without those that are `claimed`.
#[must_use]
pub fn idle(printed: &str, idle: Idle, claimed: &BTreeSet<String>) -> Vec<String> {
    let mut found: Vec<(f64, String)> = printed.lines().filter_map(|line| one(line, idle)).collect();
    found.retain(|(_, id)| !claimed.contains(id) && !claimed.contains("all"));
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, id)| id).collect()
}

/// A GPU that does not say how busy it is may be busy.
fn one(line: &str, idle: Idle) -> Option<(f64, String)> {
    let mut cells = line.split(',').map(str::trim);
    let (id, used, free) = (cells.next()?, cells.next()?, cells.next()?);
    let (used, free): (f64, f64) = (used.parse().ok()?, free.parse().ok()?);
    (used < idle.utilisation && free >= idle.free_memory).then(|| (free, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        for text in ["all", "none", "0", "0,1", "GPU-8d2f-11"] {
            assert_eq!(Gpus::parse(text).map(|gpus| gpus.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "0,", "two", "-1", "0;1", "256"] {
            assert!(Gpus::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_idle_gpu_is_below_both_limits_and_nobody_elses() {
        let printed = "0, 0, 40000\n1, 29, 1000\n2, 30, 40000\n3, 0, 999\n4, [N/A], 40000\n5, 1, 50000\n";
        let usual = Idle::of(&Env::default()).unwrap();
        let claimed = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>();
        assert_eq!(idle(printed, usual, &claimed(&[])), ["5", "0", "1"]);
        assert_eq!(idle(printed, usual, &claimed(&["5"])), ["0", "1"]);
        assert_eq!(idle(printed, usual, &claimed(&["all"])), [""; 0]);
        let env = [("MLENV_GPU_UTIL_THRESHOLD", "31"), ("MLENV_GPU_MIN_FREE_MEM", "45000")];
        assert_eq!(idle(printed, Idle::of(&Env::of(env)).unwrap(), &claimed(&[])), ["5"]);
        assert!(Idle::of(&Env::of([("MLENV_GPU_MIN_FREE_MEM", "much")])).is_err());
    }
}
