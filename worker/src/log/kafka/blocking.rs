//! Runs a call of librdkafka that may block on a thread of its own, so that the worker's one thread never waits for it.
//!
//! The thread is detached: a call that hangs because no broker answers holds up nothing, not even the end of the process,
//! which a runtime's pool of blocking threads would.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use super::super::LogError;

/// The result of the call, later. It never comes when the call panicked.
pub(crate) type Answer<T> = oneshot::Receiver<T>;

/// Starts the call.
///
/// # Errors
/// When the system has no thread to spare.
pub(crate) fn off_thread<T: Send + 'static>(
    name: &str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Answer<T>, LogError> {
    let (sender, answer) = oneshot::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Nobody may be waiting any more; then nobody wants the answer.
            let _ = sender.send(call());
        })
        .map_err(|source: io::Error| LogError::Unavailable { cause: "client", source: Box::new(source) })?;
    Ok(answer)
}
