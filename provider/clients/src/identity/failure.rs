//! A sign-in that failed, so that it survives the Azure crates' error type.

use crate::error::ClientError;
use crate::transport::find;

/// Why there is no token. Carries codes and sentences, never a request.
#[derive(Debug, thiserror::Error)]
#[error("signing in as {identity} failed: {reason}")]
pub(crate) struct SignInFailed {
    /// Which identity.
    pub(crate) identity: &'static str,
    /// The service's sentence in one line, or why it was not reached.
    pub(crate) reason: String,
}

impl SignInFailed {
    pub(super) fn wrap(identity: &'static str, error: azure_core::Error) -> azure_core::Error {
        let error = match find::<mops_wire::WireError>(error) {
            Ok(wire) => return azure_core::Error::new(azure_core::error::ErrorKind::Io, wire),
            Err(error) => error,
        };
        Self { identity, reason: sentence(&error.to_string()) }.into()
    }

    /// The credential itself could not be made: a token file that is gone.
    pub(super) fn unprepared(identity: &'static str, error: &ClientError) -> azure_core::Error {
        Self { identity, reason: sentence(&error.to_string()) }.into()
    }
}

impl From<SignInFailed> for azure_core::Error {
    fn from(failed: SignInFailed) -> Self {
        Self::new(azure_core::error::ErrorKind::Credential, failed)
    }
}

impl From<SignInFailed> for ClientError {
    fn from(failed: SignInFailed) -> Self {
        Self::SignIn { identity: failed.identity.to_owned(), reason: failed.reason }
    }
}

/// One line, without the crate's preface and its link, cut to a readable length; never empty.
fn sentence(text: &str) -> String {
    let text = text.split_once("\nTo troubleshoot").map_or(text, |(before, _)| before);
    let text = text.split_once(" authentication failed.").map_or(text, |(_, after)| after);
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.is_empty() {
        return "no reason was given".to_owned();
    }
    match folded.char_indices().nth(400) {
        Some((at, _)) => format!("{}…", folded.get(..at).unwrap_or_default()),
        None => folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::error::ErrorKind;

    #[test]
    fn the_code_and_correlation_id_stay() {
        let text = "ClientSecretCredential authentication failed. AADSTS7000215: Invalid client secret.\r\n\
                    Correlation ID: abc\nTo troubleshoot, visit https://x";
        let error =
            SignInFailed::wrap("service_principal", azure_core::Error::with_message(ErrorKind::Credential, text));
        let failed = find::<SignInFailed>(error).unwrap();
        assert_eq!(failed.reason, "AADSTS7000215: Invalid client secret. Correlation ID: abc");
    }

    #[test]
    fn a_refusal_without_a_word_is_said_to_be_one() {
        let text = "ClientSecretCredential authentication failed. \nTo troubleshoot, visit https://x";
        let error =
            SignInFailed::wrap("service_principal", azure_core::Error::with_message(ErrorKind::Credential, text));
        let failed = find::<SignInFailed>(error).unwrap();
        assert_eq!(failed.to_string(), "signing in as service_principal failed: no reason was given");
    }
}
