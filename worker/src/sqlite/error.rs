//! Why SQLite refuses, and whether a retry can help.

use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::delivery::retry::Retry;

/// Why the database did not execute a task.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// SQLite reported an error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// SQLite reported an error to several callers, whose rows shared a transaction.
    #[error(transparent)]
    Shared(Arc<rusqlite::Error>),
    /// The connection's thread has ended.
    #[error("the thread of the database has ended")]
    Stopped,
}

/// The cause of a [`DatabaseError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Altered,
    Constraint,
    Corrupt,
    DiskFull,
    Internal,
    Io,
    Locked,
    NotWritable,
    OutOfMemory,
    Stopped,
    TooLarge,
}

impl Cause {
    /// The name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Constraint => "constraint",
            Self::Corrupt => "corrupt",
            Self::DiskFull => "disk_full",
            Self::Internal => "internal",
            Self::Io => "io",
            Self::Locked => "locked",
            Self::NotWritable => "not_writable",
            Self::OutOfMemory => "out_of_memory",
            Self::Stopped => "stopped",
            Self::TooLarge => "too_large",
        }
    }
}

impl DatabaseError {
    /// Whether a retry can help, and the cause.
    pub(crate) fn classify(&self) -> (Retry, Cause) {
        match self {
            Self::Sqlite(error) => classify(error),
            Self::Shared(error) => classify(error),
            Self::Stopped => (Retry::Permanent, Cause::Stopped),
        }
    }
}

fn classify(error: &rusqlite::Error) -> (Retry, Cause) {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            (Retry::Transient, Cause::Locked)
        }
        Some(ErrorCode::DiskFull) => (Retry::Transient, Cause::DiskFull),
        Some(ErrorCode::SystemIoFailure) => (Retry::Transient, Cause::Io),
        Some(ErrorCode::OutOfMemory) => (Retry::Transient, Cause::OutOfMemory),
        Some(ErrorCode::TooBig) => (Retry::Rows, Cause::TooLarge),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => (Retry::Rows, Cause::Constraint),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            (Retry::Permanent, Cause::NotWritable)
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (Retry::Permanent, Cause::Corrupt),
        // SQLite reports "no such table" and "no such column" without a code.
        Some(ErrorCode::SchemaChanged | ErrorCode::Unknown) => (Retry::Permanent, Cause::Altered),
        _ => (Retry::Permanent, Cause::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(code: std::ffi::c_int) -> Retry {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        DatabaseError::Sqlite(error).classify().0
    }

    #[test]
    fn busy_and_io_errors_are_transient_others_permanent() {
        for code in [rusqlite::ffi::SQLITE_BUSY, rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR] {
            assert_eq!(retry(code), Retry::Transient, "code {code}");
        }
        for code in
            [rusqlite::ffi::SQLITE_CORRUPT, rusqlite::ffi::SQLITE_READONLY, rusqlite::ffi::SQLITE_ERROR]
        {
            assert_eq!(retry(code), Retry::Permanent, "code {code}");
        }
    }

    #[test]
    fn only_unfit_values_reject_rows() {
        assert_eq!(retry(rusqlite::ffi::SQLITE_TOOBIG), Retry::Rows);
        for code in [rusqlite::ffi::SQLITE_BUSY, rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_ERROR] {
            assert_ne!(retry(code), Retry::Rows, "code {code}");
        }
    }
}
