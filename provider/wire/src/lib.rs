//! ONE http pipeline, and the protocols that need nothing but it: image registries, blobs by SAS, NGC's API.
//!
//! Guarantees three things: a credential goes to its own origin only ([`origin`], R14), TLS is
//! always verified (`tls`, R15), and nothing here logs or reports a secret ([`redact`], R12).

pub mod allowance;
pub mod blob;
pub mod budget;
mod certificate;
pub mod connect;
pub mod directory;
pub mod error;
pub mod fault;
pub mod logins;
pub mod metadata;
pub mod name;
pub mod ngc;
pub mod origin;
pub mod pipeline;
pub mod proxy;
mod reach;
pub mod redact;
pub mod registry;
pub mod request;
pub mod response;
pub mod retry;
pub mod sas;
mod tls;
mod transport;

pub use allowance::{Allowance, Limits};
pub use connect::ConnectMap;
pub use error::{TlsFault, WireError};
pub use logins::Logins;
pub use name::Found;
pub use origin::{Credential, Origin};
pub use pipeline::{Http, HttpConfig};
pub use proxy::ProxySettings;
pub use request::{Redirects, Request};
pub use response::{BodyStream, Response, StreamingResponse};
pub use retry::{Backoff, Retry};
pub use url::Url;

/// One or more certificates, or a key, as PEM text.
pub type PemBytes = Vec<u8>;
