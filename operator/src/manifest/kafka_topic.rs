//! Strimzi's KafkaTopic, where `managementPolicy: Strimzi` leaves the topic to it. Strimzi deletes the topic with its
//! KafkaTopic, so one whose topic is to be retained has no owner reference, and is never deleted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt};
use serde_json::{Map, Value, json};
use userstream_crds::model::{DeletionPolicy, Pipeline, TopicManagementPolicy};
use userstream_crds::names::{Component, PIPELINE, RETAINED_FOR};

use super::{Desired, Manifest};
use crate::lifecycle::rollout::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::{is_controlled_by, retained_for};
use crate::model::settings::KafkaTopicVersion;

/// The end of the host name of the Service that Strimzi makes for the cluster before it.
const BOOTSTRAP: &str = "-kafka-bootstrap";

/// Why there is no KafkaTopic although the pipeline asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKafkaTopic {
    /// The cluster does not have the kind.
    KindMissing,
    /// No bootstrap server has a name that tells the Kafka cluster's.
    ClusterUnknown,
    /// The Kafka cluster is in another namespace, where nothing of this pipeline may be.
    OtherNamespace,
}

impl NoKafkaTopic {
    /// What is wrong, and the way out.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::KindMissing => {
                "managementPolicy is Strimzi, but the cluster has no KafkaTopic kind: install Strimzi and restart the operator, or choose Managed"
            }
            Self::ClusterUnknown => {
                "managementPolicy is Strimzi, but no bootstrap server is named CLUSTER-kafka-bootstrap as Strimzi names it: use that Service, or choose Managed"
            }
            Self::OtherNamespace => {
                "managementPolicy is Strimzi, but the Kafka cluster is in another namespace and a KafkaTopic must be beside it: create the pipeline there, or choose Observe and create the KafkaTopic yourself"
            }
        }
    }
}

/// The name of the Kafka cluster that a KafkaTopic belongs to; `None` when the pipeline does not leave its topic to Strimzi.
#[must_use]
pub fn cluster<'a>(situation: &ValidInput<'a>) -> Option<Result<&'a str, NoKafkaTopic>> {
    let pipeline = situation.pipeline;
    if pipeline.topic.management != TopicManagementPolicy::Strimzi {
        return None;
    }
    if situation.settings.kinds.kafka_topic.is_none() {
        return Some(Err(NoKafkaTopic::KindMissing));
    }
    let named = pipeline.kafka.bootstrap_servers.iter().find_map(|server| {
        let mut labels = server.host().split('.');
        let cluster = labels.next()?.strip_suffix(BOOTSTRAP)?;
        Some((cluster, labels.next()))
    });
    Some(match named {
        None => Err(NoKafkaTopic::ClusterUnknown),
        Some((_, Some(namespace))) if namespace != pipeline.namespace.as_str() => {
            Err(NoKafkaTopic::OtherNamespace)
        }
        Some((cluster, _)) => Ok(cluster),
    })
}

pub(super) fn build(desired: &mut Desired, owner: &OwnerReference, situation: &ValidInput<'_>) {
    let version = situation.settings.kinds.kafka_topic;
    let (Some(Ok(cluster)), Some(version)) = (cluster(situation), version) else {
        return retain(desired, situation);
    };
    let pipeline = situation.pipeline;
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

/// Leaves the KafkaTopics that are no longer wanted where they are, as long as the topic is to be retained.
pub(crate) fn retain(desired: &mut Desired, situation: &ValidInput<'_>) {
    let uid = situation.resource.uid().unwrap_or_default();
    if situation.pipeline.topic.deletion != DeletionPolicy::Retain {
        return;
    }
    for topic in &situation.observed.kafka_topics {
        match situation.settings.kinds.kafka_topic {
            Some(version) if is_controlled_by(topic.as_ref(), &uid) => {
                desired.manifests.push(released(topic, version, &uid));
            }
            _ => desired.keep(Kind::KafkaTopic, topic.name_any()),
        }
    }
}

/// Whether a KafkaTopic would go with the pipeline although its topic is to be retained: the policy was another one until now.
pub(crate) fn goes_too_early(situation: &ValidInput<'_>) -> bool {
    let uid = situation.resource.uid().unwrap_or_default();
    situation.pipeline.topic.deletion == DeletionPolicy::Retain
        && situation.observed.kafka_topics.iter().any(|topic| is_controlled_by(topic.as_ref(), &uid))
}

/// A KafkaTopic as it is, but for the owner reference. All of its spec is in it: what is applied no more would be taken away.
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
    /// Whether this object may take the place of one that an older pipeline of the same name has left behind. One that goes
    /// with its pipeline may not: what would go was made by another.
    #[must_use]
    pub fn takes_over(&self, existing: &impl Resource, pipeline: &str) -> bool {
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
