//! Dead letters of records that cannot be processed.
//!
//! A dead letter carries the original bytes and headers. Its origin and its error are in the header names of Kafka
//! Connect (KIP-298), so that tools for those work.

use std::error::Error;

use crate::record::{LogRecord, Record};

/// Header with the time of a record that was ahead of the clock, in milliseconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "__connect.errors.timestamp";

/// The stage at which a record failed. The names are those of Kafka Connect's stages where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Mapping a source's raw record to the schema.
    Transformation,
    /// Appending to the topic.
    Produce,
    /// Decoding a record of the topic.
    ValueConverter,
    /// Writing the row.
    Put,
}

impl Stage {
    /// The name in headers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transformation => "TRANSFORMATION",
            Self::Produce => "KAFKA_PRODUCE",
            Self::ValueConverter => "VALUE_CONVERTER",
            Self::Put => "TASK_PUT",
        }
    }
}

/// Why a record cannot be processed. The message names fields, never their values.
#[derive(Debug)]
pub struct RecordError {
    /// The stage at which it failed.
    pub stage: Stage,
    /// The name of the cause in metrics and headers, from a fixed set.
    pub cause: &'static str,
    /// What is wrong, for the reader of the dead letter.
    pub source: Box<dyn Error + Send + Sync>,
}

impl RecordError {
    /// An error at a stage.
    pub fn new(stage: Stage, cause: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { stage, cause, source: source.into() }
    }
}

/// What a pipeline does with records that cannot be processed (`onError`).
#[derive(Debug, Clone)]
pub enum ErrorPolicy {
    /// Appends them to the dead-letter topic. A record is done when its dead letter is acknowledged.
    DeadLetter {
        /// The dead-letter topic.
        topic: String,
    },
    /// Counts and skips them.
    Skip,
    /// Ends at the first one.
    Fail,
}

/// Builds the dead letters of one pipeline.
#[derive(Debug, Clone)]
pub struct DeadLetterBuilder {
    /// The topic that the records are read from, or are to be appended to.
    pub topic: String,
    /// `<namespace>/<name>` of the pipeline.
    pub pipeline: String,
}

impl DeadLetterBuilder {
    /// The dead letter of a record of the topic, created at `now` in milliseconds since the Unix epoch.
    ///
    /// It has the record's time, unless that is later than `now`: brokers refuse a time too far ahead, together with
    /// the rest of the batch. Then the letter has the time `now`, and the record's time in [`TIMESTAMP_HEADER`].
    pub fn of_record(&self, origin: &LogRecord, now: i64, error: &RecordError) -> Record {
        let mut letter = self.letter(&origin.record, error);
        if letter.timestamp > now {
            letter.push_header(TIMESTAMP_HEADER, Some(letter.timestamp.to_string().as_bytes()));
            letter.timestamp = now;
        }
        letter.push_header("__connect.errors.partition", Some(origin.partition.to_string().as_bytes()));
        letter.push_header("__connect.errors.offset", Some(origin.offset.to_string().as_bytes()));
        letter
    }

    /// The dead letter of a source's raw record, which has no offset.
    pub fn of_raw(&self, raw: &[u8], fetched_at: i64, error: &RecordError) -> Record {
        self.letter(&Record::new(Vec::with_capacity(raw.len() + 512), Some(raw), fetched_at), error)
    }

    fn letter(&self, original: &Record, error: &RecordError) -> Record {
        let buffer = Vec::with_capacity(original.size() + 512);
        let mut letter = Record::new(buffer, original.value(), original.timestamp);
        if let Some(key) = original.key() {
            letter = letter.with_key(key);
        }
        for (name, value) in original.headers() {
            letter.push_header(name, value);
        }
        for (name, value) in [
            ("topic", self.topic.as_str()),
            ("connector.name", &self.pipeline),
            ("task.id", "0"),
            ("stage", error.stage.name()),
            ("class.name", env!("CARGO_PKG_NAME")),
            ("exception.class.name", error.cause),
            ("exception.message", &error.source.to_string()),
        ] {
            letter.push_header(&format!("__connect.errors.{name}"), Some(value.as_bytes()));
        }
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letter_carries_the_original_and_its_origin() {
        let mut record = Record::new(Vec::new(), Some(b"{"), 5).with_key(b"k");
        record.push_header("traceparent", Some(b"00-ab"));
        let builder =
            DeadLetterBuilder { topic: "users_created".to_owned(), pipeline: "demo/users".to_owned() };
        let error =
            RecordError::new(Stage::ValueConverter, "malformed_json", "the record ends inside an object");
        let letter = builder.of_record(&LogRecord { partition: 3, offset: 42, record }, 10, &error);

        assert_eq!((letter.value(), letter.key(), letter.timestamp), (Some(&b"{"[..]), Some(&b"k"[..]), 5));
        let header =
            |name: &str| letter.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(header("traceparent").as_deref(), Some("00-ab"));
        for (name, value) in [
            ("topic", "users_created"),
            ("partition", "3"),
            ("offset", "42"),
            ("connector.name", "demo/users"),
            ("stage", "VALUE_CONVERTER"),
            ("exception.class.name", "malformed_json"),
            ("exception.message", "the record ends inside an object"),
        ] {
            assert_eq!(header(&format!("__connect.errors.{name}")).as_deref(), Some(value), "{name}");
        }
    }

    #[test]
    fn time_ahead_moves_to_a_header() {
        let builder =
            DeadLetterBuilder { topic: "users_created".to_owned(), pipeline: "demo/users".to_owned() };
        let error = RecordError::new(Stage::ValueConverter, "time_out_of_bounds", "ahead");
        let letter = |timestamp| {
            let record = Record::new(Vec::new(), Some(b"{}"), timestamp);
            builder.of_record(&LogRecord { partition: 0, offset: 0, record }, 1_000, &error)
        };
        assert_eq!((letter(1_000).timestamp, letter(1_000).header(TIMESTAMP_HEADER)), (1_000, None));
        assert_eq!(
            (letter(1_001).timestamp, letter(1_001).header(TIMESTAMP_HEADER)),
            (1_000, Some(&b"1001"[..]))
        );
    }
}
