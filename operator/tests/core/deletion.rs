//! Deleting a pipeline: what it created goes only where the pipeline says so, and never holds anything up for ever.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::model::DeletionPolicy;
use userstream_crds::names::FINALIZER;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::manifest::{Cleanup, cleanup, deletes_anything};
use userstream_operator::model::kind::Kind;
use userstream_operator::plan::Decision;
use userstream_operator::status::{Outcome, status};

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
fn a_pipeline_of_which_the_caches_show_only_the_jobs_may_have_created_something() {
    let mut cluster = Cluster::with(crate::cluster::example("users"));
    cluster.resource.spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete;
    cluster.reconcile();
    cluster.objects.retain(|(kind, _), _| *kind == Kind::Job);
    cluster.resource.status = None;
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
}

#[test]
fn a_cleanup_that_has_begun_goes_on_when_nothing_tells_any_more_of_what_there_was() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.resource.status = None;
    let begun = step(&mut cluster);
    assert!(matches!(begun, Cleanup::Working { .. }));
    cluster.resource.status = Some(status(None, Some(2), &Outcome::CleaningUp(&begun), NOW));
    cluster.objects.clear();
    cluster.pods.clear();
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
}

#[test]
fn what_it_created_is_deleted_after_its_last_pod_has_ended() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    let pods = cluster.pods.clone();
    assert!(matches!(step(&mut cluster), Cleanup::Working { .. }));
    let works = |cluster: &Cluster| cluster.objects.keys().any(|(kind, _)| *kind != Kind::ConfigMap);
    assert!(!works(&cluster), "workloads end first: {:?}", cluster.objects.keys());
    cluster.pods = pods;
    step(&mut cluster);
    assert!(!works(&cluster), "their pods still work");

    cluster.pods.clear();
    step(&mut cluster);
    let job = cluster.job("users-cleanup-");
    let config =
        cluster.object(Kind::Job, &job)["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
    let text = cluster.object(Kind::ConfigMap, &config).to_string();
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

/// What a look at the pipeline of this cluster comes to, as it is and being deleted.
fn look_at_deleted(cluster: &mut Cluster) -> Decision {
    cluster.resource.metadata.deletion_timestamp = Some(Time(NOW));
    cluster.resource.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    cluster.look()
}

#[test]
fn an_edit_that_is_refused_does_not_change_what_is_deleted() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.pods.clear();
    cluster.objects.retain(|(kind, _), _| *kind == Kind::ConfigMap);
    cluster.edit(|spec| spec.kafka.key_field = Some("missing".to_owned()));
    let Decision::Work(work) = look_at_deleted(&mut cluster) else { panic!("it is let go") };
    let cleanup = work.writes.iter().find_map(|write| match write {
        ObjectWrite::CreateCleanup(manifest) => Some(manifest),
        _ => None,
    });
    assert!(cleanup.is_some(), "{:?}", work.writes);

    cluster.objects.clear();
    let Decision::Release(release) = look_at_deleted(&mut cluster) else { panic!("it is held") };
    assert!(release.given_up.unwrap().contains("not known what to delete"));
}

#[test]
fn a_cleanup_waits_for_workloads_whose_pods_are_not_seen_yet() {
    let mut cluster = deleted(DeletionPolicy::Delete);
    cluster.pods.clear();
    let Decision::Work(work) = look_at_deleted(&mut cluster) else { panic!("it is let go") };
    assert!(!work.writes.is_empty());
    for write in &work.writes {
        assert!(matches!(write, ObjectWrite::Delete { .. }), "{write:?}");
    }
}
