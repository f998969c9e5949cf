//! Secrets in state, in Pulumi's passphrase format, byte for byte.
//!
//! Guarantees: the key is derived at most once a run and only when a secret is opened or sealed; a wrong passphrase is
//! found before anything is sealed (`tests::wrong_passphrase_is_named`); an unchanged secret keeps its ciphertext
//! (`tests::unchanged_secret_keeps_its_ciphertext`).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::{Class, Secret, StackId, Value};
use mops_host::env::Env;
use mops_host::random;

use super::passphrase::{FILE_VARIABLE, Phrases, VARIABLE};

const ROUNDS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");
/// What the second half of a salt text decrypts to.
const PROOF: &str = "pulumi";

/// Why a secret cannot be opened or sealed. Holds no value.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The passphrase does not open this state.
    #[error("the passphrase from {from} is not the one that this state was sealed with")]
    WrongPassphrase {
        /// Where it came from.
        from: &'static str,
    },
    /// The state holds secrets and there is no passphrase.
    #[error("this state holds secrets, and no passphrase was found")]
    NoPassphrase,
    /// The passphrase file cannot be used.
    #[error("the passphrase file `{path}` cannot be used: {reason}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A ciphertext that nobody made this way.
    #[error("a sealed value is damaged: {0}")]
    Damaged(&'static str),
}

impl SealError {
    /// Decides retry and voice.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::WrongPassphrase { .. } | Self::NoPassphrase | Self::File { .. } => Class::User,
            Self::Damaged(_) => Class::Conflict,
        }
    }

    /// The one thing to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::WrongPassphrase { .. } | Self::NoPassphrase => {
                Some(format!("give the passphrase in {VARIABLE}, or in the file named by {FILE_VARIABLE}"))
            }
            _ => None,
        }
    }
}

/// Opens and seals. Shared by reference; derives its key when it is first needed.
pub struct Sealer {
    source: Source,
    inner: Mutex<Inner>,
}

/// Where the passphrase comes from.
enum Source {
    /// Looked for when it is needed.
    Found(Phrases),
    /// Given, for a rotation.
    Given(Secret<String>),
}

#[derive(Default)]
struct Inner {
    salt: Option<String>,
    key: Option<LessSafeKey>,
    derivations: u32,
    sealed: HashMap<String, String>,
    opened: HashMap<String, String>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// A sealer for the state of a stack with this salt text; without one, the first sealed secret makes it.
    #[must_use]
    pub fn new(home: &Path, stack: &StackId, env: &Env, salt: Option<String>) -> Self {
        Self::found(Phrases::new(home, stack, env), salt)
    }

    pub(crate) fn found(phrases: Phrases, salt: Option<String>) -> Self {
        Self::from_source(Source::Found(phrases), salt)
    }

    /// A sealer with a phrase and a salt of its own.
    #[must_use]
    pub fn with_phrase(phrase: Secret<String>) -> Self {
        Self::from_source(Source::Given(phrase), None)
    }

