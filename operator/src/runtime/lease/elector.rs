//! Acquires the Lease, renews it, and releases it at the end. Reports to [`Health`] when the API server keeps it from
//! that.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use userstream_crds::names::FIELD_MANAGER;

use super::{Election, LeaderGuard, LeaderRecord, Step};
use crate::runtime::health::{Health, explained};

/// How often a leader renews the Lease, and how often others read it.
const RETRY_PERIOD: Duration = Duration::from_secs(3);
/// The delay after a failed attempt. A leader has several attempts until its renew deadline.
const FAILURE_DELAY: Duration = Duration::from_secs(1);
/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The part of `/readyz`.
const PART: &str = "lease";

/// Why the Lease could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The API server did not answer, or refused.
    #[error("{}", explained(.0))]
    Api(#[from] Box<kube::Error>),
    /// It took too long.
    #[error("the API server does not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
}

/// One of the replicas that a Lease elects the leader from.
#[derive(Debug)]
pub struct LeaderElector {
    api: Api<Lease>,
    name: String,
    identity: String,
    election: Election,
    /// The last observed version of the Lease.
    version: Option<String>,
    until: watch::Sender<Option<Instant>>,
    health: Arc<Health>,
}

impl LeaderElector {
    /// The elector of a replica with this identity, and the guard of its leadership.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        name: String,
        identity: String,
        health: Arc<Health>,
    ) -> (Self, LeaderGuard) {
        let (until, receiver) = watch::channel(None);
        let election = Election::of(identity.clone());
        let api = Api::namespaced(client, namespace);
        (Self { api, name, identity, election, version: None, until, health }, LeaderGuard::watched(receiver))
    }

    /// Acquires and renews the Lease until the future is dropped, or leadership is lost. Lost leadership is not regained:
    /// a busy thread could otherwise miss that another replica has led meanwhile, and continue what it had begun.
    pub async fn run(&mut self) {
        let mut has_led = self.election.acts_until().is_some();
        loop {
            let delay = self.tick().await;
            let leads = self.election.acts_until().is_some();
            if has_led && !leads {
                return;
            }
            has_led = leads;
            sleep(delay).await;
        }
    }

    /// Makes one attempt, reports its result, and returns the delay until the next one.
    async fn tick(&mut self) -> Duration {
        let attempt = timeout(TIMEOUT, self.attempt()).await.unwrap_or(Err(LeaseError::Timeout));
        self.until.send_replace(self.election.acts_until());
        match attempt {
            Ok(()) => {
                self.health.set_present(PART);
                RETRY_PERIOD
            }
            Err(error) => {
                tracing::warn!(lease = self.name, %error, "leader election failed and is retried");
                self.health.set_missing(PART, self.explained(&error));
                FAILURE_DELAY
            }
        }
    }

    fn explained(&self, error: &LeaseError) -> String {
        match self.election.acts_until() {
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now()).as_secs();
                format!("this replica leads but cannot renew the Lease, and stops in {left} s: {error}")
            }
            None => error.to_string(),
        }
    }

    async fn attempt(&mut self) -> Result<(), LeaseError> {
        // A leader needs no read: its write is refused when another replica has changed the Lease.
        if self.election.acts_until().is_none() && !self.observe().await? {
            return self.create().await;
        }
        if self.election.step(Instant::now()) == Step::Wait || self.acquire().await? {
            return Ok(());
        }
        // Refused: the next attempt starts from what the Lease contains now.
        self.observe().await.map(|_| ())
    }

    /// Reads the Lease, and returns whether there is one.
    async fn observe(&mut self) -> Result<bool, LeaseError> {
        let found = self.api.get_opt(&self.name).await.map_err(Box::new)?;
        self.version = found.as_ref().and_then(ResourceExt::resource_version);
        self.election.observe(found.as_ref().map(LeaderRecord::of), Instant::now());
        self.until.send_replace(self.election.acts_until());
        Ok(found.is_some())
    }

    async fn create(&mut self) -> Result<(), LeaseError> {
        let started = Instant::now();
        let record = LeaderRecord::held_by(&self.identity, None, Timestamp::now());
        let parameters =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let created = self.api.create(&parameters, &record.lease(&self.name)).await;
        self.acquired(record, started, created).map(|_| ())
    }

    /// Acquires or renews the Lease, and returns whether the API server accepted it.
    async fn acquire(&mut self) -> Result<bool, LeaseError> {
        let started = Instant::now();
        let record = LeaderRecord::held_by(&self.identity, self.election.last(), Timestamp::now());
        let patch = record.patch(self.version.as_deref());
        let patched = self.patch(&patch).await;
        self.acquired(record, started, patched)
    }

    async fn patch(&self, patch: &serde_json::Value) -> Result<Lease, kube::Error> {
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.api.patch(&self.name, &parameters, &Patch::Merge(patch)).await
    }

    fn acquired(
        &mut self,
        record: LeaderRecord,
        started: Instant,
        written: Result<Lease, kube::Error>,
    ) -> Result<bool, LeaseError> {
        match written {
            Ok(lease) => {
                self.version = lease.resource_version();
                self.election.acquired(record, started);
                Ok(true)
            }
            // Another replica was faster, or the Lease was deleted.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(false),
            Err(error) => Err(Box::new(error).into()),
        }
    }

    /// Releases the Lease if this replica holds it, so that others need not wait until it expires.
    ///
    /// # Errors
    /// When it was not released. It then expires.
    pub async fn release(&mut self) -> Result<(), LeaseError> {
        self.election.resign();
        self.until.send_replace(None);
        let released = async {
            // A cancelled renewal may still have changed the Lease in between.
            while self.observe().await?
                && self.election.last().and_then(|it| it.holder.as_ref()) == Some(&self.identity)
            {
                match self.patch(&LeaderRecord::release(self.version.as_deref())).await {
                    Err(kube::Error::Api(status)) if status.code == 409 => {}
                    Err(error) => return Err(Box::new(error).into()),
                    Ok(_) => tracing::info!(lease = self.name, "lease released"),
                }
            }
            Ok(())
        };
        timeout(TIMEOUT, released).await.unwrap_or(Err(LeaseError::Timeout))
    }
}

#[cfg(test)]
mod tests;
