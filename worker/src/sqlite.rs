//! The storage of local mode: a directory of SQLite files for the log and the tables, locked by one process at a time.
//!
//! Durability: a process killed at any moment loses nothing acknowledged, because each acknowledgement follows the
//! commit of a transaction in SQLite's write-ahead log. Commits are not synced to disk (`synchronous=NORMAL`), so a
//! power failure may lose the last commits, as with the defaults of Kafka and Cassandra.

mod data_directory;
mod database;
mod error;

pub use data_directory::{DataDirectory, DataDirectoryError, keyspace_path, log_path};

pub(crate) use database::{Database, open_for_reading, open_for_writing};
pub(crate) use error::DatabaseError;
