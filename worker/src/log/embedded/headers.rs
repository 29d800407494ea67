//! The encoding of headers in a column: name and value of each, prefixed by their lengths (u32, little endian). A null
//! value has the length `u32::MAX`. A record without headers has a null column.

use crate::record::Record;

const NULL: u32 = u32::MAX;

/// Encodes the headers of a record. None when it has none, or when one exceeds 4 GiB.
pub(super) fn encode(record: &Record) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (name, value) in record.headers() {
        push(&mut bytes, name.as_bytes())?;
        match value {
            Some(value) => push(&mut bytes, value)?,
            None => bytes.extend_from_slice(&NULL.to_le_bytes()),
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// Adds encoded headers to a record. Stops at bytes that are not a header.
pub(super) fn decode(mut bytes: &[u8], record: &mut Record) {
    while let Some(name) = take(&mut bytes).flatten().and_then(|name| std::str::from_utf8(name).ok()) {
        let Some(value) = take(&mut bytes) else { return };
        record.push_header(name, value);
    }
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) -> Option<()> {
    let length = u32::try_from(part.len()).ok().filter(|length| *length != NULL)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(part);
    Some(())
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if length == NULL {
        *bytes = rest;
        return Some(None);
    }
    let (part, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(Some(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_are_decoded_as_they_were_encoded(
            headers in prop::collection::vec((".*", prop::option::of(prop::collection::vec(any::<u8>(), 0..20))), 0..5),
        ) {
            let mut record = Record::new(Vec::new(), Some(b"value"), 0);
            for (name, value) in &headers {
                record.push_header(name, value.as_deref());
            }
            let mut read = Record::new(Vec::new(), Some(b"value"), 0);
            decode(&encode(&record).unwrap_or_default(), &mut read);
            prop_assert_eq!(read, record);
        }

        #[test]
        fn any_bytes_are_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            decode(&bytes, &mut Record::default());
        }
    }
}
