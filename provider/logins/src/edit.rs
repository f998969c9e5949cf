//! Changes to the object `auths` of a docker config that leave every other byte as it is: what other tools keep there, its
//! order and its indentation (`tests`).

use std::ops::Range;

use mops_probe::dockerconfig::host_of;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text is not a docker config, and where its parser stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON.
    #[error("line {0} is not JSON")]
    Line(usize),
    /// JSON of another form.
    #[error("it is not an object, or its `auths` is not")]
    Form,
}

/// The members of an object in their order, with their text.
#[derive(Default)]
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Object)
    }
}

/// An object within the text, and where its members' values stand.
struct Object<'a> {
    text: &'a str,
    /// Behind its opening brace.
    open: usize,
    /// At its closing brace.
    close: usize,
    members: Vec<(String, Range<usize>)>,
}

impl<'a> Object<'a> {
    fn at(text: &'a str, place: Range<usize>) -> Result<Self, Malformed> {
        let Members(members) = serde_json::from_str(&text[place.clone()]).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Malformed::Form,
            _ => Malformed::Line(error.line()),
        })?;
        let start = |raw: &RawValue| raw.get().as_ptr() as usize - text.as_ptr() as usize;
        let members = members.into_iter().map(|(key, raw)| (key, start(raw)..start(raw) + raw.get().len())).collect();
        let outer = text[place.clone()].trim_end();
        let open = place.start + (outer.len() - outer.trim_start().len()) + 1;
        Ok(Self { text, open, close: place.start + outer.len() - 1, members })
    }

    fn whole(text: &'a str) -> Result<Self, Malformed> {
        Self::at(text, 0..text.len())
    }

    /// The object `auths` in it.
    fn auths(&self) -> Result<Option<Self>, Malformed> {
        let found = self.members.iter().find(|(key, _)| key == "auths");
        found.map(|(_, place)| Self::at(self.text, place.clone())).transpose()
    }

    /// The blanks before its first member.
    fn lead(&self) -> &'a str {
        let inside = &self.text[self.open..self.close];
        &inside[..inside.len() - inside.trim_start().len()]
    }

    fn with(&self, place: Range<usize>, new: &str) -> String {
        [&self.text[..place.start], new, &self.text[place.end..]].concat()
    }
}

/// How deep a line stands: nothing for a text in one line.
fn indent(lead: &str) -> Option<&str> {
    lead.rfind('\n').map(|end| &lead[end + 1..])
}

/// An object of texts as it is written one level below `base`, or in one line.
fn written(members: &[(&str, &str)], base: Option<(&str, &str)>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (before, colon, after) = match base {
        Some((base, step)) => (format!("\n{base}{step}"), ": ", format!("\n{base}")),
        None => (String::new(), ":", String::new()),
    };
    if members.is_empty() {
        return "{}".to_owned();
    }
    let members = members.iter().map(|(key, value)| format!("{before}{}{colon}{}", quoted(key), quoted(value)));
    format!("{{{}{after}}}", members.collect::<Vec<_>>().join(","))
}

/// The text with these members as the entry `key` of `auths`; an entry for the same host is written over.
///
/// # Errors
/// [`Malformed`]; then nothing may be written.
pub(crate) fn put(text: &str, key: &str, entry: &[(&str, &str)]) -> Result<String, Malformed> {
    if text.trim().is_empty() {
        return put("{}\n", key, entry);
    }
    let top = Object::whole(text)?;
    let quoted = serde_json::Value::from(key).to_string();
    // Docker itself writes tabs.
    let step = match top.members.is_empty() {
        true => Some("\t"),
        false => indent(top.lead()),
    };
    let deeper = step.map(|step| step.repeat(2));
    let style = deeper.as_deref().zip(step);
    let colon = if style.is_some() { ": " } else { ":" };
    let new = format!("{quoted}{colon}{}", written(entry, style));
    let line = |depth: &str| style.map_or_else(String::new, |_| format!("\n{depth}"));
    let (one, two) = (line(step.unwrap_or_default()), line(deeper.as_deref().unwrap_or_default()));
    let Some(auths) = top.auths()? else {
        let object = format!("{one}\"auths\"{colon}{{{two}{new}{one}}}");
        return Ok(match top.members.is_empty() {
            true => top.with(top.open..top.close, &format!("{object}\n")),
            false => top.with(top.open..top.open, &format!("{object},")),
        });
    };
    let same = auths.members.iter().find(|(name, _)| host_of(name) == host_of(key));
    Ok(match (same, auths.members.last()) {
        (Some((_, place)), _) => auths.with(place.clone(), &written(entry, style)),
        (None, Some((_, last))) => auths.with(last.end..last.end, &format!(",{}{new}", auths.lead())),
        (None, None) => auths.with(auths.open..auths.close, &format!("{two}{new}{one}")),
    })
}

