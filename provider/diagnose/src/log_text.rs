//! What the last lines of a log tell of a known fault. A number counts as a status only where HTTP speaks: "1401 tokens" is
//! no 401. What is quoted holds no secret (`tests`).

use mops_probe::observation::code;
use mops_wire::registry::LICENCE;
use mops_wire::{Url, redact};

/// A fault that a line tells of, and the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: &'static str,
    pub(crate) line: String,
}

/// How lines that refuse begin to be told apart: from the surest to what only comes after it.
const ORDER: [&str; 9] = [
    code::LICENSE_SENTENCE,
    code::UNAUTHORIZED,
    code::DENIED,
    code::HF_GATED,
    code::HF_REFUSED,
    code::WANDB_KEY_LENGTH,
    code::WANDB_REFUSED,
    code::UNTRUSTED_CERTIFICATE,
    code::CACHE_DENIED,
];

/// The first line of the fault that comes before all others; none when no line tells of one.
pub(crate) fn told(text: &str) -> Option<Told> {
    let lines = text.lines().filter_map(|line| Some((of_line(line)?, line)));
    let first = lines.min_by_key(|(code, _)| ORDER.iter().position(|known| known == code));
    first.map(|(code, line)| Told { code, line: shown(line) })
}

fn of_line(line: &str) -> Option<&'static str> {
    let small = line.to_lowercase();
    let has = |words: &str| small.contains(words);
    if has(&LICENCE.to_lowercase()) {
        return Some(code::LICENSE_SENTENCE);
    }
    if has("gated repo") || has("gatedrepo") {
        return Some(code::HF_GATED);
    }
    if has("key must be 40 characters") {
        return Some(code::WANDB_KEY_LENGTH);
    }
    if let Some(code) = refusal(&small) {
        return Some(match code {
            _ if has("huggingface.co") || has("huggingface_hub") => code::HF_REFUSED,
            _ if has("wandb") => code::WANDB_REFUSED,
            code => code,
        });
    }
    if has("x509:") || has("certificate_verify_failed") || has("certificate verify failed") {
        return Some(code::UNTRUSTED_CERTIFICATE);
    }
    let denied = has("permission denied") || has("permissionerror");
    (denied && has("cache")).then_some(code::CACHE_DENIED)
}

/// Whether somebody refused, in words or by a status.
fn refusal(line: &str) -> Option<&'static str> {
    let words: Vec<&str> = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let before =
        |at: usize, back: usize| at.checked_sub(back).and_then(|at| words.get(at)).copied().unwrap_or_default();
    let status = |number: &str| {
        words.iter().enumerate().filter(|(_, word)| **word == number).any(|(at, _)| {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let spoken = ["status", "code", "error", "http", "statuscode"].contains(&before(at, 1));
            // HTTP/1.1 401
            let protocol = (2..=3).any(|back| before(at, back) == "http") && before(at, 1).len() == 1;
            spoken || protocol || ["unauthorized", "forbidden", "client", "authorization"].contains(&next)
        })
    };
    let word = |wanted: &str| words.contains(&wanted);
    let denied = words.iter().enumerate().any(|(at, word)| *word == "denied" && before(at, 1) != "permission");
    if word("unauthorized")
        || status("401")
        || ["authentication error", "authentication required"].iter().any(|w| line.contains(w))
    {
        return Some(code::UNAUTHORIZED);
    }
    (denied || word("forbidden") || status("403")).then_some(code::DENIED)
}

/// The words behind which a secret stands.
const BEFORE_SECRETS: [&str; 7] = ["key", "token", "password", "secret", "bearer", "basic", "authorization"];
/// Words of people are shorter than keys.
const LONGEST: usize = 24;

