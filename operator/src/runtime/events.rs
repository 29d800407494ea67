//! The Events of a pipeline: each change of `Ready`, each manual run, each scaling. They carry the reasons and messages
//! of the conditions. The recorder counts repetitions; the note stays that of the first, so it contains no numbers that
//! change.

use std::sync::Mutex;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::status::PipelineStatus;

use super::sync::lock;
use crate::lifecycle::autoscaling::ScalingReason;
use crate::model::text::truncated;

/// The longest note of an Event, in bytes; Kubernetes allows 1024.
const LONGEST_NOTE: usize = 1000;

/// How many Events a recorder publishes before it is replaced. It keeps each for six minutes to count repetitions,
/// takes 2.6 KB for each, and searches all of them for every new one: a thousand pipelines that start together would
/// take 12 MB.
const MOST_EVENTS: usize = 512;

/// Publishes Events.
pub(crate) struct EventRecorder {
    client: Client,
    reporter: Reporter,
    /// The recorder, and how many Events it has published.
    recorder: Mutex<(Recorder, usize)>,
}

impl EventRecorder {
    pub(crate) fn new(client: Client, reporter: Reporter) -> Self {
        let recorder = Mutex::new((Recorder::new(client.clone(), reporter.clone()), 0));
        Self { client, reporter, recorder }
    }

    /// Publishes an Event about an object, or counts its repetition.
    ///
    /// # Errors
    /// When the API server refuses it or does not answer.
    pub(crate) async fn publish(&self, event: &Event, about: &ObjectReference) -> Result<(), kube::Error> {
        self.recorder().publish(event, about).await
    }

    /// The current recorder. A new one does not know earlier Events, so that their repetitions become new Events.
    fn recorder(&self) -> Recorder {
        let mut current = lock(&self.recorder);
        if current.1 == MOST_EVENTS {
            *current = (Recorder::new(self.client.clone(), self.reporter.clone()), 0);
        }
        current.1 += 1;
        current.0.clone()
    }
}

/// The Events of a change of the status.
pub(crate) fn events(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Vec<Event> {
    manual_run(before, after).into_iter().chain(readiness(before, after)).collect()
}

/// The Event of added or removed processors.
pub(crate) fn scaling(reason: ScalingReason) -> Event {
    event(EventType::Normal, reason.reason().name(), reason.message())
}

/// The Event of a pipeline that is released although what it created stays.
pub(crate) fn cleanup_given_up(why: &str) -> Event {
    event(EventType::Warning, Reason::CleanupGivenUp.name(), why)
}

fn readiness(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Option<Event> {
    let old = before.and_then(|before| before.find(ConditionType::Ready));
    let new = after.find(ConditionType::Ready)?;
    if old.is_some_and(|old| old.reason == new.reason && old.status == new.status) {
        return None;
    }
    // A pipeline that is suspended is Ready too, and its end is no fault.
    let was_running = before.is_some_and(|before| {
        before.is_true(ConditionType::Ready) && before.reason(ConditionType::Ready) == Some(Reason::Running)
    });
    let is_fault = new.status == "False" && (after.is_true(ConditionType::Stalled) || was_running);
    let type_ = if is_fault { EventType::Warning } else { EventType::Normal };
    Some(event(type_, &new.reason, &new.message))
}

fn manual_run(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Option<Event> {
    let nonce = |status: &PipelineStatus| status.producer.as_ref()?.observed_trigger_nonce;
    let is_new = nonce(after) > before.and_then(nonce);
    let note = "the source is run once, now, because source.triggerNonce was raised";
    is_new.then(|| event(EventType::Normal, Reason::RunStarted.name(), note))
}

fn event(type_: EventType, reason: &str, note: &str) -> Event {
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(truncated(note, LONGEST_NOTE).to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use userstream_crds::status::ProducerStatus;

    use super::*;

    fn status(ready: (&str, &str), stalled: &str) -> PipelineStatus {
        let condition = |of: ConditionType, status: &str, reason: &str| Condition {
            type_: of.name().to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: "why".to_owned(),
            observed_generation: None,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        let ready_reason = ready.1;
        let conditions = vec![
            condition(ConditionType::Ready, ready.0, ready_reason),
            condition(ConditionType::Stalled, stalled, ready_reason),
        ];
        PipelineStatus { conditions, ..PipelineStatus::default() }
    }

    fn last_event(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Option<(EventType, String)> {
        events(before, after).pop().map(|event| (event.type_, event.reason))
    }

    #[test]
    fn progress_is_normal_and_faults_are_warnings() {
        let new = status(("False", "Provisioning"), "False");
        let running = status(("True", "Running"), "False");
        let refused = status(("False", "Exists"), "True");
        let unavailable = status(("False", "LagUnknown"), "False");
        let normal = |reason: &str| Some((EventType::Normal, reason.to_owned()));
        let warning = |reason: &str| Some((EventType::Warning, reason.to_owned()));
        assert_eq!(last_event(None, &new), normal("Provisioning"));
        assert_eq!(last_event(Some(&new), &running), normal("Running"));
        assert_eq!(last_event(Some(&new), &refused), warning("Exists"));
        assert_eq!(last_event(Some(&running), &unavailable), warning("LagUnknown"));
        assert_eq!(last_event(Some(&running), &running), None);
        let suspended = status(("True", "Suspended"), "False");
        let resumed = status(("False", "RollingOut"), "False");
        assert_eq!(last_event(Some(&suspended), &resumed), normal("RollingOut"));
    }

    #[test]
    fn manual_run_has_one_event_for_each_nonce() {
        let ran = |nonce: Option<i64>| {
            let producer = ProducerStatus { observed_trigger_nonce: nonce, ..ProducerStatus::default() };
            PipelineStatus { producer: Some(producer), ..status(("True", "Running"), "False") }
        };
        let running = status(("True", "Running"), "False");
        let started = Some((EventType::Normal, "RunStarted".to_owned()));
        assert_eq!(last_event(Some(&running), &ran(None)), None);
        assert_eq!(last_event(Some(&running), &ran(Some(5))), started);
        assert_eq!(last_event(Some(&ran(Some(5))), &ran(Some(5))), None);
        assert_eq!(last_event(Some(&ran(Some(5))), &ran(Some(6))), started);
    }

    #[test]
    fn long_note_is_truncated_between_characters() {
        let note = event(EventType::Normal, "Long", &"ü".repeat(2000)).note.unwrap();
        assert!(note.len() <= LONGEST_NOTE && note.ends_with('ü'));
    }
}
