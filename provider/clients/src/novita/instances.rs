//! Instances: created once, looked at, started, stopped and deleted; and the templates that they are made from.

use std::time::Duration;

use mops_core::Secret;
use mops_host::random;
use mops_wire::Response;
use serde_json::{Value as Json, json};

use super::client::{Call, Novita};
use super::error::{NovitaError, Subject};
use super::limits::InstanceSpec;
use super::template::{self, Template};

const CREATE: &str = "/v1/gpu/instance/create";
const GET: &str = "/v1/gpu/instance";
const LIST: &str = "/v1/gpu/instances";
/// Instances on a page of the list.
const PAGE: usize = 100;
/// Most pages that are read.
const PAGES: usize = 50;
/// What a lost create left may show later in the list than it was made.
const LATER: Duration = Duration::from_secs(3);
/// Between the user's part of a name and ours.
const MARK: &str = "-mops-";

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The service's word for what it does: `toCreate`, `creating`, `pulling`, `running`, `exited`, `removed` and others.
    pub status: String,
    /// Its image.
    pub image: String,
    /// Its product.
    pub product: String,
    /// What went wrong: the state, and the service's words.
    pub fault: Option<(String, String)>,
}

/// An instance that was made, or found to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// Whether the answer was lost and it was found by its name.
    pub adopted: bool,
}

/// What is done to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Starts it.
    Start,
    /// Stops it; its disk stays, and is paid for.
    Stop,
    /// Deletes it with its disk.
    Delete,
}

impl Deed {
    const fn path(self) -> &'static str {
        match self {
            Self::Start => "/v1/gpu/instance/start",
            Self::Stop => "/v1/gpu/instance/stop",
            Self::Delete => "/v1/gpu/instance/delete",
        }
    }
}

/// A name that no other instance has, by which one is found again: the user's, and a random end.
#[must_use]
pub fn own_name(name: &str) -> String {
    format!("{}{MARK}{}", if name.is_empty() { "instance" } else { name }, random::hex::<5>())
}

impl Novita {
    /// Creates an instance, once: when the answer is lost, the one of its name is looked for, and only if there is none the
    /// request is sent once more. The name has to be its own; see [`own_name`].
    ///
    /// # Errors
    /// See [`NovitaError`]; [`NovitaError::Unsettled`] when it may exist all the same.
    pub async fn create_instance(&self, spec: &InstanceSpec) -> Result<Created, NovitaError> {
        spec.check()?;
        let (body, secrets) = (spec.body(), spec.secrets());
        let unsettled =
            |source: NovitaError| NovitaError::Unsettled { name: spec.name.clone(), source: Box::new(source) };
        let mut lost = None;
        for _ in 0..2 {
            let sent = self.ask(CREATE, &[], Some(&body), &secrets).await;
            match sent.and_then(|answer| self.id(&answer)) {
                Ok(id) => return Ok(Created { id, adopted: false }),
                Err(error) if error.may_be_done() => {
                    if let Some(id) = self.made(&spec.name).await.map_err(unsettled)? {
                        return Ok(Created { id, adopted: true });
                    }
                    lost = Some(error);
                }
                // The first one may still show.
                Err(error) => return Err(lost.map_or_else(|| error, unsettled)),
            }
        }
        Err(lost.map_or(NovitaError::NotListed, unsettled))
    }

    /// The instance of exactly this name; looked for twice, since what was made a moment ago may not show yet.
    async fn made(&self, name: &str) -> Result<Option<String>, NovitaError> {
        for wait in [Duration::ZERO, LATER] {
            self.pause(wait).await;
            if let Some(found) = self.named(name).await? {
                return Ok(Some(found.id));
            }
        }
        Ok(None)
    }

    /// The instance of exactly this name that was not removed.
    ///
    /// # Errors
    /// See [`NovitaError`].
    pub async fn named(&self, name: &str) -> Result<Option<Instance>, NovitaError> {
        let all = self.instances(Some(name), None).await?;
        Ok(all.into_iter().find(|one| one.name == name && one.status != "removed"))
    }

    fn id(&self, answer: &Response) -> Result<String, NovitaError> {
        let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
        let id = json.as_ref().and_then(|json| json["id"].as_str().or_else(|| json["data"]["id"].as_str()));
        id.filter(|id| !id.is_empty()).map(str::to_owned).ok_or_else(|| self.wrong("instance create", answer))
    }

    /// An instance.
    ///
    /// # Errors
    /// See [`NovitaError`]; [`NovitaError::is_not_found`] where there is none.
    pub async fn instance(&self, id: &str) -> Result<Instance, NovitaError> {
        let answer = self.ask(GET, &[("instanceId", id)], None, &[]).await?;
        let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
        let inner = |json: &Json| ["data", "instance"].into_iter().find_map(|name| read(&json[name]));
        let found = json.as_ref().and_then(|json| read(json).or_else(|| inner(json)));
        found.filter(|one| one.id == id).ok_or_else(|| self.wrong("instance", &answer))
    }

