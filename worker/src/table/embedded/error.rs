//! Errors of SQLite as errors of the table.

use crate::delivery::retry::Retry;
use crate::sqlite::DatabaseError;
use crate::table::WriteError;

impl From<DatabaseError> for WriteError {
    fn from(error: DatabaseError) -> Self {
        let (retry, cause) = error.classify();
        let (cause, source) = (cause.name(), error.into());
        match retry {
            Retry::Rows => Self::Rejected { cause, source },
            // A table that was altered may be altered back: its rows wait.
            Retry::Transient | Retry::Permanent => Self::Unavailable { cause, source },
        }
    }
}
