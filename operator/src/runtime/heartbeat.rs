//! Whether the thread of the reconciles makes progress, for `/livez`.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::sync::lock;

/// How often the thread reports that it makes progress.
const PERIOD: Duration = Duration::from_secs(5);
/// How old the last report may be. A thread that is only busy reports earlier: each of its steps is short.
const LIMIT: Duration = Duration::from_secs(180);

/// The time of the last report.
#[derive(Debug)]
pub struct Heartbeat(Mutex<Instant>);

impl Default for Heartbeat {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Heartbeat {
    /// Reports progress of the calling task's thread until the future is dropped.
    pub async fn run(&self) {
        loop {
            *lock(&self.0) = Instant::now();
            sleep(PERIOD).await;
        }
    }

    /// The age of the last report, if it is too old.
    #[must_use]
    pub fn overdue(&self) -> Option<Duration> {
        let age = lock(&self.0).elapsed();
        (age >= LIMIT).then_some(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn heartbeat_is_overdue_once_its_thread_makes_no_progress() {
        let heartbeat = Heartbeat::default();
        let alive = tokio::time::timeout(LIMIT * 2, heartbeat.run()).await;
        assert!(alive.is_err() && heartbeat.overdue().is_none());
        tokio::time::advance(LIMIT).await;
        assert!(heartbeat.overdue().is_some());
    }
}
