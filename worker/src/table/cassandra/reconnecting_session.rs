//! A session that reconnects in the background: when credentials are rotated, and when no node was reached for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, OpenError, Target};
use super::error::{Cause, Failure};
use super::session::ConnectError;
use crate::delivery::retry::Retry;
use crate::record::AsRow;
use crate::security::credentials::{CredentialWatch, ROTATION_INTERVAL};

/// How long the caller waits for the first attempt. Later attempts are made in the background.
const FIRST_ATTEMPT: Duration = Duration::from_secs(10);
/// The backoff after the first failed attempt.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// The longest backoff between attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(2);
/// How long writes may fail with a cause that a new connection may remove, until one is opened beside the old one.
const UNREACHED: Duration = Duration::from_secs(3);

/// The connection in use, and the task that replaces it.
pub(super) struct ReconnectingSession {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    /// Writes fail, and a new connection may help. Outside of the lock: a successful write reads nothing else.
    is_unreached: AtomicBool,
    wake: Notify,
}

struct State {
    connection: Option<Arc<Connection>>,
    /// Why the last attempt failed. None after one that succeeded.
    last_failure: Option<Cause>,
    unreached_since: Option<Instant>,
}

/// No attempt to connect has succeeded yet.
#[derive(Debug, thiserror::Error)]
#[error("there is no connection yet")]
struct NotConnected;

impl ReconnectingSession {
    /// Connects. When the first attempt fails, further attempts are made in the background.
    ///
    /// # Errors
    /// When no attempt can succeed: credentials or certificates are unusable.
    pub(super) async fn start(target: Target, credentials: CredentialWatch) -> Result<Self, ConnectError> {
        let first = timeout(FIRST_ATTEMPT, target.open(credentials.current())).await;
        let (connection, last_failure) = match first {
            Ok(Ok(connection)) => (Some(Arc::new(connection)), None),
            Ok(Err(OpenError::Connect(error @ (ConnectError::Credentials(_) | ConnectError::Tls(_))))) => {
                return Err(error);
            }
            Ok(Err(error)) => {
                tracing::warn!(cause = error.cause().name(), %error, "cannot connect to Cassandra yet; rows wait");
                (None, Some(error.cause()))
            }
            Err(_) => (None, Some(Cause::Connection)),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(State { connection, last_failure, unreached_since: None }),
            is_unreached: AtomicBool::new(false),
            wake: Notify::new(),
        });
        let task = tokio::spawn(reconnect(Arc::clone(&shared), target, credentials));
        Ok(Self { shared, task })
    }

    /// Writes rows of one partition key in one request, with the statement at this index of the target.
    ///
    /// # Errors
    /// When the rows may not have been written.
    pub(super) async fn write(&self, insert: usize, rows: &[impl AsRow]) -> Result<(), Failure> {
        let connection = self.connection()?;
        let result = connection.write(insert, rows).await;
        self.shared.observe(result.as_ref().err().map(|failure| failure.cause));
        result
    }

    fn connection(&self) -> Result<Arc<Connection>, Failure> {
        let state = self.shared.state();
        state.connection.clone().ok_or_else(|| Failure {
            retry: Retry::Transient,
            cause: state.last_failure.unwrap_or(Cause::Connection),
            source: Box::new(NotConnected),
        })
    }

    /// The cause why rows cannot be written now. `None` as far as is known.
    pub(super) fn unavailable_cause(&self) -> Option<Cause> {
        let state = self.shared.state();
        match &state.connection {
            None => Some(state.last_failure.unwrap_or(Cause::Connection)),
            Some(_) if state.unreached_since.is_some() => Some(Cause::Unreached),
            Some(connection) if !connection.is_connected() => Some(Cause::Connection),
            Some(_) => None,
        }
    }
}

impl Drop for ReconnectingSession {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Records the outcome of a write. None: it succeeded.
    fn observe(&self, failure: Option<Cause>) {
        let reached = !failure.is_some_and(Cause::may_need_reconnect);
        if reached && !self.is_unreached.load(Ordering::Relaxed) {
            return;
        }
        self.is_unreached.store(!reached, Ordering::Relaxed);
        let mut state = self.state();
        if reached {
            state.unreached_since = None;
        } else if state.unreached_since.is_none() {
            state.unreached_since = Some(Instant::now());
            self.wake.notify_one();
        }
    }

    /// How long until a new connection is due. None while the one in use works.
    fn due_in(&self) -> Option<Duration> {
        let state = self.state();
        match (&state.connection, state.unreached_since) {
            (None, _) => Some(Duration::ZERO),
            (Some(_), Some(since)) => Some(UNREACHED.saturating_sub(since.elapsed())),
            (Some(_), None) => None,
        }
    }

    /// Records a failed attempt, and logs the first one of each cause: the next attempt follows within seconds.
    fn failed(&self, error: &OpenError) {
        let mut state = self.state();
        if state.last_failure.replace(error.cause()) != Some(error.cause()) {
            tracing::warn!(cause = error.cause().name(), %error, "cannot connect to Cassandra; the next attempt follows");
        }
    }

    fn replace(&self, connection: Connection) {
        let mut state = self.state();
        state.connection = Some(Arc::new(connection));
        state.last_failure = None;
        state.unreached_since = None;
        self.is_unreached.store(false, Ordering::Relaxed);
    }
}

/// Replaces the connection whenever a new one is due. Never returns.
async fn reconnect(shared: Arc<Shared>, target: Target, mut credentials: CredentialWatch) {
    let mut backoff = INITIAL_BACKOFF;
    let mut rotation_due = false;
    loop {
        if credentials.has_changed() {
            tracing::info!("the credentials of Cassandra were rotated; a new connection will use them");
            rotation_due = true;
        }
        let due_in = if rotation_due { Some(Duration::ZERO) } else { shared.due_in() };
        if due_in != Some(Duration::ZERO) {
            // Whichever comes first: the next check of the credential files, a failed write, or the new connection is
            // due.
            let wait = due_in.unwrap_or(ROTATION_INTERVAL).min(ROTATION_INTERVAL);
            let _ = timeout(wait, shared.wake.notified()).await;
            continue;
        }
        match target.open(credentials.current()).await {
            Ok(connection) => {
                rotation_due = false;
                backoff = INITIAL_BACKOFF;
                shared.replace(connection);
                tracing::info!("connected to Cassandra");
            }
            Err(error) => {
                shared.failed(&error);
                sleep(backoff).await;
                backoff = (backoff * 2).min(MAX_BACKOFF);
            }
        }
    }
}
