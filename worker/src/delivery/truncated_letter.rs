//! Smaller forms of a dead letter that its topic refuses as too large.
//!
//! Every form says what is missing: the size of the whole value and its SHA-256 identify the original.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use crate::record::Record;

/// Header of a letter whose value is truncated: `true`.
pub const TRUNCATED_HEADER: &str = "__connect.errors.value.truncated";
/// Header with the size of the whole value, in bytes.
pub const SIZE_HEADER: &str = "__connect.errors.value.size";
/// Header with the SHA-256 of the whole value, in hexadecimal digits.
pub const DIGEST_HEADER: &str = "__connect.errors.value.sha256";
/// Header of a letter without the key and the headers of its record: `true`.
pub const HEADERS_TRUNCATED_HEADER: &str = "__connect.errors.headers.truncated";

/// The prefix of the headers that say where a letter comes from and why.
const ERROR_HEADERS: &str = "__connect.errors.";
/// How much of a value the forms keep, in bytes. The first fits into a topic with Kafka's default `max.message.bytes`.
const KEPT: [usize; 4] = [900_000, 64 << 10, 4 << 10, 0];
/// How much of a header the smallest form keeps, in bytes.
const KEPT_OF_HEADER: usize = 1 << 10;

/// The forms of a letter, each smaller than the one before it. The last has no bytes that its record determines the
/// size of.
pub fn smaller_forms(letter: &Record) -> impl Iterator<Item = Record> + '_ {
    let original = letter.value().map(Original::of);
    let size = letter.value().map_or(0, <[u8]>::len);
    let kept = KEPT.into_iter().filter(move |kept| *kept < size).map(Some);
    kept.chain(std::iter::once(None)).map(move |kept| match kept {
        Some(kept) => truncated(letter, original.as_ref(), kept),
        None => smallest(letter, original.as_ref()),
    })
}

/// What identifies the whole value.
struct Original {
    size: usize,
    /// Hexadecimal digits.
    sha256: String,
}

impl Original {
    fn of(value: &[u8]) -> Self {
        let sha256 = digest(&SHA256, value).as_ref().iter().fold(String::new(), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { size: value.len(), sha256 }
    }

    fn push_to(&self, smaller: &mut Record, kept: usize) {
        if kept < self.size {
            smaller.push_header(TRUNCATED_HEADER, Some(b"true"));
        }
        smaller.push_header(SIZE_HEADER, Some(self.size.to_string().as_bytes()));
        smaller.push_header(DIGEST_HEADER, Some(self.sha256.as_bytes()));
    }
}

/// A letter with the first bytes of its value, and everything else.
fn truncated(letter: &Record, original: Option<&Original>, kept: usize) -> Record {
    let mut smaller = with_value(letter, kept);
    if let Some(key) = letter.key() {
        smaller = smaller.with_key(key);
    }
    for (name, value) in letter.headers() {
        smaller.push_header(name, value);
    }
    if let Some(original) = original {
        original.push_to(&mut smaller, kept);
    }
    smaller
}

/// A letter without value, key and the headers of its record.
fn smallest(letter: &Record, original: Option<&Original>) -> Record {
    let mut smallest = with_value(letter, 0);
    for (name, value) in letter.headers().filter(|(name, _)| name.starts_with(ERROR_HEADERS)) {
        smallest.push_header(name, value.map(|value| first(value, KEPT_OF_HEADER)));
    }
    smallest.push_header(HEADERS_TRUNCATED_HEADER, Some(b"true"));
    if let Some(original) = original {
        original.push_to(&mut smallest, 0);
    }
    smallest
}

fn with_value(letter: &Record, kept: usize) -> Record {
    Record::new(Vec::new(), letter.value().map(|value| first(value, kept)), letter.timestamp)
}

fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(value: Option<&[u8]>) -> Record {
        let mut letter = Record::new(Vec::new(), value, 7).with_key(b"key");
        letter.push_header("traceparent", Some(b"00-ab"));
        letter.push_header("__connect.errors.offset", Some(b"42"));
        letter
    }

    fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
        record.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    #[test]
    fn truncated_letter_has_headers_size_and_digest() {
        let value: Vec<u8> = (0..2_000_000_u32).map(|number| (number % 251) as u8).collect();
        let forms: Vec<Record> = smaller_forms(&letter(Some(&value))).collect();
        let kept: Vec<usize> = forms.iter().map(|form| form.value().unwrap().len()).collect();
        assert_eq!(kept, [900_000, 65_536, 4_096, 0, 0]);
        let expected = digest(&SHA256, &value);
        for form in &forms {
            assert!(value.starts_with(form.value().unwrap()));
            assert_eq!(header(form, TRUNCATED_HEADER), Some("true"));
            assert_eq!(header(form, SIZE_HEADER), Some("2000000"));
            assert_eq!(header(form, "__connect.errors.offset"), Some("42"));
            let hexadecimal = header(form, DIGEST_HEADER).unwrap();
            assert_eq!(
                u128::from_str_radix(&hexadecimal[..32], 16).unwrap().to_be_bytes(),
                expected.as_ref()[..16]
            );
            assert_eq!(form.timestamp, 7);
        }
        let (smallest, others) = forms.split_last().unwrap();
        assert!(
            others
                .iter()
                .all(|form| header(form, "traceparent") == Some("00-ab") && form.key() == Some(b"key"))
        );
        assert_eq!((smallest.key(), header(smallest, "traceparent")), (None, None));
        assert_eq!(header(smallest, HEADERS_TRUNCATED_HEADER), Some("true"));
    }

    #[test]
    fn smallest_form_has_a_bounded_size() {
        let mut letter = letter(Some(b"{}")).with_key(&[b'k'; 100_000]);
        letter.push_header("large", Some(&[b'h'; 100_000]));
        letter.push_header("__connect.errors.exception.message", Some(&[b'm'; 100_000]));
        let smallest = smaller_forms(&letter).last().unwrap();
        assert!(smallest.size() < 2_000, "{} bytes", smallest.size());
    }

    #[test]
    fn letter_of_a_tombstone_stays_one_without_value() {
        let forms: Vec<Record> = smaller_forms(&letter(None)).collect();
        assert_eq!(forms.len(), 1);
        assert_eq!((forms[0].value(), header(&forms[0], TRUNCATED_HEADER)), (None, None));
    }
}
