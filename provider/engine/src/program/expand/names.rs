//! Names: as the file gives them, otherwise derived as the original did, the same on every machine.

use mops_core::{Diagnostic, StackId};
use sha2::{Digest, Sha256};

use super::ExpandOptions;
use crate::stackfile::{
    AccountName, ClusterProvider, RegistryName, RegistryProvider, ResourceGroupName, StackFile, SubscriptionId,
};

/// Region of a file that names none.
const LOCATION: &str = "eastus2";

/// The names of what a stack makes; `None` for what it does not make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) subscription: Option<String>,
    pub(super) resource_group: Option<String>,
    pub(super) location: String,
    pub(super) registry: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) account: Option<String>,
    pub(super) storage_group: Option<String>,
    pub(super) storage_location: String,
    pub(super) namespace: String,
}

/// Which Azure resources a file asks for.
struct Wanted {
    registry: bool,
    cluster: bool,
    storage: bool,
}

impl Names {
    pub(super) fn derive(file: &StackFile, options: &ExpandOptions, stack: &StackId) -> Result<Self, Vec<Diagnostic>> {
        let wanted = Wanted {
            registry: has_azure_registry(file),
            cluster: file.cluster.as_ref().is_some_and(|c| c.provider() == ClusterProvider::Azure),
            storage: file.storage.is_some(),
        };
        let location = location(file);
        let storage_location =
            file.storage.as_ref().and_then(|s| s.location.as_ref()).map_or_else(|| location.clone(), |l| region(l));
        let namespace = file.workspace.as_ref().and_then(|w| w.metadata.namespace.as_ref());
        let mut names = Self {
            location,
            storage_location,
            namespace: namespace.map_or_else(|| format!("modelops-dask-{}", stack.stack), |n| n.as_str().to_owned()),
            ..Self::default()
        };
        if !(wanted.registry || wanted.cluster || wanted.storage) {
            return Ok(names);
        }
        let subscription = subscription(file, options).map_err(|d| vec![d])?;
        let group = resource_group(file, options, stack).map_err(|d| vec![d])?;
        let hash = short_hash(&subscription, &group);
        let environment: String = stack.stack.chars().filter(char::is_ascii_alphanumeric).collect();
        if wanted.registry {
            names.registry = Some(registry(file, options, &environment, &hash).map_err(|d| vec![d])?);
        }
        if wanted.cluster {
            let given = file.cluster.as_ref().and_then(|c| c.aks.as_ref()).and_then(|a| a.name.as_ref());
            let derived = || format!("modelops-{}-aks", stack.stack);
            names.cluster = Some(given.map_or_else(derived, |n| n.as_str().to_owned()));
        }
        if let Some(storage) = &file.storage {
            names.account = Some(
                storage.account_name.as_ref().map_or_else(|| account(&environment, &hash), |n| n.as_str().to_owned()),
            );
            let own = storage.resource_group.as_ref().map(|g| g.as_str().to_owned());
            names.storage_group = Some(own.unwrap_or_else(|| group.clone()));
        }
        names.subscription = Some(subscription);
        names.resource_group = Some(group);
        Ok(names)
    }
}

/// Whether the stack makes a registry in Azure, in either of the two places.
pub(super) fn has_azure_registry(file: &StackFile) -> bool {
    match &file.registry {
        Some(registry) => registry.provider() == RegistryProvider::Azure,
        None => file.cluster.as_ref().is_some_and(|c| c.acr.is_some()),
    }
}

/// `East US 2` and `eastus2` are the same region.
fn region(text: &str) -> String {
    text.chars().filter(|c| *c != ' ').flat_map(char::to_lowercase).collect()
}

fn location(file: &StackFile) -> String {
    let cluster = file.cluster.as_ref().and_then(|c| c.location.as_ref());
    let storage = file.storage.as_ref().and_then(|s| s.location.as_ref());
    cluster.or(storage).map_or_else(|| LOCATION.to_owned(), |l| region(l))
}

fn subscription(file: &StackFile, options: &ExpandOptions) -> Result<String, Diagnostic> {
    let own = file.cluster.as_ref().and_then(|c| c.subscription_id.as_ref());
    let azure = file.azure.as_ref().and_then(|a| a.subscription_id.as_ref());
    if let Some(id) = own.or(azure) {
        return Ok(id.as_str().to_owned());
    }
    options.subscription.as_deref().and_then(SubscriptionId::new).map(|id| id.as_str().to_owned()).ok_or_else(|| {
        Diagnostic::error(None, "no subscription is given")
            .hint("add `azure: {subscription_id: …}` to the file, or set AZURE_SUBSCRIPTION_ID")
    })
}

/// The user that names carry, reduced to what names may hold.
fn user(file: &StackFile, options: &ExpandOptions) -> Option<String> {
    let own = file.cluster.as_ref().and_then(|c| c.username.as_ref()).map(|u| u.as_str());
    let user: String = own
        .or(options.user.as_deref())?
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .flat_map(char::to_lowercase)
        .collect();
    (!user.is_empty()).then_some(user)
}

