//! Tokens and models of Hugging Face.

mod access;
mod token;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family =
    Family { name: "hf", about: "tokens and models of Hugging Face", parts: &[token::CAUSES, access::CAUSES] };

/// Where a person makes a token and sees what it may do.
const TOKEN_PAGE: &str = "https://huggingface.co/settings/tokens";
/// The page of a model, on which its licence is accepted.
const MODEL_PAGE: &str = "https://huggingface.co/{target}";
