//! UUIDs as text.

use uuid::Uuid;

/// Parses the hyphenated, simple (32 digits), braced and `urn:uuid:` forms, in either case.
pub(crate) fn read(text: &str) -> Option<[u8; 16]> {
    Uuid::try_parse(text).ok().map(Uuid::into_bytes)
}

/// Appends the hyphenated lower-case form.
pub(crate) fn write(out: &mut Vec<u8>, uuid: [u8; 16]) {
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::from_bytes(uuid).hyphenated().encode_lower(&mut buffer);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_four_forms_are_parsed() {
        let expected = Some(*b"\x93\x13\x70\x6e\xd4\xde\x4d\x85\xbc\xc9\xb7\xda\x0c\xa0\x2f\xba");
        for text in [
            "9313706e-d4de-4d85-bcc9-b7da0ca02fba",
            "9313706E-D4DE-4D85-BCC9-B7DA0CA02FBA",
            "9313706ed4de4d85bcc9b7da0ca02fba",
            "{9313706e-d4de-4d85-bcc9-b7da0ca02fba}",
            "urn:uuid:9313706e-d4de-4d85-bcc9-b7da0ca02fba",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "9313706e-d4de-4d85-bcc9-b7da0ca02fb",
            "9313706e-d4de-4d85-bcc9-b7da0ca02fbaa",
            "9313706e-d4de-4d85-bcc9-b7da0ca02fbg",
            "9313706ed-4de-4d85-bcc9-b7da0ca02fba",
            "9313706e-d4de4d85bcc9-b7da0ca02fba",
            "{9313706e-d4de-4d85-bcc9-b7da0ca02fba",
            "9313706e-d4de-4d85-bcc9-b7da0ca02fba}",
            "{9313706ed4de4d85bcc9b7da0ca02fba}",
            "uuid:9313706e-d4de-4d85-bcc9-b7da0ca02fba",
            " 9313706e-d4de-4d85-bcc9-b7da0ca02fba",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_uuid_reads_back_unchanged(uuid: [u8; 16]) {
            let mut out = Vec::new();
            write(&mut out, uuid);
            prop_assert_eq!(read(std::str::from_utf8(&out).unwrap()), Some(uuid));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[0-9a-f{}:urnid-]{30,46}|\\PC{0,46}") {
            let _ = read(&text);
        }
    }
}
