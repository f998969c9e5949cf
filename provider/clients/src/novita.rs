//! Novita's cloud of GPUs: the registry logins that it keeps, and its instances.
//!
//! Guarantees that nothing is created twice: a create whose answer was lost is looked for by its own name before it is sent
//! once more (`tests/novita_client.rs`, M-14). None of the service's answers has been seen from here: they are known from
//! its public description, so an answer of another form is an error with its redacted body and is never guessed.

mod auths;
mod base;
mod breaker;
mod client;
mod error;
mod instances;
mod limits;
mod mask;
mod ports;
mod quote;
mod template;

pub use auths::{RegistryAuth, Resolved};
pub use base::{BASE, Base};
pub use client::Novita;
pub use error::{Kind, NovitaError, Refusal, Subject};
pub use instances::{Created, Deed, Instance, own_name};
pub use limits::{Billing, Fault, ImageAuth, InstanceSpec, Machine, Storage};
pub use mask::is_masked;
pub use ports::ports;
pub use template::{AuthRef, Template, read as read_template};
