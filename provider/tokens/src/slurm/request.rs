//! What a job's script asks for by itself, in its `#SBATCH` lines, and whether it reads the tokens.

use std::time::Duration;

/// How GPUs are asked for.
const FORMS: [&str; 5] = ["gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket"];

/// A request for GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuRequest {
    /// The option, without `--`.
    pub form: &'static str,
    /// A type, when it names one.
    pub kind: Option<String>,
    /// How many.
    pub count: u32,
    /// Other resources of the same option.
    pub beside: Vec<String>,
}

impl GpuRequest {
    /// GPUs by `--gres`, of any type.
    #[must_use]
    pub const fn plain(count: u32) -> Self {
        Self { form: FORMS[0], kind: None, count, beside: Vec::new() }
    }

    /// The option of `sbatch` that asks the same of one type.
    #[must_use]
    pub fn of(&self, kind: Option<&str>) -> String {
        let kind = kind.or(self.kind.as_deref()).map(|kind| format!("{kind}:")).unwrap_or_default();
        let own =
            if self.form == FORMS[0] { format!("gpu:{kind}{}", self.count) } else { format!("{kind}{}", self.count) };
        let all: Vec<String> = std::iter::once(own).chain(self.beside.iter().cloned()).collect();
        format!("--{}={}", self.form, all.join(","))
    }

    fn read(form: &'static str, value: &str) -> Option<Self> {
        let (mut own, mut beside) = (None, Vec::new());
        for entry in value.split(',') {
            let parts: Vec<&str> = entry.trim_start_matches("gres:").split([':', '=']).collect();
            let (kind, count) = match (form, parts.as_slice()) {
                ("gres", ["gpu"]) => (None, "1"),
                ("gres", ["gpu", one]) | (_, [one]) if form != "gres" || parts.len() == 2 => {
                    if one.bytes().all(|b| b.is_ascii_digit()) { (None, *one) } else { (Some(*one), "1") }
                }
                ("gres", ["gpu", kind, count]) | (_, [kind, count]) if form != "gres" || parts.len() == 3 => {
                    (Some(*kind), *count)
                }
                _ => {
                    beside.push(entry.to_owned());
                    continue;
                }
            };
            own = Some((kind.map(str::to_owned), count.parse().ok()?));
        }
        own.map(|(kind, count)| Self { form, kind, count, beside })
    }
}

/// All that matters of it here; the last line of an option counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// GPUs.
    pub gpus: Option<GpuRequest>,
    /// The partition.
    pub partition: Option<String>,
    /// The limit of time, in SLURM's form.
    pub time: Option<String>,
    /// What of the environment goes to the job.
    pub export: Option<String>,
}

impl Request {
    /// What the lines of a script ask for: those before its first command.
    #[must_use]
    pub fn of_script(text: &str) -> Self {
        let lines = text.lines().skip(1).map(str::trim_start);
        let head = lines.take_while(|line| line.is_empty() || line.starts_with('#'));
        let words = head.filter_map(|line| line.strip_prefix("#SBATCH")).flat_map(words);
        Self::of_words(&words.collect::<Vec<_>>())
    }

    /// What words of a command line ask for.
    #[must_use]
    pub fn of_words(words: &[String]) -> Self {
        let mut found = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (name, value) = match word.strip_prefix("--") {
                Some(long) => long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value))),
                None => match word.strip_prefix('-').and_then(|short| short.split_at_checked(1)) {
                    Some((name, value)) => (name, Some(value).filter(|value| !value.is_empty())),
                    None => continue,
                },
            };
            let name = match name {
                "p" => "partition",
                "t" => "time",
                "G" => "gpus",
                long => long,
            };
            let form = FORMS.into_iter().find(|form| *form == name);
            if form.is_none() && !matches!(name, "partition" | "time" | "export") {
                continue;
            }
            let Some(value) = value.or_else(|| words.next()) else { continue };
            match (form, name) {
                (Some(form), _) => found.gpus = GpuRequest::read(form, value).or(found.gpus),
                (None, "partition") => found.partition = Some(value.to_owned()),
                (None, "time") => found.time = Some(value.to_owned()),
                (None, _) => found.export = Some(value.to_owned()),
            }
        }
        found
    }

    /// This, and for what it leaves open the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            gpus: self.gpus.or(other.gpus),
            partition: self.partition.or(other.partition),
            time: self.time.or(other.time),
            export: self.export.or(other.export),
        }
    }
}

