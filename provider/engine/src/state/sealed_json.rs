//! Sealed values inside plain JSON: in fields that nobody here understands, and in deployments on their way in or out.

use serde_json::Value as Json;

use super::codec::{SECRET, SIGNATURE};
use super::frame::Fields;
use super::seal::{SealError, Sealer};

/// The two forms of a secret in a deployment.
pub(crate) enum Form {
    /// Sealed.
    Ciphertext(String),
    /// The JSON text of the value, in clear.
    Plaintext(String),
}

/// Puts what `change` gives in the place of every secret, at any depth.
pub(crate) fn each<E>(json: &mut Json, change: &mut dyn FnMut(Form) -> Result<Form, E>) -> Result<(), E> {
    match json {
        Json::Array(list) => list.iter_mut().try_for_each(|v| each(v, change)),
        Json::Object(members) => match form(members) {
            Some(found) => {
                let (key, text) = match change(found)? {
                    Form::Ciphertext(text) => ("ciphertext", text),
                    Form::Plaintext(text) => ("plaintext", text),
                };
                *members = Fields::from_iter([(SIGNATURE.to_owned(), SECRET.into()), (key.to_owned(), text.into())]);
                Ok(())
            }
            None => members.values_mut().try_for_each(|v| each(v, change)),
        },
        _ => Ok(()),
    }
}

fn form(members: &Fields) -> Option<Form> {
    let text = |key| members.get(key).and_then(Json::as_str).map(str::to_owned);
    if text(SIGNATURE)? != SECRET {
        return None;
    }
    text("ciphertext").map(Form::Ciphertext).or_else(|| text("plaintext").map(Form::Plaintext))
}

/// Opens every secret: `export --show-secrets`.
pub(crate) fn open_all(json: &mut Json, sealer: &Sealer) -> Result<(), SealError> {
    each(json, &mut |found| match found {
        Form::Ciphertext(text) => Ok(Form::Plaintext(sealer.open(&text)?.canonical_json())),
        clear @ Form::Plaintext(_) => Ok(clear),
    })
}

/// Seals what is in clear, and proves that everything else opens. Equal values get the ciphertext of the first of them,
/// because unchanged secrets are recognised by it.
pub(crate) fn seal_all(json: &mut Json, sealer: &Sealer) -> Result<(), SealError> {
    each(json, &mut |found| match found {
        Form::Ciphertext(text) => sealer.seal(&sealer.open(&text)?).map(Form::Ciphertext),
        Form::Plaintext(text) => {
            let value = serde_json::from_str::<Json>(&text).map_err(|_| SealError::Damaged("its plain text"))?;
            sealer.seal(&value.into()).map(Form::Ciphertext)
        }
    })
}

/// Whether anything in it is sealed.
pub(crate) fn has_ciphertext(json: &mut Json) -> bool {
    let mut found = false;
    let looked: Result<(), std::convert::Infallible> = each(json, &mut |form| {
        found |= matches!(form, Form::Ciphertext(_));
        Ok(form)
    });
    looked.is_ok() && found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_found_at_any_depth_and_nothing_else_is_touched() {
        let secret = |key: &str, text: &str| json!({SIGNATURE: SECRET, key: text});
        let mut found = json!({"a": [1, {"b": secret("plaintext", "\"x\"")}], "c": {SIGNATURE: "other"}, "d": null});
        let before = found.clone();
        assert!(!has_ciphertext(&mut found));
        assert_eq!(found, before);
        let sealed: Result<(), ()> = each(&mut found, &mut |_| Ok(Form::Ciphertext("v1:a:b".into())));
        sealed.unwrap();
        assert_eq!(found["a"][1]["b"], secret("ciphertext", "v1:a:b"));
        assert_eq!((&found["c"], &found["d"]), (&before["c"], &before["d"]));
        assert!(has_ciphertext(&mut found));
    }
}
