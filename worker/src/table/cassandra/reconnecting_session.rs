//! Keeps a connection: makes it, makes it again when credentials were rotated or nothing was reached for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, OpenError, Target};
use super::session::ConnectError;
use crate::security::credentials::{CredentialWatch, ROTATION_INTERVAL};
use crate::table::WriteError;

/// How long the first attempt is waited for. After that, connecting goes on in the background.
const FIRST_ATTEMPT: Duration = Duration::from_secs(10);
/// Pauses between attempts: the first, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Causes that a new connection may remove: it looks up the contact points again, and prepares the statement anew.
const NEW_CONNECTION_HELPS: &[&str] = &["connection", "no_node", "schema", "unprepared", "protocol"];
/// How long writes may fail for such a cause before a new connection is tried beside the old one.
const UNREACHED: Duration = Duration::from_secs(3);

/// The connection in use, and the task that looks after it.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    /// Writes fail, and a new connection may help. Beside the state, so that a successful write looks at no more than this.
    is_unreached: AtomicBool,
    wake: Notify,
}

struct State {
    connection: Option<Arc<Connection>>,
    /// Why there is none, or none that works.
    cause: &'static str,
    unreached_since: Option<Instant>,
}

/// There is no connection.
#[derive(Debug, thiserror::Error)]
#[error("there is no connection yet")]
struct NotConnected;

impl Keeper {
    /// Tries to connect, and goes on trying in the background.
    ///
    /// # Errors
    /// When no attempt can succeed: credentials or certificates are unusable.
    pub(super) async fn start(target: Target, credentials: CredentialWatch) -> Result<Self, ConnectError> {
        let first = timeout(FIRST_ATTEMPT, target.open(credentials.current())).await;
        let (connection, cause) = match first {
            Ok(Ok(connection)) => (Some(Arc::new(connection)), ""),
            Ok(Err(OpenError::Connect(error @ (ConnectError::Credentials(_) | ConnectError::Tls(_))))) => {
                return Err(error);
            }
            Ok(Err(error)) => {
                tracing::warn!(cause = error.cause(), %error, "rows cannot be written yet");
                (None, error.cause())
            }
            Err(_) => (None, "connection"),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(State { connection, cause, unreached_since: None }),
            is_unreached: AtomicBool::new(false),
            wake: Notify::new(),
        });
        let task = tokio::spawn(keep(Arc::clone(&shared), target, credentials));
        Ok(Self { shared, task })
    }

    /// The connection in use.
    ///
    /// # Errors
    /// When there is none for now.
    pub(super) fn connection(&self) -> Result<Arc<Connection>, WriteError> {
        let state = self.shared.state();
        state
            .connection
            .clone()
            .ok_or(WriteError::Unavailable { cause: state.cause, source: Box::new(NotConnected) })
    }

    /// Why rows cannot be written now, as far as is known; none when they can.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        let state = self.shared.state();
        match &state.connection {
            None => Some(state.cause),
            Some(_) if state.unreached_since.is_some() => Some("unreached"),
            Some(connection) if !connection.is_connected() => Some("connection"),
            Some(_) => None,
        }
    }

    /// Takes note of how a write went.
    pub(super) fn note(&self, result: &Result<(), WriteError>) {
        let reached = !matches!(result, Err(WriteError::Unavailable { cause, .. }) if NEW_CONNECTION_HELPS.contains(cause));
        if reached && !self.shared.is_unreached.load(Ordering::Relaxed) {
            return;
        }
        self.shared.is_unreached.store(!reached, Ordering::Relaxed);
        let mut state = self.shared.state();
        if reached {
            state.unreached_since = None;
        } else if state.unreached_since.is_none() {
            state.unreached_since = Some(Instant::now());
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until a new connection is to be tried. None: not at all, as far as is known now.
    fn due_in(&self) -> Option<Duration> {
        let state = self.state();
        match (&state.connection, state.unreached_since) {
            (None, _) => Some(Duration::ZERO),
            (Some(_), Some(since)) => Some(UNREACHED.saturating_sub(since.elapsed())),
            (Some(_), None) => None,
        }
    }

    /// Tells of a failed attempt, once for each cause: the next attempt is only a moment away.
    fn failed(&self, error: &OpenError) {
        let mut state = self.state();
        if state.cause != error.cause() {
            state.cause = error.cause();
            tracing::warn!(cause = error.cause(), %error, "cannot connect to Cassandra for now");
        }
    }

    fn replace(&self, connection: Connection) {
        let mut state = self.state();
        state.connection = Some(Arc::new(connection));
        state.cause = "";
        state.unreached_since = None;
        self.is_unreached.store(false, Ordering::Relaxed);
    }
}

/// Looks after the connection for ever.
async fn keep(shared: Arc<Shared>, target: Target, mut credentials: CredentialWatch) {
    let mut pause = PAUSE;
    let mut rotation_due = false;
    loop {
        if credentials.has_changed() {
            tracing::info!("the credentials of Cassandra were rotated; a new connection is made with them");
            rotation_due = true;
        }
        let due_in = if rotation_due { Some(Duration::ZERO) } else { shared.due_in() };
        if due_in != Some(Duration::ZERO) {
            // Whichever comes first: files to look at, a write that failed, the time to give up on the old connection.
            let wait = due_in.unwrap_or(ROTATION_INTERVAL).min(ROTATION_INTERVAL);
            let _ = timeout(wait, shared.wake.notified()).await;
            continue;
        }
        match target.open(credentials.current()).await {
            Ok(connection) => {
                rotation_due = false;
                pause = PAUSE;
                shared.replace(connection);
                tracing::info!("connected to Cassandra");
            }
            Err(error) => {
                shared.failed(&error);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
