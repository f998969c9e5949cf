//! The sign-in of a service principal to a registry. Guarantees that a secret which the directory refuses is told with
//! its cause, the directory's code and the next step, and that a right which the registry does not know yet is waited
//! for by trying, not by the clock alone (`tests/principal.rs`).

use std::time::Duration;

use mops_core::provider::Progress;
use mops_core::{Class, Error, Secret, SecretInput};
use mops_wire::Http;
use mops_wire::directory::{self, DirectoryError, Grant, Proof};
use mops_wire::registry::{Auth, Client};

use crate::resource::Cx;
use crate::services::Services;

/// How long a registry may not know a new right.
const BUDGET: Duration = Duration::from_secs(600);
/// Between two tries: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(8)];

/// An application with its secret.
pub(crate) struct Principal<'a> {
    /// The application.
    pub(crate) client_id: &'a str,
    /// Its secret.
    pub(crate) secret: &'a Secret<String>,
    /// Where the secret is, for messages.
    pub(crate) source: &'a SecretInput,
}

impl Principal<'_> {
    fn place(&self) -> String {
        match self.source {
            SecretInput::Source(source) => mops_host::source::name(source),
            SecretInput::Value(_) => "the password".to_owned(),
        }
    }
}

/// Returns once directory and registry take the principal.
pub(crate) async fn proven(cx: &Cx<'_>, registry: &str, principal: &Principal<'_>) -> Result<(), Error> {
    let http = cx.services.pipeline()?;
    if let Some(refusal) = refusal(cx.services, &http, principal).await? {
        return Err(refusal);
    }
    let auth = Auth::Basic { username: principal.client_id.to_owned(), password: principal.secret.clone() };
    let client = Client::new(http, registry, auth)?.with_cancel(&cx.call.cancel);
    let limit = BUDGET.min(cx.call.timeout);
    let (mut waited, mut pause) = (Duration::ZERO, PAUSES[0]);
    loop {
        let Err(error) = client.ping().await else { return Ok(()) };
        match error.refusal().map(|refusal| refusal.status) {
            Some(401) if waited < limit => {}
            Some(401) => return Err(without_right(registry, principal, waited)),
            // Networks may keep a workstation out that let the nodes in.
            _ => {
                let note =
                    format!("whether `{registry}` takes `{}` cannot be seen from here: {error}", principal.client_id);
                (cx.call.progress)(Progress::Note(note));
                return Ok(());
            }
        }
        let text = format!("`{registry}` does not know the right to pull yet, next try in {} ms", pause.as_millis());
        (cx.call.progress)(Progress::Waiting(text));
        cx.services.arm()?.canceled_by(&cx.call.cancel).pause(pause).await?;
        waited += pause;
        pause = PAUSES[1].min(pause * 2);
    }
}

/// Why the directory of the run's own identity refuses the principal; `None` when it takes it.
pub(crate) async fn refusal(
    services: &Services,
    http: &Http,
    principal: &Principal<'_>,
) -> Result<Option<Error>, Error> {
    let tenant = services.sign_in().await?.tenant.unwrap_or_default();
    let cloud = services.cloud();
    let wanted = Grant {
        authority: &cloud.authority,
        tenant: &tenant,
        client_id: principal.client_id,
        proof: Proof::Secret(principal.secret),
        // Every directory knows it, and a token for it gives no right.
        scope: &cloud.arm_scope,
    };
    match directory::grant(http, &wanted).await {
        Ok(_) => Ok(None),
        Err(DirectoryError::Refused { status, code, sentence }) if status < 500 && status != 429 => {
            Ok(Some(refused(principal, &tenant, &code, &sentence)))
        }
        Err(DirectoryError::Wire(error)) => Err(error.into()),
        Err(error) => {
            Err(Error::new(Class::Transient, format!("the sign-in host does not answer as it should: {error}")))
        }
    }
}

fn refused(principal: &Principal<'_>, tenant: &str, code: &str, sentence: &str) -> Error {
    let (id, place) = (principal.client_id, principal.place());
    let renewal = format!("`az ad app credential reset --id {id} --append` makes a new one; put it into {place}");
    let (summary, hint) = match code {
        directory::SECRET_EXPIRED => {
            (format!("the client secret of service principal `{id}` has expired ({code})"), renewal)
        }
        directory::SECRET_WRONG => (
            format!("{place} does not hold a client secret of service principal `{id}` ({code})"),
            format!("put the secret's value there, not its id; {renewal}"),
        ),
        directory::APPLICATION_UNKNOWN => (
            format!("directory `{tenant}` has no application `{id}` ({code})"),
            "correct `client_id` of the service principal; it is the application's id, not the object's".to_owned(),
        ),
        _ => (
            format!("the directory refuses service principal `{id}` ({code})"),
            "let an administrator of the directory look at the application".to_owned(),
        ),
    };
    Error::new(Class::Auth, summary).note(sentence.to_owned()).hint(hint)
}

fn without_right(registry: &str, principal: &Principal<'_>, waited: Duration) -> Error {
    let id = principal.client_id;
    let summary = format!(
        "`{registry}` does not take service principal `{id}` after {} s, although its secret is good",
        waited.as_secs()
    );
    Error::new(Class::Auth, summary).hint(format!(
        "compare `az ad sp show --id {id} --query id` with `object_id` of the service principal: the right to pull is given to that"
    ))
}
