//! The order of a rollout, and what keeps running meanwhile.

use serde_json::json;
use userstream_crds::PipelineSpec;
use userstream_crds::names::{CONFIGURATION, REQUESTED_AT};
use userstream_operator::model::kind::Kind;

use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::plan::Decision;

use crate::cluster::Cluster;

fn add_a_column(spec: &mut PipelineSpec) {
    let mut field = spec.schema.fields[1].clone();
    field.name = "nickname".to_owned();
    spec.schema.fields.push(field);
}

fn configuration(cluster: &mut Cluster, kind: Kind, name: &str) -> String {
    let template = if kind == Kind::CronJob { "/spec/jobTemplate/spec/template" } else { "/spec/template" };
    let body = cluster.object(kind, name);
    body.pointer(template).unwrap()["metadata"]["annotations"][CONFIGURATION].as_str().unwrap().to_owned()
}

fn has(cluster: &Cluster, kind: Kind, name: &str) -> bool {
    cluster.objects.contains_key(&(kind, name.to_owned()))
}

#[test]
fn new_pipeline_provisions_then_processes_then_produces() {
    let mut cluster = Cluster::with(crate::cluster::example("users"));
    cluster.reconcile();
    assert!(!has(&cluster, Kind::Deployment, "users-processor"), "{:?}", cluster.writes);
    let job = cluster.job("users-provision-");
    cluster.succeed(&job);
    cluster.reconcile();
    assert!(
        has(&cluster, Kind::Deployment, "users-processor")
            && !has(&cluster, Kind::Deployment, "users-producer")
    );
    cluster.reconcile();
    assert!(!has(&cluster, Kind::Deployment, "users-producer"), "the processors are not available yet");
    cluster.roll_out("users-processor");
    cluster.reconcile();
    assert!(has(&cluster, Kind::Deployment, "users-producer"));
}

#[test]
fn changed_spec_reaches_table_then_processors_then_producer() {
    let mut cluster = Cluster::running("users");
    let old = configuration(&mut cluster, Kind::Deployment, "users-producer");
    cluster.edit(add_a_column);
    cluster.reconcile();
    let running = |cluster: &mut Cluster| {
        (
            configuration(cluster, Kind::Deployment, "users-processor"),
            configuration(cluster, Kind::Deployment, "users-producer"),
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
    let old = configuration(&mut cluster, Kind::Deployment, "users-processor");
    cluster.edit(add_a_column);
    for _ in 0..3 {
        cluster.reconcile();
    }
    assert!(has(&cluster, Kind::ConfigMap, &format!("users-config-{old}")));
}

#[test]
fn failed_provisioning_keeps_last_good_workloads_managed() {
    let mut cluster = Cluster::running("users");
    let old = configuration(&mut cluster, Kind::Deployment, "users-processor");
    cluster.edit(|spec| {
        add_a_column(spec);
        spec.processor.replicas = 2;
    });
    cluster.reconcile();
    assert_eq!(configuration(&mut cluster, Kind::Deployment, "users-processor"), old);
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
        assert_eq!(configuration(&mut cluster, Kind::Deployment, name), old);
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
        let before = configuration(&mut cluster, Kind::CronJob, "users-producer");
        cluster.edit(edit);
        cluster.converge();
        assert_eq!(configuration(&mut cluster, Kind::CronJob, "users-producer"), before, "edit {index}");
        assert_eq!(configuration(&mut cluster, Kind::Deployment, "users-processor"), before, "edit {index}");
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
fn nonce_runs_the_producer_once_even_if_its_job_is_deleted() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 5);
    cluster.converge();
    let runs = |cluster: &Cluster| {
        cluster.writes.iter().filter(|write| write.starts_with("apply Job users-run-5")).count()
    };
    assert_eq!(runs(&cluster), 1, "{:?}", cluster.writes);
    cluster.objects.remove(&(Kind::Job, "users-run-5".to_owned()));
    cluster.converge();
    assert_eq!(runs(&cluster), 1);
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 6);
    cluster.converge();
    assert!(has(&cluster, Kind::Job, "users-run-6") && !has(&cluster, Kind::Job, "users-run-5"));
}

#[test]
fn run_keeps_its_configuration_until_it_finishes() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 5);
    cluster.reconcile();
    let run = cluster.job("users-run-5");
    cluster.edit(add_a_column);
    for _ in 0..10 {
        cluster.reconcile();
        for job in cluster.names_of(Kind::Job).into_iter().filter(|job| *job != run) {
            cluster.succeed(&job);
        }
        for deployment in cluster.names_of(Kind::Deployment) {
            cluster.roll_out(&deployment);
        }
    }
    let needed =
        cluster.object(Kind::Job, &run)["spec"]["template"]["spec"]["volumes"][0]["configMap"].clone();
    let existing = cluster.names_of(Kind::ConfigMap);
    assert!(existing.iter().any(|name| needed["name"] == **name), "{needed} is not among {existing:?}");
    assert_eq!(existing.len(), 2, "the column makes another configuration: {existing:?}");
    cluster.converge();
    assert_eq!(cluster.names_of(Kind::ConfigMap).len(), 1);
}

