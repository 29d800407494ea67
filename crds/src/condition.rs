//! The types and reasons of a pipeline's conditions, which are also the reasons of its Events.
//!
//! The API carries both as CamelCase text. Code compares these enums instead, and the documentation lists them from
//! here.

mod remedy;

use std::fmt;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::provision_report::RefusalReason;
use crate::status::PipelineStatus;

/// A text of the API that is none of the known ones: another version wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a known {what}")]
pub struct UnknownText {
    what: &'static str,
    text: String,
}

/// Declares an enum whose variants are spelled as in the API. The doc comment of a variant is its documentation.
macro_rules! api_texts {
    ($what:literal $(#[$attribute:meta])* pub enum $Name:ident { $($(#[doc = $line:literal])+ $Variant:ident,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name {
            $($(#[doc = $line])+ $Variant,)+
        }

        impl $Name {
            /// All of them, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$Variant,)+];

            /// The text in the API, such as `Ready`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => stringify!($Variant),)+
                }
            }

            /// What it means, in one sentence without a full stop.
            #[must_use]
            pub const fn documentation(self) -> &'static str {
                match self {
                    $(Self::$Variant => concat!($($line),+).trim_ascii(),)+
                }
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.name())
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                self.name()
            }
        }

        impl FromStr for $Name {
            type Err = UnknownText;

            fn from_str(text: &str) -> Result<Self, UnknownText> {
                let known = Self::ALL.iter().find(|one| one.name() == text).copied();
                known.ok_or_else(|| UnknownText { what: $what, text: text.to_owned() })
            }
        }
    };
}

api_texts! {
    "condition type"
    /// The type of a condition, in the order in which the status lists them.
    pub enum ConditionType {
        /// records flow, or the pipeline is suspended and its processors have stopped
        Ready,
        /// the operator is moving the pipeline to its spec
        Reconciling,
        /// only a change by you helps; the message says which
        Stalled,
        /// the topic is as the spec declares it
        TopicReady,
        /// the registry's subject is as the spec declares it; present only with a registry
        SchemaReady,
        /// keyspace and table are as the spec declares them
        TableReady,
        /// the processors are up to date, available, and report their lag
        ProcessorReady,
        /// the source's last run succeeded, or its first is not due yet; present only with a source
        ProducerReady,
        /// 99 of 100 rows are written within `objectives.freshness`; present only with an objective
        FreshnessMet,
        /// `autoscaling` decides the number of processors; present only with it
        ScalingActive,
        /// a PodMonitor has the workers scraped; present only with `observability.podMonitor`, and `Ready` does not
        /// depend on it
        MonitoringReady,
        /// dead letters are appended as a whole; present only while a worker reports otherwise, and `Ready` does not
        /// depend on it
        DeadLettersComplete,
        /// the annotation `userstream.dev/pause-reconciliation` is set
        ReconciliationPaused,
    }
}

