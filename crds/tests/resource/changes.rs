//! Valid and invalid updates of a resource.

use serde_json::{Value, json};
use userstream_crds::rules;

use crate::good_resources::minimal;

/// An update of a resource.
pub(crate) struct Change {
    /// The update, in words.
    pub(crate) title: &'static str,
    /// The resource before.
    pub(crate) old: Value,
    /// The resource after.
    pub(crate) new: Value,
    /// The texts of the rules that it breaks.
    pub(crate) breaks: Vec<&'static str>,
}

/// Updates of a resource: the path, and its value before and after; null is absent.
pub(crate) fn changes() -> Vec<Change> {
    let table = "/spec/sink/cassandra/table";
    let fields = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"name": name, "type": "uuid", "required": true})).collect()
    };
    let column = |name: &str, column_type: &str| json!({"name": name, "type": column_type, "field": "id", "cast": true});
    let cases: Vec<(&str, String, Value, Value, Vec<&rules::Rule>)> = vec![
        (
            "another topic",
            "/spec/kafka/topic/name".into(),
            json!("a"),
            json!("b"),
            vec![&rules::TOPIC_NAME_KEPT],
        ),
        (
            "fewer partitions",
            "/spec/kafka/topic/partitions".into(),
            json!(3),
            json!(2),
            vec![&rules::PARTITIONS_GROW],
        ),
        ("more partitions", "/spec/kafka/topic/partitions".into(), json!(3), json!(6), vec![]),
        (
            "fewer than the default",
            "/spec/kafka/topic/partitions".into(),
            Value::Null,
            json!(2),
            vec![&rules::PARTITIONS_GROW],
        ),
        (
            "fewer partitions of an observed topic",
            "/spec/kafka/topic".into(),
            json!({"name": "users", "partitions": 3, "managementPolicy": "Observe"}),
            json!({"name": "users", "partitions": 2, "managementPolicy": "Observe"}),
            vec![],
        ),
        (
            "a key where there was none",
            "/spec/kafka/keyField".into(),
            Value::Null,
            json!("id"),
            vec![&rules::KEY_FIELD_KEPT],
        ),
        (
            "no key any more",
            "/spec/kafka/keyField".into(),
            json!("id"),
            Value::Null,
            vec![&rules::KEY_FIELD_KEPT],
        ),
        (
            "another group",
            "/spec/processor".into(),
            json!({"consumerGroup": "a"}),
            json!({"consumerGroup": "b"}),
            vec![&rules::CONSUMER_GROUP_KEPT],
        ),
        (
            "a group where there was none",
            "/spec/processor".into(),
            json!({}),
            json!({"consumerGroup": "b"}),
            vec![&rules::CONSUMER_GROUP_KEPT],
        ),
        (
            "another keyspace",
            "/spec/sink/cassandra/keyspace/name".into(),
            json!("a"),
            json!("b"),
            vec![&rules::KEYSPACE_NAME_KEPT],
        ),
        ("another table", format!("{table}/name"), json!("a"), json!("b"), vec![&rules::TABLE_NAME_KEPT]),
        (
            "another field",
            "/spec/schema/fields".into(),
            fields(&["id", "a"]),
            fields(&["id", "b"]),
            vec![&rules::COLUMNS_KEPT],
        ),
        ("one more field", "/spec/schema/fields".into(), fields(&["id"]), fields(&["id", "b"]), vec![]),
        (
            "a field of another type",
            "/spec/schema/fields".into(),
            json!([{"name": "id", "type": "uuid", "required": true}, {"name": "n", "type": "int"}]),
            json!([{"name": "id", "type": "uuid", "required": true}, {"name": "n", "type": "long"}]),
            vec![&rules::COLUMNS_KEPT],
        ),
        (
            "a column of another type",
            format!("{table}/columns"),
            json!([column("id", "uuid"), column("n", "text")]),
            json!([column("id", "uuid"), column("n", "ascii")]),
            vec![&rules::COLUMNS_KEPT],
        ),
        (
            "columns that are listed now",
            format!("{table}/columns"),
            Value::Null,
            json!([{"name": "id"}]),
            vec![],
        ),
        (
            "columns that are listed no more",
            format!("{table}/columns"),
            json!([{"name": "id"}, {"name": "n", "field": "id"}]),
            Value::Null,
            vec![&rules::COLUMNS_KEPT],
        ),
        ("a replica more", "/spec/kafka/topic/replicas".into(), json!(1), json!(3), vec![]),
    ];
    let mut changes: Vec<Change> = cases
        .into_iter()
        .map(|(title, pointer, old, new, broken)| Change {
            title,
            old: with(&pointer, old),
            new: with(&pointer, new),
            breaks: broken.into_iter().map(|rule| rule.message).collect(),
        })
        .collect();
    let keyed = |partition: Value, clustering: Value| {
        let mut value = with("/spec/schema/fields", fields(&["id", "a"]));
        value["spec"]["sink"]["cassandra"]["table"]["partitionKey"] = partition;
        value["spec"]["sink"]["cassandra"]["table"]["clusteringKey"] = clustering;
        value
    };
    changes.push(Change {
        title: "another partition key",
        old: keyed(json!(["id"]), json!([])),
        new: keyed(json!(["a"]), json!([])),
        breaks: vec![rules::KEY_KEPT.message],
    });
    changes.push(Change {
        title: "another clustering key",
        old: keyed(json!(["id"]), json!([])),
        new: keyed(json!(["id"]), json!(["a"])),
        breaks: vec![rules::KEY_KEPT.message],
    });
    changes
}

fn with(pointer: &str, value: Value) -> Value {
    let mut resource = minimal();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = resource.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    resource
}
