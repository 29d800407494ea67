//! The writing side of the embedded log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Inner, store, unknown_topic};
use crate::log::{AppendError, LogError, Producer, SourcePosition};
use crate::record::Record;

/// Appends to topics of the embedded log; each call is one transaction.
#[derive(Debug)]
pub struct EmbeddedProducer {
    inner: Arc<Inner>,
    pipeline: Box<str>,
    /// Whose turn it is among the partitions, for records without a key.
    turn: AtomicU32,
}

impl EmbeddedProducer {
    pub(super) fn new(inner: Arc<Inner>, pipeline: &str) -> Self {
        Self { inner, pipeline: pipeline.into(), turn: AtomicU32::new(u32::MAX) }
    }
}

impl Producer for EmbeddedProducer {
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError> {
        let Ok(count) = u32::try_from(records.len()) else {
            return Err(LogError::from(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX)).into());
        };
        let turn = self.turn.fetch_add(count, Ordering::Relaxed);
        let name = topic.to_owned();
        let records = records.to_vec();
        let shared = Arc::clone(&self.inner.shared);
        // Consumers are woken on the database's thread: also for an append that nobody waits for any more.
        let work = move |connection: &mut rusqlite::Connection| {
            let appended = store::append(connection, &name, &records, turn)?;
            if let Some(appended) = &appended {
                shared.note_end_offsets(&name, &appended.end_offsets);
            }
            Ok(appended.map(|appended| appended.rejections))
        };
        match self.inner.call(work).await? {
            None => Err(unknown_topic(topic).into()),
            Some(rejections) if rejections.is_empty() => Ok(()),
            Some(rejections) => Err(AppendError::Rejected(rejections)),
        }
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        let pipeline = self.pipeline.clone();
        let position = self.inner.call(move |connection| store::load_position(connection, &pipeline)).await?;
        Ok(position.map(SourcePosition))
    }

    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError> {
        let (pipeline, position) = (self.pipeline.clone(), position.0.clone());
        self.inner.call(move |connection| store::save_position(connection, &pipeline, &position)).await
    }
}