/// The words of a line, which quotes may hold together, up to a comment.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => found.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    found
}

/// Whether a script reads a file of tokens: by our loader, or by itself.
#[must_use]
pub fn reads_tokens(text: &str) -> bool {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    lines.into_iter().any(|line| line.contains("mops_load ") || line.contains(".env"))
}

/// How long a job may run by a limit in SLURM's form; `None` where it is not limited, or not in this form.
#[must_use]
pub fn time_limit(text: &str) -> Option<Duration> {
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n < 1 << 32);
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, text),
    };
    let parts: Vec<u64> = rest.split(':').map(number).collect::<Option<_>>()?;
    let seconds = match (days, parts.as_slice()) {
        (None, [minutes]) => minutes * 60,
        (None, [minutes, seconds]) => minutes * 60 + seconds,
        (None, [hours, minutes, seconds]) | (Some(_), [hours, minutes, seconds]) => {
            hours * 3600 + minutes * 60 + seconds
        }
        (Some(_), [hours]) => hours * 3600,
        (Some(_), [hours, minutes]) => hours * 3600 + minutes * 60,
        _ => return None,
    };
    let whole = seconds + days.unwrap_or_default() * 86_400;
    (whole > 0).then_some(Duration::from_secs(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_script_are_read_as_sbatch_reads_them() {
        let text = "#!/bin/sh\n#SBATCH -p gpu --time=01:00:00 # a comment --time=9\n# text\n\n#SBATCH --gres=gpu:2,nic:1\n\
                    ##SBATCH --time=7\n#SBATCH --job-name='a --time=8'\necho\n#SBATCH --time=2\n";
        let found = Request::of_script(text);
        assert_eq!((found.partition.as_deref(), found.time.as_deref()), (Some("gpu"), Some("01:00:00")));
        let gpus = found.gpus.unwrap();
        assert_eq!((gpus.kind.as_deref(), gpus.count), (None, 2));
        assert_eq!(gpus.of(Some("h200")), "--gres=gpu:h200:2,nic:1");
    }

    #[test]
    fn requests_for_gpus_keep_their_form() {
        for (line, kind, want) in [
            ("--gres=gpu", "", "--gres=gpu:x:1"),
            ("--gres gpu:a100", "a100", "--gres=gpu:x:1"),
            ("--gres=gpu:a100:4", "a100", "--gres=gpu:x:4"),
            ("-G 2", "", "--gpus=x:2"),
            ("-Ga100:2", "a100", "--gpus=x:2"),
            ("--gpus-per-node=3", "", "--gpus-per-node=x:3"),
            ("--gpus-per-task=v100:1", "v100", "--gpus-per-task=x:1"),
            ("--gres=shard:1", "", ""),
            ("--mem=4G", "", ""),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let found = Request::of_words(&words).gpus;
            assert_eq!(found.as_ref().and_then(|gpus| gpus.kind.clone()).unwrap_or_default(), kind, "{line}");
            assert_eq!(found.map(|gpus| gpus.of(Some("x"))).unwrap_or_default(), want, "{line}");
        }
    }

    #[test]
    fn limits_of_time_are_read_in_every_form() {
        let rows = [
            ("30", 1800),
            ("30:15", 1815),
            ("2:00:00", 7200),
            ("1-0", 86_400),
            ("1-2:30", 95_400),
            ("1-0:0:1", 86_401),
        ];
        for (text, want) in rows {
            assert_eq!(time_limit(text), Some(Duration::from_secs(want)), "{text}");
        }
        assert!(["", "0", "UNLIMITED", "x", "1:2:3:4", "1-"].into_iter().all(|text| time_limit(text).is_none()));
    }

    #[test]
    fn a_script_that_reads_tokens_is_known() {
        assert!(reads_tokens(&format!("#!/bin/sh\n{}", crate::snippet::loader("~/koa-ml/.env"))));
        assert!(reads_tokens("#!/bin/sh\nset -a; . ~/koa-ml/.env\n"));
        assert!(!reads_tokens("#!/bin/sh\n# source .env\npython train.py\n"));
    }
}
