//! Whether this replica may act now.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio::time::{Instant, sleep_until};

/// Whether this replica may act, as long as it is known to.
#[derive(Clone, Debug)]
pub struct LeaderGuard {
    /// Until when; None: without a Lease, for ever.
    until: Option<watch::Receiver<Option<Instant>>>,
    /// Read by everything that is under way.
    under_way: Arc<RwLock<()>>,
}

impl LeaderGuard {
    /// The lead of one who is alone.
    #[must_use]
    pub fn of_one_alone() -> Self {
        Self { until: None, under_way: Arc::default() }
    }

    pub(crate) fn watched(until: watch::Receiver<Option<Instant>>) -> Self {
        Self { until: Some(until), under_way: Arc::default() }
    }

    /// Whether this replica may act now.
    #[must_use]
    pub fn holds(&self) -> bool {
        let Some(until) = &self.until else { return true };
        until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Begins something that is let end when this replica stops; does not return once it does.
    pub async fn begin(&self) -> OwnedRwLockReadGuard<()> {
        self.under_way.clone().read_owned().await
    }

    /// Does this as long as this replica may act. Asked before every step of it: a process that was held up goes on with what
    /// it was about to do, and not with its timers.
    pub async fn while_it_holds<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        poll_fn(|context| match self.holds() {
            true => work.as_mut().poll(context).map(Some),
            false => Poll::Ready(None),
        })
        .await
    }

    /// Returns once it may act.
    pub async fn gained(&self) {
        if let Some(mut until) = self.until.clone() {
            // The sender is gone only when the process is.
            let _ = until.wait_for(Option::is_some).await;
        }
    }

    /// Returns once it may not any more.
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

    /// Returns once nothing is under way. Nothing more begins as long as what it returns is kept.
    #[must_use]
    pub async fn end(&self) -> OwnedRwLockWriteGuard<()> {
        self.under_way.clone().write_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn lead(until: Option<Instant>) -> (watch::Sender<Option<Instant>>, LeaderGuard) {
        let (sender, receiver) = watch::channel(until);
        (sender, LeaderGuard::watched(receiver))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_that_is_not_renewed_is_lost_when_its_time_is_up() {
        let second = Duration::from_secs(1);
        let (renewals, lead) = lead(Some(Instant::now() + second));
        tokio::time::advance(second / 2).await;
        renewals.send(Some(Instant::now() + second)).unwrap();
        let began = Instant::now();
        lead.lost().await;
        assert_eq!((began.elapsed(), lead.holds()), (second, false));
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_no_step_further_once_the_lead_is_lost_even_when_nobody_has_noticed() {
        let (_renewals, lead) = lead(Some(Instant::now() + Duration::from_secs(1)));
        let (go_on, went_on) = tokio::sync::oneshot::channel();
        let mut work = std::pin::pin!(lead.while_it_holds(async { went_on.await.is_ok() }));
        assert_eq!(work.as_mut().now_or_never(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        go_on.send(()).unwrap();
        assert_eq!(work.await, None);
    }

    #[tokio::test]
    async fn the_end_waits_for_what_is_under_way_and_lets_nothing_begin() {
        let lead = LeaderGuard::of_one_alone();
        let under_way = lead.begin().await;
        let mut end = std::pin::pin!(lead.end());
        assert!(end.as_mut().now_or_never().is_none());
        assert!(lead.begin().now_or_never().is_none());
        drop(under_way);
        let _ended = end.await;
        assert!(lead.begin().now_or_never().is_none());
    }
}
