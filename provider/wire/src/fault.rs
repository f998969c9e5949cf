//! Faults on purpose, inside the same pipeline that the product uses.
//!
//! Guarantees that "the answer was lost after the service did it" is the real thing: the request has
//! been sent and answered when [`FaultLayer::after`] throws the answer away (R5).

use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// One try of a request, as a fault layer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a Method,
    /// The address.
    pub url: &'a Url,
    /// From 1.
    pub attempt: u32,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No connection.
    Refused,
    /// The connection breaks.
    Reset,
    /// No answer within the time of the try, which does not really pass.
    Hang,
    /// This answer instead.
    Answer {
        /// Status.
        status: StatusCode,
        /// Headers.
        headers: HeaderMap,
        /// Body.
        body: Vec<u8>,
    },
}

/// Decides for every try whether something goes wrong.
pub trait FaultLayer: Send + Sync {
    /// Before anything is sent; nothing is sent when it answers.
    fn before(&self, call: Call<'_>) -> Option<Fault> {
        let _ = call;
        None
    }

    /// After the whole answer is there; it is thrown away when this answers.
    fn after(&self, call: Call<'_>, status: StatusCode) -> Option<Fault> {
        let _ = (call, status);
        None
    }
}
