//! Output of a container without a terminal: frames of a head of eight bytes (which stream, how long) and its bytes, cut
//! anywhere by the connection (`tests`).

use bytes::{Buf as _, Bytes, BytesMut};

/// Which output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Puts frames together.
#[derive(Debug, Default)]
pub struct Frames(BytesMut);

const HEAD: usize = 8;

impl Frames {
    /// What is whole after these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<(Stream, Bytes)> {
        self.0.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(length) = self.length().filter(|length| self.0.len() >= HEAD + length) {
            let stream = if self.0[0] == 2 { Stream::Err } else { Stream::Out };
            self.0.advance(HEAD);
            whole.push((stream, self.0.split_to(length).freeze()));
        }
        whole
    }

    fn length(&self) -> Option<usize> {
        let size: [u8; 4] = self.0.get(4..HEAD)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(size)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_are_cut_anywhere_come_out_whole() {
        let all = b"\x01\0\0\0\0\0\0\x03abc\x02\0\0\0\0\0\0\x01x\x01\0\0\0\0\0\0\0";
        for cut in 0..all.len() {
            let mut frames = Frames::default();
            let mut found = frames.push(&all[..cut]);
            found.extend(frames.push(&all[cut..]));
            let want =
                [(Stream::Out, Bytes::from("abc")), (Stream::Err, Bytes::from("x")), (Stream::Out, Bytes::new())];
            assert_eq!(found, want, "cut at {cut}");
        }
    }
}
