//! Whose the fields of an object are. The API server notes what was created otherwise than what was applied: a field that only a
//! creation has said is not dropped when an application no longer says it. So what was created is noted as applied before it is
//! applied for the first time.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use userstream_crds::names::FIELD_MANAGER;

const APPLIED: &str = "Apply";

/// The notes as they have to be before the object is applied, of these that it has; `None` when they are so already.
pub(crate) fn as_applied(notes: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let is_applied = |note: &ManagedFieldsEntry| note.operation.as_deref() == Some(APPLIED);
    let (ours, mut all): (Vec<_>, Vec<_>) = notes.iter().cloned().partition(is_ours);
    if ours.iter().all(is_applied) {
        return None;
    }
    // What was applied already has everything that was created, and the rest are single fields that it is about to say.
    let kept = ours.iter().find(|note| is_applied(note)).or(ours.first());
    all.extend(kept.map(|note| ManagedFieldsEntry { operation: Some(APPLIED.to_owned()), ..note.clone() }));
    Some(all)
}

fn is_ours(note: &ManagedFieldsEntry) -> bool {
    note.manager.as_deref() == Some(FIELD_MANAGER) && note.subresource.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(manager: &str, operation: &str, field: &str) -> ManagedFieldsEntry {
        serde_json::from_value(serde_json::json!({
            "manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {(format!("f:{field}")): {}}},
        }))
        .unwrap()
    }

    #[test]
    fn what_was_created_is_noted_as_applied_and_others_keep_their_notes() {
        let theirs = note("platform-team", "Update", "paused");
        let status = ManagedFieldsEntry {
            subresource: Some("status".to_owned()),
            ..note(FIELD_MANAGER, "Update", "replicas")
        };
        let created = note(FIELD_MANAGER, "Update", "replicas");
        let before = [created, theirs.clone(), status.clone()];
        let after = vec![theirs, status, note(FIELD_MANAGER, "Apply", "replicas")];
        assert_eq!(as_applied(&before), Some(after.clone()));
        assert_eq!(as_applied(&after), None, "they are so already");
    }

    #[test]
    fn a_workload_that_was_applied_and_then_stopped_keeps_what_was_applied() {
        let applied = note(FIELD_MANAGER, "Apply", "template");
        let stopped = note(FIELD_MANAGER, "Update", "replicas");
        for notes in [[applied.clone(), stopped.clone()], [stopped, applied.clone()]] {
            assert_eq!(as_applied(&notes), Some(vec![applied.clone()]));
        }
    }

    #[test]
    fn notes_of_others_alone_are_left_as_they_are() {
        assert_eq!(as_applied(&[note("platform-team", "Update", "replicas")]), None);
        assert_eq!(as_applied(&[]), None);
    }
}
