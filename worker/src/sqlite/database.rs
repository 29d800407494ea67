//! A SQLite connection on a dedicated thread.
//!
//! The async runtime never blocks on the disk: it queues calls for the connection's thread, which executes them one at
//! a time, in order. A queued call is executed even when its future is dropped.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

use super::error::DatabaseError;

/// How long a statement waits while another process writes, for example an interactive `sqlite3`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// A connection on a dedicated thread. Dropping it executes the queued calls, then closes the connection.
#[derive(Debug)]
pub(crate) struct Database {
    // Both are `Some` until the drop.
    calls: Option<mpsc::Sender<Call>>,
    thread: Option<JoinHandle<()>>,
}

impl Database {
    /// Moves a connection to a new thread.
    pub(crate) fn spawn(name: &str, connection: Connection) -> std::io::Result<Self> {
        let (calls, queue) = mpsc::channel::<Call>();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut connection = connection;
            while let Ok(call) = queue.recv() {
                call(&mut connection);
            }
        })?;
        Ok(Self { calls: Some(calls), thread: Some(thread) })
    }

    /// Executes `operation` after all queued calls, and awaits its result.
    pub(crate) async fn call<T, E>(
        &self,
        operation: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            // The caller may be gone; the call is executed regardless.
            let _ = reply.send(operation(connection));
        });
        let sent = self.calls.as_ref().is_some_and(|queue| queue.send(call).is_ok());
        if !sent {
            return Err(DatabaseError::Stopped.into());
        }
        result.await.unwrap_or_else(|_| Err(DatabaseError::Stopped.into()))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a database panicked");
        }
    }
}

/// Opens a file for reading and writing, and creates it if it is missing.
pub(crate) fn open_for_writing(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = configured(Connection::open(path)?)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens an existing file read-only. Another process may be writing it.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, rusqlite::Error> {
    let open = |access| {
        let connection =
            configured(Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)?;
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    };
    open(OpenFlags::SQLITE_OPEN_READ_ONLY).or_else(|error: rusqlite::Error| {
        if error.sqlite_error_code() != Some(ErrorCode::ReadOnly) {
            return Err(error);
        }
        // A process was killed while it created the file. A writer must roll its journal back before the file is
        // readable.
        open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        open(OpenFlags::SQLITE_OPEN_READ_ONLY)
    })
}

fn configured(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Without this, SQLite reads the quoted name of a missing column as a string literal.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file is created without a write-ahead log, so a process killed then leaves a rollback journal.
    #[test]
    fn partially_created_file_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (original, copy) = (folder.path().join("original.db"), folder.path().join("copy.db"));
        let connection = Connection::open(&original).unwrap();
        connection
            .execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (1); PRAGMA cache_size = 1")
            .unwrap();
        connection.execute_batch("BEGIN; INSERT INTO t SELECT zeroblob(100000)").unwrap();
        // The files as a kill at this point leaves them.
        std::fs::copy(&original, &copy).unwrap();
        std::fs::copy(folder.path().join("original.db-journal"), folder.path().join("copy.db-journal"))
            .unwrap();
        let read = open_for_reading(&copy).unwrap();
        assert_eq!(read.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        assert!(read.execute("DELETE FROM t", []).is_err(), "the file is open read-only");
    }

    #[tokio::test]
    async fn calls_execute_in_order_even_when_their_future_is_dropped() {
        let database = Database::spawn("test", Connection::open_in_memory().unwrap()).unwrap();
        let abandoned = database.call(|connection| {
            connection.execute_batch("CREATE TABLE t (n)")?;
            Ok::<_, DatabaseError>(())
        });
        // The first poll queues the call.
        let mut abandoned = Box::pin(abandoned);
        let _ = futures::poll!(abandoned.as_mut());
        drop(abandoned);
        let rows: i64 = database
            .call(|connection| {
                connection.execute("INSERT INTO t VALUES (1)", [])?;
                Ok::<_, DatabaseError>(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
            })
            .await
            .unwrap();
        assert_eq!(rows, 1);
    }
}
