//! Which of librdkafka's errors pass by themselves and which stay until somebody changes something.
//!
//! The table names every code librdkafka has; a test fails when an upgrade brings one that is not judged here. A code
//! that is nobody's business here (transactions, delegation tokens, share groups) counts as passing: waiting with an
//! error in the metrics is never worse than ending, and ending loses nothing that waiting would save.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::{LogError, RejectionReason};
use Nature::{Lasting, Passing, Record};

/// What an error means for whoever met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// The same call may succeed later.
    Passing,
    /// It stays until somebody changes the cluster or the pipeline.
    Lasting,
    /// It is the fault of one record, which can never be appended.
    Record(RejectionReason),
}

/// Code, what it means, and the cause it is counted under.
pub(super) const ERRORS: &[(Code, Nature, &str)] = &[
    // The way to the brokers.
    (Code::BrokerTransportFailure, Passing, "connection"),
    (Code::AllBrokersDown, Passing, "connection"),
    (Code::NetworkException, Passing, "connection"),
    (Code::BrokerDestroy, Passing, "connection"),
    (Code::DestroyBroker, Passing, "connection"),
    (Code::NodeUpdate, Passing, "connection"),
    (Code::UnknownBroker, Passing, "connection"),
    (Code::RebootstrapRequired, Passing, "connection"),
    (Code::Resolve, Passing, "name_resolution"),
    // Credentials: a rotation reaches the brokers and the pod at different times.
    (Code::SSL, Passing, "tls"),
    (Code::Authentication, Passing, "authentication"),
    (Code::SaslAuthenticationFailed, Passing, "authentication"),
    (Code::IllegalSASLState, Passing, "authentication"),
    (Code::UnacceptableCredential, Passing, "authentication"),
    (Code::PrincipalDeserializationFailure, Passing, "authentication"),
    (Code::UnsupportedSASLMechanism, Lasting, "authentication_mechanism"),
    (Code::SecurityDisabled, Lasting, "authentication_mechanism"),
    (Code::TopicAuthorizationFailed, Lasting, "not_authorized"),
    (Code::GroupAuthorizationFailed, Lasting, "not_authorized"),
    (Code::ClusterAuthorizationFailed, Lasting, "not_authorized"),
    (Code::TransactionalIdAuthorizationFailed, Lasting, "not_authorized"),
    (Code::DelegationTokenAuthorizationFailed, Lasting, "not_authorized"),
    // Time.
    (Code::MessageTimedOut, Passing, "timed_out"),
    (Code::OperationTimedOut, Passing, "timed_out"),
    (Code::TimedOutQueue, Passing, "timed_out"),
    (Code::RequestTimedOut, Passing, "timed_out"),
    (Code::ThrottlingQuotaExceeded, Passing, "throttled"),
    // Leaders and replicas.
    (Code::LeaderNotAvailable, Passing, "leader"),
    (Code::NotLeaderForPartition, Passing, "leader"),
    (Code::ReplicaNotAvailable, Passing, "leader"),
    (Code::BrokerNotAvailable, Passing, "leader"),
    (Code::FencedLeaderEpoch, Passing, "leader"),
    (Code::UnknownLeaderEpoch, Passing, "leader"),
    (Code::OffsetNotAvailable, Passing, "leader"),
    (Code::PreferredLeaderNotAvailable, Passing, "leader"),
    (Code::EligibleLeadersNotAvailable, Passing, "leader"),
    (Code::ListenerNotFound, Passing, "leader"),
    (Code::ReassignmentInProgress, Passing, "leader"),
    (Code::NotEnoughReplicas, Passing, "not_enough_replicas"),
    (Code::NotEnoughReplicasAfterAppend, Passing, "not_enough_replicas"),
    (Code::ISRInsufficient, Passing, "not_enough_replicas"),
    (Code::KafkaStorageError, Passing, "broker_storage"),
    (Code::LogDirNotFound, Passing, "broker_storage"),
    // The group and its coordinator.
    (Code::WaitingForCoordinator, Passing, "coordinator"),
    (Code::CoordinatorLoadInProgress, Passing, "coordinator"),
    (Code::CoordinatorNotAvailable, Passing, "coordinator"),
    (Code::NotCoordinator, Passing, "coordinator"),
    (Code::IllegalGeneration, Passing, "rebalance"),
    (Code::UnknownMemberId, Passing, "rebalance"),
    (Code::MemberIdRequired, Passing, "rebalance"),
    (Code::RebalanceInProgress, Passing, "rebalance"),
    (Code::AssignmentLost, Passing, "rebalance"),
    (Code::AssignPartitions, Passing, "rebalance"),
    (Code::RevokePartitions, Passing, "rebalance"),
    (Code::PollExceeded, Passing, "rebalance"),
    (Code::FencedMemberEpoch, Passing, "rebalance"),
    (Code::StaleMemberEpoch, Passing, "rebalance"),
    (Code::UnreleasedInstanceId, Passing, "rebalance"),
    (Code::FencedInstanceId, Passing, "rebalance"),
    (Code::UnstableOffsetCommit, Passing, "rebalance"),
    // Members of another version leave during a rolling update.
    (Code::InconsistentGroupProtocol, Passing, "group"),
    (Code::GroupMaxSizeReached, Passing, "group"),
    (Code::UnknownGroup, Passing, "group"),
    (Code::UnsupportedAssignor, Passing, "group"),
    (Code::InvalidGroupId, Lasting, "group"),
    (Code::InvalidSessionTimeout, Lasting, "group"),
    // Where to read.
    (Code::OffsetOutOfRange, Lasting, "offset_out_of_range"),
    (Code::AutoOffsetReset, Lasting, "offset_out_of_range"),
    (Code::LogTruncation, Lasting, "offset_out_of_range"),
    (Code::NoOffset, Passing, "offset"),
    (Code::OffsetMetadataTooLarge, Lasting, "offset"),
    (Code::InvalidCommitOffsetSize, Lasting, "offset"),
    (Code::UnknownTopicOrPartition, Lasting, "unknown_topic"),
    (Code::UnknownTopic, Lasting, "unknown_topic"),
    (Code::UnknownTopicId, Lasting, "unknown_topic"),
    (Code::UnknownPartition, Lasting, "unknown_topic"),
    (Code::InvalidTopic, Lasting, "unknown_topic"),
    // One record.
    (Code::MessageSizeTooLarge, Record(RejectionReason::TooLarge), "too_large"),
    (Code::InvalidMessageSize, Record(RejectionReason::TooLarge), "too_large"),
    (Code::MessageBatchTooLarge, Record(RejectionReason::TooLarge), "too_large"),
    (Code::InvalidRecord, Record(RejectionReason::Invalid), "invalid_record"),
    (Code::InvalidTimestamp, Record(RejectionReason::Invalid), "invalid_record"),
    // The idempotent producer: a new one takes its place.
    (Code::Fatal, Passing, "producer_fatal"),
    (Code::Fenced, Passing, "producer_fatal"),
    (Code::ProducerFenced, Passing, "producer_fatal"),
    (Code::GaplessGuarantee, Passing, "producer_fatal"),
    (Code::Inconsistent, Passing, "producer_fatal"),
    (Code::OutOfOrderSequenceNumber, Passing, "producer_fatal"),
    (Code::DuplicateSequenceNumber, Passing, "producer_fatal"),
    (Code::InvalidProducerEpoch, Passing, "producer_fatal"),
    (Code::InvalidProducerIdMapping, Passing, "producer_fatal"),
    (Code::UnknownProducerId, Passing, "producer_fatal"),
    (Code::PurgeQueue, Passing, "producer_fatal"),
    (Code::PurgeInflight, Passing, "producer_fatal"),
    // Damage on the way or on disk: read or sent again.
    (Code::BadMessage, Passing, "damaged"),
    (Code::InvalidMessage, Passing, "damaged"),
    (Code::BadCompression, Passing, "damaged"),
    (Code::Underflow, Passing, "damaged"),
    // What the cluster does not do, or not as asked.
    (Code::UnsupportedVersion, Lasting, "unsupported"),
    (Code::UnsupportedFeature, Lasting, "unsupported"),
    (Code::UnsupportedForMessageFormat, Lasting, "unsupported"),
    (Code::UnsupportedCompressionType, Lasting, "unsupported"),
    (Code::NotImplemented, Lasting, "unsupported"),
    (Code::UnknownProtocol, Lasting, "unsupported"),
    (Code::InvalidConfig, Lasting, "configuration"),
    (Code::InvalidRequest, Lasting, "configuration"),
    (Code::InvalidRequiredAcks, Lasting, "configuration"),
    (Code::InvalidArgument, Lasting, "configuration"),
    (Code::InvalidType, Lasting, "configuration"),
    (Code::NotConfigured, Lasting, "configuration"),
    (Code::PolicyViolation, Lasting, "policy"),
    // The client itself.
    (Code::QueueFull, Passing, "client"),
    (Code::Fail, Passing, "client"),
    (Code::CriticalSystemResource, Passing, "client"),
    (Code::FileSystem, Passing, "client"),
    (Code::InProgress, Passing, "client"),
    (Code::PreviousInProgress, Passing, "client"),
    (Code::ExistingSubscription, Passing, "client"),
    (Code::Conflict, Passing, "client"),
    (Code::State, Passing, "client"),
    (Code::Outdated, Passing, "client"),
    (Code::WaitCache, Passing, "client"),
    (Code::Interrupted, Passing, "client"),
    (Code::KeySerialization, Passing, "client"),
    (Code::ValueSerialization, Passing, "client"),
    (Code::KeyDeserialization, Passing, "client"),
    (Code::ValueDeserialization, Passing, "client"),
    (Code::Partial, Passing, "client"),
    (Code::ReadOnly, Passing, "client"),
    (Code::NoEnt, Passing, "client"),
    (Code::Retry, Passing, "client"),
    (Code::Application, Passing, "client"),
    (Code::Noop, Passing, "client"),
    (Code::PartitionEOF, Passing, "client"),
    (Code::InvalidDifferentRecord, Passing, "client"),
];

