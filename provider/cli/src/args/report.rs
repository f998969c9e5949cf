//! `--format`: the forms of a report, and where each of them goes.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::exit::Failure;

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum Form {
    Text,
    Json,
    Sarif,
    Junit,
    Github,
    Html,
}

impl Form {
    /// Its word on the command line.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A form, and the file that it goes into; without one it goes to standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) form: Form,
    pub(crate) file: Option<String>,
}

impl Wanted {
    /// What standard output gets when nobody asked for a form.
    pub(crate) const fn printed(json: bool) -> Self {
        Self { form: if json { Form::Json } else { Form::Text }, file: None }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, file) = text.split_once('=').map_or((text, None), |(word, file)| (word, Some(file)));
        let form = Form::from_str(word, false).map_err(|_| {
            let words: Vec<String> = Form::value_variants().iter().map(|form| form.word()).collect();
            format!("a form is one of {}", words.join(", "))
        })?;
        match file {
            Some("") => Err(format!("the file is missing: {word}=FILE, or {word} alone for standard output")),
            file => Ok(Self { form, file: file.map(ToOwned::to_owned) }),
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// text (default), json, sarif, junit, github, html.
    #[arg(long = "format", value_name = "FORM[=FILE]")]
    formats: Vec<Wanted>,
}

impl ReportArgs {
    /// Whether standard output gets JSON, as with `--json`.
    pub(crate) fn is_json(&self) -> bool {
        self.formats.contains(&Wanted::printed(true))
    }

    /// The forms to write; `--json` is one of them.
    ///
    /// # Errors
    /// When two of them would share standard output or a file.
    pub(crate) fn wanted(&self, json: bool) -> Result<Vec<Wanted>, Failure> {
        let given = json.then_some(Wanted::printed(true));
        let mut wanted: Vec<Wanted> = Vec::new();
        for one in given.into_iter().chain(self.formats.iter().cloned()) {
            if wanted.contains(&one) {
                continue;
            }
            if let Some(other) = wanted.iter().find(|other| other.file == one.file) {
                return Err(shared(other, &one));
            }
            wanted.push(one);
        }
        if wanted.is_empty() {
            wanted.push(Wanted::printed(false));
        }
        Ok(wanted)
    }
}

fn shared(first: &Wanted, second: &Wanted) -> Failure {
    let (a, b) = (first.form.word(), second.form.word());
    let place = first.file.as_ref().map_or_else(|| "standard output".to_owned(), |file| format!("`{file}`"));
    Failure::usage(
        format!("`{a}` and `{b}` cannot both go to {place}"),
        format!("give one of them a file of its own: `--format {b}=FILE`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(formats: &[&str], json: bool) -> Result<Vec<String>, String> {
        let formats = formats.iter().map(|text| text.parse()).collect::<Result<_, String>>()?;
        let word =
            |w: &Wanted| w.file.as_ref().map_or_else(|| w.form.word(), |file| format!("{}={file}", w.form.word()));
        match (ReportArgs { formats }).wanted(json) {
            Ok(found) => Ok(found.iter().map(word).collect()),
            Err(Failure::Error(_, error)) => Err(error.summary().to_owned()),
            Err(_) => Err(String::new()),
        }
    }

    #[test]
    fn one_form_goes_to_standard_output_and_the_others_into_files_of_their_own() {
        let ok: [(&[&str], bool, &[&str]); 6] = [
            (&[], false, &["text"]),
            (&[], true, &["json"]),
            (&["json"], true, &["json"]),
            (&["text", "html=a.html", "junit=b=c.xml"], false, &["text", "html=a.html", "junit=b=c.xml"]),
            (&["sarif=x"], true, &["json", "sarif=x"]),
            (&["sarif=x"], false, &["sarif=x"]),
        ];
        for (formats, json, want) in ok {
            assert_eq!(wanted(formats, json).unwrap(), want, "{formats:?}");
        }
        let refused: [(&[&str], bool, &str); 6] = [
            (&["text", "sarif"], false, "`text` and `sarif` cannot both go to standard output"),
            (&["text"], true, "`json` and `text` cannot both go to standard output"),
            (&["html=x", "sarif=x"], false, "`html` and `sarif` cannot both go to `x`"),
            (&["yaml"], false, "a form is one of text, json, sarif, junit, github, html"),
            (&["html="], false, "the file is missing: html=FILE, or html alone for standard output"),
            (&["="], false, "a form is one of text, json, sarif, junit, github, html"),
        ];
        for (formats, json, want) in refused {
            assert_eq!(wanted(formats, json).unwrap_err(), want, "{formats:?}");
        }
    }
}
