//! Retry classification of the driver's and the server's errors.
//!
//! A row is rejected only when the server accepts the statement and refuses its values. Every other error is transient:
//! tables are altered back, permissions granted, nodes come up. A wrong guess in that direction costs a delay that the
//! metrics show; in the other direction it would cost a row.

use scylla::errors::{
    BadQuery, ConnectionPoolError, DbError, ExecutionError, PrepareError, RequestAttemptError,
    SerializationError,
};

use crate::delivery::retry::Retry;
use crate::table::WriteError;
use crate::table::column_value::ColumnValueError;

/// The cause of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Authentication,
    Bootstrapping,
    Connection,
    Credentials,
    Invalid,
    KeyTooLong,
    Value(ColumnValueError),
    NoNode,
    NotAuthorized,
    NotEnoughReplicas,
    Overloaded,
    Protocol,
    ReplicasFailed,
    ReplicasTimedOut,
    Schema,
    ServerError,
    TimedOut,
    TooLarge,
    Unexpected,
    Unprepared,
    /// Writes have failed for a while with causes that a new connection may remove.
    Unreached,
}

impl Cause {
    /// The name in metrics and dead letters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Bootstrapping => "bootstrapping",
            Self::Connection => "connection",
            Self::Credentials => "credentials",
            Self::Invalid => "invalid",
            Self::KeyTooLong => "key_too_long",
            Self::Value(error) => error.cause(),
            Self::NoNode => "no_node",
            Self::NotAuthorized => "not_authorized",
            Self::NotEnoughReplicas => "not_enough_replicas",
            Self::Overloaded => "overloaded",
            Self::Protocol => "protocol",
            Self::ReplicasFailed => "replicas_failed",
            Self::ReplicasTimedOut => "replicas_timed_out",
            Self::Schema => "schema",
            Self::ServerError => "server_error",
            Self::TimedOut => "timed_out",
            Self::TooLarge => "too_large",
            Self::Unexpected => "unexpected",
            Self::Unprepared => "unprepared",
            Self::Unreached => "unreached",
        }
    }

    /// Whether a new connection may remove the cause: it resolves the contact points and prepares the statements again.
    pub(super) fn may_need_reconnect(self) -> bool {
        matches!(self, Self::Connection | Self::NoNode | Self::Schema | Self::Unprepared | Self::Protocol)
    }
}

/// Why rows were not written.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) retry: Retry,
    pub(super) cause: Cause,
    pub(super) source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<Failure> for WriteError {
    fn from(Failure { retry, cause, source }: Failure) -> Self {
        let cause = cause.name();
        match retry {
            Retry::Rows => Self::Rejected { cause, source },
            Retry::Transient | Retry::Permanent => Self::Unavailable { cause, source },
        }
    }
}

/// Whether a retry can help, and the cause. [`Cause::Invalid`] is the fault of the rows only while the server still
/// accepts the statement: otherwise the table was altered.
pub(super) fn classify(error: &ExecutionError) -> (Retry, Cause) {
    match error {
        ExecutionError::BadQuery(error) => bad_query(error),
        ExecutionError::LastAttemptError(error) => attempt(error),
        ExecutionError::PrepareError(error) => (Retry::Transient, prepare(error)),
        ExecutionError::ConnectionPoolError(error) => (Retry::Transient, pool(error)),
        ExecutionError::EmptyPlan => (Retry::Transient, Cause::NoNode),
        ExecutionError::RequestTimeout(_) => (Retry::Transient, Cause::TimedOut),
        ExecutionError::UseKeyspaceError(_)
        | ExecutionError::SchemaAgreementError(_)
        | ExecutionError::MetadataError(_) => (Retry::Transient, Cause::Schema),
        _ => (Retry::Transient, Cause::Unexpected),
    }
}