/// The cause of codes that the table does not name: transactions, tokens, elections, and what a newer broker may say.
const UNEXPECTED: (Nature, &str) = (Passing, "unexpected");

/// What a code means, and the cause it is counted under.
pub(super) fn judge(code: Code) -> (Nature, &'static str) {
    ERRORS
        .iter()
        .find(|(known, _, _)| *known == code)
        .map_or(UNEXPECTED, |(_, nature, cause)| (*nature, cause))
}

/// A code that librdkafka reported, as an error of the log.
pub(crate) fn from_code(code: Code) -> LogError {
    let (nature, cause) = judge(code);
    log_error(nature, cause, Box::new(code))
}

/// An error of the client, as an error of the log.
pub(crate) fn from_client(error: KafkaError) -> LogError {
    match error {
        // The value that was refused may be a password, and the reason may quote it: only the setting is named.
        KafkaError::ClientConfig(_, _, setting, _) => {
            LogError::Refused { cause: "configuration", source: Box::new(RefusedSetting { setting }) }
        }
        KafkaError::ClientCreation(_) => {
            LogError::Refused { cause: "configuration", source: Box::new(error) }
        }
        error => {
            let (nature, cause) = error.rdkafka_error_code().map_or((Passing, "client"), judge);
            log_error(nature, cause, Box::new(error))
        }
    }
}