/// The line without what could be a secret.
fn shown(line: &str) -> String {
    let mut masked = false;
    let words = line.split_whitespace().map(|word| {
        let hidden = std::mem::take(&mut masked);
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_lowercase();
        masked = BEFORE_SECRETS.contains(&bare.as_str());
        match word {
            _ if hidden && !masked => redact::MASK.to_owned(),
            word => one(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A word as it may be shown: an address without its query, a path of short parts, and nothing behind `=`.
fn one(word: &str) -> String {
    let open = word.find("https://").or_else(|| word.find("http://"));
    if let Some((start, address)) = open.and_then(|at| word.split_at_checked(at)) {
        let address = address.trim_end_matches(|c: char| "\"'()<>,;.".contains(c));
        return Url::parse(address)
            .map_or_else(|_| redact::MASK.to_owned(), |url| format!("{start}{}", redact::url(&url)));
    }
    if let Some((name, _)) = word.split_once('=') {
        return format!("{name}={}", redact::MASK);
    }
    let long = word.split(['/', '.', ':', ',']).any(|part| part.len() > LONGEST);
    let keyed = ["nvapi-", "hf_", "eyJ", "sk-"].iter().any(|start| word.contains(start));
    if long || keyed { redact::MASK.to_owned() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> &'static str {
        told(text).map_or("", |told| told.code)
    }

    #[test]
    fn the_texts_of_known_faults_are_known() {
        let rows = [
            ("unauthorized: authentication required", code::UNAUTHORIZED),
            ("Error response from daemon: Get https://nvcr.io/v2/: unauthorized", code::UNAUTHORIZED),
            ("denied: requested access to the resource is denied", code::DENIED),
            ("Please accept license on the browser to be able to download", code::LICENSE_SENTENCE),
            ("HTTP status client error (401 Unauthorized) for https://api.ngc.nvidia.com/v2", code::UNAUTHORIZED),
            ("GET /v2/org/nim HTTP/1.1 403", code::DENIED),
            ("request failed with status 401", code::UNAUTHORIZED),
            ("Authentication Error", code::UNAUTHORIZED),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                code::UNTRUSTED_CERTIFICATE,
            ),
            ("Cannot access gated repo for url https://huggingface.co/a/b", code::HF_GATED),
            ("huggingface_hub.errors.GatedRepoError: 401 Client Error.", code::HF_GATED),
            ("401 Client Error: Unauthorized for url: https://huggingface.co/api/whoami-v2", code::HF_REFUSED),
            ("wandb: ERROR API key must be 40 characters long, yours was 86", code::WANDB_KEY_LENGTH),
            ("wandb: ERROR Error while calling W&B API: user is not logged in (Error 401)", code::WANDB_REFUSED),
            ("Permission denied (os error 13): /opt/nim/.cache/ngc/hub", code::CACHE_DENIED),
        ];
        for (line, want) in rows {
            assert_eq!(code_of(line), want, "{line}");
        }
    }

    #[test]
    fn numbers_and_words_of_other_matters_are_no_refusal() {
        for line in [
            "1401 tokens generated",
            "exit code 1401",
            "error 24032 of step 7",
            "401 tokens generated in 3 s",
            "prompt: 403 tokens",
            "step 401 of 403, loss 0.401",
            "Permission denied: /data/out",
            "the unauthorizedly long name",
            "epoch 401",
            "",
        ] {
            assert_eq!(code_of(line), "", "{line}");
        }
    }

    #[test]
    fn a_refusal_comes_before_what_follows_from_it() {
        let log = "Permission denied (os error 13): /opt/nim/.cache\nloading\nError: 401 Unauthorized\nx509: unknown";
        assert_eq!(told(log), Some(Told { code: code::UNAUTHORIZED, line: "Error: 401 Unauthorized".into() }));
    }

    #[test]
    fn what_could_be_a_secret_is_not_quoted() {
        for line in [
            "401 Unauthorized for https://user:canary@api.example/a?token=canary",
            "unauthorized: key nvapi-canary was refused",
            "unauthorized token canary",
            "unauthorized Authorization: Bearer canary",
            "unauthorized NGC_API_KEY=canary",
            "unauthorized canarycanarycanarycanarycanary",
            "unauthorized password: canary",
        ] {
            let told = told(line).expect("a refusal");
            assert!(!told.line.contains("canary"), "{line}: {}", told.line);
        }
        let told = told("gated repo for url https://huggingface.co/team/model").expect("gated");
        assert_eq!(told.line, "gated repo for url https://huggingface.co/team/model");
    }
}
