//! A producer of the embedded log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Inner, store, unknown_topic};
use crate::log::{AppendError, LogError, Producer, SourcePosition};
use crate::record::Record;

/// Appends to topics of the embedded log. Each call is one transaction.
#[derive(Debug)]
pub struct EmbeddedProducer {
    inner: Arc<Inner>,
    pipeline: Box<str>,
    /// Counts records without a key, to distribute them over the partitions.
    last_partition: AtomicU32,
}

impl EmbeddedProducer {
    pub(super) fn new(inner: Arc<Inner>, pipeline: &str) -> Self {
        Self { inner, pipeline: pipeline.into(), last_partition: AtomicU32::new(u32::MAX) }
    }
}

impl Producer for EmbeddedProducer {
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError> {
        let Ok(count) = u32::try_from(records.len()) else {
            return Err(LogError::from(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX)).into());
        };
        let last_partition = self.last_partition.fetch_add(count, Ordering::Relaxed);
        let name = topic.to_owned();
        let records = records.to_vec();
        let shared = Arc::clone(&self.inner.shared);
        // Wakes consumers on the database's thread, even if the caller has dropped the append.
        let task = move |connection: &mut rusqlite::Connection| {
            let appended = store::append(connection, &name, &records, last_partition)?;
            if let Some(appended) = &appended {
                shared.set_end_offsets(&name, &appended.end_offsets);
            }
            Ok(appended.map(|appended| appended.rejections))
        };
        match self.inner.call(task).await? {
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
