//! Retry classification of librdkafka's errors.
//!
//! The table names every code of librdkafka: a test fails when an upgrade adds one. A code that no client of this crate
//! can receive (transactions, delegation tokens, share groups) counts as transient. Waiting with an error in the
//! metrics is never worse than ending, and ending would save nothing.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::delivery::retry::Retry::{self, Permanent, Rows, Transient};
use crate::log::{LogError, RejectionReason};
use Cause::*;

/// The cause of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    Authentication,
    AuthenticationMechanism,
    BrokerStorage,
    Client,
    Configuration,
    Connection,
    Coordinator,
    Damaged,
    Group,
    InvalidRecord,
    Leader,
    NameResolution,
    NotAuthorized,
    NotEnoughReplicas,
    Offset,
    OffsetOutOfRange,
    Policy,
    ProducerFatal,
    Rebalance,
    Throttled,
    TimedOut,
    Tls,
    TooLarge,
    Unexpected,
    UnknownTopic,
    Unsupported,
}

impl Cause {
    /// The name in metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::AuthenticationMechanism => "authentication_mechanism",
            Self::BrokerStorage => "broker_storage",
            Self::Client => "client",
            Self::Configuration => "configuration",
            Self::Connection => "connection",
            Self::Coordinator => "coordinator",
            Self::Damaged => "damaged",
            Self::Group => "group",
            Self::InvalidRecord => "invalid_record",
            Self::Leader => "leader",
            Self::NameResolution => "name_resolution",
            Self::NotAuthorized => "not_authorized",
            Self::NotEnoughReplicas => "not_enough_replicas",
            Self::Offset => "offset",
            Self::OffsetOutOfRange => "offset_out_of_range",
            Self::Policy => "policy",
            Self::ProducerFatal => "producer_fatal",
            Self::Rebalance => "rebalance",
            Self::Throttled => "throttled",
            Self::TimedOut => "timed_out",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
            Self::Unexpected => "unexpected",
            Self::UnknownTopic => "unknown_topic",
            Self::Unsupported => "unsupported",
        }
    }

    /// Why a record with this cause can never be appended.
    pub(super) fn rejection(self) -> RejectionReason {
        match self {
            Self::TooLarge => RejectionReason::TooLarge,
            _ => RejectionReason::Invalid,
        }
    }
}

