//! Writes rows with last-write-wins per column, and groups concurrent calls into one transaction.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};
use tokio::sync::oneshot;
use userstream_crds::model::{self, CqlType};

use super::schema::{identifier, writetime_table};
use super::value::{serialized, to_sqlite};
use crate::delivery::retry::Retry;
use crate::record::RowRef;
use crate::sqlite::DatabaseError;
use crate::table::WriteError;

/// The largest number of rows per transaction: enough to amortize the commit, few enough to bound its latency.
const MAX_ROWS_PER_TRANSACTION: usize = 1_000;

/// The columns of a table, and its statements.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    columns: Arc<[LayoutColumn]>,
    /// Indexes of the columns of the primary key, in the order of the statements' parameters.
    key: Arc<[usize]>,
    /// Indexes of the other columns.
    regular: Arc<[usize]>,
    statements: Arc<Statements>,
}

#[derive(Debug)]
struct LayoutColumn {
    cql_type: CqlType,
    field: usize,
}

#[derive(Debug)]
struct Statements {
    /// Selects the write time of each regular column by key.
    write_times: String,
    /// Selects the value of each regular column by key.
    values: String,
    /// Upserts values by key. NULL keeps the stored value.
    upsert: String,
    /// Upserts write times by key. NULL keeps the stored write time.
    upsert_write_times: String,
}

/// A row as the parameters of the statements.
#[derive(Debug)]
pub(super) struct BoundRow {
    key: Vec<Value>,
    /// One value per regular column.
    values: Vec<Option<Value>>,
    write_time: i64,
}

/// A column of the key has no value.
#[derive(Debug, thiserror::Error)]
#[error("a column of the key has no value")]
struct NoKey;

impl Layout {
    pub(super) fn of(table: &model::Table) -> Self {
        let key: Vec<usize> = table.primary_key().collect();
        let regular: Vec<usize> = (0..table.columns.len()).filter(|index| !key.contains(index)).collect();
        let names = |indexes: &[usize]| -> Vec<String> {
            indexes
                .iter()
                .filter_map(|index| table.columns.get(*index))
                .map(|column| identifier(&column.name))
                .collect()
        };
        let statements = Statements::new(table, &names(&key), &names(&regular));
        let columns = table
            .columns
            .iter()
            .map(|column| LayoutColumn { cql_type: column.cql_type, field: column.field })
            .collect();
        Self { columns, key: key.into(), regular: regular.into(), statements: statements.into() }
    }

    /// Whether the table exists with these columns.
    pub(super) fn exists(&self, connection: &Connection) -> bool {
        [&self.statements.values, &self.statements.write_times]
            .iter()
            .all(|query| connection.prepare(query).is_ok())
    }

    /// Copies the values of a row out of its buffers.
    pub(super) fn bind(&self, row: RowRef<'_>) -> Result<BoundRow, WriteError> {
        let value = |index: &usize| {
            let Some(column) = self.columns.get(*index) else { return Ok(None) };
            to_sqlite(row, row.cell(column.field), column.cql_type)
                .map_err(|error| WriteError::Rejected { cause: "value", source: error.into() })
        };
        let no_key = || WriteError::Rejected { cause: "no_key", source: NoKey.into() };
        let key = self.key.iter().map(|index| value(index)?.ok_or_else(no_key)).collect::<Result<_, _>>()?;
        let values = self.regular.iter().map(value).collect::<Result<_, _>>()?;
        Ok(BoundRow { key, values, write_time: row.write_time })
    }

    /// Writes the values that win over the stored ones.
    fn write(&self, connection: &Connection, row: BoundRow) -> Result<(), rusqlite::Error> {
        let BoundRow { key, mut values, write_time } = row;
        if let Some(stored_times) = self.read(connection, &self.statements.write_times, &key)? {
            let tied = stored_times.contains(&Value::Integer(write_time));
            let stored = if tied { self.read(connection, &self.statements.values, &key)? } else { None };
            for (position, value) in values.iter_mut().enumerate() {
                let stored = stored.as_ref().and_then(|stored| stored.get(position));
                let column = self.regular.get(position).and_then(|index| self.columns.get(*index));
                let loses = match (stored_times.get(position), &*value, stored, column) {
                    (Some(Value::Integer(stored_time)), _, _, _) if *stored_time > write_time => true,
                    (Some(Value::Integer(stored_time)), Some(value), Some(stored), Some(column))
                        if *stored_time == write_time =>
                    {
                        serialized(stored, column.cql_type) >= serialized(value, column.cql_type)
                    }
                    _ => false,
                };
                if loses {
                    *value = None;
                }
            }
            if values.iter().all(Option::is_none) {
                return Ok(());
            }
        }
        let write_times: Vec<Option<i64>> =
            values.iter().map(|value| value.is_some().then_some(write_time)).collect();
        connection
            .prepare_cached(&self.statements.upsert)?
            .execute(params_from_iter(key.iter().cloned().map(Some).chain(values)))?;
        let write_times = write_times.into_iter().map(|time| time.map(Value::Integer));
        connection
            .prepare_cached(&self.statements.upsert_write_times)?
            .execute(params_from_iter(key.into_iter().map(Some).chain(write_times)))?;
        Ok(())
    }

