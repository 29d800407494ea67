//! Reads the body of a response, bounded both on the wire and after decompression.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Larger than allowed, compressed or decompressed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// Compressed with an encoding that the request did not accept.
    #[error("the body has a Content-Encoding other than gzip")]
    UnknownEncoding,
    /// Not a complete gzip stream.
    #[error("the body is not the gzip stream that its Content-Encoding announces")]
    CorruptGzip,
    /// Declared with a charset other than UTF-8.
    #[error("the body has a charset other than UTF-8")]
    Charset,
}

/// The largest initial capacity for a declared length; the buffer grows as bytes arrive.
const MAX_INITIAL_CAPACITY: usize = 1 << 20;

/// Accumulates a body of at most `limit` bytes.
pub(crate) struct BodyReader {
    limit: usize,
    received: usize,
    sink: Sink,
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl BodyReader {
    /// A reader for the body that these headers declare.
    pub(crate) fn new(headers: &HeaderMap, limit: usize) -> Result<Self, BodyError> {
        let declared =
            text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0_usize);
        if declared > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if !is_utf8(text(headers, CONTENT_TYPE).unwrap_or_default()) {
            return Err(BodyError::Charset);
        }
        let bounded =
            Bounded { bytes: Vec::with_capacity(declared.min(MAX_INITIAL_CAPACITY)), limit, full: false };
        let encoding = text(headers, CONTENT_ENCODING).unwrap_or_default().trim();
        let sink = match encoding {
            "" => Sink::Plain(bounded),
            _ if encoding.eq_ignore_ascii_case("identity") => Sink::Plain(bounded),
            _ if ["gzip", "x-gzip"].iter().any(|name| encoding.eq_ignore_ascii_case(name)) => {
                Sink::Gzip(Box::new(MultiGzDecoder::new(bounded)))
            }
            _ => return Err(BodyError::UnknownEncoding),
        };
        Ok(Self { limit, received: 0, sink })
    }

    /// Appends the next bytes from the wire.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        self.received = self.received.saturating_add(chunk.len());
        let too_large = BodyError::TooLarge { limit: self.limit };
        if self.received > self.limit {
            return Err(too_large);
        }
        match &mut self.sink {
            Sink::Plain(bounded) => bounded.write_all(chunk).map_err(|_| too_large),
            Sink::Gzip(decoder) => {
                let written = decoder.write_all(chunk);
                written.map_err(|_| if decoder.get_ref().full { too_large } else { BodyError::CorruptGzip })
            }
        }
    }

    /// The whole body, without a byte order mark.
    pub(crate) fn finish(self) -> Result<Vec<u8>, BodyError> {
        let mut bytes = match self.sink {
            Sink::Plain(bounded) => bounded.bytes,
            // A response without a body may still carry the header.
            Sink::Gzip(_) if self.received == 0 => Vec::new(),
            Sink::Gzip(mut decoder) => {
                let finished = decoder.try_finish();
                match finished {
                    Ok(()) => std::mem::take(&mut decoder.get_mut().bytes),
                    Err(_) if decoder.get_ref().full => {
                        return Err(BodyError::TooLarge { limit: self.limit });
                    }
                    Err(_) => return Err(BodyError::CorruptGzip),
                }
            }
        };
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        Ok(bytes)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a Content-Type allows UTF-8. JSON without a charset is UTF-8.
fn is_utf8(content_type: &str) -> bool {
    content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8", "us-ascii"].iter().any(|charset| value.eq_ignore_ascii_case(charset))
    })
}

