//! Faults as the network and the services make them: by rule (which request, how often) or by
//! seed and rate. A lost answer is lost after the change was made, which is the case that hurts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::http::{Broken, Handler, Reply};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Another status instead of the answer; nothing is changed.
    Status {
        /// The status.
        status: u16,
        /// The code in the body, in ARM's shape.
        code: String,
        /// `Retry-After` in seconds, when the service sends one.
        retry_after: Option<u32>,
    },
    /// The answer comes later.
    Delay(u64),
    /// The connection breaks before anything is done.
    Reset,
    /// The answer breaks off in the middle.
    Truncate,
    /// The change is made, the answer is lost.
    LostAfterCommit,
    /// The change is made, the answer never comes.
    Withheld,
    /// The change is made, and a page of some proxy takes the place of the answer, with status 200.
    Page,
}

/// Which requests a fault meets.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// Parts of `FAKE METHOD path?query` that must all occur, without case: `["arm", "PUT", "/registries/"]`.
    pub matches: Vec<String>,
    /// How many of these pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many are then met.
    #[serde(default = "once")]
    pub times: u32,
    /// What meets them.
    pub fault: Fault,
}

const fn once() -> u32 {
    1
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    random: Option<Random>,
    met: Vec<String>,
}

#[derive(Debug)]
struct Random {
    seed: u64,
    per_thousand: u32,
    kinds: Vec<Fault>,
    count: u64,
}

/// Cloned freely; all clones share one plan.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Adds a rule.
    pub fn add(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    /// The usual rule: the first request that has all these parts.
    pub fn once(&self, parts: &[&str], fault: Fault) {
        let matches = parts.iter().map(|&p| p.to_owned()).collect();
        self.add(Rule { matches, skip: 0, times: 1, fault });
    }

    /// Faults of these kinds on so many of a thousand requests, repeatable by seed.
    pub fn seeded(&self, seed: u64, per_thousand: u32, kinds: Vec<Fault>) {
        self.lock().random = Some(Random { seed, per_thousand, kinds, count: 0 });
    }

    /// Ends all faults.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Which requests were met, in order.
    #[must_use]
    pub fn met(&self) -> Vec<String> {
        self.lock().met.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, line: &str) -> Option<Fault> {
        let mut state = self.lock();
        let fault = state.by_rule(line).or_else(|| state.by_chance());
        if fault.is_some() {
            state.met.push(line.to_owned());
        }
        fault
    }

    /// The handler with faults in front of it.
    #[must_use]
    pub fn around(&self, fake: &'static str, inner: Handler) -> Handler {
        let faults = self.clone();
        Arc::new(move |request| {
            let line = format!("{fake} {} {}", request.method(), request.uri());
            let fault = faults.choose(&line);
            let inner = Arc::clone(&inner);
            Box::pin(async move { apply(fault, &inner, request).await })
        })
    }
}

impl State {
    fn by_rule(&mut self, line: &str) -> Option<Fault> {
        let line = line.to_lowercase();
        for rule in &mut self.rules {
            if rule.times == 0 || !rule.matches.iter().all(|part| line.contains(&part.to_lowercase())) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times -= 1;
            return Some(rule.fault.clone());
        }
        None
    }

    fn by_chance(&mut self) -> Option<Fault> {
        let random = self.random.as_mut()?;
        random.count += 1;
        let mut hash = Sha256::new();
        hash.update(random.seed.to_be_bytes());
        hash.update(random.count.to_be_bytes());
        let digest = hash.finalize();
        let throw = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 1000;
        let kind = usize::from(digest[4]) % random.kinds.len().max(1);
        (throw < random.per_thousand).then(|| random.kinds.get(kind).cloned()).flatten()
    }
}

async fn apply(fault: Option<Fault>, inner: &Handler, request: Request<Body>) -> Result<Response<Body>, Broken> {
    let method = request.method().clone();
    match fault {
        None => inner(request).await,
        Some(Fault::Reset) => Err(Broken),
        Some(Fault::LostAfterCommit) => inner(request).await.and(Err(Broken)),
        Some(Fault::Withheld) => {
            let _made = inner(request).await;
            std::future::pending().await
        }
        Some(Fault::Page) => {
            let page = Reply::body(200, "text/html", "<html><body>Sign in to the network</body></html>");
            inner(request).await.map(|_| page.into_response(&method))
        }
        Some(Fault::Status { status, code, retry_after }) => {
            let body = serde_json::json!({"error": {"code": code, "message": "made by the fault layer"}});
            let reply = Reply::json(status, &body);
            Ok(match retry_after {
                Some(seconds) => reply.header("retry-after", seconds.to_string()),
                None => reply,
            }
            .into_response(&method))
        }
        Some(Fault::Delay(millis)) => {
            wait(Duration::from_millis(millis)).await;
            inner(request).await
        }
        Some(Fault::Truncate) => truncate(inner(request).await?).await,
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow server is slow on the wire, whatever the client's clock says")]
async fn wait(delay: Duration) {
    tokio::time::sleep(delay).await;
}

async fn truncate(response: Response<Body>) -> Result<Response<Body>, Broken> {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Broken)?;
    parts.headers.insert("content-length", whole.len().max(2).into());
    let half = whole.slice(..whole.len() / 2);
    let pieces: [Result<Bytes, Broken>; 2] = [Ok(half), Err(Broken)];
    Ok(Response::from_parts(parts, Body::from_stream(futures::stream::iter(pieces))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_then_meets_then_rests() {
        let faults = Faults::default();
        faults.add(Rule { matches: vec!["put".into(), "/x".into()], skip: 1, times: 1, fault: Fault::Reset });
        let met: Vec<bool> = (0..4).map(|_| faults.choose("arm PUT /x").is_some()).collect();
        assert_eq!(met, [false, true, false, false]);
        assert!(faults.choose("arm GET /x").is_none());
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let run = || {
            let faults = Faults::default();
            faults.seeded(7, 200, vec![Fault::Reset]);
            (0..50).map(|_| faults.choose("arm GET /").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
        assert!(run().contains(&true));
    }
}
