//! The probe's pod as a job: it ends at its deadline, is not tried again, and goes away by itself when nobody takes it
//! away, as after a run that was killed.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::probe_pod::{self, PROGRAM};
use crate::request::Request;

/// How long an ended job of a killed run stays, in seconds.
const KEPT: i32 = 300;

/// A job that runs this pod once, in this namespace; `word` tells it from the others of its run.
#[must_use]
pub fn job(request: &Request, namespace: &str, word: &str, template: PodTemplateSpec) -> Job {
    Job {
        metadata: ObjectMeta {
            name: Some(format!("{PROGRAM}-{}-{word}", request.run)),
            namespace: Some(namespace.to_owned()),
            labels: Some(probe_pod::labels(request)),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            active_deadline_seconds: i64::try_from(request.timeout.as_secs()).ok(),
            backoff_limit: Some(0),
            ttl_seconds_after_finished: Some(KEPT),
            template,
            ..JobSpec::default()
        }),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_ends_by_itself_and_is_not_tried_again() {
        let request = Request::new("7f3a", "dev", "ns");
        let made = serde_json::to_value(job(&request, "other", "n2", PodTemplateSpec::default())).unwrap();
        assert_eq!(
            (&made["metadata"]["name"], &made["metadata"]["namespace"]),
            (&json!("mops-probe-7f3a-n2"), &json!("other"))
        );
        assert_eq!(made["metadata"]["labels"]["modelops.io/run"], "7f3a");
        let spec = &made["spec"];
        assert_eq!(
            (&spec["activeDeadlineSeconds"], &spec["backoffLimit"], &spec["ttlSecondsAfterFinished"]),
            (&json!(120), &json!(0), &json!(300))
        );
    }
}
