//! The tables of `log.db`, and their migration.

use rusqlite::{Connection, TransactionBehavior};

/// The layout that this version writes, stored in `user_version`.
const LAYOUT: i32 = 2;
/// From layout 1: commits had no metadata.
const ADD_METADATA: &str = "ALTER TABLE group_offsets ADD COLUMN metadata TEXT NOT NULL DEFAULT ''";

const TABLES: &str = "
    CREATE TABLE topics (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        id TEXT NOT NULL,
        created_by TEXT,
        config TEXT NOT NULL
    ) STRICT;
    CREATE TABLE partitions (
        topic INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        end_offset INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE records (
        topic INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        \"offset\" INTEGER NOT NULL,
        timestamp INTEGER NOT NULL,
        key BLOB,
        value BLOB,
        headers BLOB
    ) STRICT;
    CREATE UNIQUE INDEX records_by_offset ON records (topic, partition, \"offset\");
    CREATE TABLE group_offsets (
        consumer_group TEXT NOT NULL,
        topic INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        \"offset\" INTEGER NOT NULL,
        metadata TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (consumer_group, topic, partition)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE source_positions (
        pipeline TEXT PRIMARY KEY,
        position TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Why `log.db` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayoutError {
    /// A later version of this program wrote it.
    #[error("it was written by a later version (layout {found}, this version reads up to {LAYOUT})")]
    Later {
        /// The layout in the file.
        found: i32,
    },
    /// SQLite reported an error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Creates the tables where they are missing, and migrates those of an earlier version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), LayoutError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let statements = match layout(&transaction)? {
        0 => Some(TABLES),
        1 => Some(ADD_METADATA),
        _ => None,
    };
    if let Some(statements) = statements {
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    transaction.commit()?;
    check(connection)
}

/// Checks that this version can read the tables.
pub(super) fn check(connection: &Connection) -> Result<(), LayoutError> {
    match layout(connection)? {
        0..=LAYOUT => Ok(()),
        found => Err(LayoutError::Later { found }),
    }
}

fn layout(connection: &Connection) -> Result<i32, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}
