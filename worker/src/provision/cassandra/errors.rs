//! Which faults of a statement pass, and which stay until somebody changes something.

use scylla::errors::{
    DbError, DeserializationError, ExecutionError, IntoRowsResultError, MaybeFirstRowError,
    RequestAttemptError, RowsError, SchemaAgreementError,
};

use crate::provision::admin::AdminError;

const WHAT: &str = "Cassandra";

/// Nodes that do not agree on the schema yet, or cannot be asked.
pub(super) fn agreement(error: SchemaAgreementError) -> AdminError {
    AdminError::Unavailable { what: WHAT, cause: "schema_agreement", source: error.into() }
}

/// A statement that was not made.
pub(super) fn execution(error: ExecutionError) -> AdminError {
    let (cause, passing) = match &error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => of_database(error),
        ExecutionError::BadQuery(_) => ("statement", false),
        ExecutionError::RequestTimeout(_) => ("timed_out", true),
        ExecutionError::SchemaAgreementError(_) => ("schema_agreement", true),
        _ => ("connection", true),
    };
    let source = error.into();
    if passing {
        AdminError::Unavailable { what: WHAT, cause, source }
    } else {
        AdminError::Refused { what: WHAT, cause, source }
    }
}

/// The cause of an error that a node reported, and whether it passes.
fn of_database(error: &DbError) -> (&'static str, bool) {
    match error {
        DbError::Unauthorized => ("not_authorized", false),
        // A rotation reaches the cluster and the pod at different times.
        DbError::AuthenticationError => ("authentication", true),
        DbError::SyntaxError | DbError::Invalid | DbError::ConfigError => ("statement", false),
        DbError::AlreadyExists { .. } => ("exists", true),
        DbError::Unavailable { .. } => ("not_enough_replicas", true),
        DbError::Overloaded | DbError::IsBootstrapping | DbError::RateLimitReached { .. } => {
            ("overloaded", true)
        }
        DbError::ReadTimeout { .. } | DbError::WriteTimeout { .. } => ("timed_out", true),
        _ => ("server", true),
    }
}

/// An answer that is not what the statement asks for: another kind of server.
fn answer(error: impl std::error::Error + Send + Sync + 'static) -> AdminError {
    AdminError::Refused { what: WHAT, cause: "answer", source: Box::new(error) }
}

/// An answer without rows.
pub(super) fn rows(error: IntoRowsResultError) -> AdminError {
    answer(error)
}

/// An answer whose first row is of another shape.
pub(super) fn wrong_row(error: MaybeFirstRowError) -> AdminError {
    answer(error)
}

/// An answer whose rows are of another shape.
pub(super) fn wrong_rows(error: RowsError) -> AdminError {
    answer(error)
}

/// An answer with a value that is none.
pub(super) fn wrong_value(error: DeserializationError) -> AdminError {
    answer(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(error: DbError) -> AdminError {
        execution(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "reason".to_owned())))
    }

    #[test]
    fn what_somebody_must_change_is_told_from_what_passes() {
        for error in [DbError::Unauthorized, DbError::SyntaxError, DbError::Invalid, DbError::ConfigError] {
            assert!(!reported(error.clone()).is_retryable(), "{error:?}");
        }
        for error in [
            DbError::Overloaded,
            DbError::IsBootstrapping,
            DbError::AuthenticationError,
            DbError::ServerError,
        ] {
            assert!(reported(error.clone()).is_retryable(), "{error:?}");
        }
        assert!(execution(ExecutionError::RequestTimeout(std::time::Duration::ZERO)).is_retryable());
        assert!(execution(ExecutionError::EmptyPlan).is_retryable());
    }
}
