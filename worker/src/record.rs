//! Records: one buffer each, with the spans of key, value and headers in it.
//!
//! A record is copied once, from the client's memory into its buffer. Everything else (cells of a row, the original
//! bytes of a dead letter) refers to that buffer.

mod cells;
mod row;
pub(crate) mod text;

use std::ops::Range;

pub use cells::{Cell, Cells, Span};
pub use row::{AsRow, RecordRow, Row, RowRef};

/// A record: an optional key, an optional value (a tombstone has none) and headers, in one buffer.
///
/// The value always comes first in the buffer, so that a [`Span`] into the value is a span into the
/// buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    buffer: Vec<u8>,
    value: Option<Range<usize>>,
    key: Option<Range<usize>>,
    headers: Vec<HeaderSpan>,
    /// When the event happened, in milliseconds since the Unix epoch. For records read from a log, the log's timestamp.
    pub timestamp: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct HeaderSpan {
    name: Range<usize>,
    value: Option<Range<usize>>,
}

impl Record {
    /// A record with this value. Reuses the memory of `buffer` and drops its contents.
    pub fn new(mut buffer: Vec<u8>, value: Option<&[u8]>, timestamp: i64) -> Self {
        buffer.clear();
        let value = value.map(|bytes| append(&mut buffer, bytes));
        Self { buffer, value, key: None, headers: Vec::new(), timestamp }
    }

    /// The same record with this key.
    #[must_use]
    pub fn with_key(mut self, key: &[u8]) -> Self {
        self.key = Some(append(&mut self.buffer, key));
        self
    }

    /// Appends a header.
    pub fn push_header(&mut self, name: &str, value: Option<&[u8]>) {
        let name = append(&mut self.buffer, name.as_bytes());
        let value = value.map(|bytes| append(&mut self.buffer, bytes));
        self.headers.push(HeaderSpan { name, value });
    }

    /// The value. None for a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        self.value.clone().and_then(|span| self.buffer.get(span))
    }

    /// The key.
    pub fn key(&self) -> Option<&[u8]> {
        self.key.clone().and_then(|span| self.buffer.get(span))
    }

    /// The headers, in order. A name may occur more than once.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.headers.iter().map(|header| {
            let name = self.buffer.get(header.name.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok());
            let value = header.value.clone().and_then(|span| self.buffer.get(span));
            (name.unwrap_or_default(), value)
        })
    }

    /// The last value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().filter(|(candidate, _)| *candidate == name).last().and_then(|(_, value)| value)
    }

    /// Key, value and headers in bytes, without framing.
    pub fn size(&self) -> usize {
        self.buffer.len()
    }

    /// The whole buffer, which starts with the value.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// The memory, for another record.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

fn append(buffer: &mut Vec<u8>, bytes: &[u8]) -> Range<usize> {
    let start = buffer.len();
    buffer.extend_from_slice(bytes);
    start..buffer.len()
}

/// A record of a topic, with its partition and offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRecord {
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset in that partition.
    pub offset: i64,
    /// The record.
    pub record: Record,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_returns_what_was_put_in() {
        let mut record = Record::new(b"left over".to_vec(), Some(b"value"), 7).with_key(b"key");
        record.push_header("one", Some(b"1"));
        record.push_header("none", None);
        record.push_header("one", Some(b"2"));
        assert_eq!(record.value(), Some(&b"value"[..]));
        assert_eq!(record.key(), Some(&b"key"[..]));
        assert_eq!(record.header("one"), Some(&b"2"[..]));
        assert_eq!(record.header("none"), None);
        assert_eq!(record.headers().map(|(name, _)| name).collect::<Vec<_>>(), ["one", "none", "one"]);
    }

    #[test]
    fn tombstone_is_not_an_empty_value() {
        assert_eq!(Record::new(Vec::new(), None, 0).value(), None);
        assert_eq!(Record::new(Vec::new(), Some(b""), 0).value(), Some(&b""[..]));
    }
}
