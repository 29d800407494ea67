//! Which optional kinds the cluster has.

use kube::Client;
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;

use crate::model::settings::{KafkaTopicVersion, OptionalKinds};

/// Asks the API server for the kinds that other projects bring.
///
/// # Errors
/// When it does not answer.
pub async fn optional_kinds(client: &Client) -> Result<OptionalKinds, kube::Error> {
    let topics = |version: KafkaTopicVersion| has(client, "kafka.strimzi.io", version.name(), "KafkaTopic");
    let kafka_topic = if topics(KafkaTopicVersion::V1).await? {
        Some(KafkaTopicVersion::V1)
    } else if topics(KafkaTopicVersion::V1Beta2).await? {
        Some(KafkaTopicVersion::V1Beta2)
    } else {
        None
    };
    let pod_monitor = has(client, "monitoring.coreos.com", "v1", "PodMonitor").await?;
    Ok(OptionalKinds { pod_monitor, kafka_topic })
}

async fn has(client: &Client, group: &str, version: &str, kind: &str) -> Result<bool, kube::Error> {
    match pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Discovery(_)) => Ok(false),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}
