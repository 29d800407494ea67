//! Strimzi's KafkaTopic, where `managementPolicy: Strimzi` leaves the topic to it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Map, Value, json};
use userstream_crds::model::{Pipeline, TopicManagementPolicy};

use super::{Desired, Manifest};
use crate::kind::Kind;
use crate::names::{Component, Names};
use crate::steps::Situation;

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
pub fn cluster<'a>(situation: &Situation<'a>) -> Option<Result<&'a str, NoKafkaTopic>> {
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

pub(super) fn build(desired: &mut Desired, owner: &OwnerReference, situation: &Situation<'_>) {
    let Some(Ok(cluster)) = cluster(situation) else { return };
    let Some(version) = situation.settings.kinds.kafka_topic else { return };
    let pipeline = situation.pipeline;
    let mut labels = Names(&pipeline.name).labels(Component::Configuration);
    labels.insert("strimzi.io/cluster".to_owned(), cluster.to_owned());
    let name = pipeline.name.to_string();
    let body = json!({
        "apiVersion": format!("kafka.strimzi.io/{}", version.name()),
        "kind": "KafkaTopic",
        "metadata": {
            "name": name,
            "namespace": pipeline.namespace.as_str(),
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": spec(pipeline),
    });
    desired.manifests.push(Manifest { kind: Kind::KafkaTopic, name, body });
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
