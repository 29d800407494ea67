//! What is told as an Event: how `Ready` changes, in the words of its condition. Repetitions are counted by the recorder.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};
use userstream_crds::status::PipelineStatus;

/// The longest note that an Event may have, in bytes.
const LONGEST_NOTE: usize = 1000;

/// The Events that a change of the status is worth.
pub(super) fn events(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Vec<Event> {
    let ready = |status: &PipelineStatus| find(status, "Ready").cloned();
    let old = before.and_then(ready);
    let Some(new) = ready(after) else { return Vec::new() };
    if old.as_ref().is_some_and(|old| old.reason == new.reason && old.status == new.status) {
        return Vec::new();
    }
    let is_stalled = find(after, "Stalled").is_some_and(|stalled| stalled.status == "True");
    let was_running = old.is_some_and(|old| old.status == "True");
    let is_bad = new.status == "False" && (is_stalled || was_running);
    let type_ = if is_bad { EventType::Warning } else { EventType::Normal };
    vec![event(type_, &new.reason, &new.message)]
}

/// An Event about the pipeline.
pub(super) fn event(type_: EventType, reason: &str, note: &str) -> Event {
    let cut =
        (0..=LONGEST_NOTE.min(note.len())).rev().find(|end| note.is_char_boundary(*end)).unwrap_or_default();
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note.get(..cut).unwrap_or_default().to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

fn find<'a>(status: &'a PipelineStatus, name: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == name)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn status(ready: (&str, &str), stalled: &str) -> PipelineStatus {
        let condition = |type_: &str, status: &str, reason: &str| Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: "why".to_owned(),
            observed_generation: None,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        let conditions = vec![condition("Ready", ready.0, ready.1), condition("Stalled", stalled, ready.1)];
        PipelineStatus { conditions, ..PipelineStatus::default() }
    }

    fn told(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Option<(EventType, String)> {
        events(before, after).pop().map(|event| (event.type_, event.reason))
    }

    #[test]
    fn steps_on_the_way_are_normal_and_faults_are_warnings() {
        let new = status(("False", "Provisioning"), "False");
        let running = status(("True", "Running"), "False");
        let refused = status(("False", "Exists"), "True");
        let away = status(("False", "LagUnknown"), "False");
        assert_eq!(told(None, &new), Some((EventType::Normal, "Provisioning".to_owned())));
        assert_eq!(told(Some(&new), &running), Some((EventType::Normal, "Running".to_owned())));
        assert_eq!(told(Some(&new), &refused), Some((EventType::Warning, "Exists".to_owned())));
        assert_eq!(told(Some(&running), &away), Some((EventType::Warning, "LagUnknown".to_owned())));
        assert_eq!(told(Some(&running), &running), None);
    }

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let note = event(EventType::Normal, "Long", &"ü".repeat(2000)).note.unwrap();
        assert!(note.len() <= LONGEST_NOTE && note.ends_with('ü'));
    }
}