api_texts! {
    "reason"
    /// Why a condition has its status, or why an Event was published.
    pub enum Reason {
        /// records flow
        Running,
        /// no operator has reported on the pipeline: it was just created, or it waits for its first reconcile
        Pending,
        /// `spec.suspend` is set
        Suspended,
        /// the pause annotation is set, so the operator neither changes nor checks anything
        Paused,
        /// the pause annotation is not set
        NotPaused,
        /// a changed spec is being rolled out to the workloads
        TakingOver,
        /// `mode: Plan`: changes are being computed
        Planning,
        /// `mode: Plan`: what would change is in `status.plan`
        Planned,
        /// this operator cannot read the resource
        Undecodable,
        /// the spec breaks rules, or the API server refuses an object made from it
        Invalid,
        /// another pipeline has this topic, table or consumer group: it already uses it, or it is older
        Conflict,
        /// a deleted pipeline had this topic, table or consumer group, and its pods are terminating
        AwaitingEnd,
        /// an object that does not belong to the pipeline has a name that the pipeline needs
        NameTaken,
        /// the namespace is being deleted
        NamespaceTerminating,
        /// the operator lacks a right
        Forbidden,
        /// another client wrote the same object at the same time
        WriteConflict,
        /// the API server did not answer
        ApiUnavailable,
        /// topic and table are being provisioned; a missing Secret holds that up
        Provisioning,
        /// topic, schema or table is as the spec declares it
        Provisioned,
        /// the provisioning pod does not start
        PodNotStarting,
        /// the provisioning Job failed without a report
        ProvisioningFailed,
        /// Kafka or Cassandra did not answer
        Unavailable,
        /// the worker cannot work with its configuration
        ConfigurationRefused,
        /// nothing is changed while something else is refused
        Blocked,
        /// the topic has more partitions than the spec declares
        Shrink,
        /// the topic or the table exists, and adopting it was not requested
        Exists,
        /// the topic or the table does not exist, and the pipeline may not create it
        Missing,
        /// the cluster cannot keep as many copies
        Replication,
        /// the table has another primary key
        PrimaryKey,
        /// a column has another type
        ColumnType,
        /// columns are missing and `evolution: Manual` is set
        MissingColumns,
        /// the worker refused for a reason that this operator does not know, because it is of another version
        Refused,
        /// the KafkaTopic of Strimzi cannot be created here
        NoKafkaTopic,
        /// a PodMonitor has the workers scraped
        Monitored,
        /// the cluster has no PodMonitor kind
        NoPodMonitor,
        /// processors start once topic and table are provisioned
        AwaitingProvisioning,
        /// the producer starts once processors are ready for its records
        AwaitingProcessors,
        /// pods are being replaced
        RollingOut,
        /// the rollout has made no progress for longer than the Deployment's deadline
        RolloutStuck,
        /// `processor.replicas` is 0
        ScaledToZero,
        /// the processors are available, but not every partition reports its lag
        LagUnknown,
        /// the processors work
        Processing,
        /// the processors keep working with the configuration of the spec before this one
        LastGoodConfiguration,
        /// the producer is available and no run has finished
        AwaitingFirstRun,
        /// the producer has not reported on its runs yet
        RunsUnknown,
        /// the last run succeeded
        Producing,
        /// no run has succeeded for three intervals and two minutes
        RunsFail,
        /// the first run is not due yet
        Scheduled,
        /// the last run of the schedule succeeded
        LastRunSucceeded,
        /// the last run of the schedule failed
        LastRunFailed,
        /// rows meet the freshness objective
        Fresh,
        /// rows miss the freshness objective
        Late,
        /// no row was written yet
        NoRowsYet,
        /// no row was written in the last minute because every record is written
        CaughtUp,
        /// no row was written in the last minute, although records wait
        NoRows,
        /// the dead-letter topic accepted letters only truncated
        DeadLettersTruncated,
        /// the dead-letter topic refuses letters in every form: their records wait
        DeadLettersRefused,
        /// the number of processors matches the lag
        Steady,
        /// the number of processors was outside of `minReplicas` and `maxReplicas`
        Limits,
        /// the lag is unknown: the number of processors is kept, and freshness is unknown too
        UnknownLag,
        /// the lag calls for more processors
        LagHigh,
        /// the lag has called for fewer processors for as long as `cooldown`
        LagLow,
        /// the lag calls for more processors than `maxReplicas` or the partitions allow
        AtMaximum,
        /// more processors would not help: the table is the bottleneck
        TableBottleneck,
        /// fewer processors would do; they are removed after `cooldown`
        Cooldown,
        /// what the pipeline created is deleted once its workers have terminated
        CleanupWaits,
        /// what the pipeline created is being deleted
        CleaningUp,
        /// what the pipeline created is deleted
        CleanedUp,
        /// what the pipeline created could not be deleted and stays
        CleanupGivenUp,
        /// only as an Event: the source is run once because `source.triggerNonce` was raised
        RunStarted,
    }
}

impl From<RefusalReason> for Reason {
    fn from(refusal: RefusalReason) -> Self {
        match refusal {
            RefusalReason::Shrink => Self::Shrink,
            RefusalReason::Exists => Self::Exists,
            RefusalReason::Conflict => Self::Conflict,
            RefusalReason::Missing => Self::Missing,
            RefusalReason::Replication => Self::Replication,
            RefusalReason::PrimaryKey => Self::PrimaryKey,
            RefusalReason::ColumnType => Self::ColumnType,
            RefusalReason::MissingColumns => Self::MissingColumns,
            RefusalReason::Refused => Self::Refused,
        }
    }
}

impl PipelineStatus {
    /// The condition of this type.
    #[must_use]
    pub fn find(&self, of: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == of.name())
    }

    /// The reason of the condition of this type; `None` also when another version wrote a reason that is unknown here.
    #[must_use]
    pub fn reason(&self, of: ConditionType) -> Option<Reason> {
        self.find(of)?.reason.parse().ok()
    }

    /// Whether the condition of this type is `True`.
    #[must_use]
    pub fn is_true(&self, of: ConditionType) -> bool {
        self.find(of).is_some_and(|condition| condition.status == "True")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_text_is_parsed_back_and_is_unique() {
        for of in ConditionType::ALL {
            assert_eq!(of.name().parse(), Ok(*of));
        }
        for reason in Reason::ALL {
            assert_eq!(reason.to_string().parse(), Ok(*reason));
        }
        let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        let unknown = "Flowing".parse::<Reason>().unwrap_err();
        assert_eq!(unknown.to_string(), r#""Flowing" is not a known reason"#);
    }

    #[test]
    fn every_documentation_is_one_plain_sentence() {
        let types = ConditionType::ALL.iter().map(|of| of.documentation());
        for text in types.chain(Reason::ALL.iter().map(|reason| reason.documentation())) {
            assert!(text.len() > 8 && !text.ends_with('.') && text.trim() == text, "{text:?}");
        }
    }

    #[test]
    fn every_remedy_fits_into_a_table() {
        for reason in Reason::ALL {
            let text = reason.remedy();
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains(['|', '\n']), "{text:?}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_name_as_a_reason() {
        for refusal in [RefusalReason::Shrink, RefusalReason::PrimaryKey, RefusalReason::Refused] {
            assert_eq!(Reason::from(refusal).name(), refusal.name());
        }
    }

    #[test]
    fn the_condition_of_a_type_is_found_with_its_reason() {
        let status = PipelineStatus::pending();
        assert_eq!(status.reason(ConditionType::Ready), Some(Reason::Pending));
        assert!(!status.is_true(ConditionType::Ready) && status.find(ConditionType::Stalled).is_none());
    }
}
