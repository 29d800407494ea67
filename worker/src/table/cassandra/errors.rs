//! Which errors of the driver and of the server are the fault of the rows, and which pass.
//!
//! A row is rejected only when the server says that the statement is sound and its values are not. Everything else waits:
//! tables are altered back, permissions granted, nodes come up. A wrong guess in that direction costs a delay that the
//! metrics show; in the other direction it would cost a row.

use scylla::errors::{
    BadQuery, ConnectionPoolError, DbError, ExecutionError, PrepareError, RequestAttemptError,
    SerializationError,
};

use crate::table::WriteError;
use crate::table::column_value::Misfit;

/// What an error means for rows that were to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// The same rows may be written later.
    Passing,
    /// These rows can never be written.
    OfTheRows,
    /// The server calls the request invalid: because of the rows if it still takes the statement, else because the table
    /// was altered.
    Invalid,
}

/// What an error means, and the cause it is counted under.
pub(super) fn judge(error: &ExecutionError) -> (Nature, &'static str) {
    match error {
        ExecutionError::BadQuery(error) => bad_query(error),
        ExecutionError::LastAttemptError(error) => attempt(error),
        ExecutionError::PrepareError(error) => (Nature::Passing, prepare(error)),
        ExecutionError::ConnectionPoolError(error) => (Nature::Passing, pool(error)),
        ExecutionError::EmptyPlan => (Nature::Passing, "no_node"),
        ExecutionError::RequestTimeout(_) => (Nature::Passing, "timed_out"),
        ExecutionError::UseKeyspaceError(_)
        | ExecutionError::SchemaAgreementError(_)
        | ExecutionError::MetadataError(_) => (Nature::Passing, "schema"),
        _ => (Nature::Passing, "unexpected"),
    }
}

/// The cause that a statement that cannot be prepared is counted under.
pub(super) fn prepare(error: &PrepareError) -> &'static str {
    match error {
        PrepareError::ConnectionPoolError(error) => pool(error),
        PrepareError::AllAttemptsFailed { first_attempt } => match attempt(first_attempt) {
            (Nature::Invalid, _) => "schema",
            (_, cause) => cause,
        },
        PrepareError::PreparedStatementIdsMismatch => "schema",
        _ => "unexpected",
    }
}

/// What the server's errors mean, one by one.
fn server(error: &DbError) -> (Nature, &'static str) {
    match error {
        DbError::Invalid => (Nature::Invalid, "invalid"),
        DbError::Unavailable { .. } => (Nature::Passing, "not_enough_replicas"),
        DbError::Overloaded | DbError::RateLimitReached { .. } => (Nature::Passing, "overloaded"),
        DbError::IsBootstrapping => (Nature::Passing, "bootstrapping"),
        DbError::WriteTimeout { .. } | DbError::ReadTimeout { .. } => (Nature::Passing, "replicas_timed_out"),
        DbError::WriteFailure { .. } | DbError::ReadFailure { .. } => (Nature::Passing, "replicas_failed"),
        DbError::AuthenticationError => (Nature::Passing, "authentication"),
        DbError::Unauthorized => (Nature::Passing, "not_authorized"),
        // The driver prepares the statement again by itself; this is what is left when that went wrong.
        DbError::Unprepared { .. } => (Nature::Passing, "unprepared"),
        DbError::SyntaxError
        | DbError::ConfigError
        | DbError::AlreadyExists { .. }
        | DbError::TruncateError => (Nature::Passing, "schema"),
        DbError::ServerError | DbError::FunctionFailure { .. } => (Nature::Passing, "server_error"),
        DbError::ProtocolError => (Nature::Passing, "protocol"),
        DbError::Other(_) => (Nature::Passing, "unexpected"),
        _ => (Nature::Passing, "unexpected"),
    }
}

fn attempt(error: &RequestAttemptError) -> (Nature, &'static str) {
    match error {
        RequestAttemptError::DbError(error, _) => server(error),
        RequestAttemptError::SerializationError(error) => serialization(error),
        RequestAttemptError::BrokenConnectionError(_) => (Nature::Passing, "connection"),
        RequestAttemptError::UnableToAllocStreamId => (Nature::Passing, "overloaded"),
        // A frame holds 2 GiB less a header; no row and no batch of ours comes near it but by its own size.
        RequestAttemptError::CqlRequestSerialization(_) => (Nature::OfTheRows, "too_large"),
        RequestAttemptError::RepreparedIdChanged { .. } | RequestAttemptError::RepreparedIdMissingInBatch => {
            (Nature::Passing, "schema")
        }
        RequestAttemptError::BodyExtensionsParseError(_)
        | RequestAttemptError::CqlResultParseError(_)
        | RequestAttemptError::CqlErrorParseError(_)
        | RequestAttemptError::UnexpectedResponse(_)
        | RequestAttemptError::NonfinishedPagingState => (Nature::Passing, "protocol"),
        _ => (Nature::Passing, "unexpected"),
    }
}

