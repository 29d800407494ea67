//! Ends a run at its limit or at a signal: stops the producer, drains the processor, then stops the processor.

use std::future::Future;
use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use userstream_worker::runtime::shutdown::{Shutdown, ShutdownHandle};

/// When a run ends without a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunLimit {
    /// Never.
    None,
    /// After one run of the source, once the processor has caught up.
    Once,
    /// After this time.
    For(Duration),
    /// Once this many rows are written.
    Rows(NonZeroU64),
}

/// The maximum time of a drain. Records that are not written by then stay in the topic.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval at which written rows are compared with the limit.
const ROW_COUNT_INTERVAL: Duration = Duration::from_millis(20);

/// Stops producer and processor at the limit of a run.
pub(super) struct RunLimits<'a, R> {
    /// Stops the producer.
    pub(super) producer: &'a ShutdownHandle,
    /// Stops the processor.
    pub(super) processor: &'a ShutdownHandle,
    /// The limit.
    pub(super) limit: RunLimit,
    /// Whether the pipeline has a source, whose records are written before the run ends. Without one there is no drain.
    pub(super) has_source: bool,
    /// The number of written rows.
    pub(super) rows: R,
}

impl<R: Fn() -> u64> RunLimits<'_, R> {
    /// Waits for the limit or the first signal, then stops producer and processor in this order. Returns at the second
    /// signal; drop the future once both have ended.
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
            self.producer.request(Shutdown::Now);
        } else {
            self.processor.request(Shutdown::Now);
        }
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        tokio::select! {
            () = stop_signal() => return,
            () = tokio::time::sleep_until(deadline) => self.processor.request(Shutdown::Now),
        }
        stop_signal().await;
    }

    async fn limit_reached(&self) {
        match self.limit {
            // `Once` ends with the source run, which has the processor catch up and end too.
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

    /// The stop requests to producer and processor after this time.
    async fn stops_after(
        limit: RunLimit,
        has_source: bool,
        wait: Duration,
        rows: u64,
        signal: bool,
    ) -> (Shutdown, Shutdown) {
        let (producer, producer_stop) = shutdown_channel();
        let (processor, processor_stop) = shutdown_channel();
        let notify = Notify::new();
        if signal {
            notify.notify_one();
        }
        let run_limits =
            RunLimits { producer: &producer, processor: &processor, limit, has_source, rows: || rows };
        tokio::select! {
            () = run_limits.enforce(|| notify.notified(), || {}) => {}
            () = tokio::time::sleep(wait) => {}
        }
        (producer_stop.current(), processor_stop.current())
    }

    #[tokio::test(start_paused = true)]
    async fn signal_stops_the_producer_and_drains_the_processor() {
        let second = Duration::from_secs(1);
        assert_eq!(
            stops_after(RunLimit::None, true, second, 0, true).await,
            (Shutdown::Now, Shutdown::NotRequested)
        );
        assert_eq!(
            stops_after(RunLimit::None, true, second, 0, false).await,
            (Shutdown::NotRequested, Shutdown::NotRequested)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn drain_timeout_stops_the_processor() {
        let wait = DRAIN_TIMEOUT + Duration::from_secs(1);
        assert_eq!(stops_after(RunLimit::None, true, wait, 0, true).await, (Shutdown::Now, Shutdown::Now));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_source_there_is_no_drain() {
        assert_eq!(
            stops_after(RunLimit::None, false, Duration::from_secs(1), 0, true).await.1,
            Shutdown::Now
        );
    }

    #[tokio::test(start_paused = true)]
    async fn time_limit_stops_the_producer_on_time() {
        let limit = RunLimit::For(Duration::from_secs(5));
        assert_eq!(
            stops_after(limit, true, Duration::from_millis(4_990), 0, false).await.0,
            Shutdown::NotRequested
        );
        assert_eq!(stops_after(limit, true, Duration::from_millis(5_010), 0, false).await.0, Shutdown::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn row_limit_stops_the_producer_at_the_last_row() {
        let limit = RunLimit::Rows(NonZeroU64::new(100).unwrap());
        let second = Duration::from_secs(1);
        assert_eq!(stops_after(limit, true, second, 99, false).await.0, Shutdown::NotRequested);
        assert_eq!(stops_after(limit, true, second, 100, false).await.0, Shutdown::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn second_signal_aborts_the_drain() {
        let (producer, _producer_stop) = shutdown_channel();
        let (processor, _processor_stop) = shutdown_channel();
        let signals = Cell::new(0);
        let run_limits = RunLimits {
            producer: &producer,
            processor: &processor,
            limit: RunLimit::None,
            has_source: true,
            rows: || 0,
        };
        let started = Instant::now();
        let stop_signal = || {
            signals.set(signals.get() + 1);
            std::future::ready(())
        };
        run_limits.enforce(stop_signal, || {}).await;
        assert_eq!((signals.get(), started.elapsed()), (2, Duration::ZERO));
    }
}
