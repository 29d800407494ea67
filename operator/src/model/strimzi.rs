//! Whether the topic of a pipeline can be managed by Strimzi, and by which Kafka cluster.

use userstream_crds::model::{Pipeline, TopicManagementPolicy};

use super::settings::Settings;

/// What the host name of the Service that Strimzi creates for a cluster adds to the cluster's name.
const BOOTSTRAP_SUFFIX: &str = "-kafka-bootstrap";

/// Why there is no KafkaTopic although the pipeline declares one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKafkaTopic {
    /// The Kubernetes cluster does not serve the kind.
    KindMissing,
    /// No bootstrap server's host name contains the name of a Kafka cluster.
    ClusterUnknown,
    /// The Kafka cluster is in another namespace, where the pipeline may not own objects.
    OtherNamespace,
}

impl NoKafkaTopic {
    /// What is wrong, and the way out.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::KindMissing => {
                "the cluster has no KafkaTopic kind, which managementPolicy Strimzi needs: install Strimzi and restart the operator, or choose Managed"
            }
            Self::ClusterUnknown => {
                "no bootstrap server is named CLUSTER-kafka-bootstrap, by which managementPolicy Strimzi finds the Kafka cluster: use Strimzi's Service, or choose Managed"
            }
            Self::OtherNamespace => {
                "the Kafka cluster is in another namespace, and Strimzi needs the KafkaTopic beside it: create the pipeline there, or choose Observe and create the KafkaTopic yourself"
            }
        }
    }
}

/// The name of the Kafka cluster that the KafkaTopic belongs to; `None` when Strimzi does not manage the pipeline's
/// topic.
#[must_use]
pub fn kafka_cluster<'a>(
    pipeline: &'a Pipeline,
    settings: &Settings,
) -> Option<Result<&'a str, NoKafkaTopic>> {
    if pipeline.topic.management != TopicManagementPolicy::Strimzi {
        return None;
    }
    if settings.kinds.kafka_topic.is_none() {
        return Some(Err(NoKafkaTopic::KindMissing));
    }
    let named = pipeline.kafka.bootstrap_servers.iter().find_map(|server| {
        let mut labels = server.host().split('.');
        let cluster = labels.next()?.strip_suffix(BOOTSTRAP_SUFFIX)?;
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
