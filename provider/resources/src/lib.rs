//! The resources of the package `modelops`: one file each, one explicit list.
//!
//! Adding one touches two places: a new file that implements [`resource::Resource`], and one word in
//! the list below (`tests/conformance.rs` counts what a null resource needs, and runs every entry).

mod adopt;
mod arm;
mod cluster;
mod create_only;
pub mod entry;
pub mod functions;
mod ngc_key;
mod novita_api;
mod pool;
mod preflight;
mod principal_login;
mod projection;
pub mod provider;
mod renewal;
pub mod resource;
mod restart;
mod role;
mod sas;
mod scope_map;
mod secret_data;
pub mod services;
mod silence;
pub mod token_slot;

use mops_core::schema::ResourceSchema;

pub use provider::Resources;
pub use services::Services;

/// The declarations of every resource type of this version.
pub struct Declarations(Vec<Box<dyn entry::Entry>>);

impl Declarations {
    /// That of a type; `None` for one that this version does not have.
    #[must_use]
    pub fn of(&self, token: &str) -> Option<&ResourceSchema> {
        self.0.iter().map(|entry| entry.schema()).find(|schema| schema.token == token)
    }
}

impl Default for Declarations {
    fn default() -> Self {
        Self(entries())
    }
}

/// Declares the modules and the table of resource types.
macro_rules! resources {
    ($($(#[$doc:meta])* $package:ident { $($file:ident :: $resource:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            pub mod $package { $(pub mod $file;)* }
        )*

        /// Every resource type, in the order of the list.
        #[must_use]
        pub fn entries() -> Vec<Box<dyn entry::Entry>> {
            vec![$($(entry::entry::<$package::$file::$resource>()),*),*]
        }
    };
}

resources! {
    /// Azure resources.
    azure {
        resource_group::ResourceGroup,
        container_registry::ContainerRegistry,
        registry_token::RegistryToken,
        registry_token_cleanup::RegistryTokenCleanup,
        storage_account::StorageAccount,
        blob_container::BlobContainer,
        storage_lifecycle::StorageLifecycle,
        blob_sas_token::BlobSasToken,
        managed_cluster::ManagedCluster,
        node_pool::NodePool,
        user_assigned_identity::UserAssignedIdentity,
        federated_credential::FederatedCredential,
        role_assignment::RoleAssignment,
    }
    /// Objects in a cluster.
    kubernetes {
        namespace::Namespace, secret::Secret, image_pull_secret::ImagePullSecret, manifest::Manifest,
    }
    /// NVIDIA's registry and models.
    ngc {
        credentials::Credentials,
    }
    /// What Novita's cloud of GPUs keeps and runs.
    novita { registry_auth::RegistryAuth, instance::Instance }
    /// What login nodes of batch systems have for jobs.
    slurm { env_file::EnvFile }
}
