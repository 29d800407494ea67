//! The change between a continuous and a scheduled producer, and what suspending stops.

use serde_json::json;
use userstream_crds::PipelineSpec;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::model::kind::Kind;
use userstream_operator::plan::Decision;

use crate::cluster::{Cluster, add_a_column};

#[test]
fn continuous_producer_replaces_a_scheduled_one() {
    let mut cluster = Cluster::running("users-production");
    assert!(cluster.has(Kind::CronJob, "users-producer"));
    cluster.edit(|spec| {
        let source = spec.source.as_mut().unwrap();
        source.mode = userstream_crds::source::SourceMode::Continuous;
        source.schedule = None;
        source.http.as_mut().unwrap().interval = Some(userstream_crds::duration::GoDuration::from_secs(10));
    });
    cluster.reconcile();
    assert!(cluster.has(Kind::CronJob, "users-producer"), "the rollout has not reached it");
    cluster.converge();
    assert!(!cluster.has(Kind::CronJob, "users-producer") && cluster.has(Kind::Deployment, "users-producer"));
}

fn stops(cluster: &Cluster) -> Vec<String> {
    let Decision::Apply(plan) = cluster.decision() else { panic!("there is nothing to do") };
    let stops = plan.writes.iter().filter(|write| matches!(write, ObjectWrite::Stop { .. }));
    let mut names: Vec<String> = stops.map(|write| write.name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn suspend_stops_workloads_of_a_refused_spec() {
    for example in ["users", "users-production"] {
        let mut cluster = Cluster::running(example);
        cluster.edit(|spec| spec.kafka.key_field = Some("missing".to_owned()));
        let Decision::Apply(plan) = cluster.decision() else { panic!("there is nothing to do") };
        assert_eq!(plan.writes, [], "the workloads keep running");
        cluster.edit(|spec| spec.suspend = true);
        assert_eq!(stops(&cluster), ["users-processor", "users-producer"], "{example}");
        cluster.object(Kind::Deployment, "users-processor")["spec"]["replicas"] = json!(0);
        assert_eq!(stops(&cluster), ["users-producer"], "{example}: stopped once");
    }
}

#[test]
fn suspend_stops_a_producer_whose_kind_changes() {
    let mut cluster = Cluster::running("users");
    cluster.edit(|spec| {
        add_a_column(spec);
        schedule(spec);
        spec.suspend = true;
    });
    assert_eq!(stops(&cluster), ["users-producer"]);
}

fn schedule(spec: &mut PipelineSpec) {
    let source = spec.source.as_mut().unwrap();
    source.mode = userstream_crds::source::SourceMode::Scheduled;
    source.schedule = Some(serde_json::from_value(json!({"cron": "0 * * * *"})).unwrap());
}

#[test]
fn producer_starts_after_the_last_pod_of_the_other_kind() {
    let mut cluster = Cluster::running("users");
    cluster.edit(schedule);
    for _ in 0..6 {
        let pods = cluster.pods.clone();
        cluster.reconcile();
        let names: Vec<_> = cluster.names_of(Kind::Job);
        names.iter().for_each(|job| cluster.succeed(job));
        if !cluster.has(Kind::Deployment, "users-producer") {
            // Its pod is still terminating.
            cluster.pods = pods;
            cluster.reconcile();
            assert!(!cluster.has(Kind::CronJob, "users-producer"), "{:?}", cluster.writes);
            cluster.pods.retain(|pod| !pod.metadata.name.as_ref().unwrap().starts_with("users-producer"));
            cluster.reconcile();
            assert!(cluster.has(Kind::CronJob, "users-producer"), "{:?}", cluster.writes);
            return;
        }
        cluster.roll_out("users-processor");
    }
    panic!("the old producer stays: {:?}", cluster.writes);
}
