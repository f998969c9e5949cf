//! Who is called what, and answers where, in the private world.

use std::net::Ipv4Addr;

use super::login;
use crate::real::hosted::GENERIC;
use crate::{ngc, novita};

/// The world itself: its name server and its way out of every pod.
pub const WORLD: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 1);
/// The node of the real cluster for everything.
pub const SYSTEM_NODE: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 21);
/// Its node with a GPU.
pub const GPU_NODE: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 22);
/// Azure Resource Manager.
pub const ARM: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 11);
/// The sign-in host.
pub const AUTHORITY: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 12);
/// All registries.
pub const REGISTRY: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 13);
/// All storage accounts.
pub const BLOB: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 14);
/// The API servers of managed clusters: all fakes, or the real one.
pub const CLUSTERS: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 15);
/// The login node.
pub const LOGIN: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 16);
/// The metadata service of a cloud's machines, as every one of them sees it.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Addresses of the one network, with the bits of its prefix.
pub const ALL: &[(Ipv4Addr, u8)] = &[
    (WORLD, 24),
    (SYSTEM_NODE, 24),
    (GPU_NODE, 24),
    (ARM, 24),
    (AUTHORITY, 24),
    (REGISTRY, 24),
    (BLOB, 24),
    (CLUSTERS, 24),
    (LOGIN, 24),
    (METADATA, 32),
];

/// Names that resolve, each with all names below it.
pub const NAMES: &[(&str, Ipv4Addr)] = &[
    ("management.azure.com", ARM),
    ("login.microsoftonline.com", AUTHORITY),
    ("azurecr.io", REGISTRY),
    ("ghcr.io", REGISTRY),
    ("docker.io", REGISTRY),
    (GENERIC, REGISTRY),
    (ngc::REGISTRY, REGISTRY),
    (ngc::API, REGISTRY),
    (novita::API, REGISTRY),
    ("blob.core.windows.net", BLOB),
    ("azmk8s.io", CLUSTERS),
    (login::HOST, LOGIN),
];
