//! The examples are valid and do what their comments promise.

use std::path::{Path, PathBuf};

use userstream_crds::model::{Cadence, Encoding, OnError, Pipeline, Replication, SourceKind, WriteTime};
use userstream_crds::{UserStreamPipeline, validate};

fn examples() -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

fn resource(name: &str) -> UserStreamPipeline {
    let (_, text) = examples().into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn pipeline(name: &str) -> Pipeline {
    validate(&resource(name)).unwrap()
}

#[test]
fn every_example_is_valid() {
    let examples = examples();
    assert!(examples.len() >= 3, "found {}", examples.len());
    for (path, text) in examples {
        let resource: UserStreamPipeline =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Err(violations) = validate(&resource) {
            panic!("{}: {violations:#?}", path.display());
        }
    }
}

#[test]
fn examples_have_the_same_fourteen_columns() {
    let names = |pipeline: &Pipeline| -> Vec<String> {
        pipeline.table.columns.iter().map(|column| column.name.to_string()).collect()
    };
    let demo = pipeline("demo.yaml");
    assert_eq!(names(&demo).len(), 14);
    assert_eq!(demo.fields, pipeline("users.yaml").fields);
    assert_eq!(demo.fields, pipeline("users-production.yaml").fields);
    assert_eq!(names(&demo), names(&pipeline("users-production.yaml")));
}

#[test]
fn write_time_of_fetched_at_is_the_log_timestamp() {
    let mut demo = resource("demo.yaml");
    assert_eq!(demo.spec.sink.cassandra.writetime_from.as_deref(), Some("fetched_at"));
    assert_eq!(validate(&demo).unwrap().table.write_time, WriteTime::LogTimestamp);
    let index = demo.spec.schema.fields.iter().position(|field| field.name == "registered_date").unwrap();
    demo.spec.schema.fields[index].required = true;
    demo.spec.sink.cassandra.writetime_from = Some("registered_date".to_owned());
    assert_eq!(validate(&demo).unwrap().table.write_time, WriteTime::Field(index));
}

#[test]
fn demo_needs_no_network_and_never_ends() {
    let source = pipeline("demo.yaml").source.unwrap();
    assert!(matches!(source.kind, SourceKind::Generator(_)));
    assert!(matches!(source.cadence, Cadence::Continuous { .. }));
}

#[test]
fn production_example_sets_what_its_comments_promise() {
    let pipeline = pipeline("users-production.yaml");
    assert!(matches!(pipeline.source.as_ref().unwrap().cadence, Cadence::Scheduled(_)));
    assert!(matches!(pipeline.encoding, Encoding::Json));
    assert!(pipeline.kafka.tls.is_some() && pipeline.kafka.sasl.is_some());
    assert_eq!(pipeline.topic.replicas.unwrap().get(), 3);
    assert_eq!(pipeline.topic.config["min.insync.replicas"], "2");
    assert!(pipeline.processor.filter.is_some());
    assert!(pipeline.cassandra.tls.is_some() && pipeline.cassandra.credentials.is_some());
    assert!(matches!(pipeline.keyspace.replication, Replication::NetworkTopology(_)));
    assert!(matches!(pipeline.on_error, OnError::DeadLetter(_)));
    assert!(pipeline.autoscaling.is_some());
}
