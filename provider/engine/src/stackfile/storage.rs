//! `storage:` — the account, its containers, and the SAS tokens that pods get.

use std::collections::HashSet;

use mops_core::Place;

use super::reader::{Check, Context, OneOrMany, Spanned, section};
use super::rule::{AccountName, ContainerName, Location, ResourceGroupName};
use super::sas::Sas;
use super::scalar::words;
use super::tree::clip;

/// The containers of a file that names none.
pub const CONTAINERS: [&str; 4] = ["bundle-blobs", "workspace", "results", "jobs"];

words! {
    /// Whose storage.
    StorageProvider {
        /// Azure.
        "azure" Azure,
    }
}

words! {
    /// How data is kept.
    StorageSku {
        /// Three copies in one place.
        "Standard_LRS" StandardLrs,
        /// A second region.
        "Standard_GRS" StandardGrs,
        /// SSD.
        "Premium_LRS" PremiumLrs,
    }
}

section! {
    /// The storage account.
    Strict Storage {
        /// Kept from the original's format; has no meaning.
        "version" version: Option<Spanned<String>>,
        /// Whose storage; default `azure`.
        "provider" provider: Option<Spanned<StorageProvider>>,
        /// 3 to 24 lower-case letters and digits; default `modelopsENVst` and six hexadecimal digits.
        "account_name" account_name: Option<Spanned<AccountName>>,
        /// Default: the cluster's.
        "resource_group" resource_group: Option<Spanned<ResourceGroupName>>,
        /// Default: the cluster's.
        "location" location: Option<Spanned<Location>>,
        /// How data is kept; default `Standard_LRS`.
        "sku" sku: Option<Spanned<StorageSku>>,
        /// Default `bundle-blobs`, `workspace` (cleaned after 7 days), `results`, `jobs`.
        "containers" containers: Vec<Spanned<ContainerName>>,
        /// One SAS or a list; each reaches the pods under its `env`. Default: read and list `bundle-blobs`.
        "sas" sas: OneOrMany<Sas>,
    }
}

impl Storage {
    /// The containers, by name.
    #[must_use]
    pub fn container_names(&self) -> Vec<&str> {
        if self.containers.is_empty() {
            return CONTAINERS.to_vec();
        }
        self.containers.iter().map(|c| c.value.as_str()).collect()
    }
}

impl Check for Storage {
    fn check(&self, place: &Place, cx: &mut Context) {
        let mut names = HashSet::new();
        for container in &self.containers {
            if !names.insert(container.as_str()) {
                let summary = format!("container `{}` stands here twice", container.as_str());
                cx.error(&container.place, summary, "delete one of them");
            }
        }
        let (mut variables, mut targets) = (HashSet::new(), HashSet::new());
        let known = self.container_names();
        for sas in &self.sas.0 {
            if let Some(container) = sas.container().filter(|c| !known.contains(c)) {
                let place = sas.container.as_ref().map_or(&sas.place, |c| &c.place);
                let summary = format!("`{}` is not a container of this account", clip(container));
                cx.error(place, summary, format!("containers are {}", known.join(", ")));
            }
            if !variables.insert(sas.env().to_owned()) {
                let place = sas.env.as_ref().map_or(&sas.place, |e| &e.place);
                let summary = format!("two SAS entries use the variable `{}`", sas.env());
                cx.error(place, summary, "give each entry an `env` of its own");
            }
            if !targets.insert(sas.logical_name()) {
                let summary = "two SAS entries reach the same container";
                cx.error(&sas.place, summary, "write one entry with the permissions of both");
            }
        }
        if self.sas.0.is_empty() && !known.contains(&"bundle-blobs") {
            let summary = "the default SAS reads `bundle-blobs`, which is not among the containers";
            cx.error(place, summary, "add `sas: {container: NAME, permissions: rl}`");
        }
    }
}
