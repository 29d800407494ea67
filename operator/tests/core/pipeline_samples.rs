//! What the metrics report of a pipeline whose source runs on a schedule.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use userstream_crds::status::{PipelineStatus, ProducerStatus};
use userstream_operator::model::kind::Kind;
use userstream_operator::status::pipeline_sample::{PipelineSample, RunHistory};

use crate::cluster::{Cluster, NOW, UID};

/// A pipeline that runs hourly, with its CronJob since `NOW`.
fn scheduled() -> Cluster {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| {
        let schedule = json!({"cron": "0 * * * *", "timeZone": "Etc/UTC"});
        let source = spec.source.as_mut().unwrap();
        source.schedule = Some(serde_json::from_value(schedule).unwrap());
        source.mode = serde_json::from_value(json!("Scheduled")).unwrap();
    });
    cluster.converge();
    let name = cluster.names_of(Kind::CronJob).remove(0);
    let cron_job = cluster.objects.get_mut(&(Kind::CronJob, name)).unwrap();
    cron_job["metadata"]["creationTimestamp"] = json!(NOW.to_string());
    cluster
}

fn sample(cluster: &Cluster, history: &mut RunHistory, last_success: Option<Timestamp>) -> PipelineSample {
    let last_success_time = last_success.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time);
    let producer = ProducerStatus { last_success_time, ..ProducerStatus::default() };
    let status = PipelineStatus { producer: Some(producer), ..PipelineStatus::default() };
    cluster.decide(|input, _| {
        history.observe(input);
        PipelineSample::of(&status).with_runs(input, history)
    })
}

fn hours(after: Timestamp, hours: i64) -> Timestamp {
    let hour = 3600;
    Timestamp::from_second((after.as_second() / hour + hours) * hour).unwrap()
}

#[test]
fn next_run_is_due_after_the_last_success() {
    let mut cluster = scheduled();
    let mut history = RunHistory::default();
    assert_eq!(sample(&cluster, &mut history, None).next_run, Some(hours(NOW, 1)));
    cluster.now = hours(NOW, 5);
    assert_eq!(sample(&cluster, &mut history, None).next_run, Some(hours(NOW, 1)), "it is late");
    let succeeded = hours(NOW, 1) + SignedDuration::from_secs(20);
    assert_eq!(sample(&cluster, &mut history, Some(succeeded)).next_run, Some(hours(NOW, 2)));
}

#[test]
fn no_run_is_late_while_and_after_it_is_suspended() {
    let mut cluster = scheduled();
    let mut history = RunHistory::default();
    sample(&cluster, &mut history, None);
    cluster.edit(|spec| spec.suspend = true);
    assert_eq!(sample(&cluster, &mut history, None).next_run, None);
    cluster.edit(|spec| spec.suspend = false);
    cluster.now = hours(NOW, 9);
    assert_eq!(sample(&cluster, &mut history, None).next_run, Some(hours(NOW, 10)));
}

#[test]
fn each_failed_run_is_counted_once() {
    let mut cluster = scheduled();
    let mut history = RunHistory::default();
    let run = |uid: &str, result: Option<&str>| -> Value {
        let owner = json!({"apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline", "name": "users",
            "uid": UID, "controller": true});
        let conditions: Vec<Value> = result.iter().map(|of| json!({"type": of, "status": "True"})).collect();
        json!({"metadata": {"name": format!("run-{uid}"), "uid": uid, "ownerReferences": [owner],
            "labels": {"app.kubernetes.io/component": "producer"}}, "status": {"conditions": conditions}})
    };
    let mut counts = Vec::new();
    for (uid, result) in [
        ("before", Some("Failed")),
        ("first", None),
        ("first", Some("Failed")),
        ("second", Some("Complete")),
        ("third", Some("Failed")),
    ] {
        cluster.objects.insert((Kind::Job, format!("run-{uid}")), run(uid, result));
        counts.push(sample(&cluster, &mut history, None).failed_runs);
    }
    assert_eq!(counts, [0, 0, 1, 1, 2]);
    cluster.objects.retain(|(kind, _), _| *kind != Kind::Job);
    assert_eq!(sample(&cluster, &mut history, None).failed_runs, 2, "the history limit has deleted them");
}