/// The text without the entries of a host; none when it has none.
///
/// # Errors
/// [`Malformed`]; then nothing may be written.
pub(crate) fn remove(text: &str, key: &str) -> Result<Option<String>, Malformed> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let Some(auths) = Object::whole(text)?.auths()? else { return Ok(None) };
    let Some(at) = auths.members.iter().position(|(name, _)| host_of(name) == host_of(key)) else { return Ok(None) };
    let end = auths.members[at].1.end;
    let without = match (at.checked_sub(1), auths.members.len()) {
        (Some(before), _) => auths.with(auths.members[before].1.end..end, ""),
        (None, 1) => auths.with(auths.open..auths.close, ""),
        (None, _) => {
            let comma = text[end..].find(',').map_or(end, |at| end + at + 1);
            auths.with(auths.open..comma, "")
        }
    };
    // Two entries may be of one host: as an address and as a name.
    Ok(Some(remove(&without, key)?.unwrap_or(without)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &[(&str, &str)] = &[("auth", "dTpw")];

    #[test]
    fn every_other_byte_stays() {
        let rows = [
            ("", "{\n\t\"auths\": {\n\t\t\"reg.io\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n"),
            ("{\"a\":1.0}", "{\"auths\":{\"reg.io\":{\"auth\":\"dTpw\"}},\"a\":1.0}"),
            (
                "{\n  \"x\": 1e2,\n  \"auths\": {}\n}",
                "{\n  \"x\": 1e2,\n  \"auths\": {\n    \"reg.io\": {\n      \"auth\": \"dTpw\"\n    }\n  }\n}",
            ),
            (
                "{\n \"auths\": {\n  \"b.io\": { \"auth\" : \"x\" }\n },\n \"credsStore\": \"\\u0061\"\n}",
                "{\n \"auths\": {\n  \"b.io\": { \"auth\" : \"x\" },\n  \"reg.io\": {\n   \"auth\": \"dTpw\"\n  }\n },\n \
                 \"credsStore\": \"\\u0061\"\n}",
            ),
            (
                "{\"auths\":{\"https://REG.io/v1/\":{\"auth\":\"old\"},\"z\":{}}}",
                "{\"auths\":{\"https://REG.io/v1/\":{\"auth\":\"dTpw\"},\"z\":{}}}",
            ),
        ];
        for (before, after) in rows {
            assert_eq!(put(before, "reg.io", ENTRY).as_deref(), Ok(after), "{before}");
        }
    }

    #[test]
    fn an_entry_goes_with_its_comma() {
        let rows = [
            ("{\"auths\": {\"reg.io\": {}}}", Some("{\"auths\": {}}")),
            ("{\"auths\": {\n \"reg.io\": {},\n \"b\": {}\n}}", Some("{\"auths\": {\n \"b\": {}\n}}")),
            ("{\"auths\": {\"b\": {}, \"reg.io\": {}}}", Some("{\"auths\": {\"b\": {}}}")),
            ("{\"auths\": {\"https://reg.io\": {}, \"b\": {}, \"reg.io\": {}}}", Some("{\"auths\": { \"b\": {}}}")),
            ("{\"auths\": {\"b\": {}}}", None),
            ("{}", None),
            (" ", None),
        ];
        for (before, after) in rows {
            assert_eq!(remove(before, "reg.io"), Ok(after.map(str::to_owned)), "{before}");
        }
    }

    #[test]
    fn what_is_no_docker_config_is_not_touched() {
        for (text, error) in [
            ("{\n\"auths\": {\n}", Malformed::Line(3)),
            ("\u{feff}{}", Malformed::Line(1)),
            ("{} // mine", Malformed::Line(1)),
            ("[]", Malformed::Form),
            ("{\"auths\": 7}", Malformed::Form),
        ] {
            assert_eq!(put(text, "reg.io", ENTRY), Err(error.clone()), "{text}");
            assert_eq!(remove(text, "reg.io"), Err(error), "{text}");
        }
    }

    #[test]
    fn many_entries_come_and_go() {
        let start = "{\n\t\"HttpHeaders\": {\"a\": \"b\"},\n\t\"auths\": {\n\t\t\"keep.io\": {}\n\t}\n}\n";
        let hosts: Vec<String> = (0..50).map(|i| format!("r{i}.io")).collect();
        let full = hosts.iter().fold(start.to_owned(), |text, host| put(&text, host, ENTRY).unwrap());
        let read: serde_json::Value = serde_json::from_str(&full).unwrap();
        assert_eq!(read["auths"].as_object().unwrap().len(), 51);
        let empty = hosts.iter().fold(full, |text, host| remove(&text, host).unwrap().unwrap());
        assert_eq!(empty, start);
    }
}
