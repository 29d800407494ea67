//! SIGTERM and SIGINT request a shutdown. A second signal ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::runtime::shutdown::{Shutdown, ShutdownHandle};

/// Requests a shutdown at the first signal. Returns at the second.
pub(super) async fn shut_down_on_signal(handle: &ShutdownHandle) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("no signal handler can be installed: the process can only be killed");
        return std::future::pending().await;
    };
    either(&mut terminate, &mut interrupt).await;
    tracing::info!("signal received: finishing what is in flight");
    handle.request(Shutdown::Now);
    either(&mut terminate, &mut interrupt).await;
    tracing::warn!("second signal received: exiting at once");
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
