//! The operator's process: connects, waits until it leads, reconciles until SIGTERM, and releases the Lease.
//!
//! Two threads: one reconciles, the other serves the endpoints and renews the Lease, so that heavy specs neither fail the
//! liveness probe nor lose the leadership. The Lease is released once the first runtime is gone, with all that could
//! still write.

pub mod arguments;
mod background;
pub mod check;
mod leadership;
mod logging;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use self::arguments::Arguments;
use self::background::BackgroundThread;
use self::leadership::Leadership;
use crate::model::settings::{OptionalKinds, Settings};
use crate::runtime::discovery::optional_kinds;
use crate::runtime::lease::LeaderGuard;
use crate::runtime::serve::{self, Served};
use crate::runtime::{Controller, Health, Heartbeat, Metrics, explained, worker_client};

/// The delay between two attempts to reach the API server at the start.
const CONNECT_DELAY: Duration = Duration::from_secs(2);
/// How long reconciles in progress may take to end after SIGTERM.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the process ends without a signal.
#[derive(Debug, thiserror::Error)]
enum ExitCause {
    /// Neither a kubeconfig nor a service account names the API server.
    #[error("the API server's address is unknown: {0}")]
    Configuration(#[source] Box<kube::Error>),
    /// The endpoints cannot be served.
    #[error("health and metrics cannot be served: {0}")]
    Listen(#[from] std::io::Error),
    /// The client of the workers cannot be created.
    #[error("workers cannot be scraped: {0}")]
    Workers(#[from] reqwest::Error),
    /// Another replica leads now, or may. A new process starts with nothing in progress.
    #[error("this replica is not the leader any more")]
    LeadershipLost,
}

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    logging::init();
    // Fails only when a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Tasks are short or wait for I/O: moving them between threads would cost more than running them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, background) = match runtime.and_then(|it| Ok((it, BackgroundThread::start()?))) {
        Ok(started) => started,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::from(69);
        }
    };
    let mut leadership = None;
    let ended = runtime.block_on(serve_and_reconcile(arguments, &background, &mut leadership));
    // The next leader finishes what is in progress.
    runtime.shutdown_background();
    // Nothing of this replica acts any more.
    if let Some(leadership) = leadership {
        background.block_on(leadership.release());
    }
    match ended {
        Ok(()) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "exits");
            ExitCode::from(69)
        }
    }
}

async fn termination_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn serve_and_reconcile(
    arguments: Arguments,
    background: &BackgroundThread,
    leadership: &mut Option<Leadership>,
) -> Result<(), ExitCause> {
    let (health, metrics): (Arc<Health>, Arc<Metrics>) = Default::default();
    let heartbeat = Arc::<Heartbeat>::default();
    let served = Served { health: health.clone(), heartbeat: heartbeat.clone(), metrics: metrics.clone() };
    let serving = background.handle().spawn(serve::serve(arguments.listen, served));
    let reconciling =
        lead_and_reconcile(arguments, health, metrics, background, leadership, termination_signal());
    tokio::select! {
        served = serving => Ok(served.map_err(std::io::Error::other)??),
        ended = reconciling => ended,
        () = heartbeat.run() => Ok(()),
    }
}

