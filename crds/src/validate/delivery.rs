//! `spec.delivery`.

use std::collections::BTreeMap;

use crate::model::{DeadLetterTopic, LARGEST_APPEND, OnError};
use crate::resource::delivery::{DeadLetterSpec, Guarantee, OnErrorPolicy};
use crate::resource::pipeline::PipelineSpec;
use crate::rules;

use super::kafka;
use super::violations::Violations;

const LONGEST_TOPIC_NAME: usize = 249;

/// The name of the dead-letter topic, declared or derived; `None` where failed records go nowhere.
fn dead_letter_name(spec: &PipelineSpec) -> Option<String> {
    (spec.delivery.on_error == OnErrorPolicy::DeadLetter).then(|| {
        let name = spec.delivery.dead_letter.topic_name.clone();
        name.unwrap_or_else(|| format!("{}.dlq", spec.kafka.topic.name))
    })
}

pub(super) fn on_error(spec: &PipelineSpec, violations: &mut Violations) -> Option<OnError> {
    let delivery = &spec.delivery;
    kafka::min_insync(
        "spec.delivery.deadLetter.config",
        &delivery.dead_letter.config,
        &spec.kafka.topic,
        violations,
    );
    match delivery.on_error {
        OnErrorPolicy::Fail => Some(OnError::Fail),
        OnErrorPolicy::Skip => violations
            .require(delivery.guarantee == Guarantee::AtLeastOnce, "spec.delivery.onError", &rules::NO_SKIP)
            .then_some(OnError::Skip),
        OnErrorPolicy::DeadLetter => dead_letter(spec, violations).map(OnError::DeadLetter),
    }
}

fn dead_letter(spec: &PipelineSpec, violations: &mut Violations) -> Option<DeadLetterTopic> {
    let path = "spec.delivery.deadLetter.topicName";
    let dead_letter = &spec.delivery.dead_letter;
    let name = dead_letter_name(spec)?;
    let topic = &spec.kafka.topic.name;
    violations.require(
        name != *topic && name != kafka::positions_topic_name(topic),
        path,
        &rules::TOPICS_DIFFER,
    );
    let name = match &dead_letter.topic_name {
        Some(name) => kafka::name(path, name, LONGEST_TOPIC_NAME, violations),
        // A derived name that does not parse is reported with the topic's.
        None => name.parse().ok(),
    };
    let partitions =
        violations.positive_number("spec.delivery.deadLetter.partitions", dead_letter.partitions);
    Some(DeadLetterTopic { name: name?, partitions: partitions?, config: config(dead_letter) })
}

/// The settings that the user declares, and defaults for two. Kafka's own defaults would delete dead letters after a
/// week, and refuse those of records that the pipeline accepts.
fn config(dead_letter: &DeadLetterSpec) -> BTreeMap<String, String> {
    let defaults = [
        ("retention.ms".to_owned(), "-1".to_owned()),
        ("max.message.bytes".to_owned(), LARGEST_APPEND.to_string()),
    ];
    defaults.into_iter().chain(dead_letter.config.clone()).collect()
}