#[test]
fn manual_run_waits_for_resume_and_rollout() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| {
        spec.suspend = true;
        spec.source.as_mut().unwrap().trigger_nonce = 5;
    });
    cluster.converge();
    assert!(!has(&cluster, Kind::Job, "users-run-5"));
    cluster.edit(|spec| {
        spec.suspend = false;
        add_a_column(spec);
    });
    cluster.reconcile();
    assert!(!has(&cluster, Kind::Job, "users-run-5"));
    cluster.converge();
    assert!(has(&cluster, Kind::Job, "users-run-5"));
}

#[test]
fn continuous_producer_replaces_a_scheduled_one() {
    let mut cluster = Cluster::running("users-production");
    assert!(has(&cluster, Kind::CronJob, "users-producer"));
    cluster.edit(|spec| {
        let source = spec.source.as_mut().unwrap();
        source.mode = userstream_crds::source::SourceMode::Continuous;
        source.schedule = None;
        source.http.as_mut().unwrap().interval = Some(userstream_crds::duration::GoDuration::from_secs(10));
    });
    cluster.reconcile();
    assert!(has(&cluster, Kind::CronJob, "users-producer"), "the rollout has not reached it");
    cluster.converge();
    assert!(
        !has(&cluster, Kind::CronJob, "users-producer") && has(&cluster, Kind::Deployment, "users-producer")
    );
}

#[test]
fn plan_mode_changes_no_running_workload() {
    let mut cluster = Cluster::running("users");
    let before = cluster.objects.clone();
    cluster.edit(|spec| {
        add_a_column(spec);
        spec.processor.replicas = 3;
        spec.mode = userstream_crds::model::Mode::Plan;
    });
    cluster.converge();
    for (key, body) in before {
        assert_eq!(cluster.objects.get(&key), Some(&body), "{key:?}");
    }
    let status = cluster.status();
    let plan: Vec<&str> = status.plan.iter().map(|line| line.split("-provision-").next().unwrap()).collect();
    let named = [
        "topic users_created: create",
        "create Job users",
        "change Deployment users-processor",
        "change Deployment users-producer",
    ];
    assert_eq!(plan, named);
    cluster.edit(|spec| spec.mode = userstream_crds::model::Mode::Apply);
    cluster.converge();
    assert!(
        !cluster.objects.keys().any(|(_, name)| name.starts_with("users-plan-")),
        "the plan's Job is deleted"
    );
    assert_eq!(cluster.object(Kind::Deployment, "users-processor")["spec"]["replicas"], 3);
}

#[test]
fn plan_lists_drift_and_says_how_many_lines_are_left_out() {
    let mut cluster = Cluster::running("users");
    cluster.edit(|spec| spec.mode = userstream_crds::model::Mode::Plan);
    cluster.converge();
    let report = serde_json::json!({
        "message": "", "mode": "Plan",
        "changes": [{"resource": "table/created_users", "text": "table created_users: add column nat"}],
        "drift": [{"resource": "topic/users_created", "text": "topic users_created: retention.ms is 5"}],
        "leftOut": 12,
    });
    let job = cluster.job("-plan-");
    cluster.end_pod(&job, 0, &report.to_string(), true);
    assert_eq!(
        cluster.status().plan,
        [
            "table created_users: add column nat",
            "left as it is: topic users_created: retention.ms is 5",
            "12 more lines do not fit here: `usp plan` prints all of them",
        ]
    );
}

#[test]
fn equivalent_configuration_restarts_nothing() {
    let mut cluster = Cluster::running("users");
    let hash = configuration(&mut cluster, Kind::Deployment, "users-processor");
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
    assert_eq!(configuration(&mut cluster, Kind::Deployment, "users-processor"), older_hash);
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
        if !has(&cluster, Kind::Deployment, "users-producer") {
            // Its pod is still terminating.
            cluster.pods = pods;
            cluster.reconcile();
            assert!(!has(&cluster, Kind::CronJob, "users-producer"), "{:?}", cluster.writes);
            cluster.pods.retain(|pod| !pod.metadata.name.as_ref().unwrap().starts_with("users-producer"));
            cluster.reconcile();
            assert!(has(&cluster, Kind::CronJob, "users-producer"), "{:?}", cluster.writes);
            return;
        }
        cluster.roll_out("users-processor");
    }
    panic!("the old producer stays: {:?}", cluster.writes);
}
