//! Promises about the built programs, found through MOPS_BIN_DIR, which `make test` sets.

#![cfg(test)]

#[path = "auth_check.rs"]
mod auth_check;
#[path = "auth_login.rs"]
mod auth_login;
#[path = "auth_status.rs"]
mod auth_status;
#[path = "cli.rs"]
mod cli;
#[path = "compat.rs"]
mod compat;
#[path = "conformance/over_grpc.rs"]
mod conformance_over_grpc;
#[path = "contract.rs"]
mod contract;
#[path = "desk.rs"]
mod desk;
#[path = "elsewhere.rs"]
mod elsewhere;
#[path = "env_file.rs"]
mod env_file;
#[path = "env_real.rs"]
mod env_real;
#[path = "env_up.rs"]
mod env_up;
#[path = "examples.rs"]
mod examples;
#[path = "files/program.rs"]
mod file_modes;
#[path = "fix_workload.rs"]
mod fix_workload;
#[path = "gpu_pools.rs"]
mod gpu_pools;
#[path = "house.rs"]
mod house;
#[path = "killed.rs"]
mod killed;
#[path = "life.rs"]
mod life;
#[path = "lock.rs"]
mod lock;
#[path = "login_places.rs"]
mod login_places;
#[path = "migrate.rs"]
mod migrate;
#[path = "ngc_causes.rs"]
mod ngc_causes;
#[path = "ngc_check.rs"]
mod ngc_check;
#[path = "ngc_credentials.rs"]
mod ngc_credentials;
#[path = "ngc_fix.rs"]
mod ngc_fix;
#[path = "ngc_mock.rs"]
mod ngc_mock;
#[path = "ngc_stage.rs"]
mod ngc_stage;
#[path = "no_trace.rs"]
mod no_trace;
#[path = "novita.rs"]
mod novita;
#[path = "novita_instance.rs"]
mod novita_instance;
#[path = "novita_stack.rs"]
mod novita_stack;
#[path = "permissions.rs"]
mod permissions;
#[path = "preflight.rs"]
mod preflight;
#[path = "principal_stack.rs"]
mod principal_stack;
#[path = "private_world.rs"]
mod private_world;
#[path = "diagnose/program.rs"]
mod probe_program;
#[path = "pulumi/hostile.rs"]
mod pulumi_hostile;
#[path = "pulumi/killed.rs"]
mod pulumi_killed;
#[path = "pulumi/process.rs"]
mod pulumi_process;
#[path = "pulumi/raw.rs"]
mod raw;
#[path = "read_only.rs"]
mod read_only;
#[path = "rotate.rs"]
mod rotate;
#[path = "rotate_admin.rs"]
mod rotate_admin;
#[path = "rotate_ngc.rs"]
mod rotate_ngc;
#[path = "rotate_novita.rs"]
mod rotate_novita;
#[path = "rotate_sp.rs"]
mod rotate_sp;
#[path = "rotate_storage.rs"]
mod rotate_storage;
#[path = "rotate_token.rs"]
mod rotate_token;
#[path = "scenarios.rs"]
mod scenarios;
#[path = "secrets.rs"]
mod secrets;
#[path = "shared_state.rs"]
mod shared_state;
#[path = "signals.rs"]
mod signals;
#[path = "slurm.rs"]
mod slurm;
#[path = "smoke_test.rs"]
mod smoke_test;
#[path = "token_stack.rs"]
mod token_stack;
#[path = "tokens_check.rs"]
mod tokens_check;
#[path = "tokens_cluster.rs"]
mod tokens_cluster;
#[path = "tokens_loader.rs"]
mod tokens_loader;
#[path = "tokens_ssh.rs"]
mod tokens_ssh;
#[path = "tokens_sync.rs"]
mod tokens_sync;
#[path = "up_down.rs"]
mod up_down;
#[path = "watch.rs"]
mod watch;
#[path = "workload_alone.rs"]
mod workload_alone;
#[path = "workload_identity.rs"]
mod workload_identity;
