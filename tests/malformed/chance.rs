//! Texts broken by chance, the same in every run with the same seed.

/// xorshift: small, and good enough to break things.
pub(super) struct Dice(u64);

impl Dice {
    /// A seed of 0 would roll nothing but 0.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (sides.max(1) as u64)).unwrap_or(0)
    }
}

/// What makes parsers stumble: structure of YAML, JSON, headers and URLs, numbers at the edges, odd characters.
const BITS: &[&str] = &[
    ":",
    " ",
    "\t",
    "\n",
    "\n\n",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a ",
    "<<: ",
    "!x ",
    "|",
    ">",
    "#",
    "null",
    "-1",
    "0",
    "1e9",
    "${X}",
    "\u{0}",
    "\u{feff}",
    "é",
    "---\n",
    "yes",
    "%",
    "@",
    ",",
    "? ",
    "=",
    "/",
    "//",
    "..",
    "%00",
    "%",
    "\\",
    "\\u0000",
    "\\ud800",
    "18446744073709551616",
    "-9223372036854775809",
    "1e999",
    "\r\n",
    "true",
    "[[[[",
    "{\"a\":",
    "Bearer ",
    "Basic",
    ";",
    "&",
    "?",
    "sig=",
    "sha256:",
    "\u{202e}",
    "\u{1F600}",
];

/// One to four changes: something goes in, goes out, is doubled, swapped, cut off, or a line goes.
pub(super) fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(chars.len());
        match dice.roll(6) {
            0 => drop(chars.splice(at..at, BITS[dice.roll(BITS.len())].chars())),
            1 => drop(chars.drain(at..(at + dice.roll(12)).min(chars.len()))),
            2 => chars.truncate(at),
            3 => {
                let bit: Vec<char> = chars[at..(at + dice.roll(80)).min(chars.len())].to_vec();
                let to = dice.roll(chars.len());
                drop(chars.splice(to..to, bit));
            }
            4 => {
                let other = dice.roll(chars.len());
                if !chars.is_empty() {
                    chars.swap(at, other);
                }
            }
            _ => {
                let lines: Vec<String> = chars.iter().collect::<String>().lines().map(str::to_owned).collect();
                let gone = dice.roll(lines.len());
                let kept: Vec<String> =
                    lines.into_iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, l)| l).collect();
                chars = kept.join("\n").chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

/// The same for bytes that are no text: flipped, cut, doubled, overwritten.
pub(super) fn scramble(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len());
        match dice.roll(4) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.roll(8),
            1 => bytes.truncate(at),
            2 => {
                let bit = bytes[at..(at + dice.roll(40)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, bit));
            }
            _ if !bytes.is_empty() => bytes[at] = [0, 0xff, b'"', b'\n', 0x80][dice.roll(5)],
            _ => bytes.push(0xff),
        }
    }
    bytes
}
