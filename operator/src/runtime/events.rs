//! What is told as an Event: how `Ready` changes and why processors are added or taken away, in the words of the conditions, and
//! that a run was started. Repetitions are counted by the recorder; the note stays that of the first, so it has no numbers.

use std::sync::Mutex;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use userstream_crds::status::PipelineStatus;

use crate::lifecycle::autoscaling::Reason;
use crate::model::text::beginning;
use crate::runtime::reconcile_state::lock;

/// The longest note that an Event may have, in bytes.
const LONGEST_NOTE: usize = 1000;

/// How many Events are remembered to count their repetitions. The recorder keeps each for six minutes, at 2.6 KB, and looks
/// through all of them with every new one: a thousand pipelines that start together would cost 12 MB.
const MOST_REMEMBERED: usize = 512;

/// Publishes Events.
pub(crate) struct EventRecorder {
    client: Client,
    reporter: Reporter,
    /// The recorder, and how many Events it was given.
    recorder: Mutex<(Recorder, usize)>,
}

impl EventRecorder {
    pub(crate) fn new(client: Client, reporter: Reporter) -> Self {
        let recorder = Mutex::new((Recorder::new(client.clone(), reporter.clone()), 0));
        Self { client, reporter, recorder }
    }

    /// Publishes an Event about an object, or that it has happened once more.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub(crate) async fn publish(&self, event: &Event, about: &ObjectReference) -> Result<(), kube::Error> {
        self.recorder().publish(event, about).await
    }

    /// One that remembers the last Events, but not too many: what is repeated later than that is told anew.
    fn recorder(&self) -> Recorder {
        let mut current = lock(&self.recorder);
        if current.1 == MOST_REMEMBERED {
            *current = (Recorder::new(self.client.clone(), self.reporter.clone()), 0);
        }
        current.1 += 1;
        current.0.clone()
    }
}

/// The Events that a change of the status is worth.
pub(crate) fn events(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Vec<Event> {
    run(before, after).into_iter().chain(readiness(before, after)).collect()
}

fn readiness(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Option<Event> {
    let ready = |status: &PipelineStatus| status.condition("Ready").cloned();
    let old = before.and_then(ready);
    let new = ready(after)?;
    if old.as_ref().is_some_and(|old| old.reason == new.reason && old.status == new.status) {
        return None;
    }
    let is_stalled = after.holds("Stalled");
    // A suspended pipeline is Ready too, and that it goes on is no fault.
    let was_running = old.is_some_and(|old| old.status == "True" && old.reason == "Running");
    let is_bad = new.status == "False" && (is_stalled || was_running);
    let type_ = if is_bad { EventType::Warning } else { EventType::Normal };
    Some(event(type_, &new.reason, &new.message))
}

fn run(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Option<Event> {
    let nonce = |status: &PipelineStatus| status.producer.as_ref()?.observed_trigger_nonce;
    let is_new = nonce(after).is_some() && nonce(after) != before.and_then(nonce);
    let note = "source.triggerNonce has a new value: the source is run once, now";
    is_new.then(|| event(EventType::Normal, "RunStarted", note))
}

/// That processors were added or taken away.
pub(crate) fn scaling(reason: Reason) -> Event {
    event(EventType::Normal, reason.name(), reason.message())
}

/// An Event about the pipeline.
pub(crate) fn event(type_: EventType, reason: &str, note: &str) -> Event {
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(beginning(note, LONGEST_NOTE).to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use userstream_crds::status::ProducerStatus;

    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

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
        let suspended = status(("True", "Suspended"), "False");
        let goes_on = status(("False", "RollingOut"), "False");
        assert_eq!(told(Some(&suspended), &goes_on), Some((EventType::Normal, "RollingOut".to_owned())));
    }

    #[test]
    fn a_run_is_told_once_for_each_nonce() {
        let ran = |nonce: Option<i64>| {
            let producer = ProducerStatus { observed_trigger_nonce: nonce, ..ProducerStatus::default() };
            PipelineStatus { producer: Some(producer), ..status(("True", "Running"), "False") }
        };
        let running = status(("True", "Running"), "False");
        let started = Some((EventType::Normal, "RunStarted".to_owned()));
        assert_eq!(told(Some(&running), &ran(None)), None);
        assert_eq!(told(Some(&running), &ran(Some(5))), started);
        assert_eq!(told(Some(&ran(Some(5))), &ran(Some(5))), None);
        assert_eq!(told(Some(&ran(Some(5))), &ran(Some(6))), started);
    }

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let note = event(EventType::Normal, "Long", &"ü".repeat(2000)).note.unwrap();
        assert!(note.len() <= LONGEST_NOTE && note.ends_with('ü'));
    }
}
