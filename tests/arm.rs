//! Promise: the ARM client follows every form of long-running operation that was observed, reads every shape of
//! error to its root, and sends its token and its ids where they belong. A scripted server plays the service.

#[path = "arm/calls.rs"]
mod calls;
#[path = "arm/clouds.rs"]
mod clouds;
#[path = "arm/errors.rs"]
mod errors;
#[path = "arm/etags.rs"]
mod etags;
#[path = "arm/identity.rs"]
mod identity;
#[path = "arm/operations.rs"]
mod operations;
#[path = "arm/resources.rs"]
mod resources;
#[path = "arm/rows.rs"]
pub(crate) mod rows;
#[path = "arm/script.rs"]
pub(crate) mod script;