/// Why a statement cannot be prepared.
pub(super) fn prepare(error: &PrepareError) -> Cause {
    match error {
        PrepareError::ConnectionPoolError(error) => pool(error),
        PrepareError::AllAttemptsFailed { first_attempt } => match attempt(first_attempt) {
            (_, Cause::Invalid) => Cause::Schema,
            (_, cause) => cause,
        },
        PrepareError::PreparedStatementIdsMismatch => Cause::Schema,
        _ => Cause::Unexpected,
    }
}

fn server(error: &DbError) -> (Retry, Cause) {
    match error {
        DbError::Invalid => (Retry::Rows, Cause::Invalid),
        DbError::Unavailable { .. } => (Retry::Transient, Cause::NotEnoughReplicas),
        DbError::Overloaded | DbError::RateLimitReached { .. } => (Retry::Transient, Cause::Overloaded),
        DbError::IsBootstrapping => (Retry::Transient, Cause::Bootstrapping),
        DbError::WriteTimeout { .. } | DbError::ReadTimeout { .. } => {
            (Retry::Transient, Cause::ReplicasTimedOut)
        }
        DbError::WriteFailure { .. } | DbError::ReadFailure { .. } => {
            (Retry::Transient, Cause::ReplicasFailed)
        }
        DbError::AuthenticationError => (Retry::Transient, Cause::Authentication),
        DbError::Unauthorized => (Retry::Transient, Cause::NotAuthorized),
        // The driver prepares the statement again; this is reported when that fails.
        DbError::Unprepared { .. } => (Retry::Transient, Cause::Unprepared),
        DbError::SyntaxError
        | DbError::ConfigError
        | DbError::AlreadyExists { .. }
        | DbError::TruncateError => (Retry::Transient, Cause::Schema),
        DbError::ServerError | DbError::FunctionFailure { .. } => (Retry::Transient, Cause::ServerError),
        DbError::ProtocolError => (Retry::Transient, Cause::Protocol),
        DbError::Other(_) => (Retry::Transient, Cause::Unexpected),
        _ => (Retry::Transient, Cause::Unexpected),
    }
}

fn attempt(error: &RequestAttemptError) -> (Retry, Cause) {
    match error {
        RequestAttemptError::DbError(error, _) => server(error),
        RequestAttemptError::SerializationError(error) => serialization(error),
        RequestAttemptError::BrokenConnectionError(_) => (Retry::Transient, Cause::Connection),
        RequestAttemptError::UnableToAllocStreamId => (Retry::Transient, Cause::Overloaded),
        // A frame holds 2 GiB less a header: only the size of the rows can exceed it.
        RequestAttemptError::CqlRequestSerialization(_) => (Retry::Rows, Cause::TooLarge),
        RequestAttemptError::RepreparedIdChanged { .. } | RequestAttemptError::RepreparedIdMissingInBatch => {
            (Retry::Transient, Cause::Schema)
        }
        RequestAttemptError::BodyExtensionsParseError(_)
        | RequestAttemptError::CqlResultParseError(_)
        | RequestAttemptError::CqlErrorParseError(_)
        | RequestAttemptError::UnexpectedResponse(_)
        | RequestAttemptError::NonfinishedPagingState => (Retry::Transient, Cause::Protocol),
        _ => (Retry::Transient, Cause::Unexpected),
    }
}

fn bad_query(error: &BadQuery) -> (Retry, Cause) {
    match error {
        BadQuery::SerializationError(error) => serialization(error),
        // The partition key is at most 64 KiB.
        BadQuery::ValuesTooLongForKey(..) | BadQuery::PartitionKeyExtraction => {
            (Retry::Rows, Cause::KeyTooLong)
        }
        BadQuery::TooManyQueriesInBatchStatement(_) => (Retry::Transient, Cause::Unexpected),
        _ => (Retry::Transient, Cause::Unexpected),
    }
}

fn serialization(error: &SerializationError) -> (Retry, Cause) {
    match error.downcast_ref::<ColumnValueError>() {
        Some(error) => (Retry::Rows, Cause::Value(*error)),
        None => (Retry::Transient, Cause::Unexpected),
    }
}

