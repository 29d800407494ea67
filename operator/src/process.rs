//! The operator's process: connect, wait to be the leader, reconcile until told to stop.

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube_lease_manager::LeaseManagerBuilder;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Arguments;
use crate::controller::{Controller, Health, Metrics, worker_client};
use crate::discovery::optional_kinds;
use crate::log;
use crate::server::{self, Observed};
use crate::settings::Settings;

/// How long a leader that is gone keeps others from taking over, and how long before the end it says that it is still there.
const LEASE_SECONDS: u64 = 15;
const LEASE_GRACE_SECONDS: u64 = 5;
/// The pause between two attempts to get something from the API server at the start.
const CONNECT_PAUSE: Duration = Duration::from_secs(2);

/// Why the process ends before it is told to.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// There is no way to reach the API server.
    #[error("the API server's address cannot be found out: {0}")]
    Configuration(#[source] Box<kube::Error>),
    /// The endpoints cannot be served.
    #[error("health and metrics cannot be served: {0}")]
    Listen(#[from] std::io::Error),
    /// There is no way to ask the workers.
    #[error("workers cannot be asked: {0}")]
    Workers(#[from] reqwest::Error),
    /// Another replica leads now. A new process starts with nothing in flight.
    #[error("another replica is the leader now")]
    LostLead,
}

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    log::init();
    // Fails only when a provider was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::from(69);
        }
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = lead_and_reconcile(arguments) => ended,
            () = told_to_stop() => Ok(()),
        }
    });
    // Nothing that is in flight has to end: whoever comes next finishes it.
    runtime.shutdown_background();
    match ended {
        Ok(()) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::from(69)
        }
    }
}

async fn told_to_stop() {
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

async fn lead_and_reconcile(arguments: Arguments) -> Result<(), Ended> {
    let (health, metrics): (Arc<Health>, Arc<Metrics>) = Default::default();
    let serving =
        server::serve(arguments.listen, Observed { health: health.clone(), metrics: metrics.clone() });
    let working = work(arguments, health, metrics);
    tokio::select! {
        served = serving => Ok(served?),
        ended = working => ended,
    }
}

async fn work(arguments: Arguments, health: Arc<Health>, metrics: Arc<Metrics>) -> Result<(), Ended> {
    let client = Client::try_default().await.map_err(|error| Ended::Configuration(Box::new(error)))?;
    let kinds = reached(&health, "API server", async || optional_kinds(&client).await).await;
    let controller = Controller {
        client: client.clone(),
        workers: worker_client()?,
        settings: Settings {
            worker_image: arguments.worker_image,
            worker_image_pull_policy: arguments.worker_image_pull_policy,
            allowed_private_ranges: arguments.allowed_private_ranges,
            worker_resources: arguments.worker_resources,
            network_policies: arguments.network_policies,
            kinds,
        },
        namespaces: arguments.watch_namespaces,
        instance: arguments.instance.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
    };
    let Some(namespace) = arguments.lease_namespace else {
        metrics.leads(true);
        controller.run().await;
        return Ok(());
    };
    let manager = async || {
        LeaseManagerBuilder::new(client.clone(), arguments.lease_name.clone())
            .with_namespace(namespace.clone())
            .with_identity(arguments.instance.clone())
            .with_duration(LEASE_SECONDS)
            .with_grace(LEASE_GRACE_SECONDS)
            .build()
            .await
    };
    let lease = reached(&health, "lease", manager).await;
    // The receiver is kept: dropping it gives the lease back.
    let (mut leads, _renewal) = lease.watch().await;
    tracing::info!("waiting to be the leader");
    if leads.wait_for(|leads| *leads).await.is_err() {
        return Err(Ended::LostLead);
    }
    tracing::info!("is the leader");
    metrics.leads(true);
    tokio::select! {
        () = controller.run() => Ok(()),
        _ = leads.wait_for(|leads| !*leads) => Err(Ended::LostLead),
    }
}

/// What an attempt gives as soon as one succeeds; until then it is told as missing. The process does not end meanwhile: a new
/// one would not get it either, and be started ever more slowly.
async fn reached<T, E: Display>(health: &Health, part: &str, attempt: impl AsyncFn() -> Result<T, E>) -> T {
    loop {
        match attempt().await {
            Ok(reached) => {
                health.present(part);
                return reached;
            }
            Err(error) => {
                health.missing(part, error.to_string());
                tracing::warn!(part, %error, "not to be had, and tried again");
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_had_is_named_as_missing_and_tried_again_until_it_can() {
        let health = Health::default();
        let answers = RefCell::new(vec![Ok("lease"), Err("forbidden"), Err("no answer")]);
        let missing = RefCell::new(Vec::new());
        let attempt = async || {
            missing.borrow_mut().push(health.report());
            answers.borrow_mut().pop().unwrap()
        };
        assert_eq!(reached(&health, "lease", attempt).await, "lease");
        let said = |why: &str| vec![format!("lease: {why}")];
        assert_eq!(*missing.borrow(), [Vec::new(), said("no answer"), said("forbidden")]);
        assert_eq!(health.report(), Vec::<String>::new());
    }
}