async fn lead_and_reconcile(
    arguments: Arguments,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    background: &BackgroundThread,
    leadership: &mut Option<Leadership>,
    stop: impl Future<Output = ()>,
) -> Result<(), ExitCause> {
    let mut stop = std::pin::pin!(stop);
    let client = Client::try_default().await.map_err(|error| ExitCause::Configuration(Box::new(error)))?;
    let kinds = tokio::select! {
        kinds = retried(&health, "API server", async || optional_kinds(&client).await) => kinds,
        () = &mut stop => return Ok(()),
    };
    let Some(namespace) = arguments.lease_namespace.clone() else {
        metrics.set_leader(true);
        let leader = LeaderGuard::always();
        let controller = controller(&arguments, client, kinds, health, metrics, leader)?;
        return reconcile(controller, stop).await;
    };
    let (name, identity) = (arguments.lease_name.clone(), arguments.instance.clone());
    let elected = Leadership::start(background.handle(), namespace, name, identity, health.clone()).await;
    let elected = elected.map_err(ExitCause::Configuration)?;
    let (leader, lost) = (elected.guard(), elected.ended());
    // Released by the caller, however this ends.
    *leadership = Some(elected);
    tracing::info!("waiting for leadership");
    tokio::select! {
        () = leader.gained() => {}
        () = lost.notified() => return Err(ExitCause::LeadershipLost),
        () = &mut stop => return Ok(()),
    }
    tracing::info!("leading");
    metrics.set_leader(true);
    let controller = controller(&arguments, client, kinds, health.clone(), metrics.clone(), leader)?;
    let ended = reconcile(controller, stop).await;
    metrics.set_leader(false);
    if matches!(ended, Err(ExitCause::LeadershipLost)) {
        health.set_missing("lease", "this replica has lost its leadership and restarts");
    }
    ended
}

fn controller(
    arguments: &Arguments,
    client: Client,
    kinds: OptionalKinds,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    leader: LeaderGuard,
) -> Result<Controller, ExitCause> {
    Ok(Controller {
        client,
        workers: worker_client()?,
        settings: Settings {
            worker_image: arguments.worker_image.clone(),
            worker_image_pull_policy: arguments.worker_image_pull_policy,
            allowed_private_ranges: arguments.allowed_private_ranges.clone(),
            worker_resources: arguments.worker_resources.clone(),
            network_policies: arguments.network_policies,
            kinds,
        },
        namespaces: arguments.watch_namespaces.clone(),
        instance: arguments.instance.clone(),
        leader,
        health,
        metrics,
    })
}

/// Reconciles as long as this replica leads. After a signal, reconciles in progress may end within a timeout.
async fn reconcile(controller: Controller, stop: impl Future<Output = ()>) -> Result<(), ExitCause> {
    let leader = controller.leader.clone();
    let draining = async {
        stop.await;
        drop(timeout(DRAIN_TIMEOUT, leader.drain()).await);
    };
    tokio::select! {
        () = controller.run() => Ok(()),
        () = draining => Ok(()),
        () = leader.lost() => Err(ExitCause::LeadershipLost),
    }
}

/// Retries an attempt until it succeeds, and reports the part as missing until then. The process does not exit
/// meanwhile: a new one would fail as well, and Kubernetes would restart it ever later.
async fn retried<T>(health: &Health, part: &str, attempt: impl AsyncFn() -> Result<T, kube::Error>) -> T {
    loop {
        match attempt().await {
            Ok(value) => {
                health.set_present(part);
                return value;
            }
            Err(error) => {
                let why = explained(&error);
                tracing::warn!(part, error = why, "unavailable, retrying");
                health.set_missing(part, why);
                tokio::time::sleep(CONNECT_DELAY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failed_attempt_is_reported_and_retried() {
        let health = Health::default();
        let refused = |why: &str| Err(kube::Error::Service(why.into()));
        let answers = RefCell::new(vec![Ok("kinds"), refused("forbidden"), refused("no route")]);
        let missing = RefCell::new(Vec::new());
        let attempt = async || {
            missing.borrow_mut().push(health.report());
            answers.borrow_mut().pop().unwrap()
        };
        assert_eq!(retried(&health, "API server", attempt).await, "kinds");
        let missing = missing.into_inner();
        assert!(missing[0].is_empty() && missing.len() == 3, "{missing:?}");
        for (report, why) in missing[1..].iter().zip(["no route", "forbidden"]) {
            assert!(report[0].starts_with("API server: ") && report[0].ends_with(why), "{report:?}");
        }
        assert_eq!(health.report(), Vec::<String>::new());
    }
}
