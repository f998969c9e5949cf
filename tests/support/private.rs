//! The private world: a machine inside the machine. Network, mounts and processes are its own, nothing can leave, every
//! port is free, and Azure's real names on port 443 are ours to answer, so commands and stack files run there as a user
//! would run them. `mops-world` starts one; `make e2e` runs its tests there and `make world` a shell.
//!
//! It dies without a trace, also when it is killed (`process::private_world`): the kernel ends its processes and takes
//! its network and mounts with them, and what it may leave in the cgroup tree is swept from outside ([`cgroup`]).

pub mod address;
pub mod cgroup;
pub mod cluster;
pub mod firewall;
pub mod init;
pub mod leaves;
pub mod links;
pub mod login;
pub mod names;
pub mod outside;
pub mod part;
pub mod rights;
pub mod run;
pub mod scratch;
pub mod slurm;
pub mod steward;
pub mod trust;

/// The variable that names the world's folder to everything that runs in it; it is set nowhere else.
pub const WORLD: &str = "MOPS_WORLD";
/// The variable that names the world's group in the cgroup tree.
pub const GROUP: &str = "MOPS_WORLD_GROUP";
