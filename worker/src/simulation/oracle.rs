//! What must be true at the end of every schedule.

use std::collections::BTreeMap;

use super::broker::Broker;
use super::plan::Plan;
use super::script::{Kind, parts, text_of};
use super::table::Contents;
use crate::delivery::write_time::{WriteTimeSource, write_time};

/// The guarantees that the final state violates.
pub(super) fn check(plan: &Plan, broker: &Broker, table: &Contents) -> Vec<String> {
    let mut broken = Vec::new();
    let texts = broker.texts();
    for text in plan.script.records() {
        let parts = parts(text);
        let dead = broker.letters.iter().any(|letter| text_of(letter.value()) == text);
        let in_topic = texts.contains(text);
        let (to_topic, to_letters) = match parts.kind {
            Kind::Good | Kind::Filtered => (true, false),
            Kind::Unmappable | Kind::TooLarge => (false, true),
            Kind::Undecodable | Kind::Unwritable => (true, true),
        };
        if in_topic != to_topic {
            broken.push(format!("in the topic: {in_topic}, expected: {to_topic}: {text}"));
        }
        if dead != to_letters {
            broken.push(format!("in the dead letters: {dead}, expected: {to_letters}: {text}"));
        }
    }
    let expected = fold_of_topic(plan, broker);
    let keys: std::collections::BTreeSet<&String> = expected.rows.keys().chain(table.rows.keys()).collect();
    for key in keys {
        let (expected, found) = (expected.rows.get(key), table.rows.get(key));
        if expected != found {
            broken.push(format!("row {key}: expected {expected:?}, found {found:?}"));
        }
    }
    broken.extend(repeated_with_another_id(broker));
    if plan.write_time_source == WriteTimeSource::Field(1) {
        broken.extend(stale(plan, table));
    }
    broken
}

/// Records of the topic that were appended again under another event id. Every text of a script occurs once.
fn repeated_with_another_id(broker: &Broker) -> Vec<String> {
    let mut ids = BTreeMap::new();
    let records = broker.partitions.iter().flatten().map(|record| &record.record);
    records
        .filter_map(|record| {
            let (text, id) = (text_of(record.value()), text_of(record.header("ce_id")));
            let first = *ids.entry(text).or_insert(id);
            (first != id).then(|| format!("appended as {first} and as {id}: {text}"))
        })
        .collect()
}

/// The fold of the topic by key and write time, computed from the records: the final state of any table.
fn fold_of_topic(plan: &Plan, broker: &Broker) -> Contents {
    let mut fold = Contents::default();
    for record in broker.partitions.iter().flatten() {
        let parts = parts(text_of(record.record.value()));
        if parts.kind != Kind::Good {
            continue;
        }
        let time = match plan.write_time_source {
            WriteTimeSource::LogTimestamp => record.record.timestamp,
            WriteTimeSource::Field(_) => parts.time,
        };
        let cells = [
            (1, Some(parts.time.to_string())),
            (2, Some(parts.a.to_owned())),
            (3, parts.b.map(str::to_owned)),
        ];
        let cells = cells.into_iter().filter_map(|(field, value)| Some((field, value?)));
        fold.apply(parts.key, write_time(time, record.offset).unwrap(), cells);
    }
    fold
}

/// With the times of a field, the table ends with the last version of each key in the source, whatever the order in the
/// log.
fn stale(plan: &Plan, table: &Contents) -> Vec<String> {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for parts in plan.script.records().map(parts).filter(|parts| parts.kind == Kind::Good) {
        let time = last.entry(parts.key).or_insert(parts.time);
        *time = parts.time.max(*time);
    }
    last.into_iter()
        .filter_map(|(key, time)| {
            let found =
                table.rows.get(key).and_then(|columns| columns.get(&1)).map(|(_, value)| value.as_str());
            (found != Some(&time.to_string()))
                .then(|| format!("row {key} is stale: {found:?}, last is {time}"))
        })
        .collect()
}
