//! `spec.kafka`: the cluster, its topics and the key.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use crate::model::{Kafka, KafkaTls, Sasl, Topic};
use crate::resource::delivery::Guarantee;
use crate::resource::kafka::{KafkaSpec, TopicManagementPolicy, TopicSpec};
use crate::resource::pipeline::PipelineSpec;
use crate::resource::source::{Emit, PaginationType, SourceSpec};
use crate::rules;
use crate::scalar::identifier::{HostPort, TopicName};

use super::fields::{DeclaredFields, differs_when_read_again};
use super::violations::{Found, Violations};

/// The longest name of the pipeline's topic, so that names that are derived from it fit as well.
const LONGEST_TOPIC_NAME: usize = 200;

/// The most processors that the partitions of the topic give work. An observed topic may have more than declared.
pub(super) fn most_processors(topic: &TopicSpec) -> i32 {
    match topic.management_policy {
        TopicManagementPolicy::Observe => i32::MAX,
        // Partitions that are out of range are reported with the topic.
        TopicManagementPolicy::Managed | TopicManagementPolicy::Strimzi => topic.partitions.max(1),
    }
}

pub(super) fn connection(kafka: &KafkaSpec, violations: &mut Violations) -> Option<Kafka> {
    let path = "spec.kafka.bootstrapServers";
    let servers: Option<Vec<HostPort>> = kafka
        .bootstrap_servers
        .split(',')
        .map(|server| violations.take(path, &rules::BOOTSTRAP_SERVERS, HostPort::parse(server.trim(), None)))
        .collect();
    let tls = kafka.tls.as_ref().map(|tls| {
        let ca = violations.secret("spec.kafka.tls.caSecretRef", tls.ca_secret_ref.as_ref());
        let client = violations.secret("spec.kafka.tls.clientSecretRef", tls.client_secret_ref.as_ref());
        Some(KafkaTls { ca: ca?, client: client? })
    });
    let sasl = kafka.sasl.as_ref().map(|sasl| {
        let secret = violations.secret("spec.kafka.sasl.secretRef", Some(&sasl.secret_ref))??;
        Some(Sasl { mechanism: sasl.mechanism, secret })
    });
    Some(Kafka {
        bootstrap_servers: servers?,
        tls: optional(tls)?,
        sasl: optional(sasl)?,
        compression: kafka.producer.compression,
        linger: kafka.producer.linger.get(),
    })
}

/// Distinguishes an absent section from an invalid one, which is the outer `None`.
fn optional<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    match section {
        None => Some(None),
        Some(built) => built.map(Some),
    }
}

pub(super) fn topic(topic: &TopicSpec, violations: &mut Violations) -> Option<Topic> {
    let name = self::name("spec.kafka.topic.name", &topic.name, LONGEST_TOPIC_NAME, violations);
    let partitions = violations.positive_number("spec.kafka.topic.partitions", topic.partitions);
    let replicas = replicas(topic.replicas, violations);
    min_insync("spec.kafka.topic.config", &topic.config, topic, violations);
    Some(Topic {
        name: name?,
        partitions: partitions?,
        replicas: replicas?,
        config: topic.config.clone(),
        management: topic.management_policy,
        adoption: topic.adoption_policy,
        deletion: topic.deletion_policy,
    })
}

fn replicas(replicas: i32, violations: &mut Violations) -> Option<Option<NonZeroU16>> {
    if replicas == -1 {
        return Some(None);
    }
    let replicas = u16::try_from(replicas).ok().and_then(NonZeroU16::new);
    violations.require(replicas.is_some(), "spec.kafka.topic.replicas", &rules::REPLICAS);
    replicas.map(Some)
}

/// Checks that a topic with these settings can be written to. Every topic of a pipeline has the replicas of `topic`.
pub(super) fn min_insync(
    path: &str,
    config: &BTreeMap<String, String>,
    topic: &TopicSpec,
    violations: &mut Violations,
) {
    let Some(text) = config.get("min.insync.replicas") else { return };
    let fits = text
        .parse::<u16>()
        .is_ok_and(|insync| insync >= 1 && (topic.replicas == -1 || i32::from(insync) <= topic.replicas));
    if !fits {
        violations.refuse_because(
            path,
            &rules::MIN_INSYNC_WITHIN_REPLICAS,
            format_args!("{} with replicas {}", Found(text), topic.replicas),
        );
    }
}

/// The name of a topic with at most `longest` characters.
pub(super) fn name(path: &str, text: &str, longest: usize, violations: &mut Violations) -> Option<TopicName> {
    let name: TopicName = violations.parse(path, &rules::TOPIC_NAME, text)?;
    violations.require(text.len() <= longest, path, &rules::TOPIC_NAME).then_some(name)
}

/// The topic that stores the source's position; the inner `None` means that there is no position. The outer `None`
/// means that the name is invalid, which is reported with the topic's.
pub(super) fn positions_topic(spec: &PipelineSpec) -> Option<Option<TopicName>> {
    if !spec.source.as_ref().is_some_and(keeps_a_position) {
        return Some(None);
    }
    positions_topic_name(&spec.kafka.topic.name).parse().ok().map(Some)
}

/// The name of the topic that stores the source's position.
pub(super) fn positions_topic_name(topic: &str) -> String {
    format!("{topic}.positions")
}

fn keeps_a_position(source: &SourceSpec) -> bool {
    source.generator.is_some()
        || source
            .http
            .as_ref()
            .is_some_and(|http| http.pagination.kind != PaginationType::None || http.emit == Emit::Changed)
}

pub(super) fn key_field(
    kafka: &KafkaSpec,
    declared: &DeclaredFields<'_>,
    guarantee: Guarantee,
    violations: &mut Violations,
) -> Option<Option<usize>> {
    let path = "spec.kafka.keyField";
    let Some(name) = &kafka.key_field else { return Some(None) };
    let Some(index) = declared.required(name) else {
        violations.refuse_because(path, &rules::KEY_FIELD_REQUIRED, Found(name));
        return None;
    };
    let stable = guarantee == Guarantee::AtLeastOnce
        || !declared.get(name).is_some_and(|(_, field)| differs_when_read_again(field));
    violations.require(stable, path, &rules::KEY_FROM_SOURCE_DATA).then_some(Some(index))
}
