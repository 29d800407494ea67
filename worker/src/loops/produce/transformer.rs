//! From a source's raw record to a record of the topic: map, encode, key and headers.
//!
//! The headers are those of CloudEvents' Kafka binding in binary mode (CloudEvents 1.0, "Kafka Protocol Binding",
//! section 3.2), and of W3C Trace Context.

use std::fmt::Write as _;

use userstream_crds::model::Pipeline;

use crate::delivery::dead_letter::{RecordError, Stage};
use crate::delivery::event_id::EventId;
use crate::format::{Encoder, encode_key};
use crate::loops::dead_letters::mapping_error;
use crate::loops::produce::Transform;
use crate::mapping::{MapContext, Mapper};
use crate::record::text::timestamp;
use crate::record::{Cells, Record};
use crate::runtime::backoff::Jitter;

/// Turns raw records into records of the declared schema.
pub struct Transformer {
    mapper: Mapper,
    encoder: Encoder,
    key_field: Option<usize>,
    source: String,
    traces: Jitter,
    cells: Cells,
    encoded: Vec<u8>,
    key: Vec<u8>,
    header: String,
}

impl Transformer {
    /// The transformer of a pipeline. `traces` generates the ids of traces.
    pub fn new(pipeline: &Pipeline, traces: Jitter) -> Self {
        Self {
            mapper: Mapper::from_source(pipeline),
            encoder: Encoder::new(pipeline),
            key_field: pipeline.key_field,
            source: format!("/{}/{}", pipeline.namespace, pipeline.name),
            traces,
            cells: Cells::default(),
            encoded: Vec::new(),
            key: Vec::new(),
            header: String::new(),
        }
    }

    fn push_headers(&mut self, record: &mut Record, fetched_at: i64, id: EventId) {
        record.push_header("content-type", Some(self.encoder.content_type().as_bytes()));
        record.push_header("ce_specversion", Some(b"1.0"));
        record.push_header("ce_type", Some(b"dev.userstream.record"));
        record.push_header("ce_source", Some(self.source.as_bytes()));
        self.header.clear();
        // Writing to a String does not fail.
        let _ = write!(self.header, "{id}");
        record.push_header("ce_id", Some(self.header.as_bytes()));
        self.encoded.clear();
        if timestamp::write(&mut self.encoded, fetched_at).is_some() {
            record.push_header("ce_time", Some(&self.encoded));
        }
        self.header.clear();
        let (trace, rest, span) = (self.traces.next_bits(), self.traces.next_bits(), self.traces.next_bits());
        // Not sampled: the worker exports no spans. An id of all zeros is invalid.
        let _ = write!(self.header, "00-{trace:016x}{rest:016x}-{:016x}-00", span | 1);
        record.push_header("traceparent", Some(self.header.as_bytes()));
    }
}

impl Transform for Transformer {
    fn transform(&mut self, raw: &[u8], fetched_at: i64, id: EventId) -> Result<Record, RecordError> {
        let context = MapContext { fetched_at, ..MapContext::default() };
        self.mapper.map(raw, &context, &mut self.cells).map_err(mapping_error(Stage::Transformation))?;
        self.encoded.clear();
        self.encoder.encode(&self.cells, raw, &mut self.encoded);
        // Room for key and headers, so that the buffer is allocated once.
        let buffer = Vec::with_capacity(self.encoded.len() + 384);
        let mut record = Record::new(buffer, Some(&self.encoded), fetched_at);
        if let Some(field) = self.key_field {
            self.key.clear();
            if encode_key(&self.cells, raw, field, &mut self.key) {
                record = record.with_key(&self.key);
            }
        }
        self.push_headers(&mut record, fetched_at, id);
        Ok(record)
    }
}
