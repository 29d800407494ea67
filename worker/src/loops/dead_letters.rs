//! Records that cannot be processed, in both loops.

use crate::delivery::dead_letter::{RecordError, Stage};
use crate::delivery::truncated_letter::smaller_forms;
use crate::log::{AppendError, LogError, Producer, Rejection};
use crate::mapping::MappingError;
use crate::observe::stats::Stats;
use crate::record::Record;
use crate::runtime::backoff::Backoff;

/// A record that does not map, as an error at this stage.
pub(super) fn mapping_error(stage: Stage) -> impl Fn(MappingError) -> RecordError {
    move |error| RecordError::new(stage, error.cause(), error)
}

/// Appends dead letters, and retries while the log is unavailable. Returns only when every letter is acknowledged.
///
/// A letter that the topic refuses is appended in a smaller form, which says what is missing. A letter that it refuses
/// in every form is tried again until the topic accepts it: nothing is dropped.
pub(super) async fn append_dead_letters<P: Producer>(
    log: &P,
    topic: &str,
    letters: Vec<Record>,
    stats: &Stats,
    backoff: Backoff,
) {
    let mut appending = Appending { log, topic, stats, backoff };
    for Rejection { index, .. } in appending.append(&letters).await {
        if let Some(letter) = letters.get(index) {
            appending.append_refused(letter).await;
        }
    }
}

/// An append of dead letters to one topic.
struct Appending<'w, P> {
    log: &'w P,
    topic: &'w str,
    stats: &'w Stats,
    backoff: Backoff,
}

impl<P: Producer> Appending<'_, P> {
    /// Appends letters, and retries while the log is unavailable. Returns those that the topic refuses.
    async fn append(&mut self, letters: &[Record]) -> Vec<Rejection> {
        loop {
            match self.log.append(self.topic, letters).await {
                Ok(()) => return Vec::new(),
                Err(AppendError::Rejected(rejections)) => return rejections,
                Err(AppendError::Log(error)) => self.wait(&error).await,
            }
        }
    }

    /// Appends a letter that the topic refuses, in the largest form that it accepts.
    async fn append_refused(&mut self, letter: &Record) {
        self.stats.error("dead_letter", "rejected");
        let mut refused = None;
        loop {
            for form in smaller_forms(letter) {
                if self.append(std::slice::from_ref(&form)).await.is_empty() {
                    self.stats.truncated_letters.add(1);
                    tracing::error!(
                        size = letter.size(),
                        appended = form.size(),
                        "the dead-letter topic refuses a letter: a truncated one is appended"
                    );
                    return;
                }
            }
            refused.get_or_insert_with(|| self.stats.refused_letters.enter());
            // The topic may be changed while the letter waits.
            if self.append(std::slice::from_ref(letter)).await.is_empty() {
                return;
            }
            let wait = self.backoff.next_wait();
            tracing::error!(?wait, "the dead-letter topic refuses a letter in every form: retrying");
            tokio::time::sleep(wait).await;
        }
    }

    async fn wait(&mut self, error: &LogError) {
        self.stats.error("dead_letter", error.cause());
        let wait = self.backoff.next_wait();
        tracing::warn!(cause = error.cause(), %error, ?wait, "dead letters could not be appended: retrying");
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;
    use crate::delivery::truncated_letter::{SIZE_HEADER, TRUNCATED_HEADER};
    use crate::log::{RejectionReason, SourcePosition};
    use crate::runtime::backoff::Jitter;

    /// A topic that refuses what is larger than its limit, and that grows after so many appends.
    struct Topic {
        limit: RefCell<usize>,
        grows_after: usize,
        appends: RefCell<usize>,
        letters: RefCell<Vec<Record>>,
    }

    fn topic(limit: usize, grows_after: usize) -> Topic {
        Topic { limit: limit.into(), grows_after, appends: 0.into(), letters: Vec::new().into() }
    }

    impl Producer for Topic {
        async fn append(&self, _topic: &str, records: &[Record]) -> Result<(), AppendError> {
            *self.appends.borrow_mut() += 1;
            if *self.appends.borrow() > self.grows_after {
                *self.limit.borrow_mut() = usize::MAX;
            }
            let limit = *self.limit.borrow();
            let mut rejections = Vec::new();
            for (index, record) in records.iter().enumerate() {
                if record.size() > limit {
                    rejections.push(Rejection { index, reason: RejectionReason::TooLarge });
                } else {
                    self.letters.borrow_mut().push(record.clone());
                }
            }
            if rejections.is_empty() { Ok(()) } else { Err(AppendError::Rejected(rejections)) }
        }

        async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
            Ok(None)
        }

        async fn save_position(&self, _position: &SourcePosition) -> Result<(), LogError> {
            Ok(())
        }
    }

    async fn appended(topic: &Topic, letters: Vec<Record>) -> Stats {
        let stats = Stats::default();
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5), Jitter::seeded(1));
        append_dead_letters(topic, "users.dlq", letters, &stats, backoff).await;
        stats
    }

    fn letter(size: usize) -> Record {
        let mut letter = Record::new(Vec::new(), Some(&vec![b'x'; size]), 0);
        letter.push_header("__connect.errors.offset", Some(b"42"));
        letter
    }

    #[tokio::test(start_paused = true)]
    async fn letter_over_the_topics_limit_is_truncated_not_dropped() {
        let topic = topic(10_000, usize::MAX);
        let stats = appended(&topic, vec![letter(10), letter(1_000_000), letter(20)]).await;
        let letters = topic.letters.borrow();
        let sizes: Vec<usize> = letters.iter().map(|letter| letter.value().unwrap().len()).collect();
        assert_eq!(sizes, [10, 20, 4_096]);
        assert_eq!(letters[2].header(TRUNCATED_HEADER), Some(&b"true"[..]));
        assert_eq!(letters[2].header(SIZE_HEADER), Some(&b"1000000"[..]));
        assert_eq!((stats.truncated_letters.get(), stats.refused_letters.get()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn letter_that_is_refused_in_every_form_waits_for_the_topic() {
        let topic = topic(0, 40);
        let stats = appended(&topic, vec![letter(10)]).await;
        assert_eq!(topic.letters.borrow().len(), 1);
        assert_eq!(stats.refused_letters.get(), 0);
    }
}