/// A buffer up to a limit. A write beyond it fails and sets `full`.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if chunk.len() > self.limit - self.bytes.len() {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &str, chunks: &[&[u8]], limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut reader = BodyReader::new(&headers(&[(CONTENT_ENCODING, encoding)]), limit)?;
        chunks.iter().try_for_each(|chunk| reader.push(chunk))?;
        reader.finish()
    }

    #[test]
    fn body_is_at_most_as_large_as_the_limit() {
        assert_eq!(read("", &[b"12345", b"67890"], 10).unwrap(), b"1234567890");
        assert_eq!(read("", &[b"12345", b"678901"], 10), Err(BodyError::TooLarge { limit: 10 }));
        let exact = gzip(&[b'x'; 1_000]);
        assert_eq!(read("gzip", &[&exact], 1_000).unwrap().len(), 1_000);
        assert_eq!(read("gzip", &[&exact], 999), Err(BodyError::TooLarge { limit: 999 }));
    }

    #[test]
    fn declared_length_beyond_the_limit_is_refused_at_once() {
        let declared = headers(&[(CONTENT_LENGTH, "1073741824")]);
        assert!(matches!(BodyReader::new(&declared, 1 << 20), Err(BodyError::TooLarge { limit: 1_048_576 })));
    }

    #[test]
    fn declared_length_reserves_a_bounded_capacity() {
        let reader = BodyReader::new(&headers(&[(CONTENT_LENGTH, "999999999")]), 1 << 30).unwrap();
        assert!(
            matches!(reader.sink, Sink::Plain(Bounded { bytes, .. }) if bytes.capacity() <= MAX_INITIAL_CAPACITY)
        );
    }

    #[test]
    fn gzip_bomb_stops_at_the_limit() {
        // 64 MiB in 64 KiB, and a bomb of many members.
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 17);
        let limit = 1 << 20;
        let mut reader = BodyReader::new(&headers(&[(CONTENT_ENCODING, "gzip")]), limit).unwrap();
        let pushed = bomb.chunks(4_096).try_for_each(|chunk| reader.push(chunk));
        assert_eq!(pushed, Err(BodyError::TooLarge { limit }));
        assert!(
            matches!(reader.sink, Sink::Gzip(decoder) if decoder.get_ref().bytes.capacity() <= 2 * limit)
        );
        let members = gzip(&[b'x'; 1_000]).repeat(1_000);
        assert_eq!(read("gzip", &[&members], 100_000), Err(BodyError::TooLarge { limit: 100_000 }));
    }

    #[test]
    fn corrupt_gzip_and_too_large_gzip_are_different_errors() {
        let whole = gzip(b"some text that is long enough");
        assert_eq!(read("GZip", &[&whole], 100).unwrap(), b"some text that is long enough");
        assert_eq!(read("x-gzip", &[&whole, &whole], 100).unwrap().len(), 58, "members are joined");
        for broken in [&whole[..whole.len() - 1], &whole[..12], b"not gzip at all", b"\x1f\x8b"] {
            assert_eq!(read("gzip", &[broken], 100), Err(BodyError::CorruptGzip), "{broken:?}");
        }
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(read("gzip", &[&flipped], 100), Err(BodyError::CorruptGzip), "a wrong checksum");
        assert_eq!(read("gzip", &[], 100).unwrap(), b"", "no body at all");
    }

    #[test]
    fn only_gzip_is_decompressed() {
        for encoding in ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "compress"] {
            assert_eq!(read(encoding, &[b"{}"], 100), Err(BodyError::UnknownEncoding), "{encoding}");
        }
        assert_eq!(read("identity", &[b"{}"], 100).unwrap(), b"{}");
    }

    #[test]
    fn only_utf8_is_accepted_and_its_byte_order_mark_removed() {
        let accepted = |content_type| BodyReader::new(&headers(&[(CONTENT_TYPE, content_type)]), 10).is_ok();
        for content_type in [
            "application/json",
            "application/json; charset=UTF-8",
            "text/plain;Charset=\"utf8\"",
            "x; a=b; c",
        ] {
            assert!(accepted(content_type), "{content_type}");
        }
        for content_type in
            ["application/json; charset=ISO-8859-1", "text/html;charset=utf-16", "x;a=b; charset = koi8"]
        {
            assert!(!accepted(content_type), "{content_type}");
        }
        assert_eq!(read("", &[b"\xef\xbb", b"\xbf{}"], 10).unwrap(), b"{}");
    }

    proptest! {
        #[test]
        fn compressed_body_reads_back_however_it_is_chunked(
            body in prop::collection::vec(any::<u8>(), 0..2_000), size in 1_usize..50
        ) {
            prop_assume!(!body.starts_with(b"\xef\xbb\xbf"));
            let compressed = gzip(&body);
            let chunks: Vec<&[u8]> = compressed.chunks(size).collect();
            prop_assert_eq!(read("gzip", &chunks, 10_000), Ok(body));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", bytes.as_slice()].concat();
            let _ = read("gzip", &[&bytes], 1_000);
        }
    }
}
