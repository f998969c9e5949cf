//! Ports in the three forms in which files have them, as the one text that is sent.

use serde_json::Value as Json;

/// `8888/http,22/tcp` from that text, from `[{port, type, name}]` or from `[{type, ports: []}]`; the name stays here.
///
/// # Errors
/// What is wrong with which of them.
pub fn ports(given: &Json) -> Result<String, String> {
    let all = match given {
        Json::Null => Vec::new(),
        Json::String(text) if text.trim().is_empty() => Vec::new(),
        Json::String(text) => text.split(',').map(|one| worded(one.trim())).collect::<Result<_, _>>()?,
        Json::Array(items) => items.iter().map(item).collect::<Result<Vec<_>, _>>()?.concat(),
        _ => return Err("it is neither a text nor a list".to_owned()),
    };
    Ok(all.join(","))
}

fn worded(text: &str) -> Result<String, String> {
    let (port, kind) = text.split_once('/').ok_or_else(|| format!("`{text}` is not of the form PORT/TYPE"))?;
    let number = port.parse().map_err(|_| format!("`{port}` is no port"))?;
    one(number, kind)
}

fn item(item: &Json) -> Result<Vec<String>, String> {
    if let Json::String(text) = item {
        return Ok(vec![worded(text.trim())?]);
    }
    let kind = item["type"].as_str().ok_or("an entry has no `type`")?;
    let numbers = match (&item["port"], &item["ports"]) {
        (Json::Null, Json::Array(numbers)) => numbers.iter().collect(),
        (Json::Null, _) => return Err("an entry has neither `port` nor `ports`".to_owned()),
        (number, _) => vec![number],
    };
    numbers.into_iter().map(|number| one(whole(number)?, kind)).collect()
}

fn whole(number: &Json) -> Result<u64, String> {
    let text = number.as_str().and_then(|text| text.parse().ok());
    number.as_u64().or(text).ok_or_else(|| format!("`{number}` is no port"))
}

fn one(port: u64, kind: &str) -> Result<String, String> {
    match (port, kind) {
        (1..=65535, "http" | "tcp") => Ok(format!("{port}/{kind}")),
        (1..=65535, _) => Err(format!("`{kind}` is neither `http` nor `tcp`")),
        _ => Err(format!("`{port}` is no port")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn v_07_every_form_gives_the_one_text() {
        let forms = [
            json!("8888/http,22/tcp"),
            json!(" 8888/http , 22/tcp"),
            json!(["8888/http", "22/tcp"]),
            json!([{"port": 8888, "type": "http", "name": "jupyter"}, {"port": 22, "type": "tcp", "name": "ssh"}]),
            json!([{"type": "http", "ports": [8888]}, {"type": "tcp", "ports": ["22"]}]),
        ];
        for form in forms {
            assert_eq!(ports(&form).as_deref(), Ok("8888/http,22/tcp"), "{form}");
        }
        assert_eq!(ports(&json!([{"type": "http", "ports": [1, 2]}])).as_deref(), Ok("1/http,2/http"));
        assert_eq!((ports(&Json::Null), ports(&json!(""))), (Ok(String::new()), Ok(String::new())));
    }

    #[test]
    fn v_07_what_is_no_port_is_named() {
        for (form, wrong) in [
            (json!("8888"), "8888"),
            (json!("0/http"), "`0`"),
            (json!("70000/tcp"), "70000"),
            (json!("22/udp"), "udp"),
            (json!([{"port": 22}]), "type"),
            (json!([{"type": "tcp"}]), "ports"),
            (json!(22), "list"),
        ] {
            assert!(ports(&form).unwrap_err().contains(wrong), "{form}");
        }
    }
}
