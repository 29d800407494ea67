//! Bytes as base64 (RFC 4648).

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT_PADDING);

/// Decodes a text in the standard or the URL-safe alphabet, with or without padding, and appends the bytes.
///
/// Returns false for any other text; the appended bytes are unspecified then.
pub(crate) fn read(text: &str, out: &mut Vec<u8>) -> bool {
    // The decoder accepts one padding character where two are required.
    if text.ends_with('=') && !text.len().is_multiple_of(4) {
        return false;
    }
    let engine = if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
    engine.decode_vec(text, out).is_ok()
}

/// Appends the text form: standard alphabet, with padding.
pub(crate) fn write(out: &mut Vec<u8>, mut bytes: &[u8]) {
    // Chunks of a multiple of three bytes have no padding, so their encodings concatenate.
    let mut chunk = [0; 64];
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at_checked(48).unwrap_or((bytes, b""));
        // 48 bytes encode to 64 characters.
        if let Ok(length) = STANDARD.encode_slice(head, &mut chunk) {
            out.extend(chunk.iter().take(length));
        }
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_whole(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        read(text, &mut out).then_some(out)
    }

    #[test]
    fn both_alphabets_decode_with_and_without_padding() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zg", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("+/+/", b"\xfb\xff\xbf"),
            ("-_-_", b"\xfb\xff\xbf"),
            ("-w", b"\xfb"),
        ] {
            assert_eq!(read_whole(text).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["Z", "Zm9v\n", " Zm9v", "Zm 9v", "+_", "Zg=", "Zg===", "Zh==", "Zm9v====", "é"] {
            assert_eq!(read_whole(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_value_reads_back_unchanged(bytes: Vec<u8>) {
            let mut out = Vec::new();
            write(&mut out, &bytes);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(&text, &base64::prelude::BASE64_STANDARD.encode(&bytes));
            prop_assert_eq!(read_whole(&text), Some(bytes));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[A-Za-z0-9+/_=-]{0,80}|\\PC{0,40}") {
            let _ = read_whole(&text);
        }
    }
}
