//! A SQLite connection on a thread of its own.
//!
//! The worker's event loop never waits for a disk: it hands work to the connection's thread, which does one piece at a
//! time in the order they came. Work that was handed over is done even when nobody waits for it any more.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

use super::error::DatabaseError;

/// How long a statement waits for another process that is writing, for example somebody's `sqlite3`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// A connection on a thread of its own. Dropping it does what was handed over, then closes the connection.
#[derive(Debug)]
pub(crate) struct Database {
    // Both are there until the drop.
    work: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Database {
    /// Moves a connection to a thread of its own.
    pub(crate) fn spawn(name: &str, connection: Connection) -> std::io::Result<Self> {
        let (work, queue) = mpsc::channel::<Work>();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut connection = connection;
            while let Ok(work) = queue.recv() {
                work(&mut connection);
            }
        })?;
        Ok(Self { work: Some(work), thread: Some(thread) })
    }

    /// Does `work` after everything handed over before it, and waits for its result.
    pub(crate) async fn call<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            // Nobody may be waiting any more; the work is done all the same.
            let _ = reply.send(work(connection));
        });
        let sent = self.work.as_ref().is_some_and(|queue| queue.send(work).is_ok());
        if !sent {
            return Err(DatabaseError::Stopped.into());
        }
        result.await.unwrap_or_else(|_| Err(DatabaseError::Stopped.into()))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a database panicked");
        }
    }
}

/// Opens a file for reading and writing, creating it where it is missing.
pub(crate) fn open_for_writing(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = prepared(Connection::open(path)?)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens a file that exists, for reading alone. Another process may be writing it.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, rusqlite::Error> {
    let open = |access| {
        let connection =
            prepared(Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)?;
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    };
    open(OpenFlags::SQLITE_OPEN_READ_ONLY).or_else(|error: rusqlite::Error| {
        if error.sqlite_error_code() != Some(ErrorCode::ReadOnly) {
            return Err(error);
        }
        // A process was killed while it made the file, and what it left half done has to be undone before anybody can read.
        open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        open(OpenFlags::SQLITE_OPEN_READ_ONLY)
    })
}

fn prepared(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Else the quoted name of a column that is not there would be read as a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file is made without a write-ahead log; whoever is killed then leaves a journal behind that undoes what it did.
    #[test]
    fn a_file_that_was_left_half_made_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, left) = (folder.path().join("whole.db"), folder.path().join("left.db"));
        let connection = Connection::open(&whole).unwrap();
        connection
            .execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (1); PRAGMA cache_size = 1")
            .unwrap();
        connection.execute_batch("BEGIN; INSERT INTO t SELECT zeroblob(100000)").unwrap();
        // As the files are now, the process is killed.
        std::fs::copy(&whole, &left).unwrap();
        std::fs::copy(folder.path().join("whole.db-journal"), folder.path().join("left.db-journal")).unwrap();
        let read = open_for_reading(&left).unwrap();
        assert_eq!(read.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        assert!(read.execute("DELETE FROM t", []).is_err(), "it was opened for reading alone");
    }

    #[tokio::test]
    async fn work_is_done_in_order_even_when_nobody_waits() {
        let database = Database::spawn("test", Connection::open_in_memory().unwrap()).unwrap();
        let abandoned = database.call(|connection| {
            connection.execute_batch("CREATE TABLE t (n)")?;
            Ok::<_, DatabaseError>(())
        });
        // Handed over by the first poll, then dropped.
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
