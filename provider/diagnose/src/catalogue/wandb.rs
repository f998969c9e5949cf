//! Keys and names of Weights & Biases.

mod key;
mod names;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family =
    Family { name: "wandb", about: "keys and names of Weights & Biases", parts: &[key::CAUSES, names::CAUSES] };