    fn read(
        &self,
        connection: &Connection,
        query: &str,
        key: &[Value],
    ) -> Result<Option<Vec<Value>>, rusqlite::Error> {
        let mut statement = connection.prepare_cached(query)?;
        let columns = self.regular.len();
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|index| row.get(index)).collect();
        statement.query_row(params_from_iter(key), read).optional()
    }
}

impl Statements {
    fn new(table: &model::Table, key: &[String], regular: &[String]) -> Self {
        let (name, write_times) = (identifier(&table.name), writetime_table(&table.name));
        let select = |from: &str| {
            // A table may have no regular columns.
            let columns = if regular.is_empty() { "NULL".to_owned() } else { regular.join(", ") };
            let conditions: Vec<String> =
                (1..).zip(key).map(|(number, column): (usize, _)| format!("{column} = ?{number}")).collect();
            format!("SELECT {columns} FROM {from} WHERE {}", conditions.join(" AND "))
        };
        let upsert = |into: &str| {
            let columns: Vec<&str> = key.iter().chain(regular).map(String::as_str).collect();
            let placeholders = vec!["?"; columns.len()].join(", ");
            let updates: Vec<String> = regular
                .iter()
                .map(|column| format!("{column} = coalesce(excluded.{column}, {column})"))
                .collect();
            let conflict = if updates.is_empty() {
                "NOTHING".to_owned()
            } else {
                format!("UPDATE SET {}", updates.join(", "))
            };
            format!(
                "INSERT INTO {into} ({}) VALUES ({placeholders}) ON CONFLICT DO {conflict}",
                columns.join(", ")
            )
        };
        Self {
            write_times: select(&write_times),
            values: select(&name),
            upsert: upsert(&name),
            upsert_write_times: upsert(&write_times),
        }
    }
}

/// A connection on a dedicated thread, which writes all queued calls in one transaction.
#[derive(Debug)]
pub(super) struct Writer {
    // Both are `Some` until the drop.
    queue: Option<mpsc::Sender<Call>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Call {
    rows: Vec<BoundRow>,
    reply: oneshot::Sender<Result<(), WriteError>>,
}

impl Writer {
    pub(super) fn spawn(connection: Connection, layout: Layout) -> std::io::Result<Self> {
        let (queue, calls) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("table".to_owned())
            .spawn(move || write_all(connection, &layout, &calls))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) async fn write(&self, rows: Vec<BoundRow>) -> Result<(), WriteError> {
        let (reply, result) = oneshot::channel();
        let sent = self.queue.as_ref().is_some_and(|queue| queue.send(Call { rows, reply }).is_ok());
        if !sent {
            return Err(DatabaseError::Stopped.into());
        }
        result.await.unwrap_or_else(|_| Err(DatabaseError::Stopped.into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a table panicked");
        }
    }
}

fn write_all(mut connection: Connection, layout: &Layout, calls: &mpsc::Receiver<Call>) {
    while let Ok(first) = calls.recv() {
        let mut replies = Vec::new();
        let outcome = write_queued(&mut connection, layout, first, calls, &mut replies);
        let failure = outcome.err().map(Arc::new);
        for (reply, result) in replies {
            let result = match &failure {
                Some(failure) => Err(DatabaseError::Shared(Arc::clone(failure)).into()),
                None => result,
            };
            // The caller may be gone; the rows are written regardless.
            let _ = reply.send(result);
        }
    }
}

type PendingReply = (oneshot::Sender<Result<(), WriteError>>, Result<(), WriteError>);

/// Writes the first call and the queued ones in one transaction. An error rolls all of them back.
fn write_queued(
    connection: &mut Connection,
    layout: &Layout,
    first: Call,
    calls: &mpsc::Receiver<Call>,
    replies: &mut Vec<PendingReply>,
) -> Result<(), rusqlite::Error> {
    let mut rows = 0;
    let mut next = Some(first);
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            replies.extend(next.map(|call| (call.reply, Ok(()))));
            return Err(error);
        }
    };
    while let Some(call) = next {
        rows += call.rows.len();
        let written = write_call(&transaction, layout, call.rows);
        let result = match written.map_err(DatabaseError::from) {
            Err(error) if error.classify().0 == Retry::Rows => Err(error.into()),
            Err(DatabaseError::Sqlite(error)) => {
                replies.push((call.reply, Ok(())));
                return Err(error);
            }
            other => other.map_err(WriteError::from),
        };
        replies.push((call.reply, result));
        next = if rows < MAX_ROWS_PER_TRANSACTION { calls.try_recv().ok() } else { None };
    }
    transaction.commit()
}

/// Writes the rows of one call, or none of them.
fn write_call(connection: &Connection, layout: &Layout, rows: Vec<BoundRow>) -> Result<(), rusqlite::Error> {
    connection.prepare_cached("SAVEPOINT one_call")?.execute([])?;
    let written = rows.into_iter().try_for_each(|row| layout.write(connection, row));
    if written.is_err() {
        connection.prepare_cached("ROLLBACK TO one_call")?.execute([])?;
    }
    connection.prepare_cached("RELEASE one_call")?.execute([])?;
    written
}
