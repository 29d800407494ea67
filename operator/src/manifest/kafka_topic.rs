//! Strimzi's KafkaTopic, with `managementPolicy: Strimzi`. Strimzi deletes the topic with its KafkaTopic, so the
//! KafkaTopic of a retained topic has no owner reference and is never deleted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt};
use serde_json::{Map, Value, json};
use userstream_crds::model::{DeletionPolicy, Pipeline};
use userstream_crds::names::{Component, PIPELINE, RETAINED_FOR};

use super::{Desired, Manifest};
use crate::model::input::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::{is_controlled_by, retained_for};
use crate::model::settings::KafkaTopicVersion;
use crate::model::strimzi::kafka_cluster;

pub(super) fn build(desired: &mut Desired, owner: &OwnerReference, input: &ValidInput<'_>) {
    let version = input.settings.kinds.kafka_topic;
    let cluster = kafka_cluster(input.pipeline, input.settings);
    let (Some(Ok(cluster)), Some(version)) = (cluster, version) else {
        return retain(desired, input);
    };
    let pipeline = input.pipeline;
    let mut labels = Names(&pipeline.name).labels(Component::Configuration);
    labels.insert("strimzi.io/cluster".to_owned(), cluster.to_owned());
    let mut metadata = json!({
        "name": pipeline.name.to_string(),
        "namespace": pipeline.namespace.as_str(),
        "labels": labels,
    });
    match pipeline.topic.deletion {
        DeletionPolicy::Retain => metadata["annotations"] = json!({RETAINED_FOR: owner.uid}),
        DeletionPolicy::Delete => metadata["ownerReferences"] = json!([owner]),
    }
    desired.manifests.push(manifest(version, &metadata, &json!(spec(pipeline))));
}

/// Keeps the KafkaTopics of a retained topic, without an owner reference.
pub(super) fn retain(desired: &mut Desired, input: &ValidInput<'_>) {
    let uid = input.resource.uid().unwrap_or_default();
    if input.pipeline.topic.deletion != DeletionPolicy::Retain {
        return;
    }
    for topic in &input.observed.kafka_topics {
        match input.settings.kinds.kafka_topic {
            Some(version) if is_controlled_by(topic.as_ref(), &uid) => {
                desired.manifests.push(released(topic, version, &uid));
            }
            _ => desired.keep(Kind::KafkaTopic, topic.name_any()),
        }
    }
}

/// A KafkaTopic as it is, without its owner reference. It contains the whole spec, because server-side apply removes
/// fields that are no longer applied.
fn released(topic: &DynamicObject, version: KafkaTopicVersion, uid: &str) -> Manifest {
    let metadata = json!({
        "name": topic.name_any(),
        "namespace": topic.namespace(),
        "labels": topic.labels(),
        "annotations": {RETAINED_FOR: uid},
    });
    manifest(version, &metadata, topic.data.get("spec").unwrap_or(&Value::Null))
}

fn manifest(version: KafkaTopicVersion, metadata: &Value, spec: &Value) -> Manifest {
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = json!({
        "apiVersion": format!("kafka.strimzi.io/{}", version.name()),
        "kind": "KafkaTopic",
        "metadata": metadata,
        "spec": spec,
    });
    Manifest { kind: Kind::KafkaTopic, name, body }
}

impl Manifest {
    /// Whether this object may replace one that an older pipeline of the same name has retained. An object that is
    /// deleted with its pipeline may not: it would delete the other pipeline's topic.
    #[must_use]
    pub fn may_adopt(&self, existing: &impl Resource, pipeline: &str) -> bool {
        let is_retained = |body: &Value| {
            let annotations = body.pointer("/metadata/annotations").and_then(Value::as_object);
            annotations.is_some_and(|annotations| annotations.contains_key(RETAINED_FOR))
        };
        let metadata = existing.meta();
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(PIPELINE));
        self.kind == Kind::KafkaTopic
            && is_retained(&self.body)
            && retained_for(existing).is_some()
            && metadata.owner_references.iter().flatten().next().is_none()
            && label.is_some_and(|label| label == pipeline)
    }
}

fn spec(pipeline: &Pipeline) -> Map<String, Value> {
    let topic = &pipeline.topic;
    let mut spec = Map::new();
    spec.insert("topicName".to_owned(), json!(topic.name.as_str()));
    spec.insert("partitions".to_owned(), json!(topic.partitions));
    if let Some(replicas) = topic.replicas {
        spec.insert("replicas".to_owned(), json!(replicas));
    }
    if !topic.config.is_empty() {
        spec.insert("config".to_owned(), json!(topic.config));
    }
    spec
}
