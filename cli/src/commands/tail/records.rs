//! Prints the last records of a topic or of the dead-letter topic.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use userstream_worker::log::embedded::LogReader;
use userstream_worker::record::{LogRecord, Record};

use super::{MAX_PER_POLL, POLL_INTERVAL, TailError};
use crate::arguments::{OutputFormat, Stage};
use crate::terminal::fit;
use crate::terminal::print;

/// Prints records of a topic.
pub(super) struct Records<'t> {
    log: LogReader,
    topic: &'t str,
    stage: Stage,
    format: OutputFormat,
    width: usize,
}

impl<'t> Records<'t> {
    pub(super) fn new(
        log: LogReader,
        topic: &'t str,
        stage: Stage,
        format: OutputFormat,
        width: usize,
    ) -> Self {
        Self { log, topic, stage, format, width }
    }

    /// Prints the last records; with `follow` also new ones, until standard output is closed.
    pub(super) fn print(&self, count: usize, follow: bool) -> Result<(), TailError> {
        let mut ends = self.log.end_offsets(self.topic)?;
        let starts =
            ends.iter().map(|end| end.saturating_sub_unsigned(count as u64).max(0)).collect::<Vec<_>>();
        let mut records = self.between(&starts, &ends, count)?;
        let surplus = records.len().saturating_sub(count);
        self.print_all(&records.split_off(surplus))?;
        if !follow {
            return Ok(());
        }
        loop {
            std::thread::sleep(POLL_INTERVAL);
            let mut now = self.log.end_offsets(self.topic)?;
            // A new partition is read from offset 0.
            ends.resize(now.len(), 0);
            for (end, start) in now.iter_mut().zip(&ends) {
                *end = (*end).min(start.saturating_add_unsigned(MAX_PER_POLL as u64));
            }
            self.print_all(&self.between(&ends, &now, MAX_PER_POLL)?)?;
            ends = now;
        }
    }

    /// The records between two offsets of each partition, sorted by time.
    fn between(&self, starts: &[i64], ends: &[i64], limit: usize) -> Result<Vec<LogRecord>, TailError> {
        let mut records = Vec::new();
        for ((partition, start), end) in (0_i32..).zip(starts).zip(ends) {
            if start < end {
                let mut read = self.log.records(self.topic, partition, *start, limit)?;
                read.retain(|record| record.offset < *end);
                records.append(&mut read);
            }
        }
        records.sort_by_key(|record| (record.record.timestamp, record.partition, record.offset));
        Ok(records)
    }

    fn print_all(&self, records: &[LogRecord]) -> Result<(), TailError> {
        let text: String = records
            .iter()
            .map(|record| match self.format {
                OutputFormat::Human => self.to_text(record),
                OutputFormat::Json => format!("{}\n", self.to_json(record)),
            })
            .collect();
        Ok(print(&text)?)
    }

    fn to_text(&self, record: &LogRecord) -> String {
        let time = time(record.record.timestamp);
        let value =
            record.record.value().map_or_else(|| "(no value)".to_owned(), |value| text(value).into_owned());
        let position = format!("{}/{}", record.partition, record.offset);
        if self.stage == Stage::Dlq {
            let header = |name: &str| connect_header(&record.record, name).unwrap_or_default();
            let first = format!("{position}  {time}  {}: {}", header("stage"), header("exception.message"));
            format!("{}\n{}\n", fit(&first, self.width), fit(&format!("    {value}"), self.width))
        } else {
            let key = record.record.key().map_or_else(|| "-".to_owned(), |key| text(key).into_owned());
            fit(&format!("{position}  {time}  {key}  {value}"), self.width) + "\n"
        }
    }

    fn to_json(&self, record: &LogRecord) -> Value {
        let value = |bytes: &[u8]| {
            serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(text(bytes).into_owned()))
        };
        let headers: Map<String, Value> = record
            .record
            .headers()
            .map(|(name, value)| {
                (name.to_owned(), value.map_or(Value::Null, |value| Value::String(text(value).into_owned())))
            })
            .collect();
        let mut object = json!({
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": time(record.record.timestamp),
            "key": record.record.key().map(text),
            "value": record.record.value().map(value),
            "headers": headers,
        });
        if let (Stage::Dlq, Some(members)) = (self.stage, object.as_object_mut()) {
            for (member, header) in
                [("stage", "stage"), ("cause", "exception.class.name"), ("reason", "exception.message")]
            {
                members.insert(member.to_owned(), connect_header(&record.record, header).into());
            }
        }
        object
    }
}

/// An error header of a dead letter, under the name that Kafka Connect gives it.
fn connect_header(record: &Record, name: &str) -> Option<String> {
    record.header(&format!("__connect.errors.{name}")).map(|value| text(value).into_owned())
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn time(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| milliseconds.to_string(), |time| format!("{time:.3}"))
}
