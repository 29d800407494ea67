//! Strimzi's KafkaTopic: Strimzi deletes the topic with it, so it goes only where the topic's `deletionPolicy` is `Delete`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::DynamicObject;
use serde_json::json;
use userstream_crds::PipelineSpec;
use userstream_crds::kafka::TopicManagementPolicy;
use userstream_crds::model::DeletionPolicy;
use userstream_crds::names::{FINALIZER, RETAINED_FOR};
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::manifest::Manifest;
use userstream_operator::model::kind::Kind;
use userstream_operator::model::settings::{KafkaTopicVersion, OptionalKinds};
use userstream_operator::plan::Decision;

use crate::cluster::{Cluster, NOW, UID, example};

/// A running pipeline whose topic is Strimzi's.
fn running(topic: DeletionPolicy) -> Cluster {
    let mut resource = example("users");
    resource.spec.kafka.bootstrap_servers = "events-kafka-bootstrap:9092".to_owned();
    resource.spec.kafka.topic.management_policy = TopicManagementPolicy::Strimzi;
    resource.spec.kafka.topic.deletion_policy = topic;
    let mut cluster = Cluster::with(resource);
    cluster.settings.kinds = OptionalKinds { pod_monitor: false, kafka_topic: Some(KafkaTopicVersion::V1) };
    cluster.settle();
    cluster.writes.clear();
    cluster
}

/// Whether the topic would outlive the pipeline: its KafkaTopic is there, and no garbage when the pipeline goes.
fn outlives(cluster: &Cluster) -> bool {
    let topic = cluster.objects.get(&(Kind::KafkaTopic, "users".to_owned()));
    topic.is_some_and(|topic| {
        topic["metadata"].get("ownerReferences").is_none() && topic["spec"]["topicName"] == "users_created"
    })
}

/// Deletes the pipeline, makes the writes of each look, and lets it be deleted.
fn delete(cluster: &mut Cluster) {
    cluster.resource.metadata.deletion_timestamp = Some(Time(NOW));
    cluster.resource.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    for _ in 0..10 {
        match cluster.look() {
            Decision::Release(_) => return,
            Decision::Work(work) => {
                for write in work.writes {
                    make(cluster, write);
                }
            }
            Decision::Nothing => panic!("it is held by nobody"),
        }
        cluster.pods.clear();
        let is_cleanup = |(kind, name): &&(Kind, String)| *kind == Kind::Job && name.contains("-cleanup-");
        if let Some((_, job)) = cluster.objects.keys().find(is_cleanup).cloned() {
            cluster.succeed(&job);
        }
    }
    panic!("it is not let go: {:?}", cluster.objects.keys());
}

fn make(cluster: &mut Cluster, write: ObjectWrite) {
    match write {
        ObjectWrite::Create(manifest)
        | ObjectWrite::CreateCleanup(manifest)
        | ObjectWrite::Update { manifest, .. } => {
            let Manifest { kind, name, mut body } = manifest;
            body["metadata"]["uid"] = json!(format!("uid of {} {name}", kind.name()));
            cluster.objects.insert((kind, name), body);
        }
        ObjectWrite::Delete { kind, name, .. } => drop(cluster.objects.remove(&(kind, name))),
        ObjectWrite::Stop { .. } => {}
    }
}

#[test]
fn the_topic_of_a_pipeline_that_retains_it_is_no_garbage_when_the_pipeline_goes() {
    let mut cluster = running(DeletionPolicy::Retain);
    assert!(outlives(&cluster), "{}", cluster.object(Kind::KafkaTopic, "users"));
    let owned = cluster.object(Kind::KafkaTopic, "users")["metadata"]["annotations"][RETAINED_FOR].clone();
    assert_eq!(owned, UID, "the pipeline knows it for its own");
    delete(&mut cluster);
    assert!(outlives(&cluster));
}

#[test]
fn a_topic_that_is_retained_stays_when_the_pipeline_wants_no_kafka_topic_any_more() {
    let edits: [fn(&mut PipelineSpec); 3] = [
        |spec| spec.kafka.topic.management_policy = TopicManagementPolicy::Managed,
        |spec| spec.kafka.topic.management_policy = TopicManagementPolicy::Observe,
        |spec| spec.kafka.bootstrap_servers = "10.0.0.1:9092".to_owned(),
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let mut cluster = running(DeletionPolicy::Retain);
        cluster.edit(edit);
        cluster.settle();
        assert!(outlives(&cluster), "edit {index}: {:?}", cluster.writes);
        // Retained only since the same edit: it still has the reference.
        let mut cluster = running(DeletionPolicy::Delete);
        cluster.edit(edit);
        cluster.edit(|spec| spec.kafka.topic.deletion_policy = DeletionPolicy::Retain);
        cluster.settle();
        assert!(outlives(&cluster), "edit {index} with the policy: {:?}", cluster.writes);
    }
}

#[test]
fn a_cleanup_of_the_table_leaves_a_topic_that_is_retained() {
    let mut cluster = running(DeletionPolicy::Retain);
    cluster.edit(|spec| spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete);
    cluster.settle();
    delete(&mut cluster);
    assert!(outlives(&cluster));
    assert!(cluster.names_of(Kind::Deployment).is_empty(), "it was cleaned up: {:?}", cluster.objects.keys());
}

#[test]
fn a_pipeline_that_is_deleted_right_after_its_topic_was_to_be_retained_lets_the_topic_go_first() {
    for table in [DeletionPolicy::Retain, DeletionPolicy::Delete] {
        let mut cluster = running(DeletionPolicy::Delete);
        cluster.edit(|spec| {
            spec.kafka.topic.deletion_policy = DeletionPolicy::Retain;
            spec.sink.cassandra.table.deletion_policy = table;
        });
        delete(&mut cluster);
        assert!(outlives(&cluster), "table {table:?}");
    }
}

#[test]
fn a_topic_that_is_to_be_deleted_goes_with_the_pipeline() {
    let mut cluster = running(DeletionPolicy::Retain);
    cluster.edit(|spec| spec.kafka.topic.deletion_policy = DeletionPolicy::Delete);
    cluster.settle();
    let owner = cluster.object(Kind::KafkaTopic, "users")["metadata"]["ownerReferences"][0]["uid"].clone();
    assert_eq!(owner, UID);
    delete(&mut cluster);
    assert!(cluster.names_of(Kind::KafkaTopic).is_empty());
}

#[test]
fn only_a_topic_that_is_retained_takes_over_what_an_older_pipeline_of_its_name_has_left() {
    let manifest = |policy| {
        let manifests = running(policy).desired().manifests;
        manifests.into_iter().find(|manifest| manifest.kind == Kind::KafkaTopic).unwrap()
    };
    let retained = manifest(DeletionPolicy::Retain);
    let mut left: DynamicObject = serde_json::from_value(retained.body.clone()).unwrap();
    left.metadata.annotations.as_mut().unwrap().insert(RETAINED_FOR.to_owned(), "older".to_owned());
    assert!(retained.takes_over(&left, "users"));
    assert!(!retained.takes_over(&left, "orders"), "it is another pipeline's");
    assert!(!manifest(DeletionPolicy::Delete).takes_over(&left, "users"), "it would go with this one");
    left.metadata.annotations = None;
    assert!(!retained.takes_over(&left, "users"), "somebody else made it");
}
