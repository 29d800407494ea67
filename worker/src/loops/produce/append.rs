//! Appends the records of a page, and the dead letters of those that cannot be appended.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{ProduceError, ProduceLoop, Transform};
use crate::delivery::dead_letter::{ErrorPolicy, RecordError, Stage};
use crate::delivery::event_id::{EventId, EventIds};
use crate::delivery::monotonic_timestamps::MonotonicTimestamps;
use crate::log::{AppendError, LogError, Producer, Rejection};
use crate::loops::dead_letters::append_dead_letters;
use crate::observe::health::Component;
use crate::record::Record;
use crate::runtime::backoff::Backoff;
use crate::runtime::shutdown::Shutdown;
use crate::source::Page;

impl<S, P: Producer, M: Transform> ProduceLoop<'_, S, P, M> {
    /// Appends all records of a page, then saves its position.
    pub(super) async fn append_page(
        &mut self,
        page: &Page,
        timestamps: &mut MonotonicTimestamps,
    ) -> Result<(), ProduceError> {
        let stats = &self.stats.source;
        stats.pages.add(1);
        stats.bytes.add(page.body.len() as u64);
        stats.read.add(page.records().len() as u64);
        timestamps.begin_page(page.fetched_at);
        let ids = EventIds::of_page(&self.settings.dead_letters.pipeline, &page.start.0);
        let raws: Vec<(EventId, &[u8])> =
            page.records().enumerate().map(|(index, raw)| (ids.id(index, raw), raw)).collect();
        for raws in raws.chunks(self.settings.batch.max(1)) {
            self.append_raws(raws, page.fetched_at, timestamps).await?;
        }
        if let Some(position) = &page.position {
            let mut backoff = self.backoff();
            let deadline = self.deadline();
            while let Err(error) = self.log.save_position(position).await {
                self.wait_or_give_up(error, "position", &mut backoff, deadline).await?;
            }
            self.health.set_ready(Component::Log);
        }
        Ok(())
    }

    pub(super) fn report_unavailable_log(&self, error: &LogError) {
        self.health.set_unready(Component::Log, format!("it could not be used ({})", error.cause()));
    }

    async fn append_raws(
        &mut self,
        raws: &[(EventId, &[u8])],
        fetched_at: i64,
        timestamps: &mut MonotonicTimestamps,
    ) -> Result<(), ProduceError> {
        let mut records = Vec::with_capacity(raws.len());
        // The raw record of each record: if the log rejects the record, it becomes the dead letter.
        let mut origins = Vec::with_capacity(raws.len());
        let mut letters = Vec::new();
        for (id, raw) in raws {
            match self.transform.transform(raw, fetched_at, *id) {
                Ok(mut record) => {
                    timestamps.assign(&mut record);
                    records.push(record);
                    origins.push(*raw);
                }
                Err(error) => self.handle_error(raw, fetched_at, error, &mut letters)?,
            }
        }
        self.stats.source.mapped.add(records.len() as u64);
        let rejections = self.append(&records).await?;
        self.stats.source.appended.add((records.len() - rejections.len().min(records.len())) as u64);
        for Rejection { index, reason } in rejections {
            if let Some(raw) = origins.get(index) {
                let error = RecordError::new(Stage::Produce, "rejected_by_log", reason);
                self.handle_error(raw, fetched_at, error, &mut letters)?;
            }
        }
        self.append_letters(letters).await
    }

    async fn append_letters(&mut self, letters: Vec<Record>) -> Result<(), ProduceError> {
        let ErrorPolicy::DeadLetter { topic } = &self.settings.error_policy else { return Ok(()) };
        if letters.is_empty() {
            return Ok(());
        }
        let count = letters.len() as u64;
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5), self.jitter.split());
        let appended = append_dead_letters(self.log, topic, letters, self.stats, backoff);
        match self.settings.patience {
            None => appended.await,
            Some(patience) => {
                timeout(patience, appended).await.map_err(|_| ProduceError::DeadLetters(patience))?;
            }
        }
        self.stats.source.dead_lettered.add(count);
        Ok(())
    }

    /// Appends all records, and retries while the log is unavailable. Returns those that can never be appended.
    async fn append(&mut self, records: &[Record]) -> Result<Vec<Rejection>, ProduceError> {
        let mut backoff = self.backoff();
        let deadline = self.deadline();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        loop {
            let rejections = match self.log.append(&self.settings.topic, records).await {
                Ok(()) => Vec::new(),
                Err(AppendError::Rejected(rejections)) => rejections,
                Err(AppendError::Log(error)) => {
                    self.wait_or_give_up(error, "append", &mut backoff, deadline).await?;
                    continue;
                }
            };
            self.health.set_ready(Component::Log);
            return Ok(rejections);
        }
    }

    /// Applies the error policy to a raw record.
    fn handle_error(
        &self,
        raw: &[u8],
        fetched_at: i64,
        error: RecordError,
        letters: &mut Vec<Record>,
    ) -> Result<(), ProduceError> {
        self.stats.error(error.stage.name(), error.cause);
        tracing::warn!(cause = error.cause, error = %error.source, "a record of the source cannot be appended");
        match self.settings.error_policy {
            ErrorPolicy::Fail => return Err(ProduceError::Record(error)),
            ErrorPolicy::Skip => self.stats.source.skipped.add(1),
            ErrorPolicy::DeadLetter { .. } => {
                letters.push(self.settings.dead_letters.of_raw(raw, fetched_at, &error));
            }
        }
        Ok(())
    }

    async fn wait_or_give_up(
        &self,
        error: LogError,
        place: &'static str,
        backoff: &mut Backoff,
        deadline: Option<Instant>,
    ) -> Result<(), LogError> {
        self.stats.error(place, error.cause());
        self.report_unavailable_log(&error);
        let wait = backoff.next_wait();
        let late = deadline.is_some_and(|deadline| Instant::now() + wait > deadline);
        if !error.is_retryable() || late {
            return Err(error);
        }
        tracing::warn!(place, cause = error.cause(), %error, ?wait, "the log is unavailable: retrying");
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.requested(Shutdown::Now) => Err(error),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    fn backoff(&mut self) -> Backoff {
        Backoff::new(Duration::from_millis(100), Duration::from_secs(5), self.jitter.split())
    }

    fn deadline(&self) -> Option<Instant> {
        self.settings.patience.map(|patience| Instant::now() + patience)
    }
}
