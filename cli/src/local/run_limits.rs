//! When a local run ends: at its limit, or when it is told to. Then the source stops, what has been read is written, and
//! only then does the table's side stop.

use std::future::Future;
use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use userstream_worker::runtime::shutdown::{Shutdown, ShutdownHandle};

/// When a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunLimit {
    /// It does not.
    None,
    /// After one run of the source, and when everything in the topic is processed.
    Once,
    /// After this time.
    For(Duration),
    /// When so many rows have been written.
    Rows(NonZeroU64),
}

/// How long what has been read may take to be written after a run was told to stop. What is left stays in the topic.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the rows are counted.
const ROW_COUNT_INTERVAL: Duration = Duration::from_millis(20);

/// Says stop to the two halves of a run.
pub(super) struct RunLimits<'a, R> {
    /// Stops the source's half.
    pub(super) source: &'a ShutdownHandle,
    /// Stops the table's half.
    pub(super) table: &'a ShutdownHandle,
    /// When to end.
    pub(super) limit: RunLimit,
    /// Whether there is a source: what it has given is written before the end. What others put into the topic can wait.
    pub(super) has_source: bool,
    /// How many rows have been written.
    pub(super) rows: R,
}

impl<R: Fn() -> u64> RunLimits<'_, R> {
    /// Waits for the limit or the first signal, stops the halves in order, and returns at the second signal.
    ///
    /// When both halves have ended there is nothing left to enforce: then the future is to be dropped.
    pub(super) async fn enforce<F: Future<Output = ()>>(
        self,
        mut stop_signal: impl FnMut() -> F,
        on_stop: impl FnOnce(),
    ) {
        tokio::select! {
            () = stop_signal() => {}
            () = self.limit_reached() => {}
        }
        on_stop();
        if self.has_source {
            self.source.request(Shutdown::Now);
        } else {
            self.table.request(Shutdown::Now);
        }
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        tokio::select! {
            () = stop_signal() => return,
            () = tokio::time::sleep_until(deadline) => self.table.stop(Stop::Now),
        }
        stop_signal().await;
    }

    async fn limit_reached(&self) {
        match self.limit {
            // One run ends by itself, and the table's half after it.
            RunLimit::None | RunLimit::Once => std::future::pending().await,
            RunLimit::For(duration) => tokio::time::sleep(duration).await,
            RunLimit::Rows(rows) => {
                let mut ticks = tokio::time::interval(ROW_COUNT_INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while (self.rows)() < rows.get() {
                    ticks.tick().await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::sync::Notify;
    use userstream_worker::runtime::shutdown::shutdown_channel;

    /// What the two halves have been told, at some moment.
    async fn stops_after(
        limit: RunLimit,
        has_source: bool,
        wait: Duration,
        rows: u64,
        signal: bool,
    ) -> (Shutdown, Shutdown) {
        let (source, source_stop) = shutdown_channel();
        let (table, table_stop) = shutdown_channel();
        let notify = Notify::new();
        if signal {
            notify.notify_one();
        }
        let run_limits = RunLimits { source: &source, table: &table, limit, has_source, rows: || rows };
        tokio::select! {
            () = run_limits.enforce(|| notify.notified(), || {}) => {}
            () = tokio::time::sleep(wait) => {}
        }
        (source_stop.current(), table_stop.current())
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_stops_the_source_and_lets_the_table_finish() {
        let second = Duration::from_secs(1);
        assert_eq!(stops_after(RunLimit::None, true, second, 0, true).await, (Stop::Now, Stop::Never));
        assert_eq!(stops_after(RunLimit::None, true, second, 0, false).await, (Stop::Never, Stop::Never));
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_does_not_finish_is_stopped_all_the_same() {
        let wait = DRAIN_TIMEOUT + Duration::from_secs(1);
        assert_eq!(stops_after(RunLimit::None, true, wait, 0, true).await, (Stop::Now, Stop::Now));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_source_nothing_is_waited_for() {
        assert_eq!(stops_after(RunLimit::None, false, Duration::from_secs(1), 0, true).await.1, Stop::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_limit_stops_the_source_when_it_is_over_and_not_before() {
        let limit = RunLimit::For(Duration::from_secs(5));
        assert_eq!(stops_after(limit, true, Duration::from_millis(4_990), 0, false).await.0, Stop::Never);
        assert_eq!(stops_after(limit, true, Duration::from_millis(5_010), 0, false).await.0, Stop::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn the_row_limit_stops_the_source_when_the_rows_are_there() {
        let limit = RunLimit::Rows(NonZeroU64::new(100).unwrap());
        let second = Duration::from_secs(1);
        assert_eq!(stops_after(limit, true, second, 99, false).await.0, Stop::Never);
        assert_eq!(stops_after(limit, true, second, 100, false).await.0, Stop::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_signal_ends_it_at_once() {
        let (source, _source_stop) = shutdown_channel();
        let (table, _table_stop) = shutdown_channel();
        let signals = Cell::new(0);
        let run_limits =
            RunLimits { source: &source, table: &table, limit: RunLimit::None, has_source: true, rows: || 0 };
        let started = Instant::now();
        let stop_signal = || {
            signals.set(signals.get() + 1);
            std::future::ready(())
        };
        run_limits.enforce(stop_signal, || {}).await;
        assert_eq!((signals.get(), started.elapsed()), (2, Duration::ZERO));
    }
}
