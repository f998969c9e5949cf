//! What a run asks of the API server: narrow reads, one kind of write, and errors told apart by
//! structure (`tests::forbidden_is_told_apart`).

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Event, Namespace, Node, Pod, Secret, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, LogParams, PostParams, Preconditions};
use kube::core::Resource;
use serde::de::DeserializeOwned;

use crate::observed::code;
use crate::probe_pod::{MANAGED_LABEL, RUN_LABEL};

const PAGE: u32 = 500;
/// The words of an admission refusal that share their status with a missing right.
const ADMISSION: &[&str] = &["violates PodSecurity", "exceeded quota", "admission webhook", "denied the request"];

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
                    403 if ADMISSION.iter().any(|words| status.message.contains(words)) => code::ADMISSION,
                    403 => code::FORBIDDEN,
                    404 => code::NOT_FOUND,
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

    pub(crate) fn pods_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) async fn namespace(&self) -> Result<(), Trouble> {
        Api::<Namespace>::all(self.client.clone()).get(&self.namespace).await?;
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

    pub(crate) async fn secret(&self, name: &str) -> Result<Secret, Trouble> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    pub(crate) async fn service_account(&self, name: &str) -> Result<ServiceAccount, Trouble> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get(name).await?)
    }

    /// Whether this user may do it; `None` when the review itself is refused.
    pub(crate) async fn allowed(&self, verb: &str, resource: &str) -> Option<bool> {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes = ResourceAttributes {
            namespace: Some(self.namespace.clone()),
            verb: Some(verb.to_owned()),
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

    pub(crate) async fn create(&self, pod: &Pod) -> Result<Pod, Trouble> {
        let parameters = PostParams { field_manager: Some("mops".to_owned()), ..PostParams::default() };
        Ok(self.pods_api().create(&parameters, pod).await?)
    }

    pub(crate) async fn log(&self, pod: &str) -> Result<String, Trouble> {
        Ok(self.pods_api().logs(pod, &LogParams::default()).await?)
    }

    /// Deletes this very pod, at once; one that is gone already is fine.
    pub(crate) async fn delete(&self, pod: &Pod) -> Result<(), Trouble> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let same = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
        let parameters =
            DeleteParams { grace_period_seconds: Some(0), preconditions: Some(same), ..DeleteParams::default() };
        match self.pods_api().delete(&name, &parameters).await.map_err(Trouble::from) {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.code == code::NOT_FOUND => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// What a run has made and is still there.
    pub(crate) async fn left(&self, run: &str) -> Result<Vec<Pod>, Trouble> {
        self.pods(&format!("{MANAGED_LABEL}=mops,{RUN_LABEL}={run}")).await
    }
}

async fn list<K>(api: &Api<K>, parameters: &ListParams) -> Result<Vec<K>, Trouble>
where
    K: Clone + DeserializeOwned + std::fmt::Debug + Resource,
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
