//! The environment with which a running container began, as hashes under the run's nonce. Where the image has Python
//! they are computed inside, and no value leaves the container; where it has only `cat`, the values come here by the API
//! server's encrypted stream, as the secrets did that they are compared with, and are hashed at once (`tests`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mops_core::{KeyedHash, Nonce, Secret};
use mops_host::SharedClock;
use serde_json::json;

use crate::cluster::{Cluster, Trouble};
use crate::exec::{self, Input, Inside};
use crate::observed::code;

/// Hashes by variable; one that is not set is not there.
pub(crate) type Hashes = BTreeMap<String, KeyedHash>;

/// The same hash as [`Nonce::hash`]; no file of the image but the interpreter's own is loaded. The line that it begins
/// with asks for the input.
const HASHES: &str = "import base64,hashlib,hmac,json,os,sys
print(flush=True)
a=json.loads(sys.stdin.readline())
n=base64.b64decode(a['nonce'])
e=os.environb
h=lambda v:base64.b64encode(hmac.new(n,v,hashlib.sha256).digest()).decode()
print(json.dumps({k:h(e[k.encode()]) for k in a['names'] if k.encode() in e}))";
/// In the order of preference.
const INTERPRETERS: [&str; 2] = ["python3", "python"];
/// Of the program itself, whose environment is that of the container: the first process of a pod need not be the worker.
const ENVIRONMENT: &str = "/proc/self/environ";

/// How long the others of an image wait for what its first one turns out to have.
const FIRST: Duration = Duration::from_secs(1);

/// The programs that images turned out not to have: what one container of an image lacks, no other is asked for. The
/// first container of an image is asked alone, so that many at once do not all ask in vain.
#[derive(Debug, Default)]
pub(crate) struct Lacks(Mutex<BTreeMap<String, Image>>);

#[derive(Debug, Default)]
struct Image {
    lacks: BTreeSet<&'static str>,
    /// Whether one of its containers has been asked to the end; locked by the first one while it is asked.
    known: Arc<tokio::sync::Mutex<bool>>,
}

impl Lacks {
    /// What this image lacks.
    pub(crate) const fn of<'a>(&'a self, image: &'a str) -> LacksOf<'a> {
        LacksOf { all: self, image }
    }
}

/// The same of one image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LacksOf<'a> {
    all: &'a Lacks,
    image: &'a str,
}

impl LacksOf<'_> {
    fn with<T>(self, work: impl FnOnce(&mut Image) -> T) -> T {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(all.entry(self.image.to_owned()).or_default())
    }

    fn contains(self, program: &'static str) -> bool {
        self.with(|image| image.lacks.contains(program))
    }

    fn add(self, program: &'static str) {
        self.with(|image| image.lacks.insert(program));
    }

    /// Asks one container: as the first one of its image while the others wait, though never for long for one that does
    /// not answer; else with what is known by then.
    async fn asked<T>(self, clock: &SharedClock, ask: impl Future<Output = T>) -> T {
        let known = self.with(|image| Arc::clone(&image.known));
        let first = tokio::select! {
            biased;
            known = known.lock() => Some(known).filter(|known| !**known),
            () = clock.sleep(FIRST) => None,
        };
        let said = ask.await;
        if let Some(mut known) = first {
            *known = true;
        }
        said
    }
}

