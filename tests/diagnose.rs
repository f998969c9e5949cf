//! Diagnosis: the report's forms, and the probe and the whole run against the fakes.

#[path = "diagnose/acceptance.rs"]
mod acceptance;
#[path = "diagnose/cluster.rs"]
mod cluster;
#[path = "diagnose/ends.rs"]
mod ends;
#[path = "diagnose/fix.rs"]
mod fix;
#[path = "diagnose/gpu_pods.rs"]
mod gpu_pods;
#[path = "diagnose/hostile.rs"]
mod hostile;
#[path = "diagnose/identity_access.rs"]
mod identity_access;
#[path = "diagnose/images.rs"]
mod images;
#[path = "diagnose/inside.rs"]
mod inside;
#[path = "diagnose/keys.rs"]
mod keys;
#[path = "diagnose/limits.rs"]
mod limits;
#[path = "diagnose/live.rs"]
mod live;
#[path = "diagnose/logins.rs"]
mod logins;
#[path = "diagnose/logs.rs"]
mod logs;
#[path = "diagnose/names.rs"]
mod names;
#[path = "diagnose/ngc.rs"]
mod ngc;
#[path = "diagnose/ngc_hostile.rs"]
mod ngc_hostile;
#[path = "diagnose/node_identity.rs"]
mod node_identity;
#[path = "diagnose/one_run.rs"]
mod one_run;
#[path = "diagnose/probe.rs"]
mod probe;
#[path = "diagnose/probe_images.rs"]
mod probe_images;
#[path = "diagnose/pull_secrets.rs"]
mod pull_secrets;
#[path = "diagnose/pullable.rs"]
mod pullable;
#[path = "diagnose/reach.rs"]
mod reach;
#[path = "diagnose/readme.rs"]
mod readme;
#[path = "diagnose/registries.rs"]
mod registries;
#[path = "diagnose/report.rs"]
mod report;
#[path = "diagnose/report_forms.rs"]
mod report_forms;
#[path = "diagnose/report_html.rs"]
mod report_html;
#[path = "diagnose/report_junit.rs"]
mod report_junit;
#[path = "diagnose/report_letter.rs"]
mod report_letter;
#[path = "diagnose/report_sarif.rs"]
mod report_sarif;
#[path = "diagnose/scale_up.rs"]
mod scale_up;
#[path = "diagnose/scheduler.rs"]
mod scheduler;
#[path = "diagnose/schemes.rs"]
mod schemes;
#[path = "diagnose/targets.rs"]
mod targets;
#[path = "diagnose/vantages.rs"]
mod vantages;
#[path = "diagnose/watch.rs"]
mod watch;
