//! Which changes of a status may wait a little, so that several become one write: each goes through all of the API server's checks
//! and to every client that watches.

use jiff::SignedDuration;
use userstream_crds::status::{PipelineStatus, ProducerStatus};

use super::verdict::Type;

/// How long what can wait does, counted from the write before it.
pub const UNHURRIED: SignedDuration = SignedDuration::from_secs(5);

/// Whether a change can wait: what sums a pipeline up stays as it is, and so does what the operator or a person acts on. How far
/// the parts are, and their numbers, are told a little later.
#[must_use]
pub fn can_wait(before: Option<&PipelineStatus>, next: &PipelineStatus) -> bool {
    before.is_some_and(|before| urgent(before) == urgent(next))
}

fn urgent(status: &PipelineStatus) -> PipelineStatus {
    let mut urgent = PipelineStatus { processor: None, dead_letter: None, ..status.clone() };
    urgent.producer = urgent.producer.map(|producer| ProducerStatus {
        last_schedule_time: None,
        last_success_time: None,
        ..producer
    });
    let sums_up = [Type::Ready, Type::Reconciling, Type::Stalled, Type::ReconciliationPaused];
    urgent.conditions.retain(|condition| sums_up.iter().any(|of| of.name() == condition.type_));
    for condition in &mut urgent.conditions {
        condition.message.clear();
    }
    urgent
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use userstream_crds::status::{Phase, ProcessorStatus, TopicStatus};

    use super::*;

    fn status() -> PipelineStatus {
        let condition = |type_: &str, reason: &str| Condition {
            type_: type_.to_owned(),
            status: "False".to_owned(),
            reason: reason.to_owned(),
            message: "0 of 1".to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        PipelineStatus {
            observed_generation: Some(1),
            phase: Some(Phase::Provisioning),
            conditions: vec![condition("Ready", "RollingOut"), condition("ProcessorReady", "RollingOut")],
            producer: Some(ProducerStatus::default()),
            ..PipelineStatus::default()
        }
    }

    #[test]
    fn how_far_the_parts_are_can_wait_and_what_sums_them_up_cannot() {
        type Edit = fn(&mut PipelineStatus);
        let waits: [Edit; 4] = [
            |it| it.conditions[1].reason = "Processing".to_owned(),
            |it| it.conditions[0].message = "1 of 1".to_owned(),
            |it| it.processor = Some(ProcessorStatus { lag: Some(7), ..ProcessorStatus::default() }),
            |it| it.producer.as_mut().unwrap().last_success_time = Some(Time(Timestamp::UNIX_EPOCH)),
        ];
        let does_not: [Edit; 6] = [
            |it| it.conditions[0].reason = "LagUnknown".to_owned(),
            |it| it.conditions[0].status = "True".to_owned(),
            |it| it.observed_generation = Some(2),
            |it| it.phase = Some(Phase::Degraded),
            |it| it.topic = Some(TopicStatus::default()),
            |it| it.producer.as_mut().unwrap().observed_trigger_nonce = Some(1),
        ];
        for (edits, can) in [(&waits[..], true), (&does_not[..], false)] {
            for (number, edit) in edits.iter().enumerate() {
                let mut next = status();
                edit(&mut next);
                assert_eq!(can_wait(Some(&status()), &next), can, "edit {number}: {next:#?}");
            }
        }
        assert!(!can_wait(None, &status()), "nothing was told yet");
    }
}