/// These variables of a running container.
pub(crate) async fn hashes(
    cluster: &Cluster,
    inside: Inside<'_>,
    which: (&Nonce, &BTreeSet<&str>),
    (lacks, clock): (LacksOf<'_>, &SharedClock),
) -> Result<Hashes, Trouble> {
    lacks.asked(clock, by_what_it_has(cluster, inside, which, (lacks, clock))).await
}

async fn by_what_it_has(
    cluster: &Cluster,
    inside: Inside<'_>,
    (nonce, names): (&Nonce, &BTreeSet<&str>),
    (lacks, clock): (LacksOf<'_>, &SharedClock),
) -> Result<Hashes, Trouble> {
    let asked = json!({"nonce": nonce.text(), "names": names}).to_string();
    let input = Some(Input { line: &asked, clock });
    for python in INTERPRETERS {
        if lacks.contains(python) {
            continue;
        }
        match exec::run(cluster, inside, &[python, "-I", "-S", "-c", HASHES], input).await {
            Ok(said) => {
                if let Ok(hashes) = serde_json::from_slice(said.expose()) {
                    return Ok(hashes);
                }
            }
            // Another program may be there, and another right is not.
            Err(trouble) if ![code::NOT_INSTALLED, code::PROGRAM_FAILED].contains(&trouble.code) => {
                return Err(trouble);
            }
            Err(trouble) if trouble.code == code::NOT_INSTALLED => lacks.add(python),
            Err(_) => {}
        }
    }
    match exec::run(cluster, inside, &["cat", ENVIRONMENT], None).await {
        Ok(said) => Ok(of_environment(&said, nonce, names)),
        Err(trouble) if trouble.code == code::NOT_INSTALLED => {
            Err(Trouble { code: trouble.code, detail: format!("its image has no `{}` and no `cat`", INTERPRETERS[0]) })
        }
        Err(trouble) => Err(trouble),
    }
}

/// The hashes of these variables in the text of an `environ`.
fn of_environment(text: &Secret<Vec<u8>>, nonce: &Nonce, names: &BTreeSet<&str>) -> Hashes {
    let variables = text.expose().split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok());
    let pairs = variables.filter_map(|one| one.split_once('='));
    let wanted = pairs.filter(|(name, _)| names.contains(name));
    wanted.map(|(name, value)| (name.to_owned(), nonce.hash(&value.into()))).collect()
}

#[cfg(test)]
mod tests {
    use mops_host::clock::SystemClock;
    use mops_host::proc::Command;
    use tokio::sync::Notify;

    use super::*;

    const NAMES: [&str; 2] = ["A", "ABSENT"];

    #[test]
    fn only_what_is_asked_for_is_hashed_and_nothing_is_shown() {
        let nonce = Nonce::new([7; 32]);
        let text = Secret::new(b"A=canary=1\0B=canary-2\0C\0".to_vec());
        let hashes = of_environment(&text, &nonce, &NAMES.into());
        assert_eq!(hashes, [("A".to_owned(), nonce.hash(&"canary=1".into()))].into());
        assert!(!format!("{hashes:?}").contains("canary"));
    }

    #[test]
    fn what_an_image_lacks_says_nothing_of_others() {
        let lacks = Lacks::default();
        lacks.of("a@sha256:1").add("python3");
        let of = |image, program| lacks.of(image).contains(program);
        assert!(of("a@sha256:1", "python3"));
        assert!(!of("a@sha256:1", "python") && !of("a@sha256:2", "python3"));
    }

    #[tokio::test]
    async fn the_first_of_an_image_is_asked_alone_and_holds_nobody_up_for_long() {
        let (lacks, clock, order) = (Lacks::default(), SystemClock::shared(), Mutex::new(Vec::new()));
        let said = || std::mem::take(&mut *order.lock().unwrap());
        let asks = async |image: &'static str, begins: &'static str, ends: &'static str, until: &Notify| {
            let ask = async {
                order.lock().unwrap().push(begins);
                until.notified().await;
                order.lock().unwrap().push(ends);
            };
            lacks.of(image).asked(&clock, ask).await;
            // Whoever is next, if somebody hangs.
            until.notify_one();
        };
        let one = Notify::new();
        one.notify_one();
        futures::join!(asks("a", "first", "its end", &one), asks("a", "second", "its end", &one));
        assert_eq!(said(), ["first", "its end", "second", "its end"]);
        let late = Notify::new();
        futures::join!(asks("a", "third", "third's end", &late), async {
            asks("a", "fourth", "its end", &one).await;
            late.notify_one();
        });
        assert_eq!(said(), ["third", "fourth", "its end", "third's end"], "what is known is no reason to wait");
        let (hangs, answers) = (Notify::new(), Notify::new());
        answers.notify_one();
        let other = async {
            asks("b", "other", "other's end", &answers).await;
            hangs.notify_one();
        };
        futures::join!(asks("b", "hung", "hung's end", &hangs), other);
        assert_eq!(said(), ["hung", "other", "other's end", "hung's end"]);
    }

    /// The script is that of the container; here it runs where there is an interpreter.
    #[tokio::test]
    async fn python_computes_the_same() {
        let nonce = Nonce::new([7; 32]);
        let asked = json!({"nonce": nonce.text(), "names": NAMES}).to_string();
        let command = Command {
            program: INTERPRETERS[0].to_owned(),
            args: ["-I", "-S", "-c", HASHES].map(str::to_owned).to_vec(),
            env: [("PATH", "/usr/bin:/bin"), ("A", "canary ü=1")].map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
            stdin: Some(format!("{asked}\n").into()),
            timeout: Duration::from_secs(30),
            max_output: 1 << 16,
        };
        let Ok(output) = command.run().await else { return };
        let hashes: Hashes = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(hashes, [("A".to_owned(), nonce.hash(&"canary ü=1".into()))].into());
    }
}
