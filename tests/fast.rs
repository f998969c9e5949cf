//! Promises that need no process of their own: fakes on loopback, files, sockets.

#![cfg(test)]

#[path = "arm_shapes.rs"]
mod arm_shapes;
#[path = "client.rs"]
mod client;
#[path = "data_planes.rs"]
mod data_planes;
#[path = "arm.rs"]
mod arm;
#[path = "diagnose.rs"]
mod diagnose;
#[path = "evidence.rs"]
mod evidence;
#[path = "expand.rs"]
mod expand;
#[path = "malformed.rs"]
mod malformed;
#[path = "replay.rs"]
mod replay;
#[path = "stackfile.rs"]
mod stackfile;
#[path = "sandbox.rs"]
mod sandbox;
#[path = "arch.rs"]
mod arch;
#[path = "hygiene.rs"]
mod hygiene;
#[path = "workspace.rs"]
mod workspace;
#[path = "engine.rs"]
mod engine;
#[path = "kubernetes.rs"]
mod kubernetes;
#[path = "conformance.rs"]
mod conformance;
#[path = "stand.rs"]
mod stand;
#[path = "engine_props.rs"]
mod engine_props;
#[path = "state.rs"]
mod state;
#[path = "crash.rs"]
mod crash;
#[path = "web.rs"]
mod web;
#[path = "realm.rs"]
mod realm;
#[path = "tls.rs"]
mod tls;
#[path = "pipeline.rs"]
mod pipeline;
#[path = "proxy.rs"]
mod proxy;
#[path = "registry_client.rs"]
mod registry_client;
#[path = "schema.rs"]
mod schema;
#[path = "recorded.rs"]
mod recorded;
#[path = "files.rs"]
mod files;
#[path = "real_registry.rs"]
mod real_registry;
