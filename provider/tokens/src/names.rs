//! The variables that tools read tokens from.

/// The token of the Hub.
pub const HF: &str = "HF_TOKEN";
/// The key of Weights & Biases.
pub const WANDB: &str = "WANDB_API_KEY";
/// Where its runs are written to.
pub const PROJECT: &str = "WANDB_PROJECT";
/// Whose they are.
pub const ENTITY: &str = "WANDB_ENTITY";
