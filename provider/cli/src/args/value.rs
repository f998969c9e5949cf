//! Values of flags that clap does not know.

use std::time::Duration;

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

const FORM: &str = "a time is a whole number with s, m or h, for example 10m";

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
    }
}
