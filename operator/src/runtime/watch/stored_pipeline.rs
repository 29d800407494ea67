//! A pipeline, or what is left of one that this operator cannot read: it stops the others' watch no more than they its own.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use userstream_crds::UserStreamPipeline;
use userstream_crds::status::{PENDING, PipelineStatus};

use crate::runtime::watch::compressed::Compressed;

/// The annotation that `kubectl apply` leaves: all of the resource once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A pipeline, packed. Whether it can be read is seen when it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct StoredPipeline {
    metadata: ObjectMeta,
    is_told: bool,
    is_ready: bool,
    packed: Compressed,
}

/// What is left of one that cannot be.
#[derive(Clone, Debug)]
pub(crate) struct InvalidObject {
    pub(crate) error: String,
    /// Its status, whatever it says.
    status: Value,
}

impl InvalidObject {
    /// The status as far as it can be read.
    pub(crate) fn known(&self) -> Option<PipelineStatus> {
        serde_json::from_value(self.status.clone()).ok()
    }

    /// All of the status, with the conditions of this one and what sums them up.
    pub(crate) fn with(&self, told: &PipelineStatus) -> Value {
        let mut all = match &self.status {
            Value::Object(fields) => fields.clone(),
            _ => serde_json::Map::new(),
        };
        if let Ok(Value::Object(mut told)) = serde_json::to_value(told) {
            let of_conditions = ["conditions", "observedGeneration", "phase"];
            all.extend(of_conditions.into_iter().filter_map(|field| told.remove_entry(field)));
        }
        Value::Object(all)
    }
}

impl StoredPipeline {
    /// The resource, without the status that it has from the definition.
    ///
    /// # Errors
    /// With what is left of one that cannot be read.
    pub(crate) fn read(&self) -> Result<Box<UserStreamPipeline>, Box<InvalidObject>> {
        if let Some(pipeline) = self.packed.read::<UserStreamPipeline>() {
            let status = pipeline.status.filter(|status| !status.is_pending());
            return Ok(Box::new(UserStreamPipeline { status, ..pipeline }));
        }
        // Again, from a value: an error then tells no place in a text that nobody sees.
        let all: Value = self.packed.read().unwrap_or_default();
        UserStreamPipeline::deserialize(&all).map(Box::new).map_err(|error| {
            let status = all.get("status").cloned().unwrap_or_default();
            Box::new(InvalidObject { error: error.to_string(), status })
        })
    }

    /// Whether an operator has said anything of it.
    pub(crate) const fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether its status says that it is Ready.
    pub(crate) const fn is_ready(&self) -> bool {
        self.is_ready
    }
}

impl<'de> Deserialize<'de> for StoredPipeline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Value::deserialize(deserializer)?;
        drop_bulk(&mut all);
        let metadata = all.get("metadata").cloned().unwrap_or_default();
        let metadata = serde_json::from_value(metadata).map_err(D::Error::custom)?;
        let conditions = all.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready");
        let is_ready = ready.is_some_and(|ready| ready["status"] == "True");
        let is_told = ready.is_some_and(|ready| ready["reason"] != PENDING);
        Ok(Self { metadata, is_told, is_ready, packed: Compressed::of(&all) })
    }
}

/// Drops what makes up more than half of a resource's size and nobody here looks at.
fn drop_bulk(resource: &mut Value) {
    let Some(metadata) = resource.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.remove("managedFields");
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
}

impl Resource for StoredPipeline {
    type DynamicType = <UserStreamPipeline as Resource>::DynamicType;
    type Scope = <UserStreamPipeline as Resource>::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        UserStreamPipeline::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        UserStreamPipeline::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        UserStreamPipeline::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        UserStreamPipeline::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::status::{Outcome, status};

    fn unreadable(status: &Value) -> InvalidObject {
        let body = json!({
            "apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
            "metadata": {"name": "users", "generation": 3}, "spec": {"schema": 5}, "status": status,
        });
        let guarded: StoredPipeline = serde_json::from_value(body).unwrap();
        *guarded.read().unwrap_err()
    }

    #[test]
    fn a_resource_that_cannot_be_read_keeps_all_of_its_status_but_the_conditions() {
        let before = json!({
            "observedGeneration": 2, "phase": "Running", "topic": {"name": "users", "topicId": "AAAA", "partitions": 3, "replicas": 1},
            "table": {"keyspace": "k", "name": "t", "tableId": "1-2"}, "ofANewerOperator": {"a": 1},
            "processor": {"replicas": 2, "readyReplicas": 2},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Running", "message": "", "lastTransitionTime": "2027-01-01T00:00:00Z"}],
        });
        let unreadable = unreadable(&before);
        let known = unreadable.known();
        let told =
            status(known.as_ref(), Some(3), &Outcome::Undecodable(&unreadable.error), Timestamp::UNIX_EPOCH);
        let after = unreadable.with(&told);
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
    fn a_status_that_cannot_be_read_either_is_kept_as_it_is() {
        let before = json!({"topic": "of another shape", "conditions": "too"});
        let unreadable = unreadable(&before);
        assert!(unreadable.known().is_none());
        let told = status(None, Some(3), &Outcome::Undecodable("?"), Timestamp::UNIX_EPOCH);
        let after = unreadable.with(&told);
        assert_eq!((&after["topic"], &after["phase"]), (&before["topic"], &json!("Failed")));
        assert!(after["conditions"].is_array());
    }

    #[test]
    fn what_kubectl_apply_leaves_behind_is_not_kept() {
        let guarded: StoredPipeline = serde_json::from_value(json!({
            "metadata": {"name": "users", "annotations": {LAST_APPLIED: "{}", "other": "annotation"}, "managedFields": []},
            "spec": 5,
        }))
        .unwrap();
        assert_eq!(guarded.meta().annotations.as_ref().unwrap().keys().collect::<Vec<_>>(), ["other"]);
        let kept = guarded.packed.read::<Value>().unwrap();
        assert_eq!(kept["metadata"], json!({"name": "users", "annotations": {"other": "annotation"}}));
    }

    #[test]
    fn a_resource_is_read_as_it_was_written() {
        let text = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crds/examples/users-production.yaml"
        ));
        let mut body: Value = serde_saphyr::from_str(&text.unwrap()).unwrap();
        for (status, is_ready) in [("True", true), ("False", false)] {
            body["status"] = json!({"conditions": [{"type": "Ready", "status": status, "reason": "Running", "message": "",
                "lastTransitionTime": "2027-01-01T00:00:00Z"}]});
            let guarded: StoredPipeline = serde_json::from_value(body.clone()).unwrap();
            let written: UserStreamPipeline = serde_json::from_value(body.clone()).unwrap();
            let read = guarded.read().unwrap();
            assert_eq!((&read.spec, &read.status), (&written.spec, &written.status));
            assert_eq!((guarded.is_ready(), guarded.is_told()), (is_ready, true));
        }
        for untold in [None, Some(Value::Null), Some(json!(PipelineStatus::pending()))] {
            body.as_object_mut().unwrap().remove("status");
            body.as_object_mut().unwrap().extend(untold.map(|status| ("status".to_owned(), status)));
            let guarded: StoredPipeline = serde_json::from_value(body.clone()).unwrap();
            assert!(!guarded.is_told() && !guarded.is_ready());
            assert_eq!(guarded.read().unwrap().status, None, "what it has from the definition says nothing");
        }
    }
}
