//! Whether this replica may act now.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio::time::{Instant, sleep_until};

/// Whether this replica may act, which ends unless its Lease is renewed.
#[derive(Clone, Debug)]
pub struct LeaderGuard {
    /// Until when; `None`: always, without a Lease.
    until: Option<watch::Receiver<Option<Instant>>>,
    /// Read-locked by everything in progress.
    in_progress: Arc<RwLock<()>>,
}

impl LeaderGuard {
    /// The guard of a single replica, which always leads.
    #[must_use]
    pub fn always() -> Self {
        Self { until: None, in_progress: Arc::default() }
    }

    pub(super) fn watched(until: watch::Receiver<Option<Instant>>) -> Self {
        Self { until: Some(until), in_progress: Arc::default() }
    }

    /// Whether this replica may act now.
    #[must_use]
    pub fn is_leading(&self) -> bool {
        let Some(until) = &self.until else { return true };
        until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Starts something that a drain waits for. Never returns once the drain has started.
    pub async fn start(&self) -> OwnedRwLockReadGuard<()> {
        self.in_progress.clone().read_owned().await
    }

    /// Polls this work as long as this replica leads; `None` once it does not. Checked before each poll: a process that
    /// was suspended would otherwise continue the work before its timers fire.
    pub async fn while_leading<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        poll_fn(|context| match self.is_leading() {
            true => work.as_mut().poll(context).map(Some),
            false => Poll::Ready(None),
        })
        .await
    }

    /// Waits until this replica leads.
    pub async fn gained(&self) {
        if let Some(mut until) = self.until.clone() {
            // The sender lives as long as the process.
            let _ = until.wait_for(Option::is_some).await;
        }
    }

    /// Waits until this replica leads no more.
    pub async fn lost(&self) {
        let Some(mut until) = self.until.clone() else { return std::future::pending().await };
        loop {
            let Some(end) = *until.borrow_and_update() else { return };
            if Instant::now() >= end {
                return;
            }
            tokio::select! {
                changed = until.changed() => if changed.is_err() { return },
                () = sleep_until(end) => {}
            }
        }
    }

    /// Waits until nothing is in progress. Nothing can start as long as the returned guard lives.
    #[must_use]
    pub async fn drain(&self) -> OwnedRwLockWriteGuard<()> {
        self.in_progress.clone().write_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn guard(until: Option<Instant>) -> (watch::Sender<Option<Instant>>, LeaderGuard) {
        let (sender, receiver) = watch::channel(until);
        (sender, LeaderGuard::watched(receiver))
    }

    #[tokio::test(start_paused = true)]
    async fn leadership_is_lost_when_it_is_not_renewed() {
        let second = Duration::from_secs(1);
        let (renewals, guard) = guard(Some(Instant::now() + second));
        tokio::time::advance(second / 2).await;
        renewals.send(Some(Instant::now() + second)).unwrap();
        let started = Instant::now();
        guard.lost().await;
        assert_eq!((started.elapsed(), guard.is_leading()), (second, false));
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_not_polled_once_leadership_is_lost() {
        let (_renewals, guard) = guard(Some(Instant::now() + Duration::from_secs(1)));
        let (go_on, went_on) = tokio::sync::oneshot::channel();
        let mut work = std::pin::pin!(guard.while_leading(async { went_on.await.is_ok() }));
        assert_eq!(work.as_mut().now_or_never(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        go_on.send(()).unwrap();
        assert_eq!(work.await, None);
    }

    #[tokio::test]
    async fn drain_waits_for_work_in_progress_and_starts_none() {
        let guard = LeaderGuard::always();
        let in_progress = guard.start().await;
        let mut drain = std::pin::pin!(guard.drain());
        assert!(drain.as_mut().now_or_never().is_none());
        assert!(guard.start().now_or_never().is_none());
        drop(in_progress);
        let _drained = drain.await;
        assert!(guard.start().now_or_never().is_none());
    }
}