fn bad_query(error: &BadQuery) -> (Nature, &'static str) {
    match error {
        BadQuery::SerializationError(error) => serialization(error),
        // The partition key is at most 64 KiB.
        BadQuery::ValuesTooLongForKey(..) | BadQuery::PartitionKeyExtraction => {
            (Nature::OfTheRows, "key_too_long")
        }
        BadQuery::TooManyQueriesInBatchStatement(_) => (Nature::Passing, "unexpected"),
        _ => (Nature::Passing, "unexpected"),
    }
}

fn serialization(error: &SerializationError) -> (Nature, &'static str) {
    match error.downcast_ref::<Misfit>() {
        Some(misfit) => (Nature::OfTheRows, misfit.cause()),
        None => (Nature::Passing, "unexpected"),
    }
}

fn pool(error: &ConnectionPoolError) -> &'static str {
    match error {
        ConnectionPoolError::NodeDisabledByHostFilter => "no_node",
        _ => "connection",
    }
}

/// An error of the driver as one of the table, once it is known whose fault it is.
pub(super) fn write_error(error: ExecutionError, nature: Nature, cause: &'static str) -> WriteError {
    let source = Box::new(error);
    match nature {
        Nature::Passing => WriteError::Unavailable { cause, source },
        Nature::OfTheRows | Nature::Invalid => WriteError::Rejected { cause, source },
    }
}

#[cfg(test)]
mod tests {
    use scylla::errors::{OperationType, WriteType};
    use scylla::statement::Consistency;
    use userstream_crds::model::CqlType;

    use super::*;

    fn of(error: DbError) -> (Nature, &'static str) {
        judge(&ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "a message".into())))
    }

    #[test]
    fn every_error_of_the_server_is_judged() {
        let consistency = Consistency::LocalQuorum;
        let (received, required, alive, numfailures) = (1, 2, 1, 1);
        let write_type = WriteType::Simple;
        let keyspace = String::new();
        for (error, nature, cause) in [
            (DbError::Invalid, Nature::Invalid, "invalid"),
            (DbError::Unavailable { consistency, required, alive }, Nature::Passing, "not_enough_replicas"),
            (DbError::Overloaded, Nature::Passing, "overloaded"),
            (
                DbError::RateLimitReached { op_type: OperationType::Write, rejected_by_coordinator: true },
                Nature::Passing,
                "overloaded",
            ),
            (DbError::IsBootstrapping, Nature::Passing, "bootstrapping"),
            (
                DbError::WriteTimeout { consistency, received, required, write_type: write_type.clone() },
                Nature::Passing,
                "replicas_timed_out",
            ),
            (
                DbError::WriteFailure { consistency, received, required, numfailures, write_type },
                Nature::Passing,
                "replicas_failed",
            ),
            (DbError::AuthenticationError, Nature::Passing, "authentication"),
            (DbError::Unauthorized, Nature::Passing, "not_authorized"),
            (DbError::Unprepared { statement_id: Vec::new().into() }, Nature::Passing, "unprepared"),
            (DbError::SyntaxError, Nature::Passing, "schema"),
            (DbError::ConfigError, Nature::Passing, "schema"),
            (DbError::AlreadyExists { keyspace, table: String::new() }, Nature::Passing, "schema"),
            (DbError::TruncateError, Nature::Passing, "schema"),
            (DbError::ServerError, Nature::Passing, "server_error"),
            (DbError::ProtocolError, Nature::Passing, "protocol"),
            (DbError::Other(0x1700), Nature::Passing, "unexpected"),
        ] {
            assert_eq!(of(error.clone()), (nature, cause), "{error}");
        }
    }

    #[test]
    fn only_values_that_do_not_fit_are_the_fault_of_the_row() {
        let misfit = SerializationError::new(Misfit::OutOfRange(CqlType::Int));
        assert_eq!(judge(&misfit.into()), (Nature::OfTheRows, "out_of_range"));
        let bug = SerializationError::new(std::fmt::Error);
        assert_eq!(judge(&bug.into()), (Nature::Passing, "unexpected"));
        let key = ExecutionError::BadQuery(BadQuery::ValuesTooLongForKey(70_000, 65_535));
        assert_eq!(judge(&key), (Nature::OfTheRows, "key_too_long"));
    }

    #[test]
    fn a_statement_that_is_refused_means_that_the_table_was_altered() {
        let refused = RequestAttemptError::DbError(DbError::Invalid, "Undefined column name age".into());
        assert_eq!(prepare(&PrepareError::AllAttemptsFailed { first_attempt: refused }), "schema");
    }

    #[test]
    fn without_a_node_rows_wait() {
        assert_eq!(judge(&ExecutionError::EmptyPlan).0, Nature::Passing);
        assert_eq!(judge(&ConnectionPoolError::Initializing.into()), (Nature::Passing, "connection"));
    }
}
