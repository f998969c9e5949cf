//! Promise: the resources behind Pulumi's protocol behave as behind our own engine: every sample lives its whole life over
//! the wire, what exists is told with every error, secrets arrive wrapped, and a fault of ours breaks no stream.

#[path = "pulumi/config.rs"]
mod config;
#[path = "pulumi/construct.rs"]
mod construct;
#[path = "pulumi/errors.rs"]
mod errors;
#[path = "pulumi/import.rs"]
mod import;
#[path = "pulumi/life.rs"]
mod life;
#[path = "pulumi/released.rs"]
mod released;
#[path = "pulumi/schema.rs"]
mod schema;
#[path = "pulumi/settles.rs"]
mod settles;
#[path = "pulumi/wire.rs"]
mod wire;
