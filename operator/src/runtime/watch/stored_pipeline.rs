//! Pipelines as the store keeps them. One that this operator cannot deserialize is kept as well, like with kube's
//! `DeserializeGuard`: it must not break the watch of the others.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use userstream_crds::UserStreamPipeline;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::names::{PAUSE, REQUESTED_AT};
use userstream_crds::status::PipelineStatus;

use super::compressed::Compressed;

/// The annotations that the operator reads. A resource may have 256 KiB of others, which it need not keep.
const KNOWN_ANNOTATIONS: [&str; 2] = [PAUSE, REQUESTED_AT];
/// The longest value of such an annotation, in bytes: it is `true`, or a time.
const LONGEST_ANNOTATION: usize = 256;

/// A pipeline, compressed. Only [`read`](Self::read) finds out whether it can be deserialized.
#[derive(Clone, Debug, Resource)]
#[resource(inherit = UserStreamPipeline)]
pub(crate) struct StoredPipeline {
    metadata: ObjectMeta,
    is_observed: bool,
    is_ready: bool,
    object: Compressed,
}

/// A pipeline that cannot be deserialized.
#[derive(Clone, Debug)]
pub(crate) struct InvalidObject {
    pub(crate) error: String,
    /// Its status, of whatever shape.
    status: Value,
}

impl InvalidObject {
    /// The status, if that can be deserialized.
    pub(crate) fn known_status(&self) -> Option<PipelineStatus> {
        serde_json::from_value(self.status.clone()).ok()
    }

    /// The whole status, with the conditions and the summary of this one.
    pub(crate) fn status_with(&self, next: &PipelineStatus) -> Value {
        let mut all = match &self.status {
            Value::Object(fields) => fields.clone(),
            _ => Map::new(),
        };
        if let Ok(Value::Object(mut next)) = serde_json::to_value(next) {
            let replaced = ["conditions", "observedGeneration", "phase"];
            all.extend(replaced.into_iter().filter_map(|field| next.remove_entry(field)));
        }
        Value::Object(all)
    }
}

impl StoredPipeline {
    /// The resource. Its status is `None` as long as it is the default of the definition.
    ///
    /// # Errors
    /// When it cannot be deserialized.
    pub(crate) fn read(&self) -> Result<Box<UserStreamPipeline>, Box<InvalidObject>> {
        if let Some(pipeline) = self.object.read::<UserStreamPipeline>() {
            let status = pipeline.status.filter(|status| !status.is_pending());
            return Ok(Box::new(UserStreamPipeline { status, ..pipeline }));
        }
        // Once more, from a value: the error then names no line of a text that the user does not have.
        let all: Value = self.object.read().unwrap_or_default();
        UserStreamPipeline::deserialize(&all).map(Box::new).map_err(|error| {
            let status = all.get("status").cloned().unwrap_or_default();
            Box::new(InvalidObject { error: error.to_string(), status })
        })
    }

    /// Whether an operator has written its status.
    pub(crate) const fn is_observed(&self) -> bool {
        self.is_observed
    }

    /// Whether its status says that it is Ready.
    pub(crate) const fn is_ready(&self) -> bool {
        self.is_ready
    }
}

impl<'de> Deserialize<'de> for StoredPipeline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Value::deserialize(deserializer)?;
        drop_unread_metadata(&mut all);
        let metadata = all.get("metadata").cloned().unwrap_or_default();
        let metadata = serde_json::from_value(metadata).map_err(D::Error::custom)?;
        let conditions = all.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let ready = conditions.into_iter().find(|condition| condition["type"] == ConditionType::Ready.name());
        let is_ready = ready.is_some_and(|ready| ready["status"] == "True");
        let is_observed = ready.is_some_and(|ready| ready["reason"] != Reason::Pending.name());
        Ok(Self { metadata, is_observed, is_ready, object: Compressed::of(&all) })
    }
}

