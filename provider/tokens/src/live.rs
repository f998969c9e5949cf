//! Tokens shown to their services: each once in a run. What the services answer is handed to the catalogue, which names the
//! cause; an answer that nobody knows stays one (K-07, K-08, K-15, K-19).

use mops_clients::huggingface::{Hub, Person, Refused, Role};
use mops_clients::wandb::{Viewer, Wandb};
use mops_core::Secret;
use mops_diagnose::observed::services::{check, code};
use mops_probe::Observation;
use mops_probe::failure::Failure;
use mops_probe::observation::{Outcome, code as seen, variant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What was seen, and the result in a few words.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// For a person.
    pub said: String,
    /// When the token ends, if its service says so.
    pub ends: Option<OffsetDateTime>,
}

impl Answer {
    /// Whether the service has named whose token it is.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let named = [check::HF_WHOAMI, check::WANDB_VIEWER];
        self.seen.iter().any(|seen| named.contains(&seen.check.as_str()) && seen.outcome == Outcome::Ok)
    }
}

/// The Hub's word on a token and on models.
pub async fn hub(hub: &Hub, token: Option<&Secret<String>>, models: &[String]) -> Answer {
    let (host, mut answer) = (hub.host(), Answer::default());
    let variant = if token.is_some() { variant::LOCAL } else { variant::ANON };
    match token {
        None => answer.seen.push(Observation::skipped(check::HF_WHOAMI, variant, &host, seen::NOT_GIVEN)),
        Some(token) => match hub.whoami(token).await {
            Err(refused) => {
                answer.said = refused_in_words(&refused);
                answer.seen.push(observed(check::HF_WHOAMI, variant, &host, &refused));
                return answer;
            }
            Ok(person) => {
                answer.said = person_in_words(&person);
                answer.ends = person.ends;
                answer.seen.push(Observation::ok(check::HF_WHOAMI, variant, &host).by("HF_TOKEN"));
                answer.seen.push(Observation::ok(check::HF_ROLE, variant, &host).code(role(&person)));
            }
        },
    }
    for model in models {
        let access = hub.access(model, token).await;
        answer.said += if access.is_ok() { "; ✓ " } else { "; ✗ " };
        answer.said += model;
        answer.seen.push(match access {
            Ok(()) => Observation::ok(check::HF_ACCESS, variant, model),
            Err(refused) => observed(check::HF_ACCESS, variant, model, &refused),
        });
    }
    answer
}

/// The word of Weights & Biases on a key, and on where runs are written to.
pub async fn wandb(service: &Wandb, key: &Secret<String>, entity: Option<&str>, project: Option<&str>) -> Answer {
    let (host, mut answer) = (service.host(), Answer::default());
    let viewer = match service.viewer(key).await {
        Err(refused) => {
            answer.said = refused_in_words(&refused);
            answer.seen.push(observed(check::WANDB_VIEWER, variant::LOCAL, &host, &refused));
            return answer;
        }
        Ok(None) => {
            "refused: it names no user".clone_into(&mut answer.said);
            answer
                .seen
                .push(Observation::failed(check::WANDB_VIEWER, variant::LOCAL, &host, code::EMPTY_VIEWER).status(200));
            return answer;
        }
        Ok(Some(viewer)) => viewer,
    };
    answer.seen.push(Observation::ok(check::WANDB_VIEWER, variant::LOCAL, &host).by("WANDB_API_KEY"));
    answer.said = format!("valid: user {}", viewer.username);
    let entity = entity.unwrap_or(&viewer.entity);
    answer.seen.push(entity_seen(&viewer, entity));
    if let Some(project) = project.filter(|_| viewer.writes_to(entity)) {
        let target = format!("{entity}/{project}");
        answer.seen.push(match service.has_project(key, entity, project).await {
            Ok(true) => Observation::ok(check::WANDB_PROJECT, variant::LOCAL, &target),
            Ok(false) => Observation::failed(check::WANDB_PROJECT, variant::LOCAL, &target, code::NOT_FOUND),
            Err(refused) => observed(check::WANDB_PROJECT, variant::LOCAL, &target, &refused),
        });
    }
    answer
}

