//! A pipeline, or what is left of one that this operator cannot read: it stops the others' watch no more than they its own.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use userstream_crds::UserStreamPipeline;
use userstream_crds::status::PipelineStatus;

/// The annotation that `kubectl apply` leaves: all of the resource once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A pipeline, if it can be read.
#[derive(Clone, Debug)]
pub(super) struct Guarded(pub(super) Result<UserStreamPipeline, Box<Unreadable>>);

/// What is left of one that cannot be.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    pub(super) error: String,
    metadata: ObjectMeta,
    /// Its status, whatever it says.
    status: Value,
}

impl Unreadable {
    /// The status as far as it can be read.
    pub(super) fn known(&self) -> Option<PipelineStatus> {
        serde_json::from_value(self.status.clone()).ok()
    }

    /// All of the status, with the conditions of this one and what sums them up.
    pub(super) fn with(&self, told: &PipelineStatus) -> Value {
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

impl<'de> Deserialize<'de> for Guarded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Value::deserialize(deserializer)?;
        let error = match UserStreamPipeline::deserialize(&all) {
            Ok(pipeline) => return Ok(Self(Ok(pipeline))),
            Err(error) => error.to_string(),
        };
        let part = |name: &str| all.get(name).cloned().unwrap_or_default();
        let metadata = serde_json::from_value(part("metadata")).map_err(D::Error::custom)?;
        Ok(Self(Err(Box::new(Unreadable { error, metadata, status: part("status") }))))
    }
}

impl Resource for Guarded {
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
        match &self.0 {
            Ok(pipeline) => pipeline.meta(),
            Err(unreadable) => &unreadable.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(pipeline) => pipeline.meta_mut(),
            Err(unreadable) => &mut unreadable.metadata,
        }
    }
}

impl Guarded {
    /// Without what makes up more than half of its size and nobody here looks at.
    pub(super) fn slim(&mut self) {
        let metadata = self.meta_mut();
        metadata.managed_fields = None;
        if let Some(annotations) = &mut metadata.annotations {
            annotations.remove(LAST_APPLIED);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::status::{Outcome, status};

    fn unreadable(status: &Value) -> Unreadable {
        let body = json!({
            "apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
            "metadata": {"name": "users", "generation": 3}, "spec": {"schema": 5}, "status": status,
        });
        let Guarded(read) = serde_json::from_value(body).unwrap();
        *read.unwrap_err()
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
        let mut guarded: Guarded = serde_json::from_value(json!({
            "metadata": {"name": "users", "annotations": {LAST_APPLIED: "{}", "other": "annotation"}}, "spec": 5,
        })).unwrap();
        guarded.slim();
        assert_eq!(guarded.meta().annotations.as_ref().unwrap().keys().collect::<Vec<_>>(), ["other"]);
    }
}
