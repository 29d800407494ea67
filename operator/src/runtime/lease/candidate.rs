//! Keeps asking for the Lease and renewing it, tells what is missing for that, and gives it back at the end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use userstream_crds::names::FIELD_MANAGER;

use super::{Election, LeaderGuard, Record, Step};
use crate::runtime::Health;

/// How often a leader renews, and how often others look.
const EVERY: Duration = Duration::from_secs(3);
/// The pause after an attempt that failed: a leader has some left.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The part of `/readyz`.
const PART: &str = "lease";

/// Why the Lease could not be asked for or written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The API server did not answer, or refused.
    #[error("{}", crate::runtime::explained(.0))]
    Api(#[from] Box<kube::Error>),
    /// It took too long.
    #[error("the API server does not answer within {} s", PATIENCE.as_secs())]
    Timeout,
}

/// One of the replicas that a Lease chooses between.
#[derive(Debug)]
pub struct LeaderElector {
    api: Api<Lease>,
    name: String,
    identity: String,
    election: Election,
    /// The version of the Lease that was last seen.
    version: Option<String>,
    until: watch::Sender<Option<Instant>>,
    health: Arc<Health>,
}

impl LeaderElector {
    /// A replica of this identity that wants the Lease of this name, and the lead that it may get.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        name: String,
        identity: String,
        health: Arc<Health>,
    ) -> (Self, LeaderGuard) {
        let (until, lead) = watch::channel(None);
        let election = Election::of(identity.clone());
        let api = Api::namespaced(client, namespace);
        (Self { api, name, identity, election, version: None, until, health }, LeaderGuard::watched(lead))
    }

    /// Tries to get the Lease and to keep it, until the future is dropped.
    pub async fn stand(&mut self) {
        loop {
            sleep(self.turn().await).await;
        }
    }

    /// Tries once, tells what came of it, and gives the pause until the next time.
    async fn turn(&mut self) -> Duration {
        let attempt = timeout(PATIENCE, self.attempt()).await.unwrap_or(Err(LeaseError::Timeout));
        self.until.send_replace(self.election.acts_until());
        match attempt {
            Ok(()) => {
                self.health.present(PART);
                EVERY
            }
            Err(error) => {
                tracing::warn!(lease = self.name, %error, "the lease cannot be had, and is tried again");
                self.health.missing(PART, self.told(&error));
                AFTER_FAILURE
            }
        }
    }

    fn told(&self, error: &LeaseError) -> String {
        match self.election.acts_until() {
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now()).as_secs();
                format!("this replica leads and cannot renew it, and stops in {left} s: {error}")
            }
            None => error.to_string(),
        }
    }

    async fn attempt(&mut self) -> Result<(), LeaseError> {
        // A leader knows what it wrote last, and is refused when that is not so any more.
        if self.election.acts_until().is_none() && !self.look().await? {
            return self.create().await;
        }
        if self.election.step(Instant::now()) == Step::Wait || self.hold().await? {
            return Ok(());
        }
        // Refused: it is looked at now, and tried again the next time.
        self.look().await.map(|_| ())
    }

    /// Gives whether there is one.
    async fn look(&mut self) -> Result<bool, LeaseError> {
        let found = self.api.get_opt(&self.name).await.map_err(Box::new)?;
        self.version = found.as_ref().and_then(ResourceExt::resource_version);
        self.election.saw(found.as_ref().map(Record::of), Instant::now());
        self.until.send_replace(self.election.acts_until());
        Ok(found.is_some())
    }

    async fn create(&mut self) -> Result<(), LeaseError> {
        let began = Instant::now();
        let record = Record::held_by(&self.identity, None, Timestamp::now());
        let parameters =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let created = self.api.create(&parameters, &record.lease(&self.name)).await;
        self.held(record, began, created).map(|_| ())
    }

    /// Gives whether it was accepted.
    async fn hold(&mut self) -> Result<bool, LeaseError> {
        let began = Instant::now();
        let record = Record::held_by(&self.identity, self.election.last(), Timestamp::now());
        let patch = record.patch(self.version.as_deref());
        let patched = self.patch(&patch).await;
        self.held(record, began, patched)
    }

    async fn patch(&self, patch: &serde_json::Value) -> Result<Lease, kube::Error> {
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.api.patch(&self.name, &parameters, &Patch::Merge(patch)).await
    }

    fn held(
        &mut self,
        record: Record,
        began: Instant,
        written: Result<Lease, kube::Error>,
    ) -> Result<bool, LeaseError> {
        match written {
            Ok(lease) => {
                self.version = lease.resource_version();
                self.election.holds(record, began);
                Ok(true)
            }
            // Somebody was faster, or it is gone.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(false),
            Err(error) => Err(Box::new(error).into()),
        }
    }

    /// Gives the Lease back when it is this replica's, so that another does not have to wait for it.
    ///
    /// # Errors
    /// When it could not be; then it runs out.
    pub async fn release(&mut self) -> Result<(), LeaseError> {
        self.election.stops();
        self.until.send_replace(None);
        let released = async {
            // A renewal that was under way may have come in between.
            while self.look().await?
                && self.election.last().and_then(|it| it.holder.as_ref()) == Some(&self.identity)
            {
                match self.patch(&Record::release(self.version.as_deref())).await {
                    Err(kube::Error::Api(status)) if status.code == 409 => {}
                    Err(error) => return Err(Box::new(error).into()),
                    Ok(_) => tracing::info!(lease = self.name, "given back"),
                }
            }
            Ok(())
        };
        timeout(PATIENCE, released).await.unwrap_or(Err(LeaseError::Timeout))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::extract::State;
    use axum::http::{Method, StatusCode};
    use axum::response::{IntoResponse, Response};
    use axum::{Json, Router};
    use serde_json::{Value, json};

    use super::*;
    use crate::runtime::fake_api_server::answering;

    /// The one Lease of an API server, and whether that refuses everything.
    #[derive(Debug, Default)]
    struct Server {
        lease: Option<Value>,
        versions: u32,
        refuses: bool,
    }

    type Shared = Arc<Mutex<Server>>;

    fn failed(code: StatusCode) -> Response {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "no", "reason": code.canonical_reason().unwrap_or_default().replace(' ', ""), "code": code.as_u16()});
        (code, Json(status)).into_response()
    }

    async fn answer(State(server): State<Shared>, method: Method, body: String) -> Response {
        let mut server = server.lock().unwrap();
        if server.refuses {
            return failed(StatusCode::FORBIDDEN);
        }
        let wanted: Value = serde_json::from_str(&body).unwrap_or_default();
        let version = server.versions + 1;
        match (method, &mut server.lease) {
            (Method::GET, Some(lease)) => return Json(lease.clone()).into_response(),
            (Method::GET | Method::PATCH, None) => return failed(StatusCode::NOT_FOUND),
            (Method::POST, lease @ None) => *lease = Some(wanted),
            (Method::PATCH, Some(lease))
                if lease["metadata"]["resourceVersion"] == wanted["metadata"]["resourceVersion"] =>
            {
                for (field, value) in wanted["spec"].as_object().unwrap() {
                    lease["spec"][field] = value.clone();
                }
            }
            _ => return failed(StatusCode::CONFLICT),
        }
        server.versions = version;
        let lease = server.lease.as_mut().unwrap();
        lease["metadata"]["resourceVersion"] = json!(version.to_string());
        Json(lease.clone()).into_response()
    }

    async fn api_server() -> (Shared, Client) {
        let server = Shared::default();
        let client = answering(Router::new().fallback(answer).with_state(server.clone())).await;
        (server, client)
    }

    fn candidate(client: &Client, identity: &str) -> (LeaderElector, LeaderGuard) {
        LeaderElector::new(client.clone(), "demo", "operator".to_owned(), identity.to_owned(), Arc::default())
    }

    #[tokio::test]
    async fn whoever_stops_gives_the_lease_back_and_another_has_it_at_once() {
        let (_, client) = api_server().await;
        let ((mut first, leads_first), (mut second, leads_second)) =
            (candidate(&client, "first"), candidate(&client, "second"));
        for _ in 0..2 {
            first.turn().await;
            second.turn().await;
            assert_eq!((leads_first.holds(), leads_second.holds()), (true, false));
        }
        assert_eq!(second.health.report(), Vec::<String>::new(), "not to lead is no fault");
        first.release().await.unwrap();
        assert!(!leads_first.holds());
        second.turn().await;
        first.turn().await;
        assert_eq!((leads_first.holds(), leads_second.holds()), (false, true));
        first.release().await.unwrap();
        second.turn().await;
        assert!(leads_second.holds(), "only one's own is given back");
    }

    #[tokio::test]
    async fn a_lease_that_cannot_be_renewed_is_named_by_readiness_until_it_can() {
        let (server, client) = api_server().await;
        let (mut leader, leads) = candidate(&client, "leader");
        leader.turn().await;
        server.lock().unwrap().refuses = true;
        assert_eq!(leader.turn().await, AFTER_FAILURE);
        let told = leader.health.report().join("");
        assert!(told.starts_with("lease: this replica leads and cannot renew it, and stops in "), "{told}");
        assert!(leads.holds(), "its time is not up yet");
        server.lock().unwrap().refuses = false;
        leader.turn().await;
        assert_eq!(leader.health.report(), Vec::<String>::new());
        // Somebody else has it, whatever came of that.
        server.lock().unwrap().lease.as_mut().unwrap()["spec"]["holderIdentity"] = json!("another");
        server.lock().unwrap().lease.as_mut().unwrap()["metadata"]["resourceVersion"] = json!("other");
        leader.turn().await;
        assert!(!leads.holds());
    }
}
