//! Why a route of a fake may be believed. Proven complete by `fast::evidence`.

use std::fmt;

/// What vouches for the behaviour of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Recorded traffic of the real service: scenario and number of the interaction in it.
    Recording(&'static str, u32),
    /// A real client or component drives the route, named with its version.
    Client(&'static str),
    /// The official contract.
    Spec(&'static str),
    /// Nothing but a reason; printed by the tests and published as not verified.
    Assumed(&'static str),
}

impl Evidence {
    /// Whether the words behind it say anything.
    #[must_use]
    pub fn is_given(&self) -> bool {
        match self {
            Self::Recording(name, _) => !name.is_empty(),
            Self::Client(text) | Self::Spec(text) | Self::Assumed(text) => !text.is_empty(),
        }
    }

    /// Whether nothing outside has confirmed it.
    #[must_use]
    pub const fn is_assumed(&self) -> bool {
        matches!(self, Self::Assumed(_))
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recording(name, number) => write!(f, "recording {name} #{number}"),
            Self::Client(name) => write!(f, "client {name}"),
            Self::Spec(name) => write!(f, "contract {name}"),
            Self::Assumed(why) => write!(f, "assumed: {why}"),
        }
    }
}

/// One route of one fake, as the listing shows it.
#[derive(Clone, Debug)]
pub struct RouteInfo {
    /// Which fake.
    pub fake: &'static str,
    /// The verb.
    pub method: &'static str,
    /// The path with `{names}`.
    pub template: &'static str,
    /// What vouches for it.
    pub evidence: Evidence,
}

impl RouteInfo {
    /// A behaviour of a route that is believed for less than the route itself.
    #[must_use]
    pub const fn assumed(
        fake: &'static str,
        method: &'static str,
        template: &'static str,
        detail: &'static str,
    ) -> Self {
        Self { fake, method, template, evidence: Evidence::Assumed(detail) }
    }
}

impl fmt::Display for RouteInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} — {}", self.fake, self.method, self.template, self.evidence)
    }
}