/// Something took longer than it is waited for.
pub(super) fn timed_out(what: &'static str) -> LogError {
    LogError::Unavailable { cause: "timed_out", source: Box::new(Overdue(what)) }
}

fn log_error(
    nature: Nature,
    cause: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> LogError {
    match nature {
        Passing => LogError::Unavailable { cause, source },
        Lasting | Record(_) => LogError::Refused { cause, source },
    }
}

#[derive(Debug, thiserror::Error)]
#[error("librdkafka does not take the setting {setting} as it is")]
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

    /// Codes that are left to [`UNEXPECTED`] on purpose: no client of this crate can meet them.
    const NOT_OURS: &[Code] = &[
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
    fn every_code_that_librdkafka_has_is_judged_or_set_aside() {
        let unjudged: Vec<Code> = every_code()
            .filter(|code| !NOT_OURS.contains(code) && !ERRORS.iter().any(|(known, _, _)| known == code))
            .collect();
        assert!(unjudged.is_empty(), "judge these codes or set them aside: {unjudged:?}");
        assert!(every_code().count() > 150, "the codes of librdkafka were not found");
    }

    #[test]
    fn no_code_is_judged_twice() {
        let mut seen = Vec::new();
        for (code, _, _) in ERRORS {
            assert!(!seen.contains(code), "{code:?} is in the table twice");
            assert!(!NOT_OURS.contains(code), "{code:?} is judged and set aside");
            seen.push(*code);
        }
    }

    #[test]
    fn causes_are_few_and_fit_for_metric_labels() {
        let causes: BTreeSet<&str> = ERRORS.iter().map(|(_, _, cause)| *cause).collect();
        assert!(causes.len() <= 32, "{causes:?}");
        assert!(
            causes.iter().all(|cause| cause.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')),
            "{causes:?}"
        );
    }

    #[test]
    fn what_a_rotation_or_an_outage_brings_is_waited_out() {
        for code in
            [Code::AllBrokersDown, Code::SSL, Code::SaslAuthenticationFailed, Code::CoordinatorNotAvailable]
        {
            assert!(from_code(code).is_retryable(), "{code:?}");
        }
    }

    #[test]
    fn an_offset_out_of_range_stops_loudly() {
        let error = from_client(KafkaError::MessageConsumption(Code::AutoOffsetReset));
        assert!(!error.is_retryable());
        assert_eq!(error.cause(), "offset_out_of_range");
    }

    #[test]
    fn a_refused_setting_is_named_without_its_value() {
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
