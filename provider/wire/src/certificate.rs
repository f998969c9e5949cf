//! When a certificate ends, read from its bytes. The chain was verified before; nothing here decides about trust
//! (`tests`).

use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const STAMP: &[FormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]Z");

/// The end of a certificate's time; `None` for bytes that are none.
pub(crate) fn ends(der: &[u8]) -> Option<OffsetDateTime> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut fields, _) = expect(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.2;
    }
    // Serial number, algorithm and issuer come before the time.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (validity, _) = expect(fields, SEQUENCE)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    moment(tag, std::str::from_utf8(text).ok()?)
}

fn moment(tag: u8, text: &str) -> Option<OffsetDateTime> {
    let text = match tag {
        // Years of two digits turn over at 50.
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    Some(PrimitiveDateTime::parse(&text, STAMP).ok()?.assume_utc())
}

/// The content of an element of this tag, and what comes behind it.
fn expect(der: &[u8], want: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(der)?;
    (tag == want).then_some((content, rest))
}

/// Tag, content and rest of the first element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], length.as_slice(), content].concat()
    }

    fn certificate(version: &[u8], end: &[u8]) -> Vec<u8> {
        let validity = [tlv(UTC_TIME, b"260101000000Z"), end.to_vec()].concat();
        let before = [version.to_vec(), tlv(2, &[1]), tlv(SEQUENCE, &[]), tlv(SEQUENCE, &[5, 0])].concat();
        tlv(SEQUENCE, &tlv(SEQUENCE, &[before, tlv(SEQUENCE, &validity), tlv(SEQUENCE, &[])].concat()))
    }

    #[test]
    fn the_end_is_found_in_either_form_of_time() {
        let short = tlv(UTC_TIME, b"270102030405Z");
        let version = [VERSION, 3, 2, 1, 2];
        assert_eq!(ends(&certificate(&version, &short)), Some(datetime!(2027-01-02 03:04:05 UTC)));
        assert_eq!(ends(&certificate(&[], &short)), Some(datetime!(2027-01-02 03:04:05 UTC)));
        let long = tlv(GENERALIZED_TIME, b"20510102030405Z");
        assert_eq!(ends(&certificate(&version, &long)), Some(datetime!(2051-01-02 03:04:05 UTC)));
        let old = tlv(UTC_TIME, b"500102030405Z");
        assert_eq!(ends(&certificate(&version, &old)), Some(datetime!(1950-01-02 03:04:05 UTC)));
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(&[VERSION, 3, 2, 1, 2], &tlv(UTC_TIME, b"270102030405Z"));
        for cut in 0..whole.len() {
            assert_eq!(ends(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(ends(&certificate(&[], &tlv(UTC_TIME, b"27010203Z"))), None);
        assert_eq!(ends(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
