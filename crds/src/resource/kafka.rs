//! `spec.kafka`: the cluster, the topic and how it is produced to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::secret::SecretRef;
use crate::rules;
use crate::scalar::duration::GoDuration;

/// The Kafka cluster and the topic that carries the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(
        &rules::KEY_FIELD_KEPT,
        "has(self.keyField) == has(oldSelf.keyField) && (!has(self.keyField) || self.keyField == oldSelf.keyField)",
    ),
]))]
pub struct KafkaSpec {
    /// Where to reach the cluster: host:port, several with commas between them, for example kafka:9092.
    #[schemars(length(min = 1, max = 1024))]
    pub bootstrap_servers: String,
    /// Encrypts connections to the brokers. `{}` trusts the public certificate authorities. Default: no encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTlsSpec>,
    /// Authenticates with a user name and a password. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<SaslSpec>,
    /// The topic that carries the records.
    pub topic: TopicSpec,
    /// The field whose value is the key of a record on the topic: records with the same key keep their order, and a
    /// compacted topic keeps the last of each. It must be required, and it cannot be changed. Default: records have no
    /// key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub key_field: Option<String>,
    /// How records are sent. Default: Zstd, 20ms of linger.
    #[serde(default)]
    pub producer: ProducerSpec,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaTlsSpec {
    /// The Secret with the PEM bundle of certificate authorities under the key `ca.crt`, which are then the only ones
    /// trusted. Default: the public certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
    /// The Secret with the client certificate and its private key, for mutual TLS: keys `tls.crt` and `tls.key`, or
    /// `user.crt` and `user.key` as Strimzi's KafkaUser has them. Default: no client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretRef>,
}

/// SASL authentication to the brokers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaslSpec {
    /// The mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    pub mechanism: SaslMechanism,
    /// The Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// The SASL mechanisms that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// The password is sent as it is: only over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// RFC 7677.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The same with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// The name of the mechanism in Kafka's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::REPLICAS, "self.replicas != 0"),
    rules::cel(
        &rules::MIN_INSYNC_WITHIN_REPLICAS,
        "!('min.insync.replicas' in self.config) \
         || (self.config['min.insync.replicas'].matches('^[1-9][0-9]{0,3}$') \
         && (self.replicas < 1 || int(self.config['min.insync.replicas']) <= self.replicas))",
    ),
]))]
pub struct TopicSpec {
    /// The name of the topic. It cannot be changed.
    #[schemars(length(min = 1, max = 200))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::TOPIC_NAME, "self.matches('^[a-zA-Z0-9._-]+$') && !(self in ['.', '..'])"),
        rules::cel(&rules::TOPIC_NAME_KEPT, "self == oldSelf"),
    ]))]
    pub name: String,
    /// How many partitions it has. They may grow, never shrink. Default: 3.
    #[serde(default = "partitions")]
    #[schemars(range(min = 1, max = 10_000))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::PARTITIONS_GROW, "self >= oldSelf")]))]
    pub partitions: i32,
    /// How many brokers keep a copy; -1 takes the broker's default. Default: -1.
    #[serde(default = "broker_default")]
    #[schemars(range(min = -1, max = 32))]
    pub replicas: i32,
    /// Settings of the topic in Kafka's own names, for example `retention.ms`. Values are text: quote numbers. Settings
    /// that are not named here are left as they are. Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64, "additionalProperties" = {"type": "string", "maxLength": 1024}))]
    pub config: BTreeMap<String, String>,
    /// Who looks after the topic: `Managed` creates and grows it, `Observe` only checks it, `Strimzi` applies a KafkaTopic
    /// object and leaves the rest to Strimzi. Default: Managed.
    #[serde(default)]
    pub management_policy: TopicManagementPolicy,
    /// What happens when the topic exists already and this pipeline did not create it: `Fail`, or `Adopt` it. Default:
    /// Fail.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What happens to the topic when the pipeline is deleted: `Retain` it, or `Delete` it if this pipeline created it.
    /// Default: Retain.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn partitions() -> i32 {
    3
}

fn broker_default() -> i32 {
    -1
}

/// Who looks after a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopicManagementPolicy {
    /// Userstream creates and grows it.
    #[default]
    Managed,
    /// Userstream checks it and changes nothing.
    Observe,
    /// Strimzi does, through a KafkaTopic object.
    Strimzi,
}

/// What happens when something exists already that this pipeline did not create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// It is refused and left untouched.
    #[default]
    Fail,
    /// It is managed from then on.
    Adopt,
}

/// What happens to data when the pipeline is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It stays.
    #[default]
    Retain,
    /// It is deleted if this pipeline created it.
    Delete,
}

/// How records are sent. Every record is acknowledged by all in-sync replicas, and retries do not double it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerSpec {
    /// How batches of records are compressed: None, Gzip, Snappy, Lz4 or Zstd. Default: Zstd.
    pub compression: Compression,
    /// How long a record waits for others to share a batch. Default: 20ms.
    pub linger: GoDuration,
}

impl Default for ProducerSpec {
    fn default() -> Self {
        Self { compression: Compression::Zstd, linger: GoDuration::from_millis(20) }
    }
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    #[default]
    Zstd,
}

impl Compression {
    /// The name of the codec in Kafka's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}
