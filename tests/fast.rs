//! Promises that need no process of their own: fakes on loopback, files, sockets.

#![cfg(test)]

#[path = "arch.rs"]
mod arch;
#[path = "arm.rs"]
mod arm;
#[path = "arm_shapes.rs"]
mod arm_shapes;
#[path = "bodies.rs"]
mod bodies;
#[path = "cause_scaffold.rs"]
mod cause_scaffold;
#[path = "client.rs"]
mod client;
#[path = "conformance.rs"]
mod conformance;
#[path = "crash.rs"]
mod crash;
#[path = "data_planes.rs"]
mod data_planes;
#[path = "diagnose.rs"]
mod diagnose;
#[path = "drift.rs"]
mod drift;
#[path = "engine.rs"]
mod engine;
#[path = "engine_props.rs"]
mod engine_props;
#[path = "evidence.rs"]
mod evidence;
#[path = "expand.rs"]
mod expand;
#[path = "faults.rs"]
mod faults;
#[path = "files.rs"]
mod files;
#[path = "foresight.rs"]
mod foresight;
#[path = "hygiene.rs"]
mod hygiene;
#[path = "kubernetes.rs"]
mod kubernetes;
#[path = "lease.rs"]
mod lease;
#[path = "malformed.rs"]
mod malformed;
#[path = "monitor.rs"]
mod monitor;
#[path = "novita_client.rs"]
mod novita_client;
#[path = "official.rs"]
mod official;
#[path = "official_examples.rs"]
mod official_examples;
#[path = "overlap.rs"]
mod overlap;
#[path = "ownership.rs"]
mod ownership;
#[path = "passphrase.rs"]
mod passphrase;
#[path = "pipeline.rs"]
mod pipeline;
#[path = "principal.rs"]
mod principal;
#[path = "proxy.rs"]
mod proxy;
#[path = "pulumi.rs"]
mod pulumi;
#[path = "real_registry.rs"]
mod real_registry;
#[path = "realm.rs"]
mod realm;
#[path = "recorded.rs"]
mod recorded;
#[path = "referee.rs"]
mod referee;
#[path = "registry_client.rs"]
mod registry_client;
#[path = "registry_token.rs"]
mod registry_token;
#[path = "replay.rs"]
mod replay;
#[path = "resume.rs"]
mod resume;
#[path = "rights.rs"]
mod rights;
#[path = "role_layouts.rs"]
mod role_layouts;
#[path = "sandbox.rs"]
mod sandbox;
#[path = "saved_plan.rs"]
mod saved_plan;
#[path = "schema.rs"]
mod schema;
#[path = "soak.rs"]
mod soak;
#[path = "stackfile.rs"]
mod stackfile;
#[path = "stand.rs"]
mod stand;
#[path = "state.rs"]
mod state;
#[path = "state_moves.rs"]
mod state_moves;
#[path = "throttling.rs"]
mod throttling;
#[path = "tls.rs"]
mod tls;
#[path = "tokens.rs"]
mod tokens;
#[path = "web.rs"]
mod web;
#[path = "workspace.rs"]
mod workspace;
