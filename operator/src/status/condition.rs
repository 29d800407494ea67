//! A condition before it has a time: what is the case, why, and what to do.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::model::text::beginning;

/// The longest message of a condition, in bytes; Kubernetes allows 32768.
const LONGEST_MESSAGE: usize = 1024;

/// Whether something is the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConditionStatus {
    True,
    False,
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(is: bool) -> Self {
        if is { Self::True } else { Self::False }
    }
}

impl ConditionStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The types of conditions, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    Ready,
    Reconciling,
    Stalled,
    TopicReady,
    SchemaReady,
    TableReady,
    ProcessorReady,
    ProducerReady,
    FreshnessMet,
    ScalingActive,
    MonitoringReady,
    ReconciliationPaused,
}

impl Type {
    const ALL: [Self; 12] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::TopicReady,
        Self::SchemaReady,
        Self::TableReady,
        Self::ProcessorReady,
        Self::ProducerReady,
        Self::FreshnessMet,
        Self::ScalingActive,
        Self::MonitoringReady,
        Self::ReconciliationPaused,
    ];

    /// Where the condition of this name is in the list; others come last.
    pub(super) fn position(name: &str) -> usize {
        Self::ALL.iter().position(|of| of.name() == name).unwrap_or(Self::ALL.len())
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::TopicReady => "TopicReady",
            Self::SchemaReady => "SchemaReady",
            Self::TableReady => "TableReady",
            Self::ProcessorReady => "ProcessorReady",
            Self::ProducerReady => "ProducerReady",
            Self::FreshnessMet => "FreshnessMet",
            Self::ScalingActive => "ScalingActive",
            Self::MonitoringReady => "MonitoringReady",
            Self::ReconciliationPaused => "ReconciliationPaused",
        }
    }
}

/// A condition without a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) of: Type,
    pub(super) truth: ConditionStatus,
    pub(super) reason: String,
    pub(super) message: String,
    /// Whether nothing but a change by the user helps.
    pub(super) is_final: bool,
}

impl Verdict {
    pub(super) fn new(
        of: Type,
        truth: impl Into<ConditionStatus>,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        Self { of, truth: truth.into(), reason: reason.to_owned(), message: message.into(), is_final: false }
    }

    pub(super) fn finally(self) -> Self {
        Self { is_final: true, ..self }
    }

    pub(super) fn is_true(&self) -> bool {
        self.truth == ConditionStatus::True
    }
}

/// The verdicts as conditions. The time of one moves only when its status does.
pub(super) fn conditions(
    previous: &[Condition],
    mut verdicts: Vec<Verdict>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    verdicts.sort_by_key(|verdict| verdict.of);
    let condition = |verdict: Verdict| {
        let status = verdict.truth.name();
        let before = previous.iter().find(|one| one.type_ == verdict.of.name() && one.status == status);
        Condition {
            type_: verdict.of.name().to_owned(),
            status: status.to_owned(),
            reason: verdict.reason,
            message: shortened(verdict.message),
            observed_generation: generation,
            // A status holds whole seconds; comparing it with what comes back must find nothing new.
            last_transition_time: before.map_or_else(|| seconds(now), |one| one.last_transition_time.clone()),
        }
    };
    verdicts.into_iter().map(condition).collect()
}

/// A time as the API keeps it: in whole seconds.
pub(super) fn seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn shortened(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(beginning(&message, LONGEST_MESSAGE).len());
        message.push('…');
    }
    message
}
