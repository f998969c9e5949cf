//! The entry of a pull secret for a registry.

use crate::dockerconfig::{self, Defect, Login};
use crate::observation::{Observation, check, code, variant};
use crate::settings::{Given, Settings};

/// The logins of the pull secret for the registry, or what stands against it.
pub(super) fn entry(settings: &Settings, registry: &str) -> Result<Vec<Login>, Box<Observation>> {
    let (check, variant) = (check::PULL_SECRET, variant::PULL_SECRET);
    let text = match &settings.pull_secret {
        Given::Value(text) => text,
        Given::Missing | Given::Empty => {
            let skipped = Observation::skipped(check, variant, registry, code::NOT_GIVEN);
            let why = "the worker names no pull secret, or the secret is absent or of another type";
            return Err(Box::new(skipped.detail(why)));
        }
    };
    dockerconfig::logins(text.expose(), registry).map_err(|defect| {
        let code = match defect {
            Defect::NoEntry => code::NO_ENTRY,
            Defect::NoCredential => code::NO_CREDENTIAL,
            Defect::Malformed | Defect::Auth | Defect::Contradiction => code::MALFORMED,
        };
        Box::new(Observation::failed(check, variant, registry, code).detail(&defect.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use mops_host::Env;

    use super::*;
    use crate::settings::names;

    fn code_of(text: &str) -> Option<String> {
        let settings = Settings::from_env(&Env::of([(names::PULL_SECRET, text)]));
        entry(&settings, "reg.io").err().and_then(|o| o.code)
    }

    #[test]
    fn each_defect_of_the_pull_secret_has_its_code() {
        assert_eq!(code_of("").as_deref(), Some(code::NOT_GIVEN));
        assert_eq!(code_of("{").as_deref(), Some(code::MALFORMED));
        assert_eq!(code_of(r#"{"auths":{"other.io":{}}}"#).as_deref(), Some(code::NO_ENTRY));
        assert_eq!(code_of(r#"{"auths":{"reg.io":{}}}"#).as_deref(), Some(code::NO_CREDENTIAL));
        assert_eq!(code_of(r#"{"auths":{"reg.io":{"username":"u","password":"p"}}}"#), None);
    }
}
