//! The Tokio runtime of a command.

use super::CommandError;

/// Runs a future to its end on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, CommandError> {
    userstream_worker::security::tls::install_crypto_provider();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let output = runtime.block_on(future);
    // A DNS lookup that is still running on a blocking thread does not delay the exit.
    runtime.shutdown_background();
    Ok(output)
}
