//! How a running worker is told to end.

use tokio::sync::watch;

/// What a loop should do. Only ever moves towards `Now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stop {
    /// Go on.
    #[default]
    Never,
    /// Go on until everything there is has been processed, then end.
    WhenCaughtUp,
    /// Take nothing new, finish what is in flight, commit, end.
    Now,
}

/// The one who says stop. Dropped, it says [`Stop::Now`].
#[derive(Debug)]
pub struct Stopper(watch::Sender<Stop>);

/// The one who is told.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Stop>);

/// A connected pair.
pub fn stop_channel() -> (Stopper, StopSignal) {
    let (sender, receiver) = watch::channel(Stop::Never);
    (Stopper(sender), StopSignal(receiver))
}

impl Stopper {
    /// Asks to stop. A weaker wish than one already uttered changes nothing.
    pub fn stop(&self, stop: Stop) {
        self.0.send_if_modified(|current| {
            let stronger = stop > *current;
            *current = stop.max(*current);
            stronger
        });
    }

    /// Another receiver.
    pub fn signal(&self) -> StopSignal {
        StopSignal(self.0.subscribe())
    }
}

impl StopSignal {
    /// What was asked last.
    pub fn current(&self) -> Stop {
        if self.0.has_changed().is_err() { Stop::Now } else { *self.0.borrow() }
    }

    /// Waits until something at least as strong was asked. Cancel safe.
    pub async fn reached(&mut self, stop: Stop) {
        // An error means that nobody can say anything any more: the same as Now.
        let _ = self.0.wait_for(|current| *current >= stop).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_never_weakens_and_a_dropped_stopper_stops() {
        let (stopper, mut signal) = stop_channel();
        stopper.stop(Stop::Now);
        stopper.stop(Stop::WhenCaughtUp);
        assert_eq!(signal.current(), Stop::Now);
        let (stopper, mut other) = stop_channel();
        drop(stopper);
        other.reached(Stop::Now).await;
        signal.reached(Stop::WhenCaughtUp).await;
        assert_eq!(other.current(), Stop::Now);
    }
}
