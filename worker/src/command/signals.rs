//! SIGTERM and SIGINT end the worker in order; a second one ends it at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::runtime::shutdown::{Stop, Stopper};

/// Says stop at the first signal. Returns at the second.
pub(super) async fn stop_on_signal(stopper: &Stopper) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals cannot be listened for; the process can only be killed");
        return std::future::pending().await;
    };
    either(&mut terminate, &mut interrupt).await;
    tracing::info!("told to stop: finishing what is in flight");
    stopper.stop(Stop::Now);
    either(&mut terminate, &mut interrupt).await;
    tracing::warn!("told to stop again: leaving at once");
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
