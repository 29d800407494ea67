//! Decorators of the log and the table that keep samples of the last rows and dead letters for the live view.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use userstream_crds::model::{self, Pipeline};
use userstream_worker::format::JsonEncoder;
use userstream_worker::log::{AppendError, LogError, Producer, SourcePosition};
use userstream_worker::record::Record;
use userstream_worker::record::{AsRow, RowRef};
use userstream_worker::table::{Table, WriteError};

/// The number of sampled rows to keep.
const MAX_ROWS: usize = 5;
/// The minimum interval of row samples. Formatting every row would slow the run down.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);

/// Samples of a run.
#[derive(Debug)]
pub(super) struct Samples {
    started: Instant,
    encoder: JsonEncoder,
    /// The field of each column.
    fields: Vec<String>,
    /// The names of the columns.
    columns: Vec<String>,
    sampling: bool,
    last_sample: Cell<Option<Instant>>,
    first_row: Cell<Option<Duration>>,
    rows: RefCell<VecDeque<Vec<String>>>,
    dead_letter_topic: Option<String>,
    last_dead_letter: RefCell<Option<String>>,
}

impl Samples {
    /// Without samples. `sampling` is whether to keep rows; the time of the first row is always kept.
    pub(super) fn new(pipeline: &Pipeline, started: Instant, sampling: bool) -> Self {
        let columns = &pipeline.table.columns;
        let field =
            |column: &model::Column| pipeline.fields.get(column.field).map(|field| field.name.to_string());
        Self {
            started,
            encoder: JsonEncoder::new(&pipeline.fields),
            fields: columns.iter().map(|column| field(column).unwrap_or_default()).collect(),
            columns: columns.iter().map(|column| column.name.to_string()).collect(),
            sampling,
            last_sample: Cell::new(None),
            first_row: Cell::new(None),
            rows: RefCell::default(),
            dead_letter_topic: pipeline.dead_letter().map(|topic| topic.name.to_string()),
            last_dead_letter: RefCell::default(),
        }
    }

    /// The names of the columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// A sample of the last rows, the newest last.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        self.rows.borrow().iter().cloned().collect()
    }

    /// The reason of the last dead letter.
    pub(super) fn last_dead_letter(&self) -> Option<String> {
        self.last_dead_letter.borrow().clone()
    }

    /// The time from the start of the process to the first row.
    pub(super) fn first_row(&self) -> Option<Duration> {
        self.first_row.get()
    }

    fn written(&self, rows: &[impl AsRow]) {
        let now = Instant::now();
        if self.first_row.get().is_none() {
            self.first_row.set(Some(now.duration_since(self.started)));
        }
        let due = self.last_sample.get().is_none_or(|last| now.duration_since(last) >= SAMPLE_INTERVAL);
        if let Some(row) = rows.last().filter(|_| self.sampling && due) {
            self.last_sample.set(Some(now));
            let mut rows = self.rows.borrow_mut();
            rows.push_back(self.text(row.as_row()));
            if rows.len() > MAX_ROWS {
                rows.pop_front();
            }
        }
    }

    /// The values of a row as text, one for each column.
    fn text(&self, row: RowRef<'_>) -> Vec<String> {
        let mut json = Vec::new();
        self.encoder.encode(row.cells(), row.input(), &mut json);
        let object: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
        let value = |field: &String| match object.get(field) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        self.fields.iter().map(value).collect()
    }

    fn appended(&self, topic: &str, records: &[Record]) {
        if self.dead_letter_topic.as_deref() != Some(topic) {
            return;
        }
        let reason = records.last().and_then(|letter| letter.header("__connect.errors.exception.message"));
        if let Some(reason) = reason {
            *self.last_dead_letter.borrow_mut() = Some(String::from_utf8_lossy(reason).into_owned());
        }
    }
}

/// A table that samples the rows it writes.
#[derive(Debug)]
pub(super) struct SampledTable<'s, T> {
    pub(super) table: T,
    pub(super) samples: &'s Samples,
}

impl<T: Table> Table for SampledTable<'_, T> {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        self.table.write(rows).await?;
        self.samples.written(rows);
        Ok(())
    }
}

/// A producer that samples the dead letters it appends.
#[derive(Debug)]
pub(super) struct SampledProducer<'s, P> {
    pub(super) producer: P,
    pub(super) samples: &'s Samples,
}

impl<P: Producer> Producer for SampledProducer<'_, P> {
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError> {
        self.producer.append(topic, records).await?;
        self.samples.appended(topic, records);
        Ok(())
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        self.producer.load_position().await
    }

    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError> {
        self.producer.save_position(position).await
    }
}
