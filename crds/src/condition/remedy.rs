//! What the user does about each reason of a condition. The table in `docs/operations.md` is generated from here.

use super::Reason;

macro_rules! remedies {
    ($($remedy:literal for $($Variant:ident)+;)+) => {
        impl Reason {
            /// What the user does about it, in Markdown, without a full stop; `nothing` if it reports no fault.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $($(Self::$Variant)|+ => $remedy,)+
                }
            }
        }
    };
}

remedies! {
    "nothing" for Running NotPaused NamespaceTerminating Provisioned Monitored Processing Producing
        Scheduled LastRunSucceeded Fresh NoRowsYet CaughtUp Steady Limits UnknownLag LagHigh LagLow
        Cooldown CleanedUp RunStarted;
    "if it lasts: `usp check` says whether an operator is installed and watches the namespace" for Pending;
    "set `spec.suspend` to false" for Suspended;
    "remove the annotation" for Paused;
    "wait" for TakingOver Planning AwaitingEnd AwaitingProvisioning AwaitingProcessors RollingOut
        AwaitingFirstRun RunsUnknown CleanupWaits;
    "set `mode: Apply` to apply it" for Planned;
    "upgrade the operator, or revert the edit" for Undecodable;
    "choose another name, or delete that pipeline" for Conflict;
    "delete or rename the object, or rename the pipeline" for NameTaken;
    "compare its role with the table below; `helm upgrade` restores it" for Forbidden;
    "nothing; the write is retried" for WriteConflict;
    "nothing; the operator retries" for ApiUnavailable;
    "create the Secrets that the message names" for Provisioning;
    "what the message says: image, quota, Secret" for PodNotStarting;
    "read the logs of its pod, then delete the Job" for ProvisioningFailed;
    "nothing; provisioning is retried" for Unavailable;
    "what the message says" for Invalid ConfigurationRefused Refused NoKafkaTopic;
    "resolve the other refusal" for Blocked;
    "raise `partitions`" for Shrink;
    "set `adoptionPolicy: Adopt` of the topic or the table, or choose another name" for Exists;
    "create the topic or the table" for Missing;
    "declare fewer copies, or add nodes" for Replication;
    "choose another table, or migrate the rows" for PrimaryKey;
    "choose another column or another table" for ColumnType;
    "add them, or set `evolution: AdditiveOnly`" for MissingColumns;
    "install the Prometheus operator and restart this one, or set `observability.podMonitor` to false" for
        NoPodMonitor;
    "what the message says; the old pods keep running" for RolloutStuck;
    "raise `processor.replicas`" for ScaledToZero;
    "read the processors' logs if it lasts" for LagUnknown;
    "resolve what blocks the current spec" for LastGoodConfiguration;
    "what the message says: address, credentials, limits" for RunsFail;
    "what the message says; the next run starts as scheduled" for LastRunFailed;
    "the alert [UserstreamRowsLate](#userstreamrowslate)" for Late;
    "the alert [UserstreamNothingWritten](#userstreamnothingwritten)" for NoRows;
    "raise `maxReplicas`, and `partitions`" for AtMaximum;
    "find the cause in Cassandra" for TableBottleneck;
    "wait, five minutes at most" for CleaningUp;
    "delete it by hand" for CleanupGivenUp;
    "raise the topic's `max.message.bytes`; the headers of a letter have size and SHA-256 of the whole value" for DeadLettersTruncated;
    "raise the topic's `max.message.bytes`, or remove `compact` from its `cleanup.policy`" for DeadLettersRefused;
}
