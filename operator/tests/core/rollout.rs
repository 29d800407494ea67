//! The order of a rollout, and what keeps running meanwhile.

use serde_json::json;
use userstream_crds::PipelineSpec;
use userstream_crds::names::REQUESTED_AT;
use userstream_operator::model::kind::Kind;

use crate::cluster::{Cluster, add_a_column};

#[test]
fn new_pipeline_provisions_then_processes_then_produces() {
    let mut cluster = Cluster::with(crate::cluster::example("users"));
    cluster.reconcile();
    assert!(!cluster.has(Kind::Deployment, "users-processor"), "{:?}", cluster.writes);
    let job = cluster.job("users-provision-");
    cluster.succeed(&job);
    cluster.reconcile();
    assert!(
        cluster.has(Kind::Deployment, "users-processor") && !cluster.has(Kind::Deployment, "users-producer")
    );
    cluster.reconcile();
    assert!(!cluster.has(Kind::Deployment, "users-producer"), "the processors are not available yet");
    cluster.roll_out("users-processor");
    cluster.reconcile();
    assert!(cluster.has(Kind::Deployment, "users-producer"));
}

#[test]
fn changed_spec_reaches_table_then_processors_then_producer() {
    let mut cluster = Cluster::running("users");
    let old = cluster.configuration(Kind::Deployment, "users-producer");
    cluster.edit(add_a_column);
    cluster.reconcile();
    let running = |cluster: &mut Cluster| {
        (
            cluster.configuration(Kind::Deployment, "users-processor"),
            cluster.configuration(Kind::Deployment, "users-producer"),
        )
    };
    assert_eq!(running(&mut cluster), (old.clone(), old.clone()), "the table does not have the column yet");
    assert!(!cluster.writes.iter().any(|write| write.contains("Deployment")), "{:?}", cluster.writes);

    let job = cluster.job("users-provision-");
    cluster.succeed(&job);
    cluster.reconcile();
    let (processor, producer) = running(&mut cluster);
    assert!(processor != old && producer == old);
    cluster.reconcile();
    assert_eq!(running(&mut cluster).1, old, "the new processors are not available yet");

    cluster.roll_out("users-processor");
    cluster.reconcile();
    assert_eq!(running(&mut cluster).1, processor);
    cluster.converge();
    let configurations = cluster.objects.keys().filter(|(kind, _)| *kind == Kind::ConfigMap).count();
    assert_eq!(configurations, 1, "the old configuration is deleted once nothing uses it");
}

#[test]
fn last_good_configuration_is_kept_while_pods_may_restart() {
    let mut cluster = Cluster::running("users");
    let old = cluster.configuration(Kind::Deployment, "users-processor");
    cluster.edit(add_a_column);
    for _ in 0..3 {
        cluster.reconcile();
    }
    assert!(cluster.has(Kind::ConfigMap, &format!("users-config-{old}")));
}