fn pool(error: &ConnectionPoolError) -> Cause {
    match error {
        ConnectionPoolError::NodeDisabledByHostFilter => Cause::NoNode,
        _ => Cause::Connection,
    }
}

#[cfg(test)]
mod tests {
    use scylla::errors::{OperationType, WriteType};
    use scylla::statement::Consistency;
    use userstream_crds::model::CqlType;

    use super::*;

    fn of(error: DbError) -> (Retry, Cause) {
        classify(&ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "a message".into())))
    }

    #[test]
    fn every_server_error_is_classified() {
        let consistency = Consistency::LocalQuorum;
        let (received, required, alive, numfailures) = (1, 2, 1, 1);
        let write_type = WriteType::Simple;
        let keyspace = String::new();
        for (error, retry, cause) in [
            (DbError::Invalid, Retry::Rows, Cause::Invalid),
            (
                DbError::Unavailable { consistency, required, alive },
                Retry::Transient,
                Cause::NotEnoughReplicas,
            ),
            (DbError::Overloaded, Retry::Transient, Cause::Overloaded),
            (
                DbError::RateLimitReached { op_type: OperationType::Write, rejected_by_coordinator: true },
                Retry::Transient,
                Cause::Overloaded,
            ),
            (DbError::IsBootstrapping, Retry::Transient, Cause::Bootstrapping),
            (
                DbError::WriteTimeout { consistency, received, required, write_type: write_type.clone() },
                Retry::Transient,
                Cause::ReplicasTimedOut,
            ),
            (
                DbError::WriteFailure { consistency, received, required, numfailures, write_type },
                Retry::Transient,
                Cause::ReplicasFailed,
            ),
            (DbError::AuthenticationError, Retry::Transient, Cause::Authentication),
            (DbError::Unauthorized, Retry::Transient, Cause::NotAuthorized),
            (DbError::Unprepared { statement_id: Vec::new().into() }, Retry::Transient, Cause::Unprepared),
            (DbError::SyntaxError, Retry::Transient, Cause::Schema),
            (DbError::ConfigError, Retry::Transient, Cause::Schema),
            (DbError::AlreadyExists { keyspace, table: String::new() }, Retry::Transient, Cause::Schema),
            (DbError::TruncateError, Retry::Transient, Cause::Schema),
            (DbError::ServerError, Retry::Transient, Cause::ServerError),
            (DbError::ProtocolError, Retry::Transient, Cause::Protocol),
            (DbError::Other(0x1700), Retry::Transient, Cause::Unexpected),
        ] {
            assert_eq!(of(error.clone()), (retry, cause), "{error}");
        }
    }

    #[test]
    fn only_unfit_values_reject_a_row() {
        let unfit = SerializationError::new(ColumnValueError::OutOfRange(CqlType::Int));
        assert_eq!(
            classify(&unfit.into()),
            (Retry::Rows, Cause::Value(ColumnValueError::OutOfRange(CqlType::Int)))
        );
        let bug = SerializationError::new(std::fmt::Error);
        assert_eq!(classify(&bug.into()), (Retry::Transient, Cause::Unexpected));
        let key = ExecutionError::BadQuery(BadQuery::ValuesTooLongForKey(70_000, 65_535));
        assert_eq!(classify(&key), (Retry::Rows, Cause::KeyTooLong));
    }

    #[test]
    fn refused_statement_means_altered_table() {
        let refused = RequestAttemptError::DbError(DbError::Invalid, "Undefined column name age".into());
        assert_eq!(prepare(&PrepareError::AllAttemptsFailed { first_attempt: refused }), Cause::Schema);
    }

    #[test]
    fn rows_wait_while_no_node_is_reachable() {
        assert_eq!(classify(&ExecutionError::EmptyPlan).0, Retry::Transient);
        assert_eq!(
            classify(&ConnectionPoolError::Initializing.into()),
            (Retry::Transient, Cause::Connection)
        );
    }
}
