//! Which changes of a status may wait a little, so that several become one write: each goes through all of the API server's checks
//! and to every client that watches.

use jiff::SignedDuration;
use userstream_crds::status::PipelineStatus;

use super::condition::Type;
use super::slow::{differ_in_numbers_alone, without_numbers};
use crate::lifecycle::rollout::observed_nonce;

/// How long what can wait does, counted from the write before it.
pub const UNHURRIED: SignedDuration = SignedDuration::from_secs(5);
/// How long a step on the way has to last to be told: one that is over before that is told by the next.
pub const LASTING: SignedDuration = SignedDuration::from_secs(1);
/// The same while more pipelines wait for their turn than are looked at in a moment: the time for it is theirs.
pub const LASTING_LONG: SignedDuration = SignedDuration::from_secs(10);

/// How soon a change of the status is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At once: what sums a pipeline up is another, or what the operator or a person acts on.
    Now,
    /// When it has lasted: the pipeline is on its way, by its first step or as before by the next.
    WhenItLasts,
    /// With another change, or a little later: how far the parts are.
    Unhurried,
    /// With another change, or at the pipeline's turn among all: numbers alone.
    Numbers,
}

/// How soon a change is told.
#[must_use]
pub fn urgency(before: Option<&PipelineStatus>, next: &PipelineStatus) -> Urgency {
    let wanted = urgent(next);
    let Some(before) = before else {
        // Until then it says that nobody has looked at it: no less than that it is on its way.
        let has_run = observed_nonce(Some(next)) != 0;
        return if is_on_the_way(&wanted) && !has_run { Urgency::WhenItLasts } else { Urgency::Now };
    };
    let told = urgent(before);
    if differ_in_numbers_alone(before, next) {
        Urgency::Numbers
    } else if told == wanted {
        Urgency::Unhurried
    } else if is_on_the_way(&told) && is_on_the_way(&wanted) && without_step(told) == without_step(wanted) {
        Urgency::WhenItLasts
    } else {
        Urgency::Now
    }
}

fn is_on_the_way(status: &PipelineStatus) -> bool {
    status.holds(Type::Reconciling.name()) && !status.holds(Type::Ready.name())
}

/// What is left when it does not matter which step a pipeline is at, and what was found on the way to it.
fn without_step(mut status: PipelineStatus) -> PipelineStatus {
    for condition in &mut status.conditions {
        condition.reason.clear();
    }
    PipelineStatus { topic: None, table: None, ..status }
}

fn urgent(status: &PipelineStatus) -> PipelineStatus {
    let mut urgent = PipelineStatus { processor: None, dead_letter: None, ..without_numbers(status.clone()) };
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
    use userstream_crds::status::{Phase, ProcessorStatus, ProducerStatus, TopicStatus};

    use super::*;

    fn status() -> PipelineStatus {
        let condition = |type_: &str, status: &str, reason: &str| Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: "0 of 1".to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        PipelineStatus {
            observed_generation: Some(1),
            phase: Some(Phase::Provisioning),
            conditions: vec![
                condition("Ready", "False", "RollingOut"),
                condition("Reconciling", "True", "RollingOut"),
                condition("ProcessorReady", "False", "RollingOut"),
            ],
            producer: Some(ProducerStatus::default()),
            processor: Some(ProcessorStatus::default()),
            ..PipelineStatus::default()
        }
    }

    type Edit = fn(&mut PipelineStatus);

    fn after(edit: Edit) -> PipelineStatus {
        let mut next = status();
        edit(&mut next);
        next
    }

    #[test]
    fn how_far_the_parts_are_can_wait_and_what_sums_them_up_cannot() {
        let unhurried: [Edit; 3] = [
            |it| it.conditions[2].reason = "Processing".to_owned(),
            |it| it.conditions[0].message = "1 of 1".to_owned(),
            |it| it.processor.as_mut().unwrap().ready_replicas = 1,
        ];
        let numbers: [Edit; 3] = [
            |it| it.processor.as_mut().unwrap().lag = Some(7),
            |it| it.producer.as_mut().unwrap().last_success_time = Some(Time(Timestamp::UNIX_EPOCH)),
            |it| it.producer.as_mut().unwrap().last_schedule_time = Some(Time(Timestamp::UNIX_EPOCH)),
        ];
        let when_it_lasts: [Edit; 2] = [
            |it| it.conditions[..2].iter_mut().for_each(|it| it.reason = "LagUnknown".to_owned()),
            |it| it.topic = Some(TopicStatus::default()),
        ];
        let now: [Edit; 6] = [
            |it| it.conditions[0].status = "True".to_owned(),
            |it| it.conditions[1].status = "False".to_owned(),
            |it| it.conditions.truncate(1),
            |it| it.observed_generation = Some(2),
            |it| it.phase = Some(Phase::Degraded),
            |it| it.producer.as_mut().unwrap().observed_trigger_nonce = Some(1),
        ];
        for (edits, wanted) in [
            (&unhurried[..], Urgency::Unhurried),
            (&numbers[..], Urgency::Numbers),
            (&when_it_lasts[..], Urgency::WhenItLasts),
            (&now[..], Urgency::Now),
        ] {
            for (number, edit) in edits.iter().enumerate() {
                let next = after(*edit);
                assert_eq!(urgency(Some(&status()), &next), wanted, "edit {number}: {next:#?}");
            }
        }
    }

    #[test]
    fn the_first_step_is_told_when_it_lasts_but_for_a_run_that_was_begun() {
        assert_eq!(urgency(None, &status()), Urgency::WhenItLasts);
        let runs = after(|it| it.producer.as_mut().unwrap().observed_trigger_nonce = Some(1));
        assert_eq!(urgency(None, &runs), Urgency::Now);
    }

    #[test]
    fn what_is_at_its_end_is_told_at_once_whatever_it_is() {
        let running = after(|it| {
            (it.conditions[0].status, it.conditions[1].status) = ("True".to_owned(), "False".to_owned());
        });
        let stuck = after(|it| it.conditions[1].status = "False".to_owned());
        for (before, next) in [
            (Some(&running), &status()),
            (Some(&stuck), &running),
            (Some(&running), &stuck),
            (None, &running),
            (None, &stuck),
        ] {
            assert_eq!(urgency(before, next), Urgency::Now);
        }
        let mut told = running.clone();
        told.conditions[0].reason = "Suspended".to_owned();
        assert_eq!(urgency(Some(&running), &told), Urgency::Now);
    }
}
