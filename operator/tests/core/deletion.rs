//! The deletion of a pipeline: what it created is deleted only where its policies say so, and for a limited time.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::model::DeletionPolicy;
use userstream_crds::names::FINALIZER;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::lifecycle::cleanup::{Cleanup, deletes_anything};
use userstream_operator::manifest;
use userstream_operator::model::kind::Kind;
use userstream_operator::plan::Decision;
use userstream_operator::status::{Outcome, status};

use crate::cluster::{Cluster, NOW};

fn deleted(policy: DeletionPolicy) -> Cluster {
    let mut cluster = Cluster::running("users");
    cluster.edit(|spec| spec.sink.cassandra.table.deletion_policy = policy);
    cluster.converge();
    cluster
}

fn step(cluster: &mut Cluster) -> Cleanup {
    let (next, desired) = cluster.decide(|input, _| {
        let cleanup = Cleanup::of(input, NOW);
        let desired = match &cleanup {
            Cleanup::Working { stage, .. } => Some(manifest::cleanup(input, stage)),
            Cleanup::Done | Cleanup::GivenUp { .. } => None,
        };
        (cleanup, desired)
    });
    if let Some(desired) = desired {
        cluster.apply(desired);
    }
    next
}

#[test]
fn retaining_pipeline_needs_no_cleanup() {
    let mut cluster = deleted(DeletionPolicy::Retain);
    assert!(!deletes_anything(&cluster.pipeline()));
    assert_eq!(step(&mut cluster), Cleanup::Done);
}

#[test]
fn unprovisioned_pipeline_needs_no_cleanup() {
    let mut cluster = Cluster::with(crate::cluster::example("users"));
    cluster.resource.spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete;
    assert!(deletes_anything(&cluster.pipeline()));
    assert_eq!(step(&mut cluster), Cleanup::Done);
}

#[test]
fn any_trace_of_provisioning_needs_a_cleanup() {
    let mut cluster = Cluster::with(crate::cluster::example("users"));
    cluster.resource.spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete;
    cluster.reconcile();
    cluster.objects.retain(|(kind, _), _| *kind == Kind::Job);
    cluster.resource.status = None;
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
}

#[test]
fn started_cleanup_continues_without_other_traces() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.resource.status = None;
    let started = step(&mut cluster);
    assert!(matches!(started, Cleanup::Working { .. }));
    let next = {
        let (observed, pipeline) = (cluster.observed(), cluster.pipeline());
        status(&cluster.input(&observed, Ok(&pipeline)), &Outcome::CleaningUp(started), None)
    };
    cluster.resource.status = Some(next);
    cluster.objects.clear();
    cluster.pods.clear();
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
}

#[test]
fn cleanup_job_starts_after_the_last_pod() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    let pods = cluster.pods.clone();
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
    let has_workloads = |cluster: &Cluster| cluster.objects.keys().any(|(kind, _)| *kind != Kind::ConfigMap);
    assert!(!has_workloads(&cluster), "workloads stop first: {:?}", cluster.objects.keys());
    cluster.pods = pods;
    step(&mut cluster);
    assert!(!has_workloads(&cluster), "their pods still run");

    cluster.pods.clear();
    step(&mut cluster);
    let job = cluster.job("users-cleanup-");
    let config =
        cluster.object(Kind::Job, &job)["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
    let text = cluster.object(Kind::ConfigMap, &config).to_string();
    assert!(text.contains(r#"\"deletionPolicy\":\"Delete\""#), "the worker reads what to delete: {text}");
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
    cluster.succeed(&job);
    assert_eq!(step(&mut cluster), Cleanup::Done);
}

#[test]
fn cleanup_is_given_up_at_the_deadline_with_a_reason() {
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

/// The decision of a reconcile of the pipeline being deleted.
fn decision_of_deleted(cluster: &mut Cluster) -> Decision {
    cluster.resource.metadata.deletion_timestamp = Some(Time(NOW));
    cluster.resource.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    cluster.decision()
}

#[test]
fn refused_edit_does_not_change_the_cleanup() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.pods.clear();
    cluster.objects.retain(|(kind, _), _| *kind == Kind::ConfigMap);
    cluster.edit(|spec| spec.kafka.key_field = Some("missing".to_owned()));
    let Decision::Apply(plan) = decision_of_deleted(&mut cluster) else { panic!("it is released") };
    let cleanup = plan.writes.iter().find_map(|write| match write {
        ObjectWrite::CreateCleanup(manifest) => Some(manifest),
        _ => None,
    });
    assert!(cleanup.is_some(), "{:?}", plan.writes);

    cluster.objects.clear();
    let Decision::Release(release) = decision_of_deleted(&mut cluster) else { panic!("it is not released") };
    assert!(release.given_up.unwrap().contains("not known what to delete"));
}

#[test]
fn cleanup_waits_for_workloads_without_observed_pods() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.pods.clear();
    let Decision::Apply(plan) = decision_of_deleted(&mut cluster) else { panic!("it is released") };
    assert!(!plan.writes.is_empty());
    for write in &plan.writes {
        assert!(matches!(write, ObjectWrite::Delete { .. }), "{write:?}");
    }
}
