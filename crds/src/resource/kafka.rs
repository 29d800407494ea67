//! `spec.kafka`: the cluster, the topic and the producer's settings.

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
    /// The brokers to connect to first: host:port, several with commas between them, for example kafka:9092.
    #[schemars(length(min = 1, max = 1024))]
    pub bootstrap_servers: String,
    /// TLS to the brokers. `{}` trusts the public certificate authorities. Default: no encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTlsSpec>,
    /// Authentication with a user name and a password. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<SaslSpec>,
    /// The topic that carries the records.
    pub topic: TopicSpec,
    /// The field whose value the producer writes as a record's key: records with one key keep their order, and a
    /// compacted topic keeps the last of each key. The field must be required. It cannot change. Default: records have
    /// no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub key_field: Option<String>,
    /// How the producer sends records. Default: Zstd, 20ms of linger.
    #[serde(default)]
    pub producer: ProducerSpec,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaTlsSpec {
    /// The Secret with a PEM bundle of certificate authorities under the key `ca.crt`; no others are trusted then.
    /// Default: the public certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
    /// The Secret with a client certificate and its private key, for mutual TLS: keys `tls.crt` and `tls.key`, or
    /// `user.crt` and `user.key` as in the Secrets of Strimzi's KafkaUsers. Default: no client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretRef>,
}

/// SASL authentication to the brokers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaslSpec {
    /// The mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. PLAIN sends the password itself: encrypt it with `tls`.
    pub mechanism: SaslMechanism,
    /// The Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// The supported SASL mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// RFC 4616: the password itself is sent.
    #[serde(rename = "PLAIN")]
    Plain,
    /// RFC 7677: the password stays with the client.
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
    rules::cel(
        &rules::PARTITIONS_GROW,
        "self.partitions >= oldSelf.partitions || self.managementPolicy == 'Observe'",
    ),
]))]
pub struct TopicSpec {
    /// The name of the topic. It cannot change.
    #[schemars(length(min = 1, max = 200))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::TOPIC_NAME, "self.matches('^[a-zA-Z0-9._-]+$') && !(self in ['.', '..'])"),
        rules::cel(&rules::TOPIC_NAME_KEPT, "self == oldSelf"),
    ]))]
    pub name: String,
    /// The number of partitions. It can grow, never shrink. For a topic under `Observe`, it can be corrected. The number
    /// that the topic has counts for lag, caps and autoscaling; a difference is only reported. Default: 3.
    #[serde(default = "partitions")]
    #[schemars(range(min = 1, max = 10_000))]
    pub partitions: i32,
    /// The replication factor of the pipeline's topics; -1 is the broker's default. Used when a topic is created; a
    /// difference later is only reported. Default: -1.
    #[serde(default = "broker_default")]
    #[schemars(range(min = -1, max = 32))]
    pub replicas: i32,
    /// Settings of the topic under Kafka's own names, for example `retention.ms`. Values are text: quote numbers.
    /// Settings that are not listed keep their values. Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64, "additionalProperties" = {"type": "string", "maxLength": 1024}))]
    pub config: BTreeMap<String, String>,
    /// What manages the topic. `Managed`: the pipeline creates it, adds partitions and sets `config`. `Observe`: the
    /// topic must exist, and differences are only reported. `Strimzi`: the operator applies a KafkaTopic object, and
    /// Strimzi does the rest. The topics of dead letters and positions are `Managed` in each case. Default: Managed.
    #[serde(default)]
    pub management_policy: TopicManagementPolicy,
    /// What happens to a `Managed` topic that exists and that the pipeline did not create: `Fail` refuses it, `Adopt`
    /// manages it from then on. Default: Fail.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What happens to the pipeline's topics when the pipeline is deleted: `Retain` keeps them, `Delete` deletes those
    /// that the pipeline created. Default: Retain.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn partitions() -> i32 {
    3
}

fn broker_default() -> i32 {
    -1
}

/// What manages a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopicManagementPolicy {
    /// The pipeline creates and changes it.
    #[default]
    Managed,
    /// It must exist; differences are only reported.
    Observe,
    /// Strimzi, through a KafkaTopic object.
    Strimzi,
}

/// What happens to a topic or a table that exists and that the pipeline did not create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// Provisioning refuses it and changes nothing.
    #[default]
    Fail,
    /// The pipeline manages it from then on.
    Adopt,
}

/// What happens to a topic, a keyspace or a table when the pipeline is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It stays.
    #[default]
    Retain,
    /// It is deleted if the pipeline created it.
    Delete,
}

/// How the producer sends records. All in-sync replicas acknowledge a record, and a retry does not append it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerSpec {
    /// The codec of record batches: None, Gzip, Snappy, Lz4 or Zstd. Default: Zstd.
    pub compression: Compression,
    /// How long a record waits for others to share its batch. Default: 20ms.
    pub linger: GoDuration,
}

impl Default for ProducerSpec {
    fn default() -> Self {
        Self { compression: Compression::Zstd, linger: GoDuration::from_millis(20) }
    }
}

/// The codec of record batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Compression {
    /// No compression.
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
