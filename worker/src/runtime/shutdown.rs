//! Shutdown requests of a running loop.

use tokio::sync::watch;

/// The shutdown that was requested. Only ever moves towards `Now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Shutdown {
    /// Run.
    #[default]
    NotRequested,
    /// Process everything that is there, then end.
    WhenCaughtUp,
    /// Take nothing new, finish what is in flight, commit, end.
    Now,
}

/// Requests a shutdown. Dropping it requests [`Shutdown::Now`].
#[derive(Debug)]
pub struct ShutdownHandle(watch::Sender<Shutdown>);

/// Receives shutdown requests.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(watch::Receiver<Shutdown>);

/// A connected pair.
pub fn shutdown_channel() -> (ShutdownHandle, ShutdownSignal) {
    let (sender, receiver) = watch::channel(Shutdown::NotRequested);
    (ShutdownHandle(sender), ShutdownSignal(receiver))
}

impl ShutdownHandle {
    /// Requests a shutdown. A request that is weaker than an earlier one changes nothing.
    pub fn request(&self, shutdown: Shutdown) {
        self.0.send_if_modified(|current| {
            let stronger = shutdown > *current;
            *current = shutdown.max(*current);
            stronger
        });
    }

    /// Another receiver.
    pub fn signal(&self) -> ShutdownSignal {
        ShutdownSignal(self.0.subscribe())
    }
}

impl ShutdownSignal {
    /// The strongest request so far.
    pub fn current(&self) -> Shutdown {
        if self.0.has_changed().is_err() { Shutdown::Now } else { *self.0.borrow() }
    }

    /// Waits until this or a stronger shutdown is requested. Cancel safe.
    pub async fn requested(&mut self, shutdown: Shutdown) {
        // An error means that the handle was dropped, which requests a shutdown.
        let _ = self.0.wait_for(|current| *current >= shutdown).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn request_never_weakens_and_dropped_handle_requests_shutdown() {
        let (handle, mut signal) = shutdown_channel();
        handle.request(Shutdown::Now);
        handle.request(Shutdown::WhenCaughtUp);
        assert_eq!(signal.current(), Shutdown::Now);
        let (handle, mut other) = shutdown_channel();
        drop(handle);
        other.requested(Shutdown::Now).await;
        signal.requested(Shutdown::WhenCaughtUp).await;
        assert_eq!(other.current(), Shutdown::Now);
    }
}
