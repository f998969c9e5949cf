//! What a server says of itself, on the port that its container declares: alive, and ready for questions.

use k8s_openapi::api::core::v1::Pod;
use mops_probe::observation::code as seen;

use crate::cluster::{Cluster, Trouble};
use crate::forward::{self, Port};
use crate::request::Services;

use std::time::Duration;

const LIVE: &str = "/v1/health/live";
const READY: &str = "/v1/health/ready";
/// Where NIM listens when nobody says otherwise.
const USUAL: u16 = 8000;
const LIMIT: Duration = Duration::from_secs(5);
const OK: u16 = 200;

/// How a server is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// Both checks pass.
    Ready,
    /// It is alive, or will be.
    Loading(String),
    /// It could not be asked.
    Unknown(String),
}

/// Asks a pod.
pub(super) async fn of(cluster: &Cluster, services: &Services, pod: &Pod) -> Health {
    let declared = declared(pod);
    let number = declared.unwrap_or(USUAL);
    let port = Port { pod: pod.metadata.name.as_deref().unwrap_or_default(), number };
    let ask = async |path| forward::status(cluster, services, port, (path, LIMIT)).await;
    match ask(LIVE).await {
        Ok(OK) => match ask(READY).await {
            Ok(OK) => Health::Ready,
            Ok(status) => Health::Loading(format!("alive, and not ready yet ({status})")),
            Err(trouble) => unknown(&trouble),
        },
        Ok(404) => Health::Unknown(format!("port {number} knows no {LIVE}")),
        Ok(status) => Health::Loading(format!("not alive yet ({status})")),
        Err(trouble) if trouble.code == seen::CONNECTION_REFUSED && declared.is_some() => {
            Health::Loading(format!("nobody listens on port {number} yet"))
        }
        Err(trouble) => unknown(&trouble),
    }
}

fn unknown(trouble: &Trouble) -> Health {
    Health::Unknown(format!("its health could not be asked: {}", trouble.detail))
}

/// The port that the first container declares.
fn declared(pod: &Pod) -> Option<u16> {
    let ports = pod.spec.as_ref()?.containers.first()?.ports.as_ref()?;
    let named = ports.iter().find(|port| port.name.as_deref().is_some_and(|name| name.starts_with("http")));
    u16::try_from(named.or_else(|| ports.first())?.container_port).ok()
}
