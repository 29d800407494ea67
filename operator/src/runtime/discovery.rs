//! Which optional kinds the cluster serves.

use kube::Client;
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;

use crate::model::settings::{KafkaTopicVersion, OptionalKinds};

/// Discovers the kinds of other projects.
///
/// # Errors
/// When the API server does not answer.
pub async fn optional_kinds(client: &Client) -> Result<OptionalKinds, kube::Error> {
    let topics =
        |version: KafkaTopicVersion| serves(client, "kafka.strimzi.io", version.name(), "KafkaTopic");
    let kafka_topic = if topics(KafkaTopicVersion::V1).await? {
        Some(KafkaTopicVersion::V1)
    } else if topics(KafkaTopicVersion::V1Beta2).await? {
        Some(KafkaTopicVersion::V1Beta2)
    } else {
        None
    };
    let pod_monitor = serves(client, "monitoring.coreos.com", "v1", "PodMonitor").await?;
    Ok(OptionalKinds { pod_monitor, kafka_topic })
}

async fn serves(client: &Client, group: &str, version: &str, kind: &str) -> Result<bool, kube::Error> {
    match pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Discovery(_)) => Ok(false),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}
