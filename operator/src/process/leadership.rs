//! Leader election on the background thread: a busy reconcile delays no renewal.

use std::sync::Arc;

use kube::Client;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::runtime::Health;
use crate::runtime::lease::{LeaderElector, LeaderGuard};

/// The election of this replica.
#[derive(Debug)]
pub(super) struct Leadership {
    guard: LeaderGuard,
    /// Notified once leadership is lost, which is not regained.
    ended: Arc<Notify>,
    release: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Leadership {
    /// Starts to acquire and renew the Lease on this runtime, with a client of that runtime: the connections of another
    /// one would be served by the other thread.
    ///
    /// # Errors
    /// When neither a kubeconfig nor a service account names the API server.
    pub(super) async fn start(
        runtime: &Handle,
        namespace: String,
        name: String,
        identity: String,
        health: Arc<Health>,
    ) -> Result<Self, Box<kube::Error>> {
        let client = match runtime.spawn(Client::try_default()).await {
            Ok(client) => client?,
            Err(error) => return Err(Box::new(kube::Error::Service(Box::new(error)))),
        };
        Ok(Self::with_client(runtime, client, &namespace, name, identity, health))
    }

    fn with_client(
        runtime: &Handle,
        client: Client,
        namespace: &str,
        name: String,
        identity: String,
        health: Arc<Health>,
    ) -> Self {
        let (elector, guard) = LeaderElector::new(client, namespace, name, identity, health);
        let (release, released) = oneshot::channel();
        let ended = Arc::<Notify>::default();
        let task = runtime.spawn(elect(elector, ended.clone(), released));
        Self { guard, ended, release, task }
    }

    /// Whether this replica may act.
    pub(super) fn guard(&self) -> LeaderGuard {
        self.guard.clone()
    }

    /// Notified once leadership is lost.
    pub(super) fn ended(&self) -> Arc<Notify> {
        self.ended.clone()
    }

    /// Releases the Lease. To be called once nothing of this replica acts any more.
    pub(super) async fn release(self) {
        // Fails only when the task has panicked; the Lease then expires.
        if self.release.send(()).is_ok() {
            let _ = self.task.await;
        }
    }
}

async fn elect(mut elector: LeaderElector, ended: Arc<Notify>, released: oneshot::Receiver<()>) {
    let mut released = std::pin::pin!(released);
    let is_released = tokio::select! {
        is_released = &mut released => is_released,
        () = elector.run() => {
            ended.notify_one();
            (&mut released).await
        }
    };
    // Without the word of the other thread, it may still act until the renew deadline.
    if is_released.is_ok()
        && let Err(error) = elector.release().await
    {
        tracing::warn!(%error, "lease not released: other replicas wait until it expires");
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
    use crate::process::background::BackgroundThread;
    use crate::runtime::fake_api_server::client_of;

    type Shared = Arc<Mutex<Option<Value>>>;

    async fn answer(State(lease): State<Shared>, method: Method, body: String) -> Response {
        let mut lease = lease.lock().unwrap();
        let sent: Value = serde_json::from_str(&body).unwrap_or_default();
        match (method, lease.as_mut()) {
            (Method::POST, None) => *lease = Some(sent),
            (Method::PATCH, Some(lease)) => {
                for (field, value) in sent["spec"].as_object().unwrap() {
                    lease["spec"][field] = value.clone();
                }
            }
            (Method::GET, Some(_)) => {}
            _ => {
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "no", "reason": "NotFound", "code": 404});
                return (StatusCode::NOT_FOUND, Json(status)).into_response();
            }
        }
        Json(lease.clone()).into_response()
    }

    fn holder(lease: &Shared) -> Value {
        lease.lock().unwrap().as_ref().map_or(Value::Null, |lease| lease["spec"]["holderIdentity"].clone())
    }

    /// A replica that leads, while the calling thread drives no runtime.
    fn leading(background: &BackgroundThread) -> (Shared, Leadership) {
        let lease = Shared::default();
        let router = Router::new().fallback(answer).with_state(lease.clone());
        let client = background.block_on(client_of(router));
        let (name, identity) = ("operator".to_owned(), "first".to_owned());
        let runtime = background.handle();
        let elected = Leadership::with_client(runtime, client, "demo", name, identity, Arc::default());
        background.block_on(elected.guard().gained());
        assert!(elected.guard().is_leading());
        (lease, elected)
    }

    #[test]
    fn lease_is_released_on_request() {
        let background = BackgroundThread::start().unwrap();
        let (lease, elected) = leading(&background);
        let guard = elected.guard();
        assert_eq!(holder(&lease), "first");
        background.block_on(elected.release());
        assert!(!guard.is_leading());
        assert_ne!(holder(&lease), "first");
    }

    #[test]
    fn lease_is_held_until_the_other_thread_has_ended() {
        let background = BackgroundThread::start().unwrap();
        let (lease, elected) = leading(&background);
        let Leadership { release, task, .. } = elected;
        drop(release);
        background.block_on(task).unwrap();
        assert_eq!(holder(&lease), "first", "it expires instead");
    }
}
