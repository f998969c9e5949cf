//! What a long script prints, taken apart while it comes: lines of ours, and pieces of files between marks. Bytes of a file
//! are handed on as they are, whatever is in them (`tests`).

/// A part of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A line of the script.
    Line(&'a str),
    /// Bytes of a file.
    Bytes(&'a [u8]),
}

/// Takes them apart.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// Not handed on yet.
    buffer: Vec<u8>,
    /// All lines so far.
    lines: Vec<u8>,
    in_file: bool,
    begin: Vec<u8>,
    beat: Vec<u8>,
    end: Vec<u8>,
}

impl Pieces {
    /// For a run.
    pub(crate) fn new(run: &str) -> Self {
        let mark = |word: &str| format!("mops-{run}-{word}\n").into_bytes();
        let end = [b"\n".to_vec(), mark("rest")].concat();
        Self { buffer: Vec::new(), lines: Vec::new(), in_file: false, begin: mark("data"), beat: mark("beat"), end }
    }

    /// Takes more.
    pub(crate) fn push(&mut self, bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) {
        self.buffer.extend_from_slice(bytes);
        while if self.in_file { self.piece(each) } else { self.line(each) } {}
    }

    /// The lines of the script, once it has ended.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        if !self.in_file {
            self.lines.append(&mut self.buffer);
        }
        self.lines
    }

    /// Whether there was a whole line.
    fn line(&mut self, each: &mut impl FnMut(Piece<'_>)) -> bool {
        let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else { return false };
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        if line == self.begin {
            self.in_file = true;
        } else if line != self.beat {
            each(Piece::Line(String::from_utf8_lossy(&line).trim_end_matches('\n')));
            self.lines.extend(line);
        }
        true
    }

    /// Whether the piece has ended. What may be the beginning of its end waits for the rest.
    fn piece(&mut self, each: &mut impl FnMut(Piece<'_>)) -> bool {
        let found = self.buffer.windows(self.end.len()).position(|part| part == self.end.as_slice());
        let ready = found.unwrap_or_else(|| self.buffer.len().saturating_sub(self.end.len() - 1));
        if ready > 0 {
            each(Piece::Bytes(&self.buffer[..ready]));
        }
        self.buffer.drain(..found.map_or(ready, |at| at + self.end.len()));
        self.in_file = found.is_none();
        !self.in_file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_file_arrive_as_they_are_however_they_are_cut() {
        let file = b"\xff a\n\nmops-7-beat\nmops-8-rest\n\nmops-7-res";
        let whole = [b"state RUNNING\nmops-7-data\n", file.as_slice(), b"\nmops-7-rest\nmops-7-beat\nover\n"].concat();
        for size in [1, 2, 7, 1000] {
            let (mut pieces, mut bytes, mut lines) = (Pieces::new("7"), Vec::new(), Vec::new());
            for part in whole.chunks(size) {
                pieces.push(part, &mut |piece| match piece {
                    Piece::Line(line) => lines.push(line.to_owned()),
                    Piece::Bytes(more) => bytes.extend_from_slice(more),
                });
            }
            assert_eq!(bytes, file, "{size}");
            assert_eq!(lines, ["state RUNNING", "over"], "{size}");
            assert_eq!(pieces.rest(), b"state RUNNING\nover\n");
        }
    }
}
