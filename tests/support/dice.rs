//! Chance that can be repeated: the same seed gives the same throws.

use mops_host::Env;

/// A generator (splitmix64); cheap, not for secrets.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The throws of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 for an empty range.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() >> 1).unwrap_or(0) % n.max(1)
    }

    /// True in so many of a hundred throws.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// How many cases a randomised test plays: `MOPS_CASES`, else its short form.
#[must_use]
pub fn cases(short: u64) -> u64 {
    Env::process().get("MOPS_CASES").and_then(|n| n.parse().ok()).unwrap_or(short)
}

/// The seed of the first case: `MOPS_SEED`, else always the same; each further case takes the next number.
#[must_use]
pub fn seed() -> u64 {
    Env::process().get("MOPS_SEED").and_then(|n| n.parse().ok()).unwrap_or(20_261_126)
}
