//! Provisioning creates what is missing, makes the smallest change, refuses impossible changes, and deletes only what it
//! created.

use std::time::Duration;

use scylla::value::CqlValue;
use serde_json::json;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::{Rig, RigGuard};
use userstream_e2e::worker::Worker;

/// The actual state: the topic's partitions and configuration, the table's id and columns.
#[derive(Debug, Clone, PartialEq)]
struct Described {
    topic: String,
    table: Vec<Vec<Option<CqlValue>>>,
    columns: Vec<Vec<Option<CqlValue>>>,
}

async fn describe(rig: &RigGuard, pipeline: &Pipeline) -> Described {
    let name = &pipeline.name;
    let of = |table: &str| {
        format!("FROM system_schema.{table} WHERE keyspace_name = '{name}' AND table_name = 'users'")
    };
    Described {
        // The line with id, partition count and configuration, without the partitions' leaders. Describing all topics
        // would fail when another test deletes one at the same time.
        topic: rig
            .kafka_tool(&["TopicCommand", "--describe", "--if-exists", "--topic", name])
            .await
            .lines()
            .filter(|line| line.starts_with(&format!("Topic: {name}\tTopicId")))
            .collect(),
        table: pipeline.cassandra.query(&format!("SELECT id {}", of("tables"))).await,
        columns: pipeline.cassandra.query(&format!("SELECT column_name, type, kind {}", of("columns"))).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_run_changes_nothing_and_a_larger_spec_only_adds() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "provision_twice").await;
    pipeline.spec["kafka"]["topic"]["config"] = json!({"retention.ms": "86400000"});
    pipeline.provision().await;
    let first = describe(&rig, &pipeline).await;
    assert!(
        first.topic.contains("PartitionCount: 4") && first.topic.contains("retention.ms=86400000"),
        "{first:?}"
    );
    pipeline.provision().await;
    assert_eq!(describe(&rig, &pipeline).await, first);

    pipeline.spec["kafka"]["topic"]["partitions"] = json!(6);
    let fields = pipeline.spec["schema"]["fields"].as_array_mut().expect("fields are a list");
    fields.push(json!({"name": "phone", "type": "string"}));
    pipeline.provision().await;
    let second = describe(&rig, &pipeline).await;
    assert_eq!(second.topic, first.topic.replace("PartitionCount: 4", "PartitionCount: 6"));
    assert_eq!(
        (&second.table, second.columns.len()),
        (&first.table, first.columns.len() + 1),
        "one table, one column more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impossible_change_is_refused_and_nothing_is_changed() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "provision_refuses").await;
    pipeline.provision().await;
    let before = describe(&rig, &pipeline).await;
    let (spec, extra) = (pipeline.spec.clone(), json!({"name": "phone", "type": "string"}));
    let impossible_changes = [
        ("fewer partitions", "/kafka/topic/partitions", json!(2)),
        ("another key", "/sink/cassandra/table/partitionKey", json!(["username"])),
        ("another type of a column", "/schema/fields/11/type", json!("string")),
    ];
    for (what, pointer, value) in impossible_changes {
        pipeline.spec = spec.clone();
        *pipeline.spec.pointer_mut(pointer).expect("the spec has it") = value;
        if what == "another key" {
            pipeline.spec["schema"]["fields"][9]["required"] = json!(true);
        }
        // A possible change must not be made either, when the same run refuses another.
        pipeline.spec["schema"]["fields"].as_array_mut().expect("fields are a list").push(extra.clone());
        assert_ne!(pipeline.run("provision").await, 0, "{what}");
        let message = pipeline.termination_message("provision");
        assert_eq!(message["refusals"].as_array().map(Vec::len), Some(1), "{what}: {message}");
        assert_eq!(describe(&rig, &pipeline).await, before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replication_beyond_the_nodes_is_refused() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "provision_replicas").await;
    let replication = "/sink/cassandra/keyspace/replication";
    for (datacenter, replicas) in [("datacenter1", 2), ("elsewhere", 1)] {
        *pipeline.spec.pointer_mut(replication).expect("the spec has it") =
            json!({"class": "NetworkTopologyStrategy", datacenter: replicas});
        assert_ne!(pipeline.run("provision").await, 0, "{replicas} in {datacenter}");
        let message = pipeline.termination_message("provision");
        assert_eq!(message["refusals"][0]["reason"], "Replication", "{message}");
        assert_eq!(message["refusals"].as_array().map(Vec::len), Some(1), "{message}");
    }
    assert!(pipeline.kafka.watermarks(&pipeline.name).await.is_empty(), "a topic was created");
}

/// The resource has windows and deduplication already. Rows written without them would be wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsupported_field_is_refused_before_anything_is_created() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "not_done_yet").await;
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.spec["processor"]["dedupe"] = json!({"within": "1h"});
    for command in ["provision", "process"] {
        assert_eq!(pipeline.run(command).await, 78, "{command}");
        let message = pipeline.termination_message(command)["message"].to_string();
        assert!(message.contains("remove processor.dedupe"), "{message}");
    }
    assert!(pipeline.kafka.watermarks(&pipeline.name).await.is_empty(), "a topic was created");
}

/// An operator of another version, or a handwritten file, may give the worker a configuration that it cannot use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_configuration_is_in_the_termination_message() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "no_configuration").await;
    pipeline.spec["kafka"]["topics"] = json!({"name": "users"});
    assert_eq!(pipeline.run("provision").await, 78);
    let message = pipeline.termination_message("provision");
    assert_eq!(message["outcome"], "Config", "{message}");
    assert!(message["message"].to_string().contains("spec.kafka.topics"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_topic_is_refused_until_it_is_adopted() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "provision_adopts").await;
    pipeline.kafka.create_topic(&pipeline.name, 4).await;
    let before = describe(&rig, &pipeline).await;
    assert_ne!(pipeline.run("provision").await, 0);
    assert_eq!(describe(&rig, &pipeline).await, before);
    pipeline.spec["kafka"]["topic"]["adoptionPolicy"] = json!("Adopt");
    pipeline.provision().await;
    assert_eq!(describe(&rig, &pipeline).await.topic, before.topic);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_table_is_refused_until_it_is_adopted() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "provision_adopts_table").await;
    pipeline.provision().await;
    // A table that was dropped and created again by hand is not the pipeline's any more.
    let table = format!("{}.users", pipeline.name);
    pipeline.cassandra.execute(&format!("DROP TABLE {table}")).await;
    pipeline.cassandra.execute(&format!("CREATE TABLE {table} (id uuid PRIMARY KEY, others text)")).await;
    let before = describe(&rig, &pipeline).await;
    assert_ne!(pipeline.run("provision").await, 0);
    let message = pipeline.termination_message("provision");
    assert_eq!(message["refusals"][0]["reason"], "Exists", "{message}");
    assert_eq!(describe(&rig, &pipeline).await, before);
    pipeline.spec["sink"]["cassandra"]["table"]["adoptionPolicy"] = json!("Adopt");
    pipeline.provision().await;
    let after = describe(&rig, &pipeline).await;
    assert_eq!(after.table, before.table, "it is the same table");
    assert!(after.columns.len() > before.columns.len(), "{:?}", after.columns);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_runs_create_one_topic_and_one_table() {
    let rig = Rig::shared().await;
    let pipeline = Pipeline::without_source(&rig, "provision_races").await;
    let mut runs: Vec<Worker> =
        (0..4).map(|number| pipeline.start(&format!("provision-{number}"), "provision")).collect();
    for run in &mut runs {
        assert_eq!(run.exit(Duration::from_secs(60)).await, 0, "{}", run.name);
    }
    let described = describe(&rig, &pipeline).await;
    pipeline.provision().await;
    assert_eq!(describe(&rig, &pipeline).await, described);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleanup_deletes_what_the_pipeline_created_alone() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "cleanup").await;
    pipeline.spec["kafka"]["topic"]["deletionPolicy"] = json!("Delete");
    pipeline.provision().await;
    assert_eq!(pipeline.run("cleanup").await, 0);
    let after = describe(&rig, &pipeline).await;
    assert_eq!(
        (after.topic.as_str(), after.table.len()),
        ("", 1),
        "the topic has the policy Delete, the table Retain"
    );

    pipeline.spec["sink"]["cassandra"]["table"]["deletionPolicy"] = json!("Delete");
    pipeline.provision().await;
    pipeline.kafka.delete_topic(&pipeline.name).await;
    pipeline.kafka.create_topic(&pipeline.name, 4).await;
    let recreated = describe(&rig, &pipeline).await;
    assert_eq!(pipeline.run("cleanup").await, 0);
    let after = describe(&rig, &pipeline).await;
    assert_eq!((after.topic, after.table.len()), (recreated.topic, 0), "the recreated topic has another id");
}
