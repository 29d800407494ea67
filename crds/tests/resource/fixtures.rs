//! What several tests need: the example, changes to it, and the schema with its rules.

use serde_json::{Value, json};

/// The schema as the API server has it.
pub(crate) fn schema() -> &'static Value {
    userstream_crds::definition::schema()
}

/// A resource that sets what it must and nothing else.
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

/// Every example, as its file has it.
pub(crate) fn examples() -> Vec<(String, Value)> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
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

/// A rule of the schema in CEL.
#[derive(Clone, Debug)]
pub(crate) struct CelRule {
    /// Where it is in the schema.
    pub(crate) place: String,
    /// The expression.
    pub(crate) expression: String,
    /// The text.
    pub(crate) message: String,
    /// The schema that it stands in.
    pub(crate) scope: Value,
}

/// Every rule of the schema.
pub(crate) fn cel_rules() -> Vec<CelRule> {
    let mut rules = Vec::new();
    collect("", schema(), &mut rules);
    rules
}

fn collect(place: &str, schema: &Value, rules: &mut Vec<CelRule>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        rules.push(CelRule {
            place: place.to_owned(),
            expression: rule["rule"].as_str().unwrap().to_owned(),
            message: rule["message"].as_str().unwrap().to_owned(),
            scope: schema.clone(),
        });
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(&format!("{place}.{name}"), property, rules);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            collect(&format!("{place}[]"), &schema[inner], rules);
        }
    }
}

/// The texts of the rules in CEL that a resource breaks, sorted, each once. A broken rule of the schema that cannot be
/// evaluated is in it with the error.
pub(crate) fn broken_in_cel(new: &Value, old: Option<&Value>) -> Vec<String> {
    let mut texts = match kube_cel::Validator::new().validate(schema(), new, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    };
    texts.sort();
    texts.dedup();
    texts
}
