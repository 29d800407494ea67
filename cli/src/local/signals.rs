//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// The signals that ask a run to end.
#[derive(Debug, Default)]
pub(super) struct Signals(Notify);

impl Signals {
    /// Waits for the next signal.
    pub(super) async fn next(&self) {
        self.0.notified().await;
    }

    /// Listens for signals. Never returns.
    pub(super) async fn listen(&self) {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            tracing::warn!(
                "signals cannot be listened for: the process can only be killed, and loses nothing by it"
            );
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            self.0.notify_one();
        }
    }
}