fn entity_seen(viewer: &Viewer, entity: &str) -> Observation {
    if viewer.writes_to(entity) {
        return Observation::ok(check::WANDB_ENTITY, variant::LOCAL, entity);
    }
    let known: Vec<&str> =
        std::iter::once(viewer.username.as_str()).chain(viewer.teams.iter().map(String::as_str)).collect();
    Observation::failed(check::WANDB_ENTITY, variant::LOCAL, entity, code::NOT_FOUND)
        .detail(&format!("they are {}", known.join(", ")))
}

/// What a host of ours was told about the value that it has.
#[must_use]
pub fn on_the_host(name: &str, service: &str, status: u16, named: bool) -> Answer {
    let check = if name == "HF_TOKEN" { check::HF_WHOAMI } else { check::WANDB_VIEWER };
    let variant = mops_diagnose::observed::services::variant::HOST;
    let failed = |code: &str| Observation::failed(check, variant, service, code).status(status);
    let (seen, said) = match (status, named) {
        (200, true) => (Observation::ok(check, variant, service), "valid".to_owned()),
        (200, false) if name == "HF_TOKEN" => (failed(seen::UNEXPECTED), "no answer that tells".to_owned()),
        (200, false) => (failed(code::EMPTY_VIEWER), "refused: it names no user".to_owned()),
        (401, _) => (failed(seen::UNAUTHORIZED), "refused".to_owned()),
        (429, _) => (failed(seen::RATE_LIMITED), "asked too often".to_owned()),
        _ => (failed(seen::UNEXPECTED), format!("an answer of {status}")),
    };
    Answer { seen: vec![seen], said, ends: None }
}

fn role(person: &Person) -> &'static str {
    match person.role {
        Role::Read => code::READ,
        Role::Write => code::WRITE,
        Role::FineGrained { gated: true } => code::FINE_GRAINED,
        Role::FineGrained { gated: false } => code::FINE_GRAINED_NOT_GATED,
        Role::Unknown => "",
    }
}

fn person_in_words(person: &Person) -> String {
    let role = match person.role {
        Role::Read => ", role read",
        Role::Write => ", role write",
        Role::FineGrained { .. } => ", chosen rights",
        Role::Unknown => "",
    };
    let ends = person.ends.and_then(|ends| ends.replace_nanosecond(0).ok()?.format(&Rfc3339).ok());
    let ends = ends.map(|ends| format!(", ends {ends}")).unwrap_or_default();
    format!("valid: user {}{role}{ends}", person.name)
}

fn refused_in_words(refused: &Refused) -> String {
    match refused {
        Refused::Said { status: 401, .. } => "refused".to_owned(),
        Refused::Said { status, .. } => format!("not checked: an answer of {status}"),
        Refused::Unreadable { .. } => "not checked: no answer that tells".to_owned(),
        Refused::Wire(_) => "not checked: no answer".to_owned(),
    }
}

fn observed(check: &str, variant: &str, target: &str, refused: &Refused) -> Observation {
    match refused {
        Refused::Wire(error) => Failure::from(error).observation(check, variant, target),
        Refused::Unreadable { status, html } => {
            let code = if *html { seen::HTML } else { seen::UNEXPECTED };
            Observation::failed(check, variant, target, code).status(*status)
        }
        Refused::Said { status, code, message } => {
            let code = by_message(message).or(code.as_deref()).unwrap_or_else(|| by_status(*status));
            Observation::failed(check, variant, target, code).status(*status).detail(message)
        }
    }
}

/// Sentences that the Hub's codes leave apart.
fn by_message(message: &str) -> Option<&'static str> {
    let has = |word: &str| message.to_ascii_lowercase().contains(word);
    if has("awaiting a review") {
        Some(code::AWAITING_REVIEW)
    } else if has("rejected") {
        Some(code::REJECTED)
    } else if has("is disabled") {
        Some(code::DISABLED)
    } else {
        None
    }
}

const fn by_status(status: u16) -> &'static str {
    match status {
        401 => seen::UNAUTHORIZED,
        403 => seen::DENIED,
        429 => seen::RATE_LIMITED,
        500.. => seen::SERVER_ERROR,
        _ => seen::UNEXPECTED,
    }
}
