//! Records that cannot be processed, in both loops.

use crate::delivery::dead_letter::{RecordError, Stage};
use crate::log::{AppendError, Producer};
use crate::mapping::MappingError;
use crate::observe::stats::Stats;
use crate::record::Record;
use crate::runtime::backoff::Backoff;

/// A record that does not map, as an error at this stage.
pub(super) fn mapping_error(stage: Stage) -> impl Fn(MappingError) -> RecordError {
    move |error| RecordError::new(stage, error.cause(), error)
}

/// Appends dead letters, and retries while the log is unavailable. A letter that the topic can never hold is appended
/// without its value: its headers still have the offset of the original and the error.
pub(super) async fn append_dead_letters<P: Producer>(
    log: &P,
    topic: &str,
    mut letters: Vec<Record>,
    stats: &Stats,
    mut backoff: Backoff,
) {
    while !letters.is_empty() {
        match log.append(topic, &letters).await {
            Ok(()) => return,
            Err(AppendError::Rejected(rejections)) => {
                stats.error("dead_letter", "rejected");
                let rejected = rejections.iter().filter_map(|rejection| letters.get(rejection.index));
                let stripped: Vec<Record> =
                    rejected.filter(|letter| letter.value().is_some()).map(Record::without_value).collect();
                tracing::error!(
                    rejected = rejections.len(),
                    "the dead-letter topic rejects records: they are appended without their value"
                );
                letters = stripped;
            }
            Err(AppendError::Log(error)) => {
                stats.error("dead_letter", error.cause());
                let wait = backoff.next_wait();
                tracing::warn!(cause = error.cause(), %error, ?wait, "dead letters could not be appended: retrying");
                tokio::time::sleep(wait).await;
            }
        }
    }
}
