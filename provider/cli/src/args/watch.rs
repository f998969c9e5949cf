//! A diagnosis that is repeated.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;

use super::value;

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WatchArgs {
    /// Repeat; refused logins wait for a change, or 6h.
    #[arg(long, value_name = "TIME", value_parser = value::patience)]
    pub(crate) watch: Option<Duration>,
    /// Of its metrics, or IP:PORT (default: any free).
    #[arg(long, value_name = "PORT", requires = "watch", value_parser = address)]
    pub(crate) metrics_port: Option<SocketAddr>,
}

impl WatchArgs {
    /// Where metrics are served: for this machine only, unless an address says otherwise.
    pub(crate) fn address(&self) -> SocketAddr {
        self.metrics_port.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse().map(|port: u16| (Ipv4Addr::LOCALHOST, port).into());
    port.or_else(|_| text.parse()).map_err(|_| "a port, or an address with one, for example 0.0.0.0:9464".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        let read = |text| address(text).map(|at| at.to_string());
        assert_eq!(read("9464").as_deref(), Ok("127.0.0.1:9464"));
        assert_eq!(read("0.0.0.0:9464").as_deref(), Ok("0.0.0.0:9464"));
        assert_eq!(read("[::]:1").as_deref(), Ok("[::]:1"));
        for text in ["", "x", "localhost:1", "70000", "1.2.3.4"] {
            assert!(address(text).is_err(), "{text}");
        }
        assert_eq!(WatchArgs::default().address().to_string(), "127.0.0.1:0");
    }
}
