//! Short hashes for names.

use std::fmt::Write;

use ring::digest::{SHA256, digest};

/// The first 40 bits of the SHA-256 of these bytes, as ten hexadecimal digits.
#[must_use]
pub fn short(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().take(5).fold(String::with_capacity(10), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn hash_is_ten_digits_of_the_sha_256() {
        assert_eq!(super::short(b"abc"), "ba7816bf8f");
    }
}
