//! What the journal holds, and how a record is framed:
//! magic `MJ1\n` · length u32 · sequence u64 · checksum (8 bytes of SHA-256 over length, sequence and payload) · payload.
//! Numbers are little endian, payloads are JSON with secrets sealed one by one.

use mops_core::{Urn, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::codec::field;
use super::entry::{EntryIn, EntryOut, Form};
use super::model::{Action, Outputs, ResourceState};

/// The first bytes of each record; the digit is the format.
pub(crate) const MAGIC: [u8; 4] = *b"MJ1\n";
/// Bytes before the payload.
pub(crate) const HEADER: usize = 4 + 4 + 8 + 8;
/// No record is longer; a length above is damage.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024 * 1024;

/// A change of the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first secret was sealed.
    Salt(String),
    /// This state takes over what carries that lineage.
    Takeover(String),
    /// An operation is about to start.
    Begin {
        action: Action,
        resource: Box<ResourceState>,
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// The URL by which an operation can be resumed.
    Operation {
        begin: u64,
        #[serde(with = "field")]
        url: Value,
    },
    /// How an operation ended.
    End {
        begin: u64,
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        ended: Ended,
    },
    /// A resource is known better, without an operation of ours.
    Save(Box<ResourceState>),
    /// Resources that exist were taken over, by one record so that no kill leaves a part of them.
    Import {
        /// Lineages of the states whose marks they carry.
        takeovers: Vec<String>,
        resources: Vec<ResourceState>,
    },
    /// Resources leave the state without a call.
    Drop(Vec<Urn>),
    /// Outputs of the stack.
    Outputs(#[serde(with = "outputs")] Outputs),
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// It is as wanted.
    Done {
        id: String,
        #[serde(with = "field")]
        outputs: Value,
        #[serde(default, skip_serializing_if = "is_false")]
        foreign: bool,
    },
    /// It exists and is not ready.
    Partial {
        id: String,
        #[serde(with = "field")]
        outputs: Value,
        reasons: Vec<String>,
    },
    /// Nothing happened at the service.
    Failed,
    /// It is gone, and these went with it.
    Gone {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<Urn>,
    },
}

impl Serialize for ResourceState {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        EntryOut::new(self, Form::Journal).serialize(s)
    }
}

impl<'de> Deserialize<'de> for ResourceState {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        EntryIn::deserialize(d)?.into_state().map_err(serde::de::Error::custom)
    }
}

/// Outputs as JSON.
pub(crate) mod outputs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::super::codec::{AsJson, FromJson};
    use super::Outputs;

    struct Inner<'a>(&'a BTreeMap<String, mops_core::Value>);
    impl serde::Serialize for Inner<'_> {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_map(self.0.iter().map(|(k, v)| (k, AsJson(v))))
        }
    }

    pub(crate) fn serialize<S: Serializer>(value: &Outputs, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(value.iter().map(|(k, v)| (k, Inner(v))))
    }
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Outputs, D::Error> {
        let read = BTreeMap::<String, BTreeMap<String, FromJson>>::deserialize(d)?;
        Ok(read.into_iter().map(|(k, v)| (k, v.into_iter().map(|(k, v)| (k, v.0)).collect())).collect())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(b: &bool) -> bool {
    !*b
}

fn checksum(length: [u8; 4], sequence: [u8; 8], payload: &[u8]) -> [u8; 8] {
    let digest = Sha256::new().chain_update(length).chain_update(sequence).chain_update(payload).finalize();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

/// Appends a framed record.
pub(crate) fn encode(record: &Record, sequence: u64, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let start = out.len();
    out.resize(start + HEADER, 0);
    if let Err(error) = serde_json::to_writer(&mut *out, record) {
        out.truncate(start);
        return Err(error);
    }
    let length = out.len() - start - HEADER;
    let Some(length) = u32::try_from(length).ok().filter(|_| length <= MAX_PAYLOAD) else {
        out.truncate(start);
        return Err(serde::ser::Error::custom("it is longer than a record may be"));
    };
    let size = length.to_le_bytes();
    let number = sequence.to_le_bytes();
    let sum = checksum(size, number, &out[start + HEADER..]);
    for (at, part) in [(0, &MAGIC[..]), (4, &size), (8, &number), (16, &sum)] {
        out[start + at..start + at + part.len()].copy_from_slice(part);
    }
    Ok(())
}

/// What stands at an offset.
pub(crate) enum Framed<'a> {
    /// A good record.
    Good { sequence: u64, payload: &'a [u8], end: usize },
    /// Of a newer format.
    Newer(u64),
    /// Not a whole record, or not what was written.
    Bad(&'static str),
}

/// Looks at the record that starts at `offset`.
pub(crate) fn decode(bytes: &[u8], offset: usize) -> Framed<'_> {
    let rest = &bytes[offset..];
    if rest.len() < HEADER {
        return Framed::Bad("the record is cut short");
    }
    if rest[..4] != MAGIC {
        let newer = rest.starts_with(b"MJ") && rest[3] == b'\n' && (b'2'..=b'9').contains(&rest[2]);
        return if newer { Framed::Newer(u64::from(rest[2] - b'0')) } else { Framed::Bad("no record starts here") };
    }
    let take = |at: usize| -> [u8; 8] { rest[at..at + 8].try_into().unwrap_or_default() };
    let size: [u8; 4] = rest[4..8].try_into().unwrap_or_default();
    let length = u32::from_le_bytes(size) as usize;
    if length > MAX_PAYLOAD || length > rest.len() - HEADER {
        return Framed::Bad("the record is cut short");
    }
    let payload = &rest[HEADER..HEADER + length];
    if checksum(size, take(8), payload) != take(16) {
        return Framed::Bad("the checksum does not match");
    }
    Framed::Good { sequence: u64::from_le_bytes(take(8)), payload, end: offset + HEADER + length }
}
