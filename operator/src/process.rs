//! The operator's process: connect, wait to be the leader, reconcile until told to stop, let another lead.

pub mod arguments;
pub mod check;
mod logging;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use self::arguments::Arguments;
use crate::model::settings::{OptionalKinds, Settings};
use crate::runtime::discovery::optional_kinds;
use crate::runtime::lease::{LeaderElector, LeaderGuard};
use crate::runtime::serve::{self, Observed};
use crate::runtime::{Controller, Health, Metrics, explained, worker_client};

/// The pause between two attempts to get something from the API server at the start.
const CONNECT_PAUSE: Duration = Duration::from_secs(2);
/// How long what is under way may take to end once the process is told to stop.
const ENDING: Duration = Duration::from_secs(5);

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
    /// Another replica leads now, or may. A new process starts with nothing in flight.
    #[error("this replica is not the leader any more")]
    LostLead,
}

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    logging::init();
    // Fails only when a provider was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // What it does is short or waits for others: between threads it would be handed on more often than worked at.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::from(69);
        }
    };
    let ended = runtime.block_on(serve_and_work(arguments));
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

async fn serve_and_work(arguments: Arguments) -> Result<(), Ended> {
    let (health, metrics): (Arc<Health>, Arc<Metrics>) = Default::default();
    let serving =
        serve::serve(arguments.listen, Observed { health: health.clone(), metrics: metrics.clone() });
    let working = work(arguments, health, metrics, told_to_stop());
    tokio::select! {
        served = serving => Ok(served?),
        ended = working => ended,
    }
}

async fn work(
    arguments: Arguments,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()>,
) -> Result<(), Ended> {
    let mut stop = std::pin::pin!(stop);
    let client = Client::try_default().await.map_err(|error| Ended::Configuration(Box::new(error)))?;
    let kinds = tokio::select! {
        kinds = reached(&health, "API server", async || optional_kinds(&client).await) => kinds,
        () = &mut stop => return Ok(()),
    };
    let Some(namespace) = &arguments.lease_namespace else {
        metrics.leads(true);
        let lead = LeaderGuard::of_one_alone();
        let controller = controller(&arguments, client, kinds, health, metrics, lead)?;
        return reconcile(controller, stop).await;
    };
    let (name, identity) = (arguments.lease_name.clone(), arguments.instance.clone());
    let (mut candidate, lead) = LeaderElector::new(client.clone(), namespace, name, identity, health.clone());
    let leading = async {
        tracing::info!("waiting to be the leader");
        tokio::select! {
            () = lead.gained() => {}
            () = &mut stop => return Ok(()),
        }
        tracing::info!("is the leader");
        metrics.leads(true);
        let controller =
            controller(&arguments, client, kinds, health.clone(), metrics.clone(), lead.clone())?;
        let ended = reconcile(controller, stop).await;
        metrics.leads(false);
        ended
    };
    let ended = tokio::select! {
        () = candidate.stand() => Err(Ended::LostLead),
        ended = leading => ended,
    };
    if matches!(ended, Err(Ended::LostLead)) {
        health.missing("lease", "this replica was the leader and is not any more; it starts again");
    }
    // Nothing of this replica acts any more.
    if let Err(error) = candidate.release().await {
        tracing::warn!(%error, "the lease is not given back: others wait until it has run out");
    }
    ended
}

fn controller(
    arguments: &Arguments,
    client: Client,
    kinds: OptionalKinds,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    lead: LeaderGuard,
) -> Result<Controller, Ended> {
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
        lead,
        health,
        metrics,
    })
}

/// Reconciles as long as this replica leads; told to stop, it lets what is under way end, for a bounded time.
async fn reconcile(controller: Controller, stop: impl Future<Output = ()>) -> Result<(), Ended> {
    let lead = controller.lead.clone();
    let ending = async {
        stop.await;
        drop(timeout(ENDING, lead.end()).await);
    };
    tokio::select! {
        () = controller.run() => Ok(()),
        () = ending => Ok(()),
        () = lead.lost() => Err(Ended::LostLead),
    }
}

/// What an attempt gives as soon as one succeeds; until then it is told as missing. The process does not end meanwhile: a new
/// one would not get it either, and be started ever more slowly.
async fn reached<T>(health: &Health, part: &str, attempt: impl AsyncFn() -> Result<T, kube::Error>) -> T {
    loop {
        match attempt().await {
            Ok(reached) => {
                health.present(part);
                return reached;
            }
            Err(error) => {
                let why = explained(&error);
                tracing::warn!(part, error = why, "not to be had, and tried again");
                health.missing(part, why);
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
        let refused = |why: &str| Err(kube::Error::Service(why.into()));
        let answers = RefCell::new(vec![Ok("kinds"), refused("forbidden"), refused("no route")]);
        let missing = RefCell::new(Vec::new());
        let attempt = async || {
            missing.borrow_mut().push(health.report());
            answers.borrow_mut().pop().unwrap()
        };
        assert_eq!(reached(&health, "API server", attempt).await, "kinds");
        let missing = missing.into_inner();
        assert!(missing[0].is_empty() && missing.len() == 3, "{missing:?}");
        for (said, why) in missing[1..].iter().zip(["no route", "forbidden"]) {
            assert!(said[0].starts_with("API server: ") && said[0].ends_with(why), "{said:?}");
        }
        assert_eq!(health.report(), Vec::<String>::new());
    }
}
