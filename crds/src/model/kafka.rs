//! The Kafka cluster, the topic, and the dead-letter topic.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use crate::resource::kafka::{
    AdoptionPolicy, Compression, DeletionPolicy, SaslMechanism, TopicManagementPolicy,
};
use crate::scalar::identifier::{HostPort, SecretName, TopicName};

/// A Kafka cluster and how to connect to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// The brokers to connect to first. There is at least one.
    pub bootstrap_servers: Vec<HostPort>,
    /// How connections are encrypted; `None`: they are not.
    pub tls: Option<KafkaTls>,
    /// How connections authenticate; `None`: they do not.
    pub sasl: Option<Sasl>,
    /// The codec of record batches.
    pub compression: Compression,
    /// How long a record waits for others to share its batch.
    pub linger: Duration,
}

/// TLS to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaTls {
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
    /// The Secret with the client certificate; `None`: no mutual TLS.
    pub client: Option<SecretName>,
}

/// SASL to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// The mechanism.
    pub mechanism: SaslMechanism,
    /// The Secret with the keys `username` and `password`.
    pub secret: SecretName,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// The declared number of partitions.
    pub partitions: NonZeroU32,
    /// The replication factor; `None`: the broker's default.
    pub replicas: Option<NonZeroU16>,
    /// Settings under Kafka's own names.
    pub config: BTreeMap<String, String>,
    /// What manages it.
    pub management: TopicManagementPolicy,
    /// What happens when it exists and the pipeline did not create it.
    pub adoption: AdoptionPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
}

/// What happens to a record that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It is appended to this topic.
    DeadLetter(DeadLetterTopic),
    /// It is counted and dropped.
    Skip,
    /// It ends the worker.
    Fail,
}

/// The largest record that a worker appends, in bytes: a record of up to 16 MiB, and the headers of its dead letter.
pub const LARGEST_APPEND: u32 = (16 << 20) + (1 << 20);

/// The topic of records that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterTopic {
    /// Its name.
    pub name: TopicName,
    /// The declared number of partitions.
    pub partitions: NonZeroU32,
    /// Settings under Kafka's own names. `retention.ms` and `max.message.bytes` are always among them.
    pub config: BTreeMap<String, String>,
}
