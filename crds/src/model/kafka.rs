//! The Kafka cluster, the topic, and the topic of records that failed.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use crate::resource::kafka::{
    AdoptionPolicy, Compression, DeletionPolicy, SaslMechanism, TopicManagementPolicy,
};
use crate::scalar::identifier::{HostPort, SecretName, TopicName};

/// A Kafka cluster and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// Where to reach it first. There is at least one.
    pub bootstrap_servers: Vec<HostPort>,
    /// How connections are encrypted; `None`: not at all.
    pub tls: Option<KafkaTls>,
    /// How they authenticate.
    pub sasl: Option<Sasl>,
    /// How batches of records are compressed.
    pub compression: Compression,
    /// How long a record waits for others to share a batch.
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
    /// How many partitions it has.
    pub partitions: NonZeroU32,
    /// How many brokers keep a copy; `None`: the broker's default.
    pub replicas: Option<NonZeroU16>,
    /// Settings in Kafka's own names.
    pub config: BTreeMap<String, String>,
    /// Who looks after it.
    pub management: TopicManagementPolicy,
    /// What happens when it exists already.
    pub adoption: AdoptionPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
}

/// What becomes of a record that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It goes to this topic.
    DeadLetter(DeadLetterTopic),
    /// It is counted and left out.
    Skip,
    /// It stops the pipeline.
    Fail,
}

/// The topic of records that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it has.
    pub partitions: NonZeroU32,
    /// Settings in Kafka's own names. `retention.ms` is among them.
    pub config: BTreeMap<String, String>,
}
