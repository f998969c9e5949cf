//! The provider that a stack file asks for with `azure:` and `cloud:`; without them it is the project's own, configured as
//! any other of Pulumi's.

use std::collections::BTreeMap;

use mops_core::cloud::PROVIDER;
use mops_core::{Diagnostic, Value};
use mops_engine::stackfile::{CloudChoice, StackFile};
use pulumi_gestalt_proto::pulumi::pulumirpc::RegisterResourceRequest;

use crate::value;

/// The configuration of a provider.
pub(super) type Configuration = BTreeMap<String, String>;

/// The configuration, when the file says anything of it.
///
/// # Errors
/// Endpoints of a cloud of one's own, which are no part of a configuration.
pub(super) fn config(file: &StackFile) -> Result<Option<Configuration>, Diagnostic> {
    let cloud = match &file.cloud {
        None => None,
        Some(cloud) => match cloud.value {
            CloudChoice::Public => Some("public"),
            CloudChoice::Government => Some("government"),
            CloudChoice::China => Some("china"),
            CloudChoice::Custom(_) => {
                let text = "endpoints under `cloud` are not taken from a stack file here";
                let hint = "write them into a file of mode 0600 and name it in MOPS_CLOUD";
                return Err(Diagnostic::error(Some(cloud.place.clone()), text).hint(hint));
            }
        },
    };
    Ok(file.azure_auth().configuration(cloud))
}

/// The provider as a resource of the stack.
///
/// # Errors
/// A configuration without a form in Pulumi.
pub(super) fn request(config: &Configuration, stack: &str) -> Result<RegisterResourceRequest, String> {
    let inputs = config.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    Ok(RegisterResourceRequest {
        r#type: format!("pulumi:providers:{}", crate::PACKAGE),
        name: PROVIDER.to_owned(),
        parent: stack.to_owned(),
        custom: true,
        object: Some(value::encode(&Value::Map(inputs)).map_err(|e| e.to_string())?),
        version: crate::VERSION.to_owned(),
        accept_secrets: true,
        supports_result_reporting: true,
        ..RegisterResourceRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_engine::stackfile;

    fn of(text: &str) -> Result<Option<Configuration>, String> {
        let loaded = stackfile::load("infra.yaml", text);
        let file = loaded.file.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        config(&file).map_err(|d| d.to_string())
    }

    #[test]
    fn a_file_that_says_nothing_leaves_it_to_the_project() {
        assert!(
            of("registry: {name: modelopsdevacr}\nazure: {subscription_id: 00000000-1111-2222-3333-444444444444}\n")
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_it_says_is_the_configuration_and_a_secret_stays_where_it_is() {
        let text = "registry: {name: modelopsdevacr}\ncloud: china\nazure:\n  auth: service_principal\n  tenant_id: \
                    00000000-1111-2222-3333-444444444444\n  client_id: 00000000-1111-2222-3333-444444444444\n  client_secret: \
                    {from_env: APP}\n";
        let config = of(text).unwrap().expect("a configuration");
        let made = request(&config, "root").expect("a provider");
        let inputs = value::decode(&made.object.expect("inputs")).expect("a value");
        assert!(crate::provider::Config::of(&inputs).is_ok(), "the provider takes what its program sends");
        assert_eq!(inputs.get("cloud"), Some(&Value::from("china")));
        assert_eq!(inputs.get("clientSecret"), Some(&Value::from("{\"from_env\":\"APP\"}")));
    }

    #[test]
    fn endpoints_of_ones_own_are_refused_at_their_place() {
        let text = "registry: {name: modelopsdevacr}\ncloud: {arm: \"https://arm.example.com\", authority: \
                    \"https://login.example.com\"}\n";
        assert!(of(text).unwrap_err().starts_with("infra.yaml:2:8: endpoints under `cloud`"));
    }
}
