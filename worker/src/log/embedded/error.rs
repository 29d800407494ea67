//! Errors of SQLite as errors of the log.

use crate::delivery::retry::Retry;
use crate::log::LogError;
use crate::sqlite::DatabaseError;

impl From<DatabaseError> for LogError {
    fn from(error: DatabaseError) -> Self {
        let (retry, cause) = error.classify();
        let (cause, source) = (cause.name(), error.into());
        match retry {
            Retry::Transient => Self::Unavailable { cause, source },
            Retry::Permanent | Retry::Rows => Self::Refused { cause, source },
        }
    }
}

impl From<rusqlite::Error> for LogError {
    fn from(error: rusqlite::Error) -> Self {
        DatabaseError::from(error).into()
    }
}
