//! From a message in librdkafka's memory to a record in ours, copied once into a buffer that was used before.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::record::{LogRecord, Record};

/// How many buffers are kept for later, and how large one may be. More than are in flight at once would only lie there.
const MOST_BUFFERS: usize = 1024;
const LARGEST_BUFFER: usize = 64 * 1024;

/// Buffers of records that are done with.
#[derive(Debug, Default)]
pub(super) struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// Takes a buffer back.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        if self.0.len() < MOST_BUFFERS && (1..=LARGEST_BUFFER).contains(&buffer.capacity()) {
            self.0.push(buffer);
        }
    }

    /// Copies a message. Its timestamp is 0 where the topic keeps none.
    pub(super) fn read(&mut self, message: &BorrowedMessage<'_>) -> LogRecord {
        let mut buffer = self.0.pop().unwrap_or_default();
        buffer.clear();
        buffer.reserve(message.payload().map_or(0, <[u8]>::len) + message.key().map_or(0, <[u8]>::len));
        let timestamp = message.timestamp().to_millis().unwrap_or_default();
        let mut record = Record::new(buffer, message.payload(), timestamp);
        if let Some(key) = message.key() {
            record = record.with_key(key);
        }
        copy_headers(message, &mut record);
        LogRecord { partition: message.partition(), offset: message.offset(), record }
    }
}

fn copy_headers(message: &BorrowedMessage<'_>, record: &mut Record) {
    let Some(headers) = message.headers() else { return };
    for index in 0..headers.count() {
        // The client panics on a name that is not UTF-8, and anybody may write such a record. The header is left out:
        // a record's names are text.
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
        if let Ok(Some(header)) = header {
            record.push_header(header.key, header.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_kept_within_bounds() {
        let mut buffers = Buffers::default();
        buffers.give_back(Vec::new());
        buffers.give_back(Vec::with_capacity(LARGEST_BUFFER + 1));
        assert!(buffers.0.is_empty(), "nothing to reuse, or too much");
        for _ in 0..MOST_BUFFERS + 10 {
            buffers.give_back(Vec::with_capacity(1));
        }
        assert_eq!(buffers.0.len(), MOST_BUFFERS);
    }
}
