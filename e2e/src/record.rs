//! Kafka records, as tests append and read them.

use std::collections::BTreeMap;

/// A record to append.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its timestamp in milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// A record as the topic has it.
#[derive(Debug, Clone)]
pub struct TopicRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Its timestamp in milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, the last of each name.
    pub headers: BTreeMap<String, Vec<u8>>,
}

impl TopicRecord {
    /// A header as text.
    ///
    /// # Panics
    /// When the record has no such header, or bytes in it that are not UTF-8.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| {
            panic!("no header {name} at {}:{}, only {:?}", self.partition, self.offset, self.headers.keys())
        });
        std::str::from_utf8(value).expect("the header is text")
    }
}
