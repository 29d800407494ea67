//! Whether dead letters are complete.

use userstream_crds::condition::{ConditionType, Reason};

use crate::lifecycle::rollout::RolloutPlan;
use crate::model::input::ValidInput;
use crate::status::condition::Condition;

/// That workers have truncated dead letters, or cannot append one; `None` while none reports so. `Ready` does not
/// depend on it.
pub(in crate::status) fn dead_letters(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Option<Condition> {
    let topic = &input.pipeline.dead_letter()?.name;
    let of_producer = rollout.producer_report.as_ref().map(|it| it.letters);
    let letters = rollout.processors.letters.and(of_producer.unwrap_or_default());
    let incomplete = |reason, message: String| {
        Some(Condition::new(ConditionType::DeadLettersComplete, false, reason, message))
    };
    if letters.refused > 0 {
        let message = format!(
            "topic {topic} refuses {} dead letters in every form, so their records wait: raise its max.message.bytes",
            letters.refused
        );
        incomplete(Reason::DeadLettersRefused, message)
    } else if letters.truncated > 0 {
        let message = format!(
            "topic {topic} refused {} dead letters as too large, so their values are truncated: raise its max.message.bytes",
            letters.truncated
        );
        incomplete(Reason::DeadLettersTruncated, message)
    } else {
        None
    }
}
