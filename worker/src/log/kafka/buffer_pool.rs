//! Copies messages of librdkafka into records, reusing the buffers of earlier records.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::record::{LogRecord, Record};

/// How many buffers are kept: about as many as records are in flight at once.
const MAX_BUFFERS: usize = 1024;
/// Larger buffers are freed, so that a few large records do not pin memory.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// Buffers of finished records.
#[derive(Debug, Default)]
pub(super) struct BufferPool(Vec<Vec<u8>>);

impl BufferPool {
    /// Returns a buffer to the pool.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        if self.0.len() < MAX_BUFFERS && (1..=MAX_BUFFER_BYTES).contains(&buffer.capacity()) {
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
        // The client panics on a name that is not UTF-8, which any producer may write. Such a header is dropped.
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
        let mut buffers = BufferPool::default();
        buffers.give_back(Vec::new());
        buffers.give_back(Vec::with_capacity(MAX_BUFFER_BYTES + 1));
        assert!(buffers.0.is_empty(), "nothing to reuse, or too much");
        for _ in 0..MAX_BUFFERS + 10 {
            buffers.give_back(Vec::with_capacity(1));
        }
        assert_eq!(buffers.0.len(), MAX_BUFFERS);
    }
}