/// Drops more than half of a resource's size, which the operator does not read: the annotation of `kubectl apply`
/// contains the whole resource again.
fn drop_unread_metadata(resource: &mut Value) {
    let Some(metadata) = resource.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.remove("managedFields");
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|name, value| {
            let is_short = value.as_str().is_some_and(|value| value.len() <= LONGEST_ANNOTATION);
            is_short && KNOWN_ANNOTATIONS.contains(&name.as_str())
        });
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::status::undecodable;

    fn invalid(status: &Value) -> InvalidObject {
        let body = json!({
            "apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
            "metadata": {"name": "users", "generation": 3}, "spec": {"schema": 5}, "status": status,
        });
        let stored: StoredPipeline = serde_json::from_value(body).unwrap();
        *stored.read().unwrap_err()
    }

    #[test]
    fn invalid_object_keeps_its_status_except_conditions() {
        let before = json!({
            "observedGeneration": 2, "phase": "Running", "topic": {"name": "users", "topicId": "AAAA", "partitions": 3, "replicas": 1},
            "table": {"keyspace": "k", "name": "t", "tableId": "1-2"}, "ofANewerOperator": {"a": 1},
            "processor": {"replicas": 2, "readyReplicas": 2},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Running", "message": "", "lastTransitionTime": "2027-01-01T00:00:00Z"}],
        });
        let invalid = invalid(&before);
        let known = invalid.known_status();
        let next = undecodable(known.as_ref(), Some(3), &invalid.error, Timestamp::UNIX_EPOCH);
        let after = invalid.status_with(&next);
        for kept in ["topic", "table", "processor", "ofANewerOperator"] {
            assert_eq!(after[kept], before[kept], "{kept}");
        }
        assert_eq!((&after["observedGeneration"], &after["phase"]), (&json!(3), &json!("Degraded")));
        assert_eq!(
            (&after["conditions"][0]["type"], &after["conditions"][0]["reason"]),
            (&json!("Ready"), &json!("Undecodable"))
        );
    }

    #[test]
    fn invalid_status_is_kept_as_it_is() {
        let before = json!({"topic": "of another shape", "conditions": "too"});
        let invalid = invalid(&before);
        assert!(invalid.known_status().is_none());
        let next = undecodable(None, Some(3), "?", Timestamp::UNIX_EPOCH);
        let after = invalid.status_with(&next);
        assert_eq!((&after["topic"], &after["phase"]), (&before["topic"], &json!("Failed")));
        assert!(after["conditions"].is_array());
    }

    #[test]
    fn annotations_that_the_operator_does_not_read_are_dropped() {
        let stored: StoredPipeline = serde_json::from_value(json!({
            "metadata": {
                "name": "users",
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}", "large": "x".repeat(250_000), PAUSE: "true",
                    REQUESTED_AT: "x".repeat(250_000),
                },
                "managedFields": [],
            },
            "spec": 5,
        }))
        .unwrap();
        assert_eq!(stored.meta().annotations.as_ref().unwrap().keys().collect::<Vec<_>>(), [PAUSE]);
        let kept = stored.object.read::<Value>().unwrap();
        assert_eq!(kept["metadata"], json!({"name": "users", "annotations": {PAUSE: "true"}}));
    }

    #[test]
    fn resource_is_read_as_it_was_written() {
        let text = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crds/examples/users-production.yaml"
        ));
        let mut body: Value = serde_saphyr::from_str(&text.unwrap()).unwrap();
        for (status, is_ready) in [("True", true), ("False", false)] {
            body["status"] = json!({"conditions": [{"type": "Ready", "status": status, "reason": "Running", "message": "",
                "lastTransitionTime": "2027-01-01T00:00:00Z"}]});
            let stored: StoredPipeline = serde_json::from_value(body.clone()).unwrap();
            let written: UserStreamPipeline = serde_json::from_value(body.clone()).unwrap();
            let read = stored.read().unwrap();
            assert_eq!((&read.spec, &read.status), (&written.spec, &written.status));
            assert_eq!((stored.is_ready(), stored.is_observed()), (is_ready, true));
        }
        for default in [None, Some(Value::Null), Some(json!(PipelineStatus::pending()))] {
            body.as_object_mut().unwrap().remove("status");
            body.as_object_mut().unwrap().extend(default.map(|status| ("status".to_owned(), status)));
            let stored: StoredPipeline = serde_json::from_value(body.clone()).unwrap();
            assert!(!stored.is_observed() && !stored.is_ready());
            assert_eq!(stored.read().unwrap().status, None, "the default of the definition is no status");
        }
    }
}
