//! Secrets in state, in Pulumi's passphrase format, byte for byte.
//!
//! Guarantees: the key is derived at most once a run and only when a secret is opened or sealed; a wrong passphrase is
//! found before anything is sealed (`tests::wrong_passphrase_is_named`); an unchanged secret keeps its ciphertext
//! (`tests::unchanged_secret_keeps_its_ciphertext`).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::{Class, Secret, Value};
use mops_host::env::Env;
use mops_host::{fsx, random};

const ROUNDS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");
/// What the second half of a salt text decrypts to.
const PROOF: &str = "pulumi";
const VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE";
const FILE_VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE_FILE";

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
    home: PathBuf,
    env: Env,
    inner: Mutex<Inner>,
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
    /// A sealer for a state with this salt text; without one, the first sealed secret makes it.
    #[must_use]
    pub fn new(home: &Path, env: &Env, salt: Option<String>) -> Self {
        let inner = Inner { salt, ..Inner::default() };
        Self { home: home.to_owned(), env: env.clone(), inner: Mutex::new(inner) }
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
        let (phrase, from) = self.passphrase(inner.salt.is_none())?;
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

    /// The passphrase and where it came from; made anew only for a state that has no secret yet.
    fn passphrase(&self, may_make: bool) -> Result<(Secret<String>, &'static str), SealError> {
        // Set and empty is a passphrase on purpose, as it is for Pulumi.
        if let Some((_, phrase)) = self.env.iter().find(|(name, _)| *name == VARIABLE) {
            return Ok((Secret::from(phrase), VARIABLE));
        }
        if let Some(path) = self.env.get(FILE_VARIABLE) {
            return Ok((read_file(&self.env.path(path))?, FILE_VARIABLE));
        }
        let path = self.home.join("passphrase");
        if !path.exists() {
            if !may_make {
                return Err(SealError::NoPassphrase);
            }
            make_file(&self.home, &path)?;
        }
        Ok((read_file(&path)?, "the generated file"))
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

fn read_file(path: &Path) -> Result<Secret<String>, SealError> {
    fsx::read_private(path)
        .map_err(|error| SealError::File { path: path.display().to_string(), reason: error.to_string() })
}

/// Two first runs at once must not make two phrases: the lock lets one of them make it.
fn make_file(home: &Path, path: &Path) -> Result<(), SealError> {
    let failed = |reason: String| SealError::File { path: path.display().to_string(), reason };
    fsx::create_dir_all(home).map_err(|e| failed(e.to_string()))?;
    let held = fsx::lock(&home.join("passphrase.lock")).map_err(|e| failed(e.to_string()))?;
    if !path.exists() {
        let phrase = STANDARD.encode(random::bytes::<32>());
        fsx::replace(path, format!("{phrase}\n").as_bytes()).map_err(|e| failed(e.to_string()))?;
    }
    drop(held);
    Ok(())
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

    fn with(phrase: &str, salt: Option<&str>) -> Sealer {
        Sealer::new(Path::new("/nonexistent"), &Env::of([(VARIABLE, phrase)]), salt.map(str::to_owned))
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
        let none = Sealer::new(home.path(), &Env::default(), Some(VECTOR.into()));
        assert!(matches!(none.unlock(), Err(SealError::NoPassphrase)));
        let first = Sealer::new(home.path(), &Env::default(), None);
        let sealed = first.seal(&Value::from("canary")).unwrap();
        let second = Sealer::new(home.path(), &Env::default(), first.salt());
        assert_eq!(second.open(&sealed).unwrap(), Value::from("canary"));
        assert!(matches!(second.open("v1:AAAA:AAAA"), Err(SealError::Damaged(_))));
    }
}
