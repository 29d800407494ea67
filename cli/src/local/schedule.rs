//! When the source runs.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;
use userstream_crds::cron::Cron;
use userstream_worker::log::Producer;
use userstream_worker::loops::produce::{ProduceError, ProduceLoop, Run, Transform};
use userstream_worker::runtime::shutdown::Shutdown;
use userstream_worker::source::Source;

use std::time::Duration;

/// When the source runs.
#[derive(Debug, Clone)]
pub(super) enum Schedule {
    /// Once.
    Once,
    /// So often.
    Every(Duration),
    /// At the start, and then at the times of a schedule.
    Cron(Cron, TimeZone),
}

impl Schedule {
    /// Runs the source until it is told to stop, or has run once.
    ///
    /// # Errors
    /// When the one run failed; else a poison record under `onError: Fail` alone.
    pub(super) async fn run<S: Source, P: Producer, M: Transform>(
        &self,
        producing: &mut ProduceLoop<'_, S, P, M>,
    ) -> Result<(), ProduceError> {
        match self {
            Self::Once => producing.run_once().await.map(|_| ()),
            Self::Every(interval) => producing.run_continuously(*interval).await,
            Self::Cron(cron, time_zone) => loop {
                match producing.run_once().await {
                    Ok(Run::Complete) => {}
                    Ok(Run::Stopped) => return Ok(()),
                    Err(error @ ProduceError::Record(_)) => return Err(error),
                    Err(error) => tracing::warn!(%error, "a run failed; the next one is at its time"),
                }
                let mut stop = producing.shutdown.clone();
                tokio::select! {
                    biased;
                    () = stop.requested(Shutdown::WhenCaughtUp) => return Ok(()),
                    () = wait_for_next(cron, time_zone) => {}
                }
            },
        }
    }
}

/// Waits for the next time of a schedule; for ever where there is none.
async fn wait_for_next(cron: &Cron, time_zone: &TimeZone) {
    /// The clock may be set, or the machine may sleep: so often it is looked at again.
    const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(30);
    let Some(next) = cron.next_after(Timestamp::now(), time_zone) else {
        return std::future::pending().await;
    };
    tracing::info!(%next, "waiting for the next run");
    loop {
        let left = Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep_until(Instant::now() + left.min(CLOCK_CHECK_INTERVAL)).await;
    }
}
