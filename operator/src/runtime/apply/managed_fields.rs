//! The migration of managed fields. A POST records the operation `Update`, not `Apply`, and server-side apply never
//! removes fields of an `Update`. So before an object is applied for the first time, its entry becomes one of `Apply`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use userstream_crds::names::FIELD_MANAGER;

const APPLIED: &str = "Apply";

/// The entries of an object as they have to be before it is applied; `None` if they already are.
pub(crate) fn as_applied(entries: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let is_applied = |entry: &ManagedFieldsEntry| entry.operation.as_deref() == Some(APPLIED);
    let (ours, mut all): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(is_ours);
    if ours.iter().all(is_applied) {
        return None;
    }
    // An applied entry contains all created fields; the others are single fields that are about to be applied.
    let kept = ours.iter().find(|entry| is_applied(entry)).or(ours.first());
    all.extend(kept.map(|entry| ManagedFieldsEntry { operation: Some(APPLIED.to_owned()), ..entry.clone() }));
    Some(all)
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.subresource.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, field: &str) -> ManagedFieldsEntry {
        serde_json::from_value(serde_json::json!({
            "manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {(format!("f:{field}")): {}}},
        }))
        .unwrap()
    }

    #[test]
    fn created_fields_become_applied_and_others_are_kept() {
        let theirs = entry("platform-team", "Update", "paused");
        let status = ManagedFieldsEntry {
            subresource: Some("status".to_owned()),
            ..entry(FIELD_MANAGER, "Update", "replicas")
        };
        let created = entry(FIELD_MANAGER, "Update", "replicas");
        let before = [created, theirs.clone(), status.clone()];
        let after = vec![theirs, status, entry(FIELD_MANAGER, "Apply", "replicas")];
        assert_eq!(as_applied(&before), Some(after.clone()));
        assert_eq!(as_applied(&after), None, "the migration is done");
    }

    #[test]
    fn applied_fields_of_a_stopped_workload_are_kept() {
        let applied = entry(FIELD_MANAGER, "Apply", "template");
        let stopped = entry(FIELD_MANAGER, "Update", "replicas");
        for entries in [[applied.clone(), stopped.clone()], [stopped, applied.clone()]] {
            assert_eq!(as_applied(&entries), Some(vec![applied.clone()]));
        }
    }

    #[test]
    fn entries_of_other_managers_are_not_migrated() {
        assert_eq!(as_applied(&[entry("platform-team", "Update", "replicas")]), None);
        assert_eq!(as_applied(&[]), None);
    }
}