#[test]
fn failed_provisioning_keeps_last_good_workloads_managed() {
    let mut cluster = Cluster::running("users");
    let old = cluster.configuration(Kind::Deployment, "users-processor");
    cluster.edit(|spec| {
        add_a_column(spec);
        spec.processor.replicas = 2;
    });
    cluster.reconcile();
    assert_eq!(cluster.configuration(Kind::Deployment, "users-processor"), old);
    assert_eq!(cluster.object(Kind::Deployment, "users-processor")["spec"]["replicas"], 2);

    cluster.object(Kind::Deployment, "users-processor")["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("foreign");
    cluster.reconcile();
    let image = cluster.object(Kind::Deployment, "users-processor")["spec"]["template"]["spec"]["containers"]
        [0]["image"]
        .clone();
    assert_eq!(image, "example.org/userstream-worker:1");

    cluster.edit(|spec| spec.suspend = true);
    cluster.reconcile();
    for name in ["users-processor", "users-producer"] {
        assert_eq!(cluster.object(Kind::Deployment, name)["spec"]["replicas"], 0, "{name}");
        assert_eq!(cluster.configuration(Kind::Deployment, name), old);
    }
}

#[test]
fn running_pipeline_is_not_written_to() {
    for example in ["demo", "users", "users-production"] {
        let mut cluster = Cluster::running(example);
        for seconds in [1, 40, 100] {
            cluster.now += jiff::SignedDuration::from_secs(seconds);
            cluster.progress();
            cluster.reconcile();
        }
        assert_eq!(cluster.writes, Vec::<String>::new(), "{example}");
    }
}

#[test]
fn edits_that_workers_ignore_restart_nothing() {
    let edits: [fn(&mut PipelineSpec); 5] = [
        |spec| spec.suspend = true,
        |spec| spec.processor.replicas = 3,
        |spec| spec.kafka.topic.deletion_policy = userstream_crds::kafka::DeletionPolicy::Delete,
        |spec| spec.autoscaling.lag_threshold = 7,
        |spec| spec.source.as_mut().unwrap().schedule.as_mut().unwrap().cron = "7 * * * *".to_owned(),
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let mut cluster = Cluster::running("users-production");
        let before = cluster.configuration(Kind::CronJob, "users-producer");
        cluster.edit(edit);
        cluster.converge();
        assert_eq!(cluster.configuration(Kind::CronJob, "users-producer"), before, "edit {index}");
        assert_eq!(cluster.configuration(Kind::Deployment, "users-processor"), before, "edit {index}");
        let jobs = cluster.writes.iter().filter(|write| write.contains("Job users-provision")).count();
        assert_eq!(jobs, 0, "edit {index}: {:?}", cluster.writes);
    }
}

#[test]
fn deleted_objects_are_created_again() {
    let mut cluster = Cluster::running("users-production");
    for key in cluster.objects.keys().cloned().collect::<Vec<_>>() {
        cluster.objects.remove(&key);
        cluster.converge();
        assert!(cluster.objects.contains_key(&key), "{key:?}: {:?}", cluster.writes);
    }
}

#[test]
fn deleted_provision_job_runs_again_and_stops_nothing() {
    let mut cluster = Cluster::running("users");
    let job = cluster.job("users-provision-");
    cluster.objects.remove(&(Kind::Job, job.clone()));
    cluster.reconcile();
    assert_eq!(
        cluster.writes.iter().filter(|write| !write.starts_with("status")).collect::<Vec<_>>(),
        [&format!("apply Job {job}")]
    );
}

#[test]
fn requested_at_annotation_provisions_once_more() {
    let mut cluster = Cluster::running("users");
    let before = cluster.job("users-provision-");
    cluster
        .resource
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(REQUESTED_AT.to_owned(), "now".to_owned());
    cluster.converge();
    assert_ne!(cluster.job("users-provision-"), before);
    let deployments = cluster.writes.iter().filter(|write| write.contains("Deployment")).count();
    assert_eq!(deployments, 0, "{:?}", cluster.writes);
}

#[test]
fn equivalent_configuration_restarts_nothing() {
    let mut cluster = Cluster::running("users");
    let hash = cluster.configuration(Kind::Deployment, "users-processor");
    let name = format!("users-config-{hash}");
    // As an older operator would have serialized it, without one of today's defaults.
    let text = cluster.object(Kind::ConfigMap, &name)["data"]["worker.json"].as_str().unwrap().to_owned();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["spec"].as_object_mut().unwrap().remove("observability").unwrap();
    let older = document.to_string();
    let older_hash = userstream_operator::model::hash::short(older.as_bytes());
    assert_ne!(hash, older_hash);
    let objects = std::mem::take(&mut cluster.objects);
    for ((kind, name), body) in objects {
        let mut body: serde_json::Value =
            serde_json::from_str(&body.to_string().replace(&hash, &older_hash)).unwrap();
        if kind == Kind::ConfigMap {
            body["data"]["worker.json"] = json!(older);
        }
        cluster.objects.insert((kind, name.replace(&hash, &older_hash)), body);
    }
    for pod in &mut cluster.pods {
        let text = serde_json::to_string(pod).unwrap().replace(&hash, &older_hash);
        *pod = serde_json::from_str(&text).unwrap();
    }
    let before: Vec<_> = cluster.objects.keys().cloned().collect();
    cluster.converge();
    assert_eq!(
        cluster.objects.keys().cloned().collect::<Vec<_>>(),
        before,
        "nothing is created, and nothing runs again"
    );
    assert_eq!(cluster.configuration(Kind::Deployment, "users-processor"), older_hash);
}
