//! What a run asks of the API server: narrow reads, one kind of write, and errors told apart by
//! structure (`tests::forbidden_is_told_apart`).

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount};
use kube::api::{
    Api, DeleteParams, GetParams, ListParams, LogParams, Patch, PatchParams, PostParams, Preconditions,
    PropagationPolicy,
};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Resource};
use mops_wire::retry::Tries;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::observed::code;
use crate::permissions::Right;
use crate::probe_pod::{MANAGED_LABEL, RUN_LABEL};

const PAGE: u32 = 500;
/// A server that is down stays down: the person who waits is told after some seconds.
const FIRST: Tries = Tries(3);
/// What a Deployment makes its pods by.
const REPLICA_SET: &str = "ReplicaSet";
/// The words of an admission refusal that share their status with a missing right.
const ADMISSION: &[&str] =
    &["violates PodSecurity", "exceeded quota", "admission webhook", "denied the request", "denied request"];

/// Why the API server did not do it: one of [`code`], and its words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Trouble {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => {
                let code = match status.code {
                    401 => code::UNAUTHORIZED,
                    // A policy chooses its own status.
                    400 | 403 | 422 if ADMISSION.iter().any(|w| status.message.contains(w)) => code::ADMISSION,
                    403 => code::FORBIDDEN,
                    404 => code::NOT_FOUND,
                    409 => code::CONFLICT,
                    _ => "API",
                };
                Self { code, detail: status.message.clone() }
            }
            _ => Self { code: code::UNREACHABLE, detail: innermost(&error) },
        }
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// One namespace of one cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: kube::Client,
    namespace: String,
}

