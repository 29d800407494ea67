//! Valid and decodable resources: the smallest, the examples, and ones with every section.

use serde_json::{Value, json};

use crate::cases::cases;

/// A resource with its required fields only.
pub(crate) fn minimal() -> Value {
    json!({
        "apiVersion": "userstream.dev/v1alpha1",
        "kind": "UserStreamPipeline",
        "metadata": {"name": "users"},
        "spec": {
            "schema": {"fields": [{"name": "id", "type": "uuid", "required": true}]},
            "kafka": {"bootstrapServers": "kafka:9092", "topic": {"name": "users"}},
            "sink": {"cassandra": {
                "contactPoints": ["cassandra"],
                "keyspace": {"name": "users"},
                "table": {"name": "users", "partitionKey": ["id"]},
            }},
        },
    })
}

/// Every example, as in its file.
pub(crate) fn examples() -> Vec<(String, Value)> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/examples");
    let mut examples: Vec<(String, Value)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), serde_saphyr::from_str(&text).unwrap())
        })
        .collect();
    examples.sort_by(|(left, _), (right, _)| left.cmp(right));
    examples
}

/// The examples, the smallest resource, and ones with every section and no optional field in it.
pub(crate) fn resources() -> Vec<(String, Value)> {
    let (base, _) = cases();
    let mut opened = minimal();
    opened["spec"]["source"] = json!({"http": {"url": "http://a", "pagination": {}, "auth": {}, "tls": {}, "rateLimit": {}, "retry": {}}});
    opened["spec"]["schema"]["registry"] = json!({"url": "http://r"});
    opened["spec"]["kafka"]["tls"] = json!({});
    opened["spec"]["kafka"]["producer"] = json!({});
    opened["spec"]["processor"] = json!({
        "watermark": {"field": "t"},
        "aggregations": [{"name": "a", "window": {"size": "1m"}, "select": {"n": "count()"}}],
    });
    opened["spec"]["sink"]["cassandra"]["tls"] = json!({});
    opened["spec"]["sink"]["cassandra"]["table"]["options"] = json!({});
    opened["spec"]["sink"]["cassandra"]["table"]["columns"] = json!([{"name": "id"}]);
    for section in ["delivery", "replay", "autoscaling", "objectives", "observability", "template"] {
        opened["spec"][section] = json!({});
    }
    opened["spec"]["delivery"]["deadLetter"] = json!({});
    let mut scheduled = minimal();
    scheduled["spec"]["source"] =
        json!({"mode": "Scheduled", "schedule": {"cron": "@daily"}, "generator": {}});
    let more = [
        ("minimal", minimal()),
        ("every section opened", opened),
        ("scheduled", scheduled),
        ("base of the bad resources", serde_saphyr::from_str(&base).unwrap()),
    ];
    examples().into_iter().chain(more.map(|(name, value)| (name.to_owned(), value))).collect()
}
