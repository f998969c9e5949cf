//! Promises that only real parts under real names can keep: this target runs inside the private world (`make e2e`), one
//! test after another, and each leaves the world as empty as it found it.

#![cfg(test)]

#[path = "e2e/azure_cli.rs"]
mod azure_cli;
#[path = "e2e/cluster.rs"]
mod cluster;
#[path = "e2e/everywhere.rs"]
mod everywhere;
#[path = "e2e/existing.rs"]
mod existing;
#[path = "e2e/gpu.rs"]
mod gpu;
#[path = "e2e/identity.rs"]
mod identity;
#[path = "e2e/kubelet.rs"]
mod kubelet;
#[path = "e2e/login.rs"]
mod login;
#[path = "e2e/monitor.rs"]
mod monitor;
#[path = "e2e/names.rs"]
mod names;
#[path = "e2e/ngc.rs"]
mod ngc;
#[path = "e2e/page.rs"]
mod page;
#[path = "e2e/pods.rs"]
mod pods;
#[path = "e2e/proof.rs"]
mod proof;
#[path = "e2e/pulumi.rs"]
mod pulumi;
#[path = "e2e/pulumi_changes.rs"]
mod pulumi_changes;
#[path = "e2e/pulumi_engine.rs"]
mod pulumi_engine;
#[path = "e2e/pulumi_examples.rs"]
mod pulumi_examples;
#[path = "e2e/pulumi_move.rs"]
mod pulumi_move;
#[path = "e2e/pulumi_program.rs"]
mod pulumi_program;
#[path = "e2e/pulumi_stubs.rs"]
mod pulumi_stubs;
#[path = "e2e/pulumi_trouble.rs"]
mod pulumi_trouble;
#[path = "e2e/refusals.rs"]
mod refusals;
#[path = "e2e/sdks.rs"]
mod sdks;
#[path = "e2e/sign_in.rs"]
mod sign_in;
#[path = "e2e/signatures.rs"]
mod signatures;
#[path = "e2e/slurm.rs"]
mod slurm;
#[path = "e2e/smoke_test.rs"]
mod smoke_test;
#[path = "e2e/storage.rs"]
mod storage;