impl Cluster {
    pub(crate) fn new(client: kube::Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    /// Another namespace of the same cluster.
    pub(crate) fn beside(&self, namespace: &str) -> Self {
        Self { client: self.client.clone(), namespace: namespace.to_owned() }
    }

    /// The namespace.
    pub(crate) fn name(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn pods_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn jobs_api(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The first question: where nobody answers it, the run ends.
    pub(crate) async fn namespace(&self) -> Result<(), Trouble> {
        let path = Namespace::url_path(&(), None);
        let asked = kube::core::Request::new(path).get(&self.namespace, &GetParams::default());
        let mut asked = asked.map_err(kube::Error::BuildRequest)?;
        asked.extensions_mut().insert(FIRST);
        self.client.request::<Namespace>(asked).await?;
        Ok(())
    }

    pub(crate) async fn pods(&self, selector: &str) -> Result<Vec<Pod>, Trouble> {
        list(&self.pods_api(), &ListParams::default().labels(selector)).await
    }

    /// The pods of every namespace.
    pub(crate) async fn all_pods(&self) -> Result<Vec<Pod>, Trouble> {
        list(&Api::all(self.client.clone()), &ListParams::default()).await
    }

    pub(crate) async fn nodes(&self) -> Result<Vec<Node>, Trouble> {
        list(&Api::all(self.client.clone()), &ListParams::default()).await
    }

    pub(crate) async fn events(&self) -> Result<Vec<Event>, Trouble> {
        list(&Api::namespaced(self.client.clone(), &self.namespace), &ListParams::default()).await
    }

    /// The events with one reason.
    pub(crate) async fn events_for(&self, reason: &str) -> Result<Vec<Event>, Trouble> {
        let events = Api::namespaced(self.client.clone(), &self.namespace);
        list(&events, &ListParams::default().fields(&format!("reason={reason}"))).await
    }

    /// The events about one object.
    pub(crate) async fn events_about(&self, uid: &str) -> Result<Vec<Event>, Trouble> {
        let events = Api::namespaced(self.client.clone(), &self.namespace);
        list(&events, &ListParams::default().fields(&format!("involvedObject.uid={uid}"))).await
    }

    pub(crate) async fn secret(&self, name: &str) -> Result<Secret, Trouble> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    pub(crate) async fn config_map(&self, name: &str) -> Result<ConfigMap, Trouble> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    /// The same cluster, another namespace of it.
    pub(crate) fn elsewhere(&self, namespace: &str) -> Self {
        Self::new(self.client.clone(), namespace)
    }

    pub(crate) async fn service_account(&self, name: &str) -> Result<ServiceAccount, Trouble> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    pub(crate) async fn service(&self, name: &str) -> Result<Service, Trouble> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    fn objects(&self, kind: &str) -> Api<DynamicObject> {
        let group = if is_maker(kind) || kind == REPLICA_SET { "apps" } else { "" };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// A Secret, a ServiceAccount or what makes pods, with all of its fields.
    pub(crate) async fn object(&self, kind: &str, name: &str) -> Result<Json, Trouble> {
        Ok(whole(kind, &self.objects(kind).get(name).await?))
    }

    /// The same of all objects of a kind.
    pub(crate) async fn all(&self, kind: &str) -> Result<Vec<Json>, Trouble> {
        let found = list(&self.objects(kind), &ListParams::default()).await?;
        Ok(found.iter().map(|object| whole(kind, object)).collect())
    }

    /// Lets a set of pods have none.
    pub(crate) async fn empty(&self, replica_set: &str) -> Result<(), Trouble> {
        self.merge(REPLICA_SET, replica_set, &json!({"spec": {"replicas": 0}})).await
    }

    /// Lays a part over an object.
    pub(crate) async fn merge(&self, kind: &str, name: &str, part: &Json) -> Result<(), Trouble> {
        self.objects(kind).patch(name, &PatchParams::default(), &Patch::Merge(part)).await?;
        Ok(())
    }

    /// Applies it on the side of the server; with `take`, also what other managers hold.
    pub(crate) async fn apply(&self, config: &Json, take: bool) -> Result<(), Trouble> {
        let text = |pointer| config.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let parameters = PatchParams { force: take, ..PatchParams::apply("mops") };
        self.objects(text("/kind")).patch(text("/metadata/name"), &parameters, &Patch::Apply(config)).await?;
        Ok(())
    }

    /// Deletes this very version of an object; one that is gone already is fine.
    pub(crate) async fn remove(&self, live: &Json) -> Result<(), Trouble> {
        let text = |pointer| live.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let own = |pointer| Some(text(pointer).to_owned()).filter(|value| !value.is_empty());
        let (uid, resource_version) = (own("/metadata/uid"), own("/metadata/resourceVersion"));
        let parameters =
            DeleteParams { preconditions: Some(Preconditions { uid, resource_version }), ..DeleteParams::default() };
        match self.objects(text("/kind")).delete(text("/metadata/name"), &parameters).await.map_err(Trouble::from) {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.code == code::NOT_FOUND => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Whether this user may do it; `None` when the review itself is refused.
    pub(crate) async fn allowed(&self, verb: &str, right: &Right) -> Option<bool> {
        let (resource, subresource) = right.resource.split_once('/').unwrap_or((right.resource, ""));
        let attributes = ResourceAttributes {
            namespace: Some(self.namespace.clone()),
            verb: Some(verb.to_owned()),
            group: Some(right.group.to_owned()).filter(|g| !g.is_empty()),
            resource: Some(resource.to_owned()),
            subresource: Some(subresource.to_owned()).filter(|s| !s.is_empty()),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
            ..Default::default()
        };
        let answer = Api::all(self.client.clone()).create(&PostParams::default(), &review).await.ok()?;
        answer.status.map(|s| s.allowed)
    }

    pub(crate) async fn create(&self, job: &Job) -> Result<Job, Trouble> {
        let parameters = PostParams { field_manager: Some("mops".to_owned()), ..PostParams::default() };
        Ok(self.jobs_api().create(&parameters, job).await?)
    }

    /// Why no pod of a job is made, in the words with which the API server refuses it.
    pub(crate) async fn refusal(&self, job: &Job) -> Option<String> {
        let uid = job.metadata.uid.as_deref().unwrap_or_default();
        let fields = format!("reason=FailedCreate,involvedObject.uid={uid}");
        let events = Api::<Event>::namespaced(self.client.clone(), &self.namespace);
        list(&events, &ListParams::default().fields(&fields)).await.ok()?.pop()?.message
    }

    pub(crate) async fn log(&self, pod: &str) -> Result<String, Trouble> {
        Ok(self.pods_api().logs(pod, &LogParams::default()).await?)
    }

    /// The last lines of a container, or of the one that was there before it.
    pub(crate) async fn tail(
        &self,
        pod: &str,
        (container, previous): (&str, bool),
        lines: i64,
    ) -> Result<String, Trouble> {
        let container = Some(container.to_owned());
        let parameters = LogParams { container, previous, tail_lines: Some(lines), ..LogParams::default() };
        Ok(self.pods_api().logs(pod, &parameters).await?)
    }

    /// Deletes this very job, and with it its pods; one that is gone already is fine.
    pub(crate) async fn delete(&self, job: &Job) -> Result<(), Trouble> {
        let name = job.metadata.name.clone().unwrap_or_default();
        let parameters = DeleteParams {
            preconditions: Some(Preconditions { uid: job.metadata.uid.clone(), resource_version: None }),
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match self.jobs_api().delete(&name, &parameters).await.map_err(Trouble::from) {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.code == code::NOT_FOUND => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// The jobs of a run that are still there, or of all runs.
    pub(crate) async fn jobs_of(&self, run: Option<&str>) -> Result<Vec<Job>, Trouble> {
        list(&self.jobs_api(), &ListParams::default().labels(&of_run(run))).await
    }

    /// The pods of a run that are still there, or of all runs.
    pub(crate) async fn pods_of(&self, run: Option<&str>) -> Result<Vec<Pod>, Trouble> {
        self.pods(&of_run(run)).await
    }
}

/// Whether a kind makes pods from a template that can be changed.
pub(crate) fn is_maker(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet")
}

fn whole(kind: &str, found: &DynamicObject) -> Json {
    let mut object = serde_json::to_value(found).unwrap_or_default();
    object["apiVersion"] = json!(if is_maker(kind) { "apps/v1" } else { "v1" });
    object["kind"] = json!(kind);
    object
}

fn of_run(run: Option<&str>) -> String {
    let run = run.map_or_else(|| RUN_LABEL.to_owned(), |run| format!("{RUN_LABEL}={run}"));
    format!("{MANAGED_LABEL}=mops,{run}")
}

async fn list<K>(api: &Api<K>, parameters: &ListParams) -> Result<Vec<K>, Trouble>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut all = Vec::new();
    let mut page = parameters.clone().limit(PAGE);
    loop {
        let found = api.list(&page).await?;
        all.extend(found.items);
        match found.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = parameters.clone().limit(PAGE).continue_token(&token),
            None => return Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn forbidden_is_told_apart() {
        let rows = [
            (403, "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": …", code::ADMISSION),
            (403, "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1", code::ADMISSION),
            (422, "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: no", code::ADMISSION),
            (403, "pods is forbidden: User \"u\" cannot create resource \"pods\"", code::FORBIDDEN),
            (401, "Unauthorized", code::UNAUTHORIZED),
            (404, "namespaces \"x\" not found", code::NOT_FOUND),
        ];
        for (status, message, want) in rows {
            let error =
                kube::Error::Api(Box::new(Status { code: status, message: message.into(), ..Status::default() }));
            assert_eq!(Trouble::from(error).code, want, "{message}");
        }
    }
}