/// Retry and cause of each code.
const ERRORS: &[(Code, Retry, Cause)] = &[
    // The connection to the brokers.
    (Code::BrokerTransportFailure, Transient, Connection),
    (Code::AllBrokersDown, Transient, Connection),
    (Code::NetworkException, Transient, Connection),
    (Code::BrokerDestroy, Transient, Connection),
    (Code::DestroyBroker, Transient, Connection),
    (Code::NodeUpdate, Transient, Connection),
    (Code::UnknownBroker, Transient, Connection),
    (Code::RebootstrapRequired, Transient, Connection),
    (Code::Resolve, Transient, NameResolution),
    // Credentials: a rotation reaches the brokers and the pod at different times.
    (Code::SSL, Transient, Tls),
    (Code::Authentication, Transient, Authentication),
    (Code::SaslAuthenticationFailed, Transient, Authentication),
    (Code::IllegalSASLState, Transient, Authentication),
    (Code::UnacceptableCredential, Transient, Authentication),
    (Code::PrincipalDeserializationFailure, Transient, Authentication),
    (Code::UnsupportedSASLMechanism, Permanent, AuthenticationMechanism),
    (Code::SecurityDisabled, Permanent, AuthenticationMechanism),
    (Code::TopicAuthorizationFailed, Permanent, NotAuthorized),
    (Code::GroupAuthorizationFailed, Permanent, NotAuthorized),
    (Code::ClusterAuthorizationFailed, Permanent, NotAuthorized),
    (Code::TransactionalIdAuthorizationFailed, Permanent, NotAuthorized),
    (Code::DelegationTokenAuthorizationFailed, Permanent, NotAuthorized),
    // Timeouts and quotas.
    (Code::MessageTimedOut, Transient, TimedOut),
    (Code::OperationTimedOut, Transient, TimedOut),
    (Code::TimedOutQueue, Transient, TimedOut),
    (Code::RequestTimedOut, Transient, TimedOut),
    (Code::ThrottlingQuotaExceeded, Transient, Throttled),
    // Leaders and replicas.
    (Code::LeaderNotAvailable, Transient, Leader),
    (Code::NotLeaderForPartition, Transient, Leader),
    (Code::ReplicaNotAvailable, Transient, Leader),
    (Code::BrokerNotAvailable, Transient, Leader),
    (Code::FencedLeaderEpoch, Transient, Leader),
    (Code::UnknownLeaderEpoch, Transient, Leader),
    (Code::OffsetNotAvailable, Transient, Leader),
    (Code::PreferredLeaderNotAvailable, Transient, Leader),
    (Code::EligibleLeadersNotAvailable, Transient, Leader),
    (Code::ListenerNotFound, Transient, Leader),
    (Code::ReassignmentInProgress, Transient, Leader),
    (Code::NotEnoughReplicas, Transient, NotEnoughReplicas),
    (Code::NotEnoughReplicasAfterAppend, Transient, NotEnoughReplicas),
    (Code::ISRInsufficient, Transient, NotEnoughReplicas),
    (Code::KafkaStorageError, Transient, BrokerStorage),
    (Code::LogDirNotFound, Transient, BrokerStorage),
    // The group and its coordinator.
    (Code::WaitingForCoordinator, Transient, Coordinator),
    (Code::CoordinatorLoadInProgress, Transient, Coordinator),
    (Code::CoordinatorNotAvailable, Transient, Coordinator),
    (Code::NotCoordinator, Transient, Coordinator),
    (Code::IllegalGeneration, Transient, Rebalance),
    (Code::UnknownMemberId, Transient, Rebalance),
    (Code::MemberIdRequired, Transient, Rebalance),
    (Code::RebalanceInProgress, Transient, Rebalance),
    (Code::AssignmentLost, Transient, Rebalance),
    (Code::AssignPartitions, Transient, Rebalance),
    (Code::RevokePartitions, Transient, Rebalance),
    (Code::PollExceeded, Transient, Rebalance),
    (Code::FencedMemberEpoch, Transient, Rebalance),
    (Code::StaleMemberEpoch, Transient, Rebalance),
    (Code::UnreleasedInstanceId, Transient, Rebalance),
    (Code::FencedInstanceId, Transient, Rebalance),
    (Code::UnstableOffsetCommit, Transient, Rebalance),
    // Members of another version leave during a rolling update.
    (Code::InconsistentGroupProtocol, Transient, Group),
    (Code::GroupMaxSizeReached, Transient, Group),
    (Code::UnknownGroup, Transient, Group),
    (Code::UnsupportedAssignor, Transient, Group),
    (Code::InvalidGroupId, Permanent, Group),
    (Code::InvalidSessionTimeout, Permanent, Group),
    // Offsets and topics.
    (Code::OffsetOutOfRange, Permanent, OffsetOutOfRange),
    (Code::AutoOffsetReset, Permanent, OffsetOutOfRange),
    (Code::LogTruncation, Permanent, OffsetOutOfRange),
    (Code::NoOffset, Transient, Offset),
    (Code::OffsetMetadataTooLarge, Permanent, Offset),
    (Code::InvalidCommitOffsetSize, Permanent, Offset),
    (Code::UnknownTopicOrPartition, Permanent, UnknownTopic),
    (Code::UnknownTopic, Permanent, UnknownTopic),
    (Code::UnknownTopicId, Permanent, UnknownTopic),
    (Code::UnknownPartition, Permanent, UnknownTopic),
    (Code::InvalidTopic, Permanent, UnknownTopic),
    // One record.
    (Code::MessageSizeTooLarge, Rows, TooLarge),
    (Code::InvalidMessageSize, Rows, TooLarge),
    (Code::MessageBatchTooLarge, Rows, TooLarge),
    (Code::InvalidRecord, Rows, InvalidRecord),
    (Code::InvalidTimestamp, Rows, InvalidRecord),
    // The idempotent producer: a new producer replaces it.
    (Code::Fatal, Transient, ProducerFatal),
    (Code::Fenced, Transient, ProducerFatal),
    (Code::ProducerFenced, Transient, ProducerFatal),
    (Code::GaplessGuarantee, Transient, ProducerFatal),
    (Code::Inconsistent, Transient, ProducerFatal),
    (Code::OutOfOrderSequenceNumber, Transient, ProducerFatal),
    (Code::DuplicateSequenceNumber, Transient, ProducerFatal),
    (Code::InvalidProducerEpoch, Transient, ProducerFatal),
    (Code::InvalidProducerIdMapping, Transient, ProducerFatal),
    (Code::UnknownProducerId, Transient, ProducerFatal),
    (Code::PurgeQueue, Transient, ProducerFatal),
    (Code::PurgeInflight, Transient, ProducerFatal),
    // Damage in transit or on disk: the request is repeated.
    (Code::BadMessage, Transient, Damaged),
    (Code::InvalidMessage, Transient, Damaged),
    (Code::BadCompression, Transient, Damaged),
    (Code::Underflow, Transient, Damaged),
    // Requests that the cluster does not support or forbids.
    (Code::UnsupportedVersion, Permanent, Unsupported),
    (Code::UnsupportedFeature, Permanent, Unsupported),
    (Code::UnsupportedForMessageFormat, Permanent, Unsupported),
    (Code::UnsupportedCompressionType, Permanent, Unsupported),
    (Code::NotImplemented, Permanent, Unsupported),
    (Code::UnknownProtocol, Permanent, Unsupported),
    (Code::InvalidConfig, Permanent, Configuration),
    (Code::InvalidRequest, Permanent, Configuration),
    (Code::InvalidRequiredAcks, Permanent, Configuration),
    (Code::InvalidArgument, Permanent, Configuration),
    (Code::InvalidType, Permanent, Configuration),
    (Code::NotConfigured, Permanent, Configuration),
    (Code::PolicyViolation, Permanent, Policy),
    // The client itself.
    (Code::QueueFull, Transient, Client),
    (Code::Fail, Transient, Client),
    (Code::CriticalSystemResource, Transient, Client),
    (Code::FileSystem, Transient, Client),
    (Code::InProgress, Transient, Client),
    (Code::PreviousInProgress, Transient, Client),
    (Code::ExistingSubscription, Transient, Client),
    (Code::Conflict, Transient, Client),
    (Code::State, Transient, Client),
    (Code::Outdated, Transient, Client),
    (Code::WaitCache, Transient, Client),
    (Code::Interrupted, Transient, Client),
    (Code::KeySerialization, Transient, Client),
    (Code::ValueSerialization, Transient, Client),
    (Code::KeyDeserialization, Transient, Client),
    (Code::ValueDeserialization, Transient, Client),
    (Code::Partial, Transient, Client),
    (Code::ReadOnly, Transient, Client),
    (Code::NoEnt, Transient, Client),
    (Code::Retry, Transient, Client),
    (Code::Application, Transient, Client),
    (Code::Noop, Transient, Client),
    (Code::PartitionEOF, Transient, Client),
    (Code::InvalidDifferentRecord, Transient, Client),
];

