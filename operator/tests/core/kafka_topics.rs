//! Strimzi's KafkaTopic. Strimzi deletes the topic with it, so it is deleted only with `deletionPolicy: Delete`.

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

/// A running pipeline whose topic Strimzi manages.
fn running(topic: DeletionPolicy) -> Cluster {
    let mut resource = example("users");
    resource.spec.kafka.bootstrap_servers = "events-kafka-bootstrap:9092".to_owned();
    resource.spec.kafka.topic.management_policy = TopicManagementPolicy::Strimzi;
    resource.spec.kafka.topic.deletion_policy = topic;
    let mut cluster = Cluster::with(resource);
    cluster.settings.kinds = OptionalKinds { pod_monitor: false, kafka_topic: Some(KafkaTopicVersion::V1) };
    cluster.converge();
    cluster.writes.clear();
    cluster
}

/// Whether the topic would outlive the pipeline: the garbage collector would leave its KafkaTopic.
fn outlives(cluster: &Cluster) -> bool {
    let topic = cluster.objects.get(&(Kind::KafkaTopic, "users".to_owned()));
    topic.is_some_and(|topic| {
        topic["metadata"].get("ownerReferences").is_none() && topic["spec"]["topicName"] == "users_created"
    })
}

/// Deletes the pipeline, and carries out the writes of each reconcile until it is released.
fn delete(cluster: &mut Cluster) {
    cluster.resource.metadata.deletion_timestamp = Some(Time(NOW));
    cluster.resource.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    for _ in 0..10 {
        match cluster.decision() {
            Decision::Release(_) => return,
            Decision::Apply(plan) => {
                for write in plan.writes {
                    carry_out(cluster, write);
                }
            }
            Decision::Nothing => panic!("it has no finalizer"),
        }
        cluster.pods.clear();
        let is_cleanup = |(kind, name): &&(Kind, String)| *kind == Kind::Job && name.contains("-cleanup-");
        if let Some((_, job)) = cluster.objects.keys().find(is_cleanup).cloned() {
            cluster.succeed(&job);
        }
    }
    panic!("it is not released: {:?}", cluster.objects.keys());
}

fn carry_out(cluster: &mut Cluster, write: ObjectWrite) {
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
fn retained_topic_outlives_the_pipeline() {
    let mut cluster = running(DeletionPolicy::Retain);
    assert!(outlives(&cluster), "{}", cluster.object(Kind::KafkaTopic, "users"));
    let owned = cluster.object(Kind::KafkaTopic, "users")["metadata"]["annotations"][RETAINED_FOR].clone();
    assert_eq!(owned, UID, "it belongs to the pipeline");
    delete(&mut cluster);
    assert!(outlives(&cluster));
}

#[test]
fn retained_topic_stays_when_strimzi_no_longer_manages_it() {
    let edits: [fn(&mut PipelineSpec); 3] = [
        |spec| spec.kafka.topic.management_policy = TopicManagementPolicy::Managed,
        |spec| spec.kafka.topic.management_policy = TopicManagementPolicy::Observe,
        |spec| spec.kafka.bootstrap_servers = "10.0.0.1:9092".to_owned(),
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let mut cluster = running(DeletionPolicy::Retain);
        cluster.edit(edit);
        cluster.converge();
        assert!(outlives(&cluster), "edit {index}: {:?}", cluster.writes);
        // The same edit sets the policy to Retain, so the KafkaTopic still has its owner reference.
        let mut cluster = running(DeletionPolicy::Delete);
        cluster.edit(edit);
        cluster.edit(|spec| spec.kafka.topic.deletion_policy = DeletionPolicy::Retain);
        cluster.converge();
        assert!(outlives(&cluster), "edit {index} with the policy: {:?}", cluster.writes);
    }
}

#[test]
fn cleanup_of_the_table_leaves_a_retained_topic() {
    let mut cluster = running(DeletionPolicy::Retain);
    cluster.edit(|spec| spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete);
    cluster.converge();
    delete(&mut cluster);
    assert!(outlives(&cluster));
    assert!(cluster.names_of(Kind::Deployment).is_empty(), "it was cleaned up: {:?}", cluster.objects.keys());
}

#[test]
fn deletion_releases_a_topic_that_was_just_retained() {
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
fn topic_with_policy_delete_is_deleted_with_the_pipeline() {
    let mut cluster = running(DeletionPolicy::Retain);
    cluster.edit(|spec| spec.kafka.topic.deletion_policy = DeletionPolicy::Delete);
    cluster.converge();
    let owner = cluster.object(Kind::KafkaTopic, "users")["metadata"]["ownerReferences"][0]["uid"].clone();
    assert_eq!(owner, UID);
    delete(&mut cluster);
    assert!(cluster.names_of(Kind::KafkaTopic).is_empty());
}

#[test]
fn only_a_retained_topic_adopts_one_of_an_older_pipeline() {
    let manifest = |policy| {
        let manifests = running(policy).desired().manifests;
        manifests.into_iter().find(|manifest| manifest.kind == Kind::KafkaTopic).unwrap()
    };
    let retained = manifest(DeletionPolicy::Retain);
    let mut left: DynamicObject = serde_json::from_value(retained.body.clone()).unwrap();
    left.metadata.annotations.as_mut().unwrap().insert(RETAINED_FOR.to_owned(), "older".to_owned());
    assert!(retained.may_adopt(&left, "users"));
    assert!(!retained.may_adopt(&left, "orders"), "it belongs to another pipeline");
    assert!(
        !manifest(DeletionPolicy::Delete).may_adopt(&left, "users"),
        "it would be deleted with this pipeline"
    );
    left.metadata.annotations = None;
    assert!(!retained.may_adopt(&left, "users"), "another client created it");
}
