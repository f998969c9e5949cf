//! Values of flags that clap does not know.

use std::time::Duration;

use mops_core::grammar::is_dns_label;
use mops_diagnose::observed::Vantage;
use mops_wire::ngc::Model;
use mops_wire::registry::Reference;

/// `90s`, `10m`, `1h` or a whole number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(FORM.into()),
    };
    let count: u64 = digits.parse().map_err(|_| FORM.to_owned())?;
    let seconds = count.checked_mul(factor).filter(|s| *s <= 7 * 24 * 3600).ok_or("at most 7 days")?;
    Ok(Duration::from_secs(seconds))
}

/// A time in which something can be asked: at least a second.
pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| if time.is_zero() { Err("at least 1s".into()) } else { Ok(time) })
}

const FORM: &str = "a time is a whole number with s, m or h, for example 10m";

/// A place from which can be asked, by its letter.
pub(crate) fn vantage(text: &str) -> Result<Vantage, String> {
    Vantage::CHOSEN.into_iter().find(|vantage| vantage.letter() == text).ok_or_else(|| {
        let letters: Vec<String> = Vantage::CHOSEN.iter().map(|v| format!("{} ({})", v.letter(), v.word())).collect();
        format!("a vantage is one of {}", letters.join(", "))
    })
}

/// A number from 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "a whole number from 1".to_owned())
}

/// An image by its reference.
pub(crate) fn image(text: &str) -> Result<String, String> {
    text.parse::<Reference>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// The name of an object of Kubernetes.
pub(crate) fn object_name(text: &str) -> Result<String, String> {
    match text.len() <= 253 && text.split('.').all(is_dns_label) {
        true => Ok(text.to_owned()),
        false => Err("a name has lower-case letters, digits, `-` and `.`".into()),
    }
}

/// The bare host of a registry, with a port if need be.
pub(crate) fn registry_host(text: &str) -> Result<String, String> {
    let without = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = without.split('/').next().unwrap_or_default();
    match host {
        "" => Err("a registry is named by its host, for example myregistry.azurecr.io".into()),
        host if host == text => Ok(host.to_owned()),
        host => Err(format!("a registry is named by its host alone: {host}")),
    }
}

/// A model by its service and its name there.
pub(crate) fn model(text: &str) -> Result<Model, String> {
    match text.split_once(':') {
        Some(("ngc", name)) => name.parse().map_err(|error: mops_wire::ngc::ModelError| error.to_string()),
        Some(("hf", _)) => Err("models of Hugging Face are not looked up; ngc:ORG[/TEAM]/NAME:VERSION is".into()),
        _ => Err("a model is named by its service, for example ngc:nim/meta/llama-3.1-8b-instruct:1.0".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let rows = [("90s", Some(90)), ("10m", Some(600)), ("1h", Some(3600)), ("5", Some(5)), ("0s", Some(0))];
        for (text, want) in rows {
            assert_eq!(duration(text).ok().map(|d| d.as_secs()), want, "{text}");
        }
        for text in ["", "m", "1.5h", "-1s", "10 m", "3d", "99999999999999999999s", "800h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!((patience("1"), patience("0s")), (Ok(Duration::from_secs(1)), Err("at least 1s".to_owned())));
    }

    #[test]
    fn a_vantage_is_one_that_can_be_chosen() {
        assert!(Vantage::CHOSEN.iter().all(|chosen| vantage(chosen.letter()) == Ok(*chosen)));
        for text in ["k", "W", "", "w,p"] {
            assert!(
                vantage(text).is_err_and(|said| said.contains("w (workstation), p (pod), n (node), c (worker)")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_model_names_its_service() {
        assert_eq!(model("ngc:nim/meta/llama:1.0").unwrap().to_string(), "nim/meta/llama:1.0");
        for (text, said) in [("hf:meta/llama", "Hugging Face"), ("nim/meta/llama:1.0", "ngc:"), ("ngc:llama", "form")] {
            assert!(model(text).is_err_and(|words| words.contains(said)), "{text}");
        }
    }

    #[test]
    fn a_registry_is_a_bare_host() {
        assert_eq!(registry_host("r.azurecr.io").as_deref(), Ok("r.azurecr.io"));
        assert_eq!(registry_host("localhost:5000").as_deref(), Ok("localhost:5000"));
        for (text, right) in [("https://r.azurecr.io", "r.azurecr.io"), ("r.azurecr.io/team/image:1", "r.azurecr.io")] {
            assert!(registry_host(text).is_err_and(|said| said.ends_with(right)), "{text}");
        }
        assert!(registry_host("https://").is_err());
    }
}
