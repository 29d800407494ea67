//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Termination signals of this process.
#[derive(Debug, Default)]
pub(super) struct Signals(Notify);

impl Signals {
    /// Waits for the next signal.
    pub(super) async fn next(&self) {
        self.0.notified().await;
    }

    /// Receives signals. Never returns.
    pub(super) async fn listen(&self) {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            tracing::warn!(
                "cannot install signal handlers: only SIGKILL ends the process, and loses no records"
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
