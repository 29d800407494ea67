//! Classifies the errors of schema statements: transient or permanent.

use scylla::errors::{
    DbError, DeserializationError, ExecutionError, IntoRowsResultError, MaybeFirstRowError,
    RequestAttemptError, RowsError, SchemaAgreementError,
};

use crate::delivery::retry::Retry;
use crate::provision::admin::AdminError;

const WHAT: &str = "Cassandra";

/// The nodes do not agree on the schema yet, or do not answer.
pub(super) fn agreement(error: SchemaAgreementError) -> AdminError {
    AdminError::Unavailable { what: WHAT, cause: "schema_agreement", source: error.into() }
}

/// A statement that failed.
pub(super) fn execution(error: ExecutionError) -> AdminError {
    match classify(&error) {
        (Retry::Transient, cause) => AdminError::Unavailable { what: WHAT, cause, source: error.into() },
        (Retry::Permanent | Retry::Rows, cause) => {
            AdminError::Refused { what: WHAT, cause, source: error.into() }
        }
    }
}

/// Whether a retry can succeed, and the name of the cause.
fn classify(error: &ExecutionError) -> (Retry, &'static str) {
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => classify_database(error),
        ExecutionError::BadQuery(_) => (Retry::Permanent, "statement"),
        ExecutionError::RequestTimeout(_) => (Retry::Transient, "timed_out"),
        ExecutionError::SchemaAgreementError(_) => (Retry::Transient, "schema_agreement"),
        _ => (Retry::Transient, "connection"),
    }
}

/// Classifies an error that a node returned.
fn classify_database(error: &DbError) -> (Retry, &'static str) {
    match error {
        DbError::Unauthorized => (Retry::Permanent, "not_authorized"),
        // A rotation reaches the cluster and the pod at different times.
        DbError::AuthenticationError => (Retry::Transient, "authentication"),
        DbError::SyntaxError | DbError::Invalid | DbError::ConfigError => (Retry::Permanent, "statement"),
        DbError::AlreadyExists { .. } => (Retry::Transient, "exists"),
        DbError::Unavailable { .. } => (Retry::Transient, "not_enough_replicas"),
        DbError::Overloaded | DbError::IsBootstrapping | DbError::RateLimitReached { .. } => {
            (Retry::Transient, "overloaded")
        }
        DbError::ReadTimeout { .. } | DbError::WriteTimeout { .. } => (Retry::Transient, "timed_out"),
        _ => (Retry::Transient, "server"),
    }
}

/// A response of another shape than the statement has, from another kind of server.
fn unexpected_response(error: impl std::error::Error + Send + Sync + 'static) -> AdminError {
    AdminError::Refused { what: WHAT, cause: "answer", source: Box::new(error) }
}

/// A response without rows.
pub(super) fn rows(error: IntoRowsResultError) -> AdminError {
    unexpected_response(error)
}

/// A first row of another shape.
pub(super) fn wrong_row(error: MaybeFirstRowError) -> AdminError {
    unexpected_response(error)
}

/// Rows of another shape.
pub(super) fn wrong_rows(error: RowsError) -> AdminError {
    unexpected_response(error)
}

/// A value that cannot be deserialized.
pub(super) fn wrong_value(error: DeserializationError) -> AdminError {
    unexpected_response(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(error: DbError) -> AdminError {
        execution(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "reason".to_owned())))
    }

    #[test]
    fn errors_of_the_statement_are_permanent_others_transient() {
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
