//! A condition before it has a transition time.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as ApiCondition, Time};
use userstream_crds::condition::{ConditionType, Reason};

use crate::model::text::truncated;

/// The longest message of a condition, in bytes; Kubernetes allows 32768.
const LONGEST_MESSAGE: usize = 1024;

/// The status of a condition.
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

/// A condition without a transition time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) of: ConditionType,
    pub(super) status: ConditionStatus,
    pub(super) reason: Reason,
    pub(super) message: String,
    /// Whether only a change by the user helps.
    pub(super) is_terminal: bool,
}

impl Condition {
    pub(super) fn new(
        of: ConditionType,
        status: impl Into<ConditionStatus>,
        reason: Reason,
        message: impl Into<String>,
    ) -> Self {
        Self { of, status: status.into(), reason, message: message.into(), is_terminal: false }
    }

    pub(super) fn terminal(self) -> Self {
        Self { is_terminal: true, ..self }
    }

    pub(super) fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }
}

/// The conditions as the API has them, in the order of their types. A transition time changes only with its status.
pub(super) fn api_conditions(
    previous: &[ApiCondition],
    mut conditions: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<ApiCondition> {
    conditions.sort_by_key(|condition| condition.of);
    let api_condition = |condition: Condition| {
        let (of, status) = (condition.of.name(), condition.status.name());
        let unchanged = previous.iter().find(|before| before.type_ == of && before.status == status);
        ApiCondition {
            type_: of.to_owned(),
            status: status.to_owned(),
            reason: condition.reason.name().to_owned(),
            message: limited(condition.message),
            observed_generation: generation,
            last_transition_time: unchanged
                .map_or_else(|| api_time(now), |before| before.last_transition_time.clone()),
        }
    };
    conditions.into_iter().map(api_condition).collect()
}

/// The position of a condition in the order of types; unknown types come last.
pub(super) fn position(condition: &ApiCondition) -> usize {
    let known = ConditionType::ALL.iter().position(|of| of.name() == condition.type_);
    known.unwrap_or(ConditionType::ALL.len())
}

/// A time as the API stores it, in whole seconds: a finer one would differ from what is read back.
pub(super) fn api_time(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn limited(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(truncated(&message, LONGEST_MESSAGE).len());
        message.push('…');
    }
    message
}
