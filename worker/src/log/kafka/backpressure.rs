//! Backpressure: a consumer that delivers a few records a second still answers rebalances at once.
//!
//! librdkafka queues rebalances behind the records it fetched ahead. Under a rate cap, the consumer would reach them
//! minutes later. So while records taken from the client wait to be delivered, the partitions are paused: this empties
//! the client's queue of everything but rebalances. What was fetched ahead is fetched again after the last of them was
//! delivered.

use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use tokio::time::Instant;

use super::consumer::KafkaConsumer;
use super::error::from_client;
use crate::log::LogError;

/// How long records may wait for delivery before the partitions are paused.
const PAUSE_AFTER: Duration = Duration::from_secs(1);

/// Whether partitions are paused because records wait, and since when some wait.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    waiting_since: Option<Instant>,
    pub(super) is_paused: bool,
}

impl KafkaConsumer {
    /// Pauses the partitions when records have waited for [`PAUSE_AFTER`], and resumes them when none waits.
    ///
    /// # Errors
    /// When the client refuses.
    pub(super) fn apply_backpressure(&mut self) -> Result<(), LogError> {
        if self.ready.is_empty() {
            self.backpressure.waiting_since = None;
            if std::mem::take(&mut self.backpressure.is_paused) && !self.paused {
                self.client()?.resume(&self.assigned()?).map_err(from_client)?;
            }
        } else if !self.backpressure.is_paused
            && self.backpressure.waiting_since.get_or_insert_with(Instant::now).elapsed() >= PAUSE_AFTER
        {
            self.client()?.pause(&self.assigned()?).map_err(from_client)?;
            self.backpressure.is_paused = true;
        }
        Ok(())
    }
}
