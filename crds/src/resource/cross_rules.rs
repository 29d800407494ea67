//! The rules of the CRD over more than one section, in CEL. [`validate`](crate::validate) has the same rules in code.
//!
//! No rule loops over a list within a list within a list: the API server estimates the cost with the longest of each.
//!
//! The API server evaluates the rules with every write, of the status too. Reading a field is what costs: the API
//! server copies the schemas of all fields of its object, twice. So a rule reads a path before a loop rather than in
//! it, see [`bound`], and a disjunction starts with what nearly always holds.

use serde_json::Value;

use crate::resource::record_schema::FieldType;
use crate::resource::sink::CqlType;
use crate::rules::{self, cel};

/// Paths in the spec.
const FIELDS: &str = "self.schema.fields";
const TABLE: &str = "self.sink.cassandra.table";
/// The name of the field that fills the column `c`.
const FIELD_OF_COLUMN: &str = "(has(c.field) ? c.field : c.name)";
/// The columns of the key.
const KEY_COLUMNS: &str =
    "(self.sink.cassandra.table.partitionKey + self.sink.cassandra.table.clusteringKey)";
/// Whether the column `c` is in the key.
const COLUMN_IN_KEY: &str =
    "(c.name in self.sink.cassandra.table.partitionKey || c.name in self.sink.cassandra.table.clusteringKey)";
/// Whether the value of the field `f` changes when the same source data is read again.
const DIFFERS: &str = "(has(f.from) && f.from in ['$fetchedAt', '$offset'])";

/// A rule in which a value has a name, so that it is read once. CEL has no `let`; a loop over a list of one element is
/// one.
fn bound(name: &str, value: &str, rule: &str) -> String {
    format!("[{value}].all({name}, {rule})")
}

/// That a condition holds for the field `f` of this name, if there is one. The fields of a key usually come first, so
/// that the first loop ends early.
fn field_if_any(name: &str, holds: &str) -> String {
    format!("({FIELDS}.exists(f, f.name == {name} && {holds}) || !{FIELDS}.exists(f, f.name == {name}))")
}

/// The rules about a whole spec.
pub(crate) fn all() -> Vec<Value> {
    let mut rules = keys();
    rules.extend(columns());
    rules.extend(fields());
    rules.extend(sections());
    rules.extend(changes());
    rules
}

fn keys() -> Vec<Value> {
    let at_least_once = "self.delivery.guarantee != 'EffectivelyOnce'";
    // With explicit columns the key's columns are among those.
    let key_fields = |rule: String| format!("{KEY_COLUMNS}.all(k, {rule} || size({TABLE}.columns) > 0)");
    let key_columns = |rule: &str| {
        format!(
            "{TABLE}.columns.all(c, !{COLUMN_IN_KEY} || {FIELDS}.all(f, f.name != {FIELD_OF_COLUMN} || {rule}))"
        )
    };
    let key_field =
        |rule: &str| format!("!has(self.kafka.keyField) || {}", bound("key", "self.kafka.keyField", rule));
    let or_at_least_once = |rule: String| format!("{rule} || {at_least_once}");
    vec![
        cel(&rules::KEY_COLUMN_EXISTS, &key_fields(format!("{FIELDS}.exists(f, f.name == k)"))),
        cel(&rules::KEY_COLUMN_REQUIRED, &key_fields(field_if_any("k", "f.required"))),
        cel(&rules::KEY_COLUMN_REQUIRED, &key_columns("f.required")),
        cel(
            &rules::KEY_FROM_SOURCE_DATA,
            &or_at_least_once(key_fields(field_if_any("k", &format!("!{DIFFERS}")))),
        ),
        cel(&rules::KEY_FROM_SOURCE_DATA, &or_at_least_once(key_columns(&format!("!{DIFFERS}")))),
        cel(
            &rules::KEY_FROM_SOURCE_DATA,
            &or_at_least_once(key_field(&field_if_any("key", &format!("(!f.required || !{DIFFERS})")))),
        ),
        cel(
            &rules::KEY_FIELD_REQUIRED,
            &key_field(&format!("{FIELDS}.exists(f, f.name == key && f.required)")),
        ),
    ]
}

fn columns() -> Vec<Value> {
    let fits =
        |types: String| format!("{FIELDS}.all(f, f.name != {FIELD_OF_COLUMN} || c.type in {types}[f.type])");
    let own = fits(type_table(|field| field.cql_types().to_vec()));
    let with_cast = fits(type_table(|field| [field.cql_types(), field.castable_cql_types()].concat()));
    vec![
        cel(
            &rules::COLUMN_FIELD_EXISTS,
            &format!("{TABLE}.columns.all(c, {FIELDS}.exists(f, f.name == {FIELD_OF_COLUMN}))"),
        ),
        cel(
            &rules::COLUMN_TYPE_FITS,
            &format!("{TABLE}.columns.all(c, !has(c.type) || (c.cast ? {with_cast} : {own}))"),
        ),
    ]
}

