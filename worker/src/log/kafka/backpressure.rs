//! Holding back: whoever takes a few records a second must not keep the group waiting.
//!
//! What the group asks stands in the client's queue behind the records that were fetched ahead. Taken slowly (a cap on records
//! a second), they would have it answered minutes later, or too late. So while records that were taken from the client
//! wait to be handed out, the partitions are paused, which empties the queue of all but what the group asks; what was fetched
//! ahead is fetched again when the last of them has been handed out.

use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use tokio::time::Instant;

use super::super::LogError;
use super::consumer::KafkaConsumer;
use super::errors::from_client;

/// How long records may wait to be handed out before the partitions are paused.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether partitions are paused because records wait, and since when some do.
#[derive(Debug, Default)]
pub(super) struct Hold {
    waiting_since: Option<Instant>,
    pub(super) is_on: bool,
}

impl KafkaConsumer {
    /// Pauses the partitions when records have waited for long, and resumes them when none waits any more.
    ///
    /// # Errors
    /// When the client takes neither.
    pub(super) fn hold_back(&mut self) -> Result<(), LogError> {
        if self.ready.is_empty() {
            self.hold.waiting_since = None;
            if std::mem::take(&mut self.hold.is_on) && !self.paused {
                self.client()?.resume(&self.assigned()?).map_err(from_client)?;
            }
        } else if !self.hold.is_on
            && self.hold.waiting_since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE
        {
            self.client()?.pause(&self.assigned()?).map_err(from_client)?;
            self.hold.is_on = true;
        }
        Ok(())
    }
}
