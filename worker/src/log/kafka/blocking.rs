//! Blocking calls of librdkafka, each on its own thread, so that the worker's one thread never waits for a broker.
//!
//! The thread is detached. A call that hangs because no broker answers delays nothing, not even the end of the process,
//! which a runtime's pool of blocking threads would.

use std::thread;

use tokio::sync::oneshot;

use super::error::no_thread;
use crate::log::LogError;

/// The pending result of a call. Fails when the call panicked.
pub(crate) type Pending<T> = oneshot::Receiver<T>;

/// Starts the call.
///
/// # Errors
/// When the system cannot create a thread.
pub(crate) fn spawn_blocking<T: Send + 'static>(
    name: &str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Pending<T>, LogError> {
    let (sender, pending) = oneshot::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // The caller may have stopped waiting.
            let _ = sender.send(call());
        })
        .map_err(no_thread)?;
    Ok(pending)
}