/// Retry and cause of codes that the table does not name: transactions, tokens, elections, and codes of newer brokers.
const OTHERS: (Retry, Cause) = (Transient, Unexpected);

/// Whether a retry can help, and the cause.
pub(super) fn classify(code: Code) -> (Retry, Cause) {
    ERRORS.iter().find(|(known, _, _)| *known == code).map_or(OTHERS, |(_, retry, cause)| (*retry, *cause))
}

/// A code of librdkafka as an error of the log.
pub(crate) fn from_code(code: Code) -> LogError {
    let (retry, cause) = classify(code);
    log_error(retry, cause, code)
}

/// An error of the client as an error of the log.
pub(crate) fn from_client(error: KafkaError) -> LogError {
    match error {
        // The refused value may be a password, and the reason may quote it: only the setting is named.
        KafkaError::ClientConfig(_, _, setting, _) => {
            log_error(Permanent, Configuration, RefusedSetting { setting })
        }
        KafkaError::ClientCreation(_) => log_error(Permanent, Configuration, error),
        error => {
            let (retry, cause) = error.rdkafka_error_code().map_or((Transient, Client), classify);
            log_error(retry, cause, error)
        }
    }
}

/// No answer within the time that the call may take.
pub(super) fn timed_out(what: &'static str) -> LogError {
    log_error(Transient, TimedOut, Overdue(what))
}

/// The system has no thread for a blocking call.
pub(super) fn no_thread(error: std::io::Error) -> LogError {
    log_error(Transient, Client, error)
}