    /// All instances, those of a name or of a status when one is given.
    ///
    /// # Errors
    /// See [`NovitaError`].
    pub async fn instances(&self, name: Option<&str>, status: Option<&str>) -> Result<Vec<Instance>, NovitaError> {
        let mut all: Vec<Instance> = Vec::new();
        for page in 1..=PAGES {
            let (size, number) = (PAGE.to_string(), page.to_string());
            let mut query = vec![("pageSize", size.as_str()), ("pageNum", number.as_str())];
            query.extend(name.map(|name| ("name", name)));
            query.extend(status.map(|status| ("status", status)));
            let answer = self.ask(LIST, &query, None, &[]).await?;
            let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
            let listed = ["instances", "data"].into_iter().find_map(|member| json.as_ref()?[member].as_array());
            let read: Option<Vec<Instance>> = listed.and_then(|items| items.iter().map(read).collect());
            let found = read.ok_or_else(|| self.wrong("instances", &answer))?;
            let full = found.len() >= PAGE;
            let known = all.len();
            let new = found.into_iter().filter(|one| !all[..known].iter().any(|before| before.id == one.id));
            let new: Vec<Instance> = new.collect();
            // A service that knows no pages gives the first one again.
            if new.is_empty() {
                break;
            }
            all.extend(new);
            if !full {
                break;
            }
        }
        // A service that knows no such filter gives all of them.
        all.retain(|one| name.is_none_or(|name| one.name.contains(name)));
        all.retain(|one| status.is_none_or(|status| one.status == status));
        Ok(all)
    }

    /// Starts, stops or deletes an instance.
    ///
    /// # Errors
    /// See [`NovitaError`]; [`NovitaError::is_not_found`] where there is none.
    pub async fn deed(&self, id: &str, deed: Deed) -> Result<(), NovitaError> {
        self.ask(deed.path(), &[], Some(&json!({"instanceId": id})), &[]).await.map(drop)
    }

    /// A template that the service keeps.
    ///
    /// # Errors
    /// See [`NovitaError`].
    pub async fn template(&self, id: &str) -> Result<Template, NovitaError> {
        let answer = self.ask("/v1/template", &[("templateId", id)], None, &[]).await?;
        let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
        let of = |name: &str| json.as_ref().map(|json| &json[name]).filter(|inner| inner.is_object());
        let found = of("template").or_else(|| of("data")).or(json.as_ref()).map(template::read);
        match found {
            Some(Ok(template)) if !template.image.is_empty() => Ok(template),
            Some(Err(error @ NovitaError::Limits(_))) => Err(error),
            _ => Err(self.wrong("template", &answer)),
        }
    }

    async fn ask(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Json>,
        secrets: &[&Secret<String>],
    ) -> Result<Response, NovitaError> {
        self.send(Call { subject: Subject::Instances, path, query, body, secrets }).await
    }

    fn wrong(&self, what: &'static str, answer: &Response) -> NovitaError {
        NovitaError::Answer { what, status: answer.status.as_u16(), detail: self.quoted(answer) }
    }
}

fn read(json: &Json) -> Option<Instance> {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| json[name].as_str()).unwrap_or_default().to_owned();
    let fault = json.get("statusError").filter(|fault| fault.is_object());
    let part = |fault: &Json, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    let fault = fault.map(|fault| (part(fault, "state"), part(fault, "message")));
    let one = Instance {
        id: text(["id", "instanceId"]),
        name: text(["name", "instanceName"]),
        status: text(["status", "state"]),
        image: text(["imageUrl", "image"]),
        product: text(["productId", "productName"]),
        fault: fault.filter(|(state, message)| !state.is_empty() || !message.is_empty()),
    };
    (!one.id.is_empty() && !one.status.is_empty()).then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_name_is_the_users_and_nobodys() {
        let (a, b) = (own_name("trainer"), own_name("trainer"));
        assert!(a.starts_with("trainer-mops-") && a.len() == "trainer-mops-".len() + 10 && a != b, "{a} {b}");
    }

    #[test]
    fn an_instance_without_id_or_status_is_none() {
        let json = json!({"id": "i", "name": "n", "status": "exited", "statusError": {"state": "s", "message": "m"}});
        assert_eq!(read(&json).unwrap().fault, Some(("s".to_owned(), "m".to_owned())));
        assert_eq!(read(&json!({"id": "i", "status": "x", "statusError": {"state": ""}})).unwrap().fault, None);
        assert!(read(&json!({"status": "x"})).is_none() && read(&json!({"id": "i"})).is_none());
    }
}
