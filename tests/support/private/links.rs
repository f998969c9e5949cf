//! The one network of the world: a bridge that carries all its addresses, so that each server has port 443 for itself.

use std::io;

use super::address::{ALL, WORLD};
use super::run::run;

/// The bridge; kernels without dummy links have bridges.
pub const BRIDGE: &str = "node0";

/// Brings up loopback and the bridge with all addresses; everything else has no route that leads anywhere.
///
/// # Errors
/// When the network is not the caller's own.
pub async fn up() -> io::Result<()> {
    run("ip link set lo up").await?;
    run(&format!("ip link add {BRIDGE} type bridge")).await?;
    for (address, bits) in ALL {
        run(&format!("ip addr add {address}/{bits} dev {BRIDGE}")).await?;
    }
    run(&format!("ip link set {BRIDGE} up")).await?;
    run(&format!("ip route add default via {WORLD} dev {BRIDGE}")).await?;
    Ok(())
}