    fn from_source(source: Source, salt: Option<String>) -> Self {
        Self { source, inner: Mutex::new(Inner { salt, ..Inner::default() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The salt text, once there is one.
    #[must_use]
    pub fn salt(&self) -> Option<String> {
        self.inner().salt.clone()
    }

    /// How often the key was derived; 0 or 1.
    #[must_use]
    pub fn derivations(&self) -> u32 {
        self.inner().derivations
    }

    /// Derives the key if that has not happened, and proves the passphrase.
    ///
    /// # Errors
    /// When there is no passphrase or it is the wrong one.
    pub fn unlock(&self) -> Result<(), SealError> {
        self.unlocked(&mut self.inner())
    }

    fn unlocked(&self, inner: &mut Inner) -> Result<(), SealError> {
        if inner.key.is_some() {
            return Ok(());
        }
        let (phrase, from) = match &self.source {
            Source::Found(phrases) => phrases.find(inner.salt.as_deref())?,
            Source::Given(phrase) => (phrase.clone(), "the new passphrase"),
        };
        let (salt, proof) = match &inner.salt {
            Some(text) => {
                let (salt, proof) = split_salt(text).ok_or(SealError::Damaged("the salt"))?;
                (salt, Some(proof))
            }
            None => (random::bytes::<8>().to_vec(), None),
        };
        let key = derive(&phrase, &salt)?;
        inner.derivations += 1;
        match proof {
            Some(proof) => match decrypt(&key, &proof) {
                Ok(text) if text.expose() == PROOF => {}
                _ => return Err(SealError::WrongPassphrase { from }),
            },
            None => inner.salt = Some(format!("v1:{}:{}", STANDARD.encode(&salt), encrypt(&key, PROOF)?)),
        }
        inner.key = Some(key);
        Ok(())
    }

    /// The ciphertext of a value; the same one for the same value.
    ///
    /// # Errors
    /// As [`Sealer::unlock`].
    pub fn seal(&self, value: &Value) -> Result<String, SealError> {
        let mut inner = self.inner();
        self.unlocked(&mut inner)?;
        let text = value.canonical_json();
        if let Some(known) = inner.sealed.get(&text) {
            return Ok(known.clone());
        }
        let Some(key) = &inner.key else { return Err(SealError::NoPassphrase) };
        let ciphertext = encrypt(key, &text)?;
        inner.sealed.insert(text.clone(), ciphertext.clone());
        inner.opened.insert(ciphertext.clone(), text);
        Ok(ciphertext)
    }

    /// The value of a ciphertext, not wrapped as a secret.
    ///
    /// # Errors
    /// As [`Sealer::unlock`], or when the ciphertext is damaged.
    pub fn open(&self, ciphertext: &str) -> Result<Value, SealError> {
        let mut inner = self.inner();
        if let Some(text) = inner.opened.get(ciphertext) {
            return parse(text);
        }
        self.unlocked(&mut inner)?;
        let Some(key) = &inner.key else { return Err(SealError::NoPassphrase) };
        let text = decrypt(key, ciphertext)?.into_exposed();
        let value = parse(&text)?;
        inner.sealed.entry(value.canonical_json()).or_insert_with(|| ciphertext.to_owned());
        inner.opened.insert(ciphertext.to_owned(), text);
        Ok(value)
    }

    /// Seals every secret in a value, in place.
    ///
    /// # Errors
    /// As [`Sealer::unlock`].
    pub fn seal_in(&self, value: &mut Value) -> Result<(), SealError> {
        match value {
            Value::Secret(inner) => *value = Value::Sealed(self.seal(inner.expose())?),
            Value::List(list) => list.iter_mut().try_for_each(|v| self.seal_in(v))?,
            Value::Map(map) => map.values_mut().try_for_each(|v| self.seal_in(v))?,
            _ => {}
        }
        Ok(())
    }

    /// Opens everything sealed in a value, in place.
    ///
    /// # Errors
    /// As [`Sealer::open`].
    pub fn open_in(&self, value: &mut Value) -> Result<(), SealError> {
        match value {
            Value::Sealed(ciphertext) => *value = self.open(ciphertext)?.into_secret(),
            Value::List(list) => list.iter_mut().try_for_each(|v| self.open_in(v))?,
            Value::Map(map) => map.values_mut().try_for_each(|v| self.open_in(v))?,
            _ => {}
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<Value, SealError> {
    serde_json::from_str::<serde_json::Value>(text).map(Value::from).map_err(|_| SealError::Damaged("its content"))
}

fn derive(phrase: &Secret<String>, salt: &[u8]) -> Result<LessSafeKey, SealError> {
    let mut bytes = [0_u8; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, phrase.expose().as_bytes(), &mut bytes);
    let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Damaged("the key"))?;
    bytes.fill(0);
    Ok(LessSafeKey::new(key))
}

fn split_salt(text: &str) -> Option<(Vec<u8>, String)> {
    let (salt, proof) = text.strip_prefix("v1:")?.split_once(':')?;
    Some((STANDARD.decode(salt).ok()?, proof.to_owned()))
}

fn encrypt(key: &LessSafeKey, text: &str) -> Result<String, SealError> {
    let nonce = random::bytes::<NONCE_LEN>();
    let mut bytes = text.as_bytes().to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
        .map_err(|_| SealError::Damaged("a value too long to seal"))?;
    Ok(format!("v1:{}:{}", STANDARD.encode(nonce), STANDARD.encode(bytes)))
}

fn decrypt(key: &LessSafeKey, text: &str) -> Result<Secret<String>, SealError> {
    let parts = || {
        let (nonce, bytes) = text.strip_prefix("v1:")?.split_once(':')?;
        let nonce: [u8; NONCE_LEN] = STANDARD.decode(nonce).ok()?.try_into().ok()?;
        Some((nonce, STANDARD.decode(bytes).ok()?))
    };
    let (nonce, mut bytes) = parts().ok_or(SealError::Damaged("its form"))?;
    let clear = key
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
        .map_err(|_| SealError::Damaged("its checksum"))?;
    String::from_utf8(clear.to_vec()).map(Secret::new).map_err(|_| SealError::Damaged("its text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==";

    fn stack() -> StackId {
        StackId { project: "p".into(), stack: "s".into() }
    }

    fn with(phrase: &str, salt: Option<&str>) -> Sealer {
        Sealer::new(Path::new("/nonexistent"), &stack(), &Env::of([(VARIABLE, phrase)]), salt.map(str::to_owned))
    }

    #[test]
    fn pulumis_vector_opens() {
        let sealer = with("password", Some(VECTOR));
        assert_eq!(sealer.derivations(), 0);
        sealer.unlock().unwrap();
        sealer.unlock().unwrap();
        assert_eq!(sealer.derivations(), 1);
    }

    #[test]
    fn wrong_passphrase_is_named() {
        let error = with("passw0rd", Some(VECTOR)).seal(&Value::from("x")).unwrap_err();
        assert!(matches!(error, SealError::WrongPassphrase { from: VARIABLE }));
    }

    #[test]
    fn unchanged_secret_keeps_its_ciphertext() {
        let first = with("p", None);
        let sealed = first.seal(&Value::from("canary")).unwrap();
        assert_eq!(first.seal(&Value::from("canary")).unwrap(), sealed);
        let next = with("p", first.salt().as_deref());
        let mut value = Value::Map([("k".into(), Value::Sealed(sealed.clone()))].into());
        next.open_in(&mut value).unwrap();
        assert_eq!(value.get("k"), Some(&Value::from("canary").into_secret()));
        next.seal_in(&mut value).unwrap();
        assert_eq!(value.get("k"), Some(&Value::Sealed(sealed)));
    }

    #[test]
    fn a_file_is_made_once_and_only_for_a_state_without_secrets() {
        let home = tempfile::tempdir().unwrap();
        let none = Sealer::new(home.path(), &stack(), &Env::default(), Some(VECTOR.into()));
        assert!(matches!(none.unlock(), Err(SealError::NoPassphrase)));
        let first = Sealer::new(home.path(), &stack(), &Env::default(), None);
        let sealed = first.seal(&Value::from("canary")).unwrap();
        let second = Sealer::new(home.path(), &stack(), &Env::default(), first.salt());
        assert_eq!(second.open(&sealed).unwrap(), Value::from("canary"));
        assert!(matches!(second.open("v1:AAAA:AAAA"), Err(SealError::Damaged(_))));
    }
}
