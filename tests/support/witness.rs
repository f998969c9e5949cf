//! What every fake was told in addresses and headers, so that a test can see that a credential went to its own origin
//! and to no other. Each text is kept once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::Handler;

/// Cloned freely; all clones remember together.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Witness {
    /// The handler with a witness in front of it.
    #[must_use]
    pub fn around(&self, fake: &'static str, inner: Handler) -> Handler {
        let witness = self.clone();
        Arc::new(move |request| {
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
            let texts = headers.chain([format!("{} {}", request.method(), request.uri())]);
            let mut heard = witness.0.lock().unwrap_or_else(PoisonError::into_inner);
            heard.extend(texts.map(|text| (fake.to_owned(), text)));
            drop(heard);
            inner(request)
        })
    }

    /// Remembers nothing of what was told so far.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Which fake heard what.
    #[must_use]
    pub fn heard(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