/// An error of the log with this classification.
pub(super) fn log_error(
    retry: Retry,
    cause: Cause,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> LogError {
    let (cause, source) = (cause.name(), source.into());
    match retry {
        Transient => LogError::Unavailable { cause, source },
        Permanent | Rows => LogError::Refused { cause, source },
    }
}

#[derive(Debug, thiserror::Error)]
#[error("librdkafka refuses the value of the setting {setting}")]
struct RefusedSetting {
    setting: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{0} took too long")]
struct Overdue(&'static str);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rdkafka::types::RDKafkaRespErr;

    use super::*;

    /// Codes that are left to [`OTHERS`]: no client of this crate can receive them.
    const UNUSED: &[Code] = &[
        Code::Begin,
        Code::End,
        Code::EndAll,
        Code::Unknown,
        Code::NoError,
        Code::StaleControllerEpoch,
        Code::TopicAlreadyExists,
        Code::InvalidPartitions,
        Code::InvalidReplicationFactor,
        Code::InvalidReplicaAssignment,
        Code::NotController,
        Code::InvalidTransactionalState,
        Code::InvalidTransactionTimeout,
        Code::ConcurrentTransactions,
        Code::TransactionCoordinatorFenced,
        Code::OperationNotAttempted,
        Code::DelegationTokenAuthDisabled,
        Code::DelegationTokenNotFound,
        Code::DelegationTokenOwnerMismatch,
        Code::DelegationTokenRequestNotAllowed,
        Code::DelegationTokenExpired,
        Code::InvalidPrincipalType,
        Code::NonEmptyGroup,
        Code::GroupIdNotFound,
        Code::FetchSessionIdNotFound,
        Code::InvalidFetchSessionEpoch,
        Code::TopicDeletionDisabled,
        Code::StaleBrokerEpoch,
        Code::ElectionNotNeeded,
        Code::NoReassignmentInProgress,
        Code::GroupSubscribedToTopic,
        Code::ResourceNotFound,
        Code::DuplicateResource,
        Code::InconsistentVoterSet,
        Code::InvalidUpdateVersion,
        Code::FeatureUpdateFailed,
        Code::UnknownSubscriptionId,
        Code::TelemetryTooLarge,
    ];

    fn every_code() -> impl Iterator<Item = Code> {
        (-300..1_000).filter_map(|number| RDKafkaRespErr::try_from(number).ok()).map(Code::from)
    }

    #[test]
    fn every_code_is_classified_or_unused() {
        let unclassified: Vec<Code> = every_code()
            .filter(|code| !UNUSED.contains(code) && !ERRORS.iter().any(|(known, _, _)| known == code))
            .collect();
        assert!(unclassified.is_empty(), "classify these codes or list them as unused: {unclassified:?}");
        assert!(every_code().count() > 150, "librdkafka reported too few codes");
    }

    #[test]
    fn no_code_is_classified_twice() {
        let mut seen = Vec::new();
        for (code, _, _) in ERRORS {
            assert!(!seen.contains(code), "{code:?} is in the table twice");
            assert!(!UNUSED.contains(code), "{code:?} is classified and unused");
            seen.push(*code);
        }
    }

    #[test]
    fn causes_are_few_and_fit_metric_labels() {
        let causes: BTreeSet<&str> = ERRORS.iter().map(|(_, _, cause)| cause.name()).collect();
        assert!(causes.len() <= 32, "{causes:?}");
        assert!(
            causes.iter().all(|cause| cause.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')),
            "{causes:?}"
        );
    }

    #[test]
    fn rotation_and_outage_are_transient() {
        for code in
            [Code::AllBrokersDown, Code::SSL, Code::SaslAuthenticationFailed, Code::CoordinatorNotAvailable]
        {
            assert!(from_code(code).is_retryable(), "{code:?}");
        }
    }

    #[test]
    fn offset_out_of_range_is_permanent() {
        let error = from_client(KafkaError::MessageConsumption(Code::AutoOffsetReset));
        assert!(!error.is_retryable());
        assert_eq!(error.cause(), "offset_out_of_range");
    }

    #[test]
    fn refused_setting_is_named_without_its_value() {
        let error = rdkafka::ClientConfig::new()
            .set("security.protocol", "hunter2")
            .create::<rdkafka::consumer::BaseConsumer>()
            .err()
            .map(from_client)
            .unwrap();
        assert!(error.to_string().contains("security.protocol"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        assert!(!error.is_retryable());
    }
}
