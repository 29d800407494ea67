//! What a pipeline claims for itself on its clusters (R9).
//!
//! Rules about one resource cannot find two pipelines that claim the same. The operator compares the claims of all
//! pipelines: the pipeline that already uses a topic, group or table keeps it, else the older one gets it.

use std::collections::BTreeSet;
use std::fmt;

use crate::model::{Pipeline, TopicManagementPolicy};
use crate::scalar::field_path::FieldPath;
use crate::scalar::identifier::{GroupId, HostPort, Identifier, TopicName};

/// Something on a cluster that only one pipeline may use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The cluster.
    pub cluster: Cluster,
    /// The claimed topic, group or table.
    pub subject: Subject,
}

/// A cluster, identified by its addresses in a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cluster {
    addresses: BTreeSet<(String, u16)>,
}

/// What a pipeline claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A topic.
    Topic(TopicName),
    /// A consumer group.
    ConsumerGroup(GroupId),
    /// A table of a keyspace.
    Table {
        /// The keyspace.
        keyspace: Identifier,
        /// The table.
        table: Identifier,
    },
}

impl Claim {
    /// Whether both claims are for the same thing. Clusters with a common address are one.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.subject == other.subject && !self.cluster.addresses.is_disjoint(&other.cluster.addresses)
    }
}

impl Subject {
    /// The field of the resource that makes the claim.
    #[must_use]
    pub fn field(&self) -> FieldPath {
        match self {
            Self::Topic(_) => "spec.kafka.topic.name".into(),
            Self::ConsumerGroup(_) => "spec.processor.consumerGroup".into(),
            Self::Table { .. } => "spec.sink.cassandra.table.name".into(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::ConsumerGroup(group) => write!(f, "consumer group {group}"),
            Self::Table { keyspace, table } => write!(f, "table {keyspace}.{table}"),
        }
    }
}

/// All claims of a pipeline: its topics, its consumer group and its table. A topic that it only reads under `Observe`
/// is not claimed: any number of pipelines can process it.
#[must_use]
pub fn claims(pipeline: &Pipeline) -> Vec<Claim> {
    let namespace = pipeline.namespace.as_str();
    let kafka = Cluster::of(&pipeline.kafka.bootstrap_servers, namespace);
    let cassandra = Cluster::of(&pipeline.cassandra.contact_points, namespace);
    let only_reads = pipeline.source.is_none() && pipeline.topic.management == TopicManagementPolicy::Observe;
    let topics = [
        (!only_reads).then_some(&pipeline.topic.name),
        pipeline.positions_topic.as_ref(),
        pipeline.dead_letter().map(|dead_letter| &dead_letter.name),
    ];
    let on_kafka = topics
        .into_iter()
        .flatten()
        .cloned()
        .map(Subject::Topic)
        .chain([Subject::ConsumerGroup(pipeline.processor.consumer_group.clone())])
        .map(|subject| Claim { cluster: kafka.clone(), subject });
    let table =
        Subject::Table { keyspace: pipeline.keyspace.name.clone(), table: pipeline.table.name.clone() };
    on_kafka.chain([Claim { cluster: cassandra, subject: table }]).collect()
}

impl Cluster {
    fn of(addresses: &[HostPort], namespace: &str) -> Self {
        let addresses =
            addresses.iter().map(|address| (qualified(address.host(), namespace), address.port())).collect();
        Self { addresses }
    }
}

/// The name of a Service in its shortest qualified form: `kafka` of a pipeline in `demo` is `kafka.demo`, and so is
/// `kafka.demo.svc.cluster.local`.
fn qualified(host: &str, namespace: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    let host = ["svc.cluster.local", "svc"]
        .iter()
        .find_map(|suffix| host.strip_suffix(suffix)?.strip_suffix('.'))
        .unwrap_or(host);
    let complete = host.contains(['.', ':']) || host == "localhost";
    if complete { host.to_owned() } else { format!("{host}.{namespace}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::validate_spec;

    fn pipeline(namespace: &str, brokers: &str, topic: &str, nodes: &str, table: &str) -> Pipeline {
        let spec = serde_json::json!({
            "source": {"generator": {}},
            "schema": {"fields": [{"name": "id", "type": "uuid", "required": true}]},
            "kafka": {"bootstrapServers": brokers, "topic": {"name": topic}, "keyField": "id"},
            "sink": {"cassandra": {
                "contactPoints": [nodes],
                "keyspace": {"name": "users"},
                "table": {"name": table, "partitionKey": ["id"]},
            }},
        });
        validate_spec(namespace, &format!("{topic}-pipeline"), &serde_json::from_value(spec).unwrap())
            .unwrap()
    }

    fn conflicts(left: &Pipeline, right: &Pipeline) -> Vec<String> {
        let taken = claims(left);
        let wanted = claims(right).into_iter();
        wanted
            .filter(|claim| taken.iter().any(|other| other.conflicts_with(claim)))
            .map(|claim| claim.subject.to_string())
            .collect()
    }

    #[test]
    fn pipeline_claims_its_topics_its_group_and_its_table() {
        let claimed: Vec<String> = claims(&pipeline("demo", "kafka:9092", "users", "cassandra", "created"))
            .into_iter()
            .map(|claim| claim.subject.to_string())
            .collect();
        assert_eq!(
            claimed,
            [
                "topic users",
                "topic users.positions",
                "topic users.dlq",
                "consumer group demo.users-pipeline",
                "table users.created",
            ]
        );
    }

    #[test]
    fn clusters_with_a_common_address_are_one() {
        let first = pipeline("demo", "kafka-0:9092,kafka-1:9092", "users", "a", "t");
        let second = pipeline("demo", "kafka-1:9092", "users", "b", "t");
        assert_eq!(conflicts(&first, &second).len(), 4, "topics and group, not tables");
        let elsewhere = pipeline("demo", "kafka-1:9093", "users", "b", "t");
        assert_eq!(conflicts(&first, &elsewhere), Vec::<String>::new());
    }

    #[test]
    fn service_is_the_same_by_its_short_and_its_long_name() {
        let short = pipeline("demo", "kafka:9092", "users", "cassandra", "t");
        let long =
            pipeline("other", "kafka.demo.svc.cluster.local:9092", "users", "cassandra.demo.svc:9042", "t");
        assert!(conflicts(&short, &long).contains(&"topic users".to_owned()));
        assert!(conflicts(&short, &long).contains(&"table users.t".to_owned()));
        let own = pipeline("other", "kafka:9092", "users", "cassandra", "t");
        assert_eq!(conflicts(&short, &own), Vec::<String>::new(), "a Service of another namespace");
    }

    #[test]
    fn observed_topic_that_is_only_read_is_not_claimed() {
        let mut reader = pipeline("demo", "kafka:9092", "users", "cassandra", "t");
        reader.source = None;
        reader.topic.management = TopicManagementPolicy::Observe;
        let subjects: Vec<String> =
            claims(&reader).into_iter().map(|claim| claim.subject.to_string()).collect();
        assert!(!subjects.contains(&"topic users".to_owned()), "{subjects:?}");
        reader.topic.management = TopicManagementPolicy::Managed;
        assert!(claims(&reader).iter().any(|claim| claim.subject.to_string() == "topic users"));
    }
}
