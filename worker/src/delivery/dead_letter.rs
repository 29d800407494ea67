//! Records that cannot become rows, and the dead letters they become instead.
//!
//! A dead letter carries the original bytes and headers, and says where it came from and why in the header names of
//! Kafka Connect (KIP-298), so that tools made for those work.

use std::error::Error;

use crate::record::{LogRecord, Record};

/// The time of a record that lies ahead of its dead letter's, in milliseconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "__connect.errors.timestamp";

/// Where a record turned out to be poison. The names are those of Kafka Connect's stages where it has one.
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

/// Why a record cannot become a row. The message names fields, never their values.
#[derive(Debug)]
pub struct Poison {
    /// Where it was found.
    pub stage: Stage,
    /// A short name for metrics, from a fixed set.
    pub cause: &'static str,
    /// What is wrong, for whoever reads the dead letter.
    pub error: Box<dyn Error + Send + Sync>,
}

impl Poison {
    /// Poison found at a stage.
    pub fn new(stage: Stage, cause: &'static str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { stage, cause, error: error.into() }
    }
}

/// What dead letters say of where they come from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The topic the record was read from, or was to be appended to.
    pub topic: String,
    /// `<namespace>/<name>` of the pipeline.
    pub pipeline: String,
}

impl Origin {
    /// The dead letter of a record that was read from the topic, made at `now` in milliseconds since the Unix epoch.
    ///
    /// It keeps the record's time, unless that lies ahead: brokers refuse a time too far ahead, and with it the records
    /// beside it. Then the letter has the time of its making, and the record's in a header.
    pub fn of_log_record(&self, origin: &LogRecord, now: i64, poison: &Poison) -> Record {
        let mut letter = self.letter(&origin.record, poison);
        if letter.timestamp > now {
            letter.push_header(TIMESTAMP_HEADER, Some(letter.timestamp.to_string().as_bytes()));
            letter.timestamp = now;
        }
        letter.push_header("__connect.errors.partition", Some(origin.partition.to_string().as_bytes()));
        letter.push_header("__connect.errors.offset", Some(origin.offset.to_string().as_bytes()));
        letter
    }

    /// The dead letter of a source's raw record, which has no place in the topic yet.
    pub fn of_raw(&self, raw: &[u8], fetched_at: i64, poison: &Poison) -> Record {
        self.letter(&Record::new(Vec::with_capacity(raw.len() + 512), Some(raw), fetched_at), poison)
    }

    fn letter(&self, original: &Record, poison: &Poison) -> Record {
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
            ("stage", poison.stage.name()),
            ("class.name", env!("CARGO_PKG_NAME")),
            ("exception.class.name", poison.cause),
            ("exception.message", &poison.error.to_string()),
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
    fn a_dead_letter_carries_the_original_and_says_where_it_came_from() {
        let mut record = Record::new(Vec::new(), Some(b"{"), 5).with_key(b"k");
        record.push_header("traceparent", Some(b"00-ab"));
        let origin = Origin { topic: "users_created".to_owned(), pipeline: "demo/users".to_owned() };
        let poison = Poison::new(Stage::ValueConverter, "malformed_json", "the record ends inside an object");
        let letter = origin.of_log_record(&LogRecord { partition: 3, offset: 42, record }, 10, &poison);

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
    fn a_time_ahead_is_not_the_letters_but_is_not_forgotten() {
        let origin = Origin { topic: "users_created".to_owned(), pipeline: "demo/users".to_owned() };
        let poison = Poison::new(Stage::ValueConverter, "time_out_of_bounds", "ahead");
        let letter = |timestamp| {
            let record = Record::new(Vec::new(), Some(b"{}"), timestamp);
            origin.of_log_record(&LogRecord { partition: 0, offset: 0, record }, 1_000, &poison)
        };
        assert_eq!((letter(1_000).timestamp, letter(1_000).header(TIMESTAMP_HEADER)), (1_000, None));
        assert_eq!(
            (letter(1_001).timestamp, letter(1_001).header(TIMESTAMP_HEADER)),
            (1_000, Some(&b"1001"[..]))
        );
    }
}
