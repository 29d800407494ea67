//! Validation of an update: the fields that cannot change (R1).

use std::collections::BTreeMap;

use crate::model::Pipeline;
use crate::resource::kafka::TopicManagementPolicy;
use crate::resource::pipeline::{PipelineSpec, UserStreamPipeline};
use crate::resource::sink::CqlType;
use crate::rules;
use crate::scalar::field_path::FieldPath;

use super::fields::DeclaredFields;
use super::violation::Violation;
use super::violations::Violations;
use super::{sink, validate, validate_spec};

/// Validates an updated resource: the rules for every resource, and those for the update from `old`.
///
/// # Errors
/// All violations. There is at least one.
pub fn validate_update(
    old: &UserStreamPipeline,
    new: &UserStreamPipeline,
) -> Result<Pipeline, Vec<Violation>> {
    with_transition(&old.spec, &new.spec, validate(new))
}

/// Validates an updated spec of the resource with this namespace and name.
///
/// # Errors
/// All violations. There is at least one.
pub fn validate_spec_update(
    namespace: &str,
    name: &str,
    old: &PipelineSpec,
    new: &PipelineSpec,
) -> Result<Pipeline, Vec<Violation>> {
    with_transition(old, new, validate_spec(namespace, name, new))
}

fn with_transition(
    old: &PipelineSpec,
    new: &PipelineSpec,
    validated: Result<Pipeline, Vec<Violation>>,
) -> Result<Pipeline, Vec<Violation>> {
    let transition = transition(old, new);
    match validated {
        Ok(pipeline) if transition.is_empty() => Ok(pipeline),
        Ok(_) => Err(transition),
        Err(mut violations) => {
            violations.extend(transition);
            Err(violations)
        }
    }
}

fn transition(old: &PipelineSpec, new: &PipelineSpec) -> Vec<Violation> {
    let mut violations = Violations::default();
    let (old_topic, new_topic) = (&old.kafka.topic, &new.kafka.topic);
    violations.require(old_topic.name == new_topic.name, "spec.kafka.topic.name", &rules::TOPIC_NAME_KEPT);
    violations.require(
        old_topic.partitions <= new_topic.partitions
            || new_topic.management_policy == TopicManagementPolicy::Observe,
        "spec.kafka.topic.partitions",
        &rules::PARTITIONS_GROW,
    );
    violations.require(
        old.kafka.key_field == new.kafka.key_field,
        "spec.kafka.keyField",
        &rules::KEY_FIELD_KEPT,
    );
    violations.require(
        old.processor.consumer_group == new.processor.consumer_group,
        "spec.processor.consumerGroup",
        &rules::CONSUMER_GROUP_KEPT,
    );
    let (old_cassandra, new_cassandra) = (&old.sink.cassandra, &new.sink.cassandra);
    let at = FieldPath::from("spec.sink.cassandra");
    violations.require(
        old_cassandra.keyspace.name == new_cassandra.keyspace.name,
        at.property("keyspace").property("name"),
        &rules::KEYSPACE_NAME_KEPT,
    );
    let (old_table, new_table) = (&old_cassandra.table, &new_cassandra.table);
    let at = at.property("table");
    violations.require(old_table.name == new_table.name, at.property("name"), &rules::TABLE_NAME_KEPT);
    violations.require(
        old_table.partition_key == new_table.partition_key,
        at.property("partitionKey"),
        &rules::KEY_KEPT,
    );
    violations.require(
        old_table.clustering_key == new_table.clustering_key,
        at.property("clusteringKey"),
        &rules::KEY_KEPT,
    );
    columns(old, new, &mut violations);
    violations.into_vec()
}

fn columns(old: &PipelineSpec, new: &PipelineSpec, violations: &mut Violations) {
    let new_columns = column_types(new);
    let path = match new.sink.cassandra.table.columns.is_empty() {
        true => "spec.schema.fields",
        false => "spec.sink.cassandra.table.columns",
    };
    for (name, old_type) in column_types(old) {
        match (old_type, new_columns.get(name)) {
            (_, None) => {
                violations.refuse_because(path, &rules::COLUMNS_KEPT, format_args!("{name} is missing"));
            }
            (Some(old_type), Some(Some(new_type))) if old_type != *new_type => {
                let detail =
                    format!("the type of {name} changes from {} to {}", old_type.name(), new_type.name());
                violations.refuse_because(path, &rules::COLUMNS_KEPT, detail);
            }
            (_, Some(_)) => {}
        }
    }
}

/// The types of the table's columns; a column without a type of its field has none.
fn column_types(spec: &PipelineSpec) -> BTreeMap<&str, Option<CqlType>> {
    let declared = DeclaredFields::of(&spec.schema.fields);
    let columns = &spec.sink.cassandra.table.columns;
    if columns.is_empty() {
        let natural =
            |field: &'_ crate::resource::record_schema::FieldSpec| field.field_type.natural_cql_type();
        return declared.all().iter().map(|field| (field.name.as_str(), Some(natural(field)))).collect();
    }
    columns
        .iter()
        .map(|column| {
            let natural =
                declared.get(sink::field_of(column)).map(|(_, field)| field.field_type.natural_cql_type());
            (column.name.as_str(), column.cql_type.or(natural))
        })
        .collect()
}
