//! The schedule of source runs.

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
    /// At this interval.
    Every(Duration),
    /// At the start, and then at cron times.
    Cron(Cron, TimeZone),
}

impl Schedule {
    /// Runs the source until a stop is requested; under `Once`, one time.
    ///
    /// # Errors
    /// Under `Once`, any error of the run. Otherwise only a record that fails under `onError: Fail`: other errors are logged,
    /// and the next run is at its time.
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
                    Err(error) => {
                        tracing::warn!(%error, "a run failed; the next run is at its scheduled time");
                    }
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

/// Waits for the next cron time; never returns where there is none.
async fn wait_for_next(cron: &Cron, time_zone: &TimeZone) {
    /// The wall clock is checked at this interval, because it can be set and the machine can sleep.
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
