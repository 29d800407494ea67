//! Deleting a pipeline: what it created goes only where the pipeline says so, and never holds anything up for ever.

use jiff::SignedDuration;
use userstream_crds::model::DeletionPolicy;
use userstream_operator::build::{Cleanup, cleanup, deletes_anything};
use userstream_operator::kind::Kind;

use crate::cluster::{Cluster, NOW};

fn deleted(policy: DeletionPolicy) -> Cluster {
    let mut cluster = Cluster::running("users");
    cluster.edit(|spec| spec.sink.cassandra.table.deletion_policy = policy);
    cluster.settle();
    cluster
}

fn step(cluster: &mut Cluster) -> Cleanup {
    let next = cluster.decide(|situation, _| cleanup(situation, NOW));
    if let Cleanup::Working { desired, .. } = &next {
        cluster.apply(desired.clone());
    }
    next
}

#[test]
fn a_pipeline_that_retains_everything_has_nothing_to_clean_up() {
    let mut cluster = deleted(DeletionPolicy::Retain);
    assert!(!deletes_anything(&cluster.pipeline()));
    assert_eq!(step(&mut cluster), Cleanup::Done);
}

#[test]
fn a_pipeline_that_was_never_provisioned_created_nothing() {
    let mut cluster = Cluster::with(crate::cluster::example("users"));
    cluster.resource.spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete;
    assert!(deletes_anything(&cluster.pipeline()));
    assert_eq!(step(&mut cluster), Cleanup::Done);
}

#[test]
fn what_it_created_is_deleted_after_its_last_pod_has_ended() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    let pods = cluster.pods.clone();
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
    assert!(cluster.objects.is_empty(), "workloads end first: {:?}", cluster.objects.keys());
    cluster.pods = pods;
    step(&mut cluster);
    assert!(cluster.objects.is_empty(), "their pods still work");

    cluster.pods.clear();
    step(&mut cluster);
    let job = cluster.job("users-cleanup-");
    let text = cluster.objects.iter().find(|((kind, _), _)| *kind == Kind::ConfigMap).unwrap().1.to_string();
    assert!(text.contains(r#"\"deletionPolicy\":\"Delete\""#), "the worker is told what to delete: {text}");
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
    cluster.succeed(&job);
    assert_eq!(step(&mut cluster), Cleanup::Done);
}

#[test]
fn cleaning_up_is_given_up_at_the_deadline_and_says_why() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.pods.clear();
    step(&mut cluster);
    cluster.pods.clear();
    step(&mut cluster);
    let job = cluster.job("users-cleanup-");
    cluster.end_pod(&job, 69, r#"{"outcome": "Unavailable", "message": "no broker answers"}"#, false);
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
    cluster.now = NOW + SignedDuration::from_mins(5);
    match step(&mut cluster) {
        Cleanup::GivenUp { reason } => assert!(reason.contains("no broker answers"), "{reason}"),
        other => panic!("{other:?}"),
    }
}