/// The types of columns for each type of field, as a map in CEL.
fn type_table(columns: fn(FieldType) -> Vec<CqlType>) -> String {
    let rows: Vec<String> = FieldType::ALL
        .into_iter()
        .map(|field| {
            let columns: Vec<String> =
                columns(field).into_iter().map(|column| format!("'{}'", column.name())).collect();
            format!("'{}': [{}]", field.name(), columns.join(", "))
        })
        .collect();
    format!("{{{}}}", rows.join(", "))
}

fn fields() -> Vec<Value> {
    let required_timestamp =
        |name: &str| format!("{FIELDS}.exists(f, f.name == {name} && f.type == 'timestamp' && f.required)");
    let writetime = "self.sink.cassandra.writetimeFrom";
    vec![
        cel(
            &rules::FETCHED_AT_NEEDS_SOURCE,
            &format!(
                "has(self.source) || {FIELDS}.all(f, !has(f.from) || has(f.expr) || f.from != '$fetchedAt')"
            ),
        ),
        cel(
            &rules::COORDINATES_NEED_NO_SOURCE,
            &format!(
                "!has(self.source) || {FIELDS}.all(f, !has(f.from) \
                 || !(f.from in ['$key', '$offset', '$partition']) || has(f.expr))"
            ),
        ),
        cel(&rules::WRITETIME_REQUIRED, &format!("!has({writetime}) || {}", required_timestamp(writetime))),
    ]
}

fn sections() -> Vec<Value> {
    let partitions = "self.kafka.topic.partitions";
    // An observed topic may have more partitions than declared.
    let is_observed = "self.kafka.topic.managementPolicy == 'Observe'";
    let dead_letters = "self.delivery.deadLetter.config";
    let insync = format!("{dead_letters}['min.insync.replicas']");
    vec![
        cel(
            &rules::REPLICAS_WITHIN_PARTITIONS,
            &format!("self.processor.replicas <= {partitions} || self.autoscaling.enabled || {is_observed}"),
        ),
        cel(
            &rules::MIN_INSYNC_WITHIN_REPLICAS,
            &format!(
                "!has({dead_letters}) || !('min.insync.replicas' in {dead_letters}) || ({insync}.matches('^[1-9][0-9]{{0,3}}$') \
                 && (self.kafka.topic.replicas < 1 || int({insync}) <= self.kafka.topic.replicas))"
            ),
        ),
        cel(
            &rules::MAX_REPLICAS_WITHIN_PARTITIONS,
            &format!(
                "!has(self.autoscaling.maxReplicas) || self.autoscaling.maxReplicas <= {partitions} || {is_observed}"
            ),
        ),
        cel(
            &rules::MIN_REPLICAS_WITHIN_MAX,
            &format!(
                "has(self.autoscaling.maxReplicas) ? self.autoscaling.minReplicas <= self.autoscaling.maxReplicas \
                 : self.autoscaling.minReplicas <= {partitions} || {is_observed}"
            ),
        ),
        cel(
            &rules::TOPICS_DIFFER,
            "!has(self.delivery.deadLetter.topicName) || self.delivery.onError != 'DeadLetter' \
             || !(self.delivery.deadLetter.topicName in [self.kafka.topic.name, self.kafka.topic.name + '.positions'])",
        ),
    ]
}

fn changes() -> Vec<Value> {
    let old_fields = "oldSelf.schema.fields";
    let old_table = "oldSelf.sink.cassandra.table";
    let names = |table: &str, fields: &str| {
        format!("(size({table}.columns) > 0 ? {table}.columns.map(c, c.name) : {fields}.map(f, f.name))")
    };
    // Columns are rarely listed. Then the fields are compared, each list read once, by name and type together.
    let fields = bound(
        "kept",
        &format!("{FIELDS}.map(f, f.name + ' ' + f.type)"),
        &format!("{old_fields}.all(o, (o.name + ' ' + o.type) in kept)"),
    );
    let listed = bound(
        "names",
        &names(TABLE, FIELDS),
        &format!("{}.all(n, n in names)", names(old_table, old_fields)),
    );
    let types = format!(
        "{old_table}.columns.all(o, {TABLE}.columns.all(c, c.name != o.name || !has(c.type) || !has(o.type) || c.type == o.type))"
    );
    vec![cel(
        &rules::COLUMNS_KEPT,
        &format!(
            "size({TABLE}.columns) == 0 && size({old_table}.columns) == 0 ? {fields} : ({listed} && {types})"
        ),
    )]
}
