//! The ways to the probe's program where its own image cannot be pulled: with the pull secret that is named for it, then
//! from the worker's image, which the node has, when that holds the program. Nothing else in an image is tried: a shell
//! or an interpreter looks by other names, roots and limits, so what it says could not be held against what is seen from
//! elsewhere (`tests/diagnose/probe_images.rs`).

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{LocalObjectReference, PodSpec};

use crate::cluster::{Cluster, Trouble};
use crate::observed::code;
use crate::probe_run::{self, Ran};
use crate::request::{Request, Services};
use crate::workload::{self, Place};

/// What a kubelet puts before the reason for which a pull failed.
const BEFORE: [&str; 2] = ["ErrImagePull: ", "failed to pull and unpack image "];

/// One way, in the words of a report.
pub(crate) struct Way {
    words: String,
    job: Job,
}

/// What came of the ways.
pub(crate) struct Gone {
    pub(crate) ran: Ran,
    /// The way that led to the program, when it was not the first.
    pub(crate) by: Option<String>,
}

/// The ways to run the probe of this job, in their order.
pub(crate) fn ways(request: &Request, place: &Place, job: Job) -> Vec<Way> {
    let secret = request.probe.fallback_secret.as_ref().map(|name| Way {
        words: format!("with pull secret `{name}`"),
        job: otherwise(&job, "s", |spec| link(spec, name)),
    });
    let image = workload::container(&place.worker, request.container.as_deref()).and_then(|c| c.image.as_ref());
    let worker = image.map(|image| Way {
        words: "from the worker's image".to_owned(),
        job: otherwise(&job, "i", |spec| from_image(spec, image)),
    });
    std::iter::once(Way { words: "as it is".to_owned(), job }).chain(secret).chain(worker).collect()
}

/// The same job by another name, with a change to its pod.
fn otherwise(job: &Job, word: &str, change: impl FnOnce(&mut PodSpec)) -> Job {
    let mut other = job.clone();
    other.metadata.name = job.metadata.name.as_ref().map(|name| format!("{name}{word}"));
    if let Some(spec) = other.spec.as_mut().and_then(|job| job.template.spec.as_mut()) {
        change(spec);
    }
    other
}

fn link(spec: &mut PodSpec, name: &str) {
    let linked = spec.image_pull_secrets.get_or_insert_default();
    if linked.iter().all(|known| known.name != name) {
        linked.push(LocalObjectReference { name: name.to_owned() });
    }
}

/// An image that the node has: where it has not, nothing is pulled.
fn from_image(spec: &mut PodSpec, image: &str) {
    for container in &mut spec.containers {
        container.image = Some(image.to_owned());
        container.image_pull_policy = Some("Never".to_owned());
    }
}

/// Goes the ways until one leads to the program.
pub(crate) async fn run(cluster: &Cluster, services: &Services, ways: &[Way], until: Duration) -> Gone {
    let mut first: Option<Trouble> = None;
    for way in ways {
        let ran = probe_run::run(cluster, services, &way.job, until).await;
        first = match (ran.obstacle.as_ref(), first) {
            (None, first) => return Gone { ran, by: first.map(|_| way.words.clone()) },
            (Some(trouble), None) if trouble.code == code::IMAGE => Some(trouble.clone()),
            (Some(_), None) => return Gone { ran, by: None },
            (Some(_), first) => first,
        };
    }
    let tried = ways.iter().map(|way| way.words.as_str()).collect::<Vec<_>>().join(", ");
    let why = first.as_ref().map_or("", |trouble| reason(&trouble.detail));
    let obstacle = Trouble { code: code::IMAGE, detail: format!("{why} (tried {tried})") };
    Gone { ran: Ran::not(obstacle), by: None }
}

/// Why a pull failed, without what the report says anyway.
fn reason(detail: &str) -> &str {
    let [pull, unpack] = BEFORE;
    let why = detail.rsplit_once(pull).map_or(detail, |(_, why)| why);
    why.split_once(unpack).and_then(|(_, rest)| rest.split_once(": ")).map_or(why, |(_, why)| why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_what_comes_after_the_image() {
        let said = "ImagePullBackOff Back-off pulling image \"a/b:1\": ErrImagePull: failed to pull and unpack image \
                    \"a/b:1\": failed to resolve image: 401 Unauthorized";
        assert_eq!(reason(said), "failed to resolve image: 401 Unauthorized");
        assert_eq!(reason("InvalidImageName x"), "InvalidImageName x");
    }
}
