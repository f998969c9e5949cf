//! Where a secret value comes from. A literal is refused and never quoted.

use mops_core::Source;
use serde_json::{Value as Json, json};

use super::reader::{Context, Read};
use super::rule::VariableName;
use super::tree::{Key, Kind, Node};

const KNOWN: [&str; 3] = ["from_env", "from_file", "from_keyring"];
const HINT: &str = "write `{from_env: VARIABLE}`, `{from_file: PATH}` (a file of mode 0600) or `{from_keyring: ENTRY}`";

/// A named place of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource(pub Source);

impl Read for SecretSource {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let name = cx.name();
        let members = match &node.kind {
            Kind::Map(members) => members.as_slice(),
            _ => {
                cx.error(
                    &node.place,
                    format!("{name} is given as a literal; secrets never stand in a stack file"),
                    HINT,
                );
                return None;
            }
        };
        let [(key, value)] = members else {
            cx.error(&node.place, format!("{name} needs exactly one source"), HINT);
            return None;
        };
        source(key, value, cx).map(Self)
    }

    fn schema() -> Json {
        let one = |key: &str| json!({"type": "object", "properties": {key: {"type": "string"}}, "required": [key], "additionalProperties": false});
        json!({"oneOf": [one("from_env"), one("from_file"), one("from_keyring")]})
    }
}

fn source(key: &Key, value: &Node, cx: &mut Context) -> Option<Source> {
    match key.text.as_str() {
        "from_env" => {
            // The value may be the secret itself, written here by mistake: it is not quoted.
            let (text, _) = cx.scalar(value, "the name of a variable")?;
            if VariableName::new(text).is_none() {
                let name = cx.below("from_env");
                cx.error(&value.place, format!("`{name}` is not the name of a variable"), HINT);
                return None;
            }
            Some(Source::FromEnv(text.to_owned()))
        }
        "from_file" => cx.in_key("from_file", |cx| String::read(value, cx)).map(Source::FromFile),
        "from_keyring" => cx.in_key("from_keyring", |cx| String::read(value, cx)).map(Source::FromKeyring),
        _ => {
            cx.strangers(&[(key.clone(), value.clone())], &KNOWN, super::reader::Openness::Strict);
            None
        }
    }
}
