//! What the embedded log and the embedded table share: a directory of SQLite files, owned by one process at a time.
//!
//! Durability: a process killed at any moment loses nothing that was acknowledged, because every acknowledgement
//! follows the commit of a transaction in SQLite's write-ahead log. The files are not forced to the disk at every commit
//! (`synchronous=NORMAL`), so a power failure may take the last moments with it, as it may with Kafka's and
//! Cassandra's defaults.

mod data_directory;
mod database;
mod error;

pub use data_directory::{DataDirectory, DataDirectoryError, keyspace_path, log_path};

pub(crate) use database::{Database, open_for_reading, open_for_writing};
pub(crate) use error::DatabaseError;