fn resource_group(file: &StackFile, options: &ExpandOptions, stack: &StackId) -> Result<String, Diagnostic> {
    let cluster = file.cluster.as_ref();
    let given = cluster.and_then(|c| c.resource_group.as_ref());
    let storage = file.storage.as_ref().and_then(|s| s.resource_group.as_ref());
    let place = cluster.map(|c| c.place.clone());
    let name = match (given, cluster.and_then(|c| c.username.as_ref())) {
        (Some(group), Some(user)) => format!("{}-{}", group.as_str(), user.as_str()),
        (Some(group), None) => group.as_str().to_owned(),
        (None, _) if cluster.is_none() && storage.is_some() => {
            storage.map(|g| g.as_str().to_owned()).unwrap_or_default()
        }
        (None, _) => {
            let user = user(file, options).ok_or_else(|| {
                Diagnostic::error(place.clone(), "no resource group is given, and no user to derive one from")
                    .hint("add `cluster.resource_group`, or `cluster.username`")
            })?;
            format!("modelops-{}-rg-{user}", stack.stack)
        }
    };
    if ResourceGroupName::new(name.clone()).is_none() {
        let summary = format!("the resource group would be called `{name}`, which Azure does not take");
        return Err(Diagnostic::error(place, summary).hint("shorten `cluster.resource_group` or `cluster.username`"));
    }
    Ok(name)
}

fn registry(file: &StackFile, options: &ExpandOptions, environment: &str, hash: &str) -> Result<String, Diagnostic> {
    let section = file.registry.as_ref();
    let old = file.cluster.as_ref().and_then(|c| c.acr.as_ref());
    let own = section.and_then(|r| r.name.as_ref()).map(|n| n.value.clone());
    let older = old.and_then(|a| a.name.as_ref()).map(|n| n.as_str().to_owned());
    let name = own.or(older).unwrap_or_else(|| format!("modelops{environment}acr{hash}"));
    let per_user = old.and_then(|a| a.per_user_registry.as_ref()).filter(|p| p.value);
    let Some(per_user) = per_user else { return Ok(name) };
    let place = Some(per_user.place.clone());
    let Some(user) = user(file, options) else {
        return Err(Diagnostic::error(place, "`per_user_registry` needs a user").hint("add `cluster.username`"));
    };
    let name = format!("{name}{}", user.replace('-', ""));
    if RegistryName::new(name.clone()).is_none() {
        let summary = format!("the registry would be called `{name}`, which has more than 50 characters");
        return Err(Diagnostic::error(place, summary).hint("shorten `cluster.acr.name` or `cluster.username`"));
    }
    Ok(name)
}

/// `modelopsENVst` and the hash; a long environment is cut, because an account has 24 characters at most.
fn account(environment: &str, hash: &str) -> String {
    let short: String = environment.chars().take(8).collect();
    let name = format!("modelops{short}st{hash}");
    debug_assert!(AccountName::new(name.clone()).is_some());
    name
}

/// Six hexadecimal digits that tell stacks of different subscriptions and groups apart.
fn short_hash(subscription: &str, group: &str) -> String {
    let text = format!("{}/{}", subscription.to_lowercase(), group.to_lowercase());
    Sha256::digest(text.as_bytes()).iter().take(3).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stackfile::load;

    fn names(text: &str, user: Option<&str>) -> Names {
        let loaded = load("f.yaml", text);
        let file = loaded.file.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let options = ExpandOptions { user: user.map(Into::into), ..ExpandOptions::default() };
        let stack = StackId { project: "modelops".into(), stack: "team-one".into() };
        Names::derive(&file, &options, &stack).unwrap()
    }

    const CLUSTER: &str = "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks: {node_pools: [{name: s, mode: System, vm_size: Standard_B2s, count: 1}]}\n";

    #[test]
    fn absent_names_are_derived_and_stable() {
        let n = names(&format!("registry: {{}}\nstorage: {{}}\n{CLUSTER}"), Some("Ada.L"));
        assert_eq!(n.resource_group.as_deref(), Some("modelops-team-one-rg-adal"));
        assert_eq!(n.cluster.as_deref(), Some("modelops-team-one-aks"));
        let hash = short_hash("00000000-1111-2222-3333-444444444444", "modelops-team-one-rg-adal");
        assert_eq!(n.registry, Some(format!("modelopsteamoneacr{hash}")));
        assert_eq!(n.account, Some(format!("modelopsteamonest{hash}")));
        assert_eq!((n.namespace.as_str(), n.location.as_str()), ("modelops-dask-team-one", "eastus2"));
        assert_eq!(hash.len(), 6);
    }

    #[test]
    fn user_name_is_appended_to_a_given_group() {
        let text = CLUSTER.replace(
            "  aks:",
            "  resource_group: rg\n  username: ada\n  acr: {name: myacr, per_user_registry: true}\n  aks:",
        );
        let n = names(&text, Some("other"));
        assert_eq!(n.resource_group.as_deref(), Some("rg-ada"));
        assert_eq!(n.registry.as_deref(), Some("myacrada"));
    }

    #[test]
    fn nothing_is_derived_for_what_is_not_asked_for() {
        let text = "cluster: {provider: existing, kubeconfig: k}\n";
        assert_eq!(
            names(text, None),
            Names {
                location: "eastus2".into(),
                storage_location: "eastus2".into(),
                namespace: "modelops-dask-team-one".into(),
                ..Names::default()
            }
        );
    }
}
