//! The conditions of every outcome.

use std::fmt::Write;

use serde_json::json;
use userstream_crds::claims::claims;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::duration::GoDuration;
use userstream_crds::kafka::TopicManagementPolicy;
use userstream_crds::model::Mode;
use userstream_crds::status::{Phase, PipelineStatus};
use userstream_crds::worker_status::Quantiles;
use userstream_crds::{PipelineSpec, UserStreamPipeline, validate};
use userstream_operator::lifecycle::cleanup::Cleanup;
use userstream_operator::model::kind::Kind;
use userstream_operator::plan::reservations::Reservations;
use userstream_operator::status::{ApplyFailure, Outcome, status, undecodable};

use crate::cluster::{Cluster, NOW, example};

/// A title and a status.
type Case = (&'static str, PipelineStatus);

/// The phase and the conditions, one line each.
fn lines(status: &PipelineStatus) -> String {
    let mut text = status.phase.map(|phase| format!("phase {phase:?}\n")).unwrap_or_default();
    for condition in &status.conditions {
        let _ = writeln!(
            text,
            "{} {} {}: {}",
            condition.type_, condition.status, condition.reason, condition.message
        );
    }
    text
}

/// The status of a resource after an outcome.
fn after(resource: UserStreamPipeline, outcome: &Outcome) -> PipelineStatus {
    after_failure(&Cluster::with(resource), outcome, None)
}

fn after_failure(cluster: &Cluster, outcome: &Outcome, failure: Option<&ApplyFailure>) -> PipelineStatus {
    let (observed, validated) = (cluster.observed(), validate(&cluster.resource));
    status(&cluster.input(&observed, validated.as_ref().map_err(Vec::as_slice)), outcome, failure)
}

/// A running pipeline after an edit.
fn edited(name: &str, edit: fn(&mut PipelineSpec)) -> Cluster {
    let mut cluster = Cluster::running(name);
    cluster.edit(edit);
    cluster
}

fn refused() -> Vec<Case> {
    let mut invalid = example("users");
    invalid.spec.kafka.topic.name = "no spaces".to_owned();
    let (older, mut younger) = (example("users"), example("users"));
    younger.metadata.name = Some("younger".to_owned());
    younger.metadata.uid = Some("ffffffff".to_owned());
    let mut reservations = Reservations::default();
    for resource in [&older, &younger] {
        reservations.declare(&resource.metadata, Some(claims(&validate(resource).unwrap())));
    }
    let older = older.metadata.uid.as_deref().unwrap();
    reservations.reserve(older);
    let conflict = |reservations: &Reservations| {
        let conflict = reservations.conflict("ffffffff").unwrap();
        after(example("users"), &Outcome::Conflict(conflict))
    };
    let in_use = conflict(&reservations);
    reservations.release(older, NOW);
    vec![
        ("undecodable", undecodable(None, Some(1), "missing field `kafka`", NOW)),
        ("invalid", after(invalid, &Outcome::Invalid)),
        ("conflict", in_use),
        ("the workers of a deleted pipeline are terminating", conflict(&reservations)),
        ("paused before the first reconcile", after(example("users"), &Outcome::Paused)),
    ]
}

fn provisioning() -> Vec<Case> {
    let failed = |exit_code, message: &str| {
        let mut cluster = Cluster::with(example("users"));
        cluster.reconcile();
        let job = cluster.job("-provision-");
        cluster.end_pod(&job, exit_code, message, false);
        cluster.status()
    };
    let started = |name: &str| {
        let mut cluster = Cluster::with(example(name));
        cluster.reconcile();
        cluster.status()
    };
    let unavailable = r#"{"outcome":"Unavailable","message":"no broker answers at kafka:9092"}"#;
    let refusal = json!({"outcome": "Config", "message": "", "refusals": [{"resource": "topic/users_created", "reason": "Exists",
        "text": "topic users_created exists: set adoptionPolicy to Adopt"}]});
    vec![
        ("new", Cluster::with(example("users")).status()),
        ("provisioning", started("users")),
        ("provisioning with Secrets", started("users-production")),
        ("a dependency is unavailable", failed(69, unavailable)),
        ("a topic that exists", failed(78, &refusal.to_string())),
        ("a refused configuration", failed(78, r#"{"outcome":"Config","message":"unknown field"}"#)),
        ("a worker that is killed", failed(137, "")),
    ]
}

fn rolling_out() -> Vec<Case> {
    let mut cluster = Cluster::with(example("users"));
    cluster.reconcile();
    let job = cluster.job("users-provision-");
    cluster.succeed(&job);
    cluster.reconcile();
    let processors_roll_out = cluster.status();
    cluster.roll_out("users-processor");
    cluster.reports.clear();
    let lag_is_unknown = cluster.status();
    cluster.roll_out("users-processor");
    cluster.reconcile();
    let producer_starts = cluster.status();
    cluster.converge();
    let mut changed = edited("users", |spec| spec.kafka.topic.partitions = 9);
    changed.reconcile();
    vec![
        ("processors roll out", processors_roll_out),
        ("the lag is unknown", lag_is_unknown),
        ("the producer starts", producer_starts),
        ("running", cluster.status()),
        ("a changed spec is being provisioned", changed.status()),
    ]
}

fn running() -> Vec<Case> {
    let converged = |edit| {
        let mut cluster = edited("users", edit);
        cluster.converge();
        cluster.status()
    };
    let mut crashing = Cluster::running("users");
    crashing.object(Kind::Deployment, "users-processor")["status"]["availableReplicas"] = json!(0);
    let mut scheduled = Cluster::running("users-production");
    let not_due = scheduled.status();
    scheduled.run_of_schedule("2027-01-01T00:00:00Z", Some("2027-01-01T00:00:09Z"));
    let succeeded = scheduled.status();
    scheduled.run_of_schedule("2027-01-02T00:00:00Z", None);
    vec![
        ("suspended", converged(|spec| spec.suspend = true)),
        ("scaled to zero", converged(|spec| spec.processor.replicas = 0)),
        ("a processor is unavailable", crashing.status()),
        ("scheduled, autoscaled and with an objective", not_due),
        ("a run of the schedule has succeeded", succeeded),
        ("the next one has failed", scheduled.status()),
        ("planned", converged(|spec| spec.mode = Mode::Plan)),
    ]
}

fn failing() -> Vec<Case> {
    let message = "jobs.batch is forbidden".to_owned();
    let failure = ApplyFailure { reason: Reason::Forbidden, message, is_terminal: false };
    let running = Cluster::running("users");
    let rollout = Box::new(running.decide(|_, rollout| rollout.clone()));
    let reconciled = Outcome::Reconciled { rollout, dry_run: Vec::new() };
    let reason = "what the pipeline created was not deleted within 5 minutes".to_owned();
    let given_up = Outcome::CleaningUp(Cleanup::GivenUp { reason });
    vec![
        ("an object cannot be applied", after_failure(&running, &reconciled, Some(&failure))),
        ("cleanup is given up", after(example("users"), &given_up)),
    ]
}

#[test]
fn outcomes_have_the_conditions_recorded() {
    let all = [refused(), provisioning(), rolling_out(), running(), failing()].concat();
    let text: Vec<String> =
        all.iter().map(|(title, status)| format!("## {title}\n{}", lines(status))).collect();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("conditions", text.join("\n"));
    });
}

#[test]
fn status_names_its_generation_and_sums_up_as_kstatus_expects() {
    let mut cluster = Cluster::with(example("users"));
    cluster.edit(|_| ());
    for _ in 0..8 {
        let status = cluster.status();
        assert_eq!(status.observed_generation, Some(2));
        for condition in &status.conditions {
            assert_eq!(condition.observed_generation, Some(2), "{condition:?}");
            assert!(condition.reason.parse::<Reason>().is_ok(), "{condition:?}");
        }
        let summary = [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled];
        let count = summary.into_iter().filter(|of| status.is_true(*of)).count();
        assert_eq!(count, 1, "{:#?}", status.conditions);
        cluster.reconcile();
        cluster.progress();
    }
}

#[test]
fn transition_time_changes_only_with_the_status() {
    let mut cluster = Cluster::running("users");
    let before = cluster.status();
    cluster.now += jiff::SignedDuration::from_secs(60);
    cluster.progress();
    cluster.object(Kind::Deployment, "users-processor")["status"]["availableReplicas"] = json!(0);
    let after = cluster.status();
    let mut changes = 0;
    for (before, after) in before.conditions.iter().zip(&after.conditions) {
        let has_other_time = before.last_transition_time != after.last_transition_time;
        assert_eq!(has_other_time, before.status != after.status, "{before:?} {after:?}");
        changes += usize::from(has_other_time);
    }
    assert!(changes > 0);
}

#[test]
fn paused_pipeline_keeps_its_conditions() {
    let mut cluster = Cluster::running("users");
    let running = cluster.resource.status.clone().unwrap();
    cluster.edit(|_| ());
    let paused = after_failure(&cluster, &Outcome::Paused, None);
    assert_eq!(paused.find(ConditionType::Ready), running.find(ConditionType::Ready));
    assert!(paused.is_true(ConditionType::ReconciliationPaused));
    cluster.resource.status = Some(paused.clone());
    assert_eq!(after_failure(&cluster, &Outcome::Paused, None), paused, "it is reported once");
}

#[test]
fn successful_run_is_reported_together_with_its_time() {
    let mut cluster = Cluster::running("users-production");
    let reported = |cluster: &Cluster| {
        let status = cluster.status();
        let reason = status.reason(ConditionType::ProducerReady).unwrap();
        let success = status.producer.unwrap().last_success_time;
        (reason, success.map(|time| time.0.to_string()))
    };
    let succeeded = |time: &str| (Reason::LastRunSucceeded, Some(time.to_owned()));
    assert_eq!(reported(&cluster), (Reason::Scheduled, None));
    cluster.run_of_schedule("2027-01-01T00:00:00Z", Some("2027-01-01T00:00:09Z"));
    let why = "the CronJob's controller has not reported it yet";
    assert_eq!(reported(&cluster), succeeded("2027-01-01T00:00:09Z"), "{why}");
    let last_success = json!("2027-01-02T00:00:09Z");
    cluster.object(Kind::CronJob, "users-producer")["status"]["lastSuccessfulTime"] = last_success;
    assert_eq!(reported(&cluster), succeeded("2027-01-02T00:00:09Z"), "its Job is deleted already");
}

#[test]
fn long_message_is_truncated_between_characters() {
    let status = undecodable(None, Some(1), &"ü".repeat(5000), NOW);
    assert!(status.conditions.iter().all(|condition| condition.message.len() <= 1030));
}

#[test]
fn freshness_depends_on_written_rows_and_on_the_lag() {
    // By the freshness of recent rows, whether a row was ever written, and the lag.
    let reported = |p99: Option<f64>, has_row: bool, lag: Option<i64>| {
        let mut cluster = edited("users", |spec| spec.objectives.freshness = Some(GoDuration::from_secs(30)));
        cluster.converge();
        cluster.progress();
        for report in cluster.reports.values_mut() {
            let processor = &mut report.status.processor;
            processor.freshness = p99.map(|p99_seconds| Quantiles { p50_seconds: 0.1, p99_seconds });
            processor.last_row_time = processor.last_row_time.filter(|_| has_row);
            processor.lag = lag;
        }
        let status = cluster.status();
        let met = status.find(ConditionType::FreshnessMet).unwrap();
        (met.status.clone(), met.reason.clone())
    };
    for (found, status, reason) in [
        (reported(Some(29.0), true, Some(0)), "True", Reason::Fresh),
        (reported(Some(31.0), true, Some(0)), "False", Reason::Late),
        (reported(None, false, Some(0)), "Unknown", Reason::NoRowsYet),
        (reported(None, true, Some(0)), "True", Reason::CaughtUp),
        (reported(None, true, Some(7)), "False", Reason::NoRows),
        (reported(None, true, None), "Unknown", Reason::UnknownLag),
    ] {
        assert_eq!(found, (status.to_owned(), reason.name().to_owned()));
    }
}

/// An observed topic may have fewer or more partitions than declared.
#[test]
fn lag_is_known_for_the_partitions_that_the_topic_has() {
    for actual in [1, 12] {
        let mut cluster =
            edited("users", |spec| spec.kafka.topic.management_policy = TopicManagementPolicy::Observe);
        cluster.actual_partitions = Some(actual);
        cluster.converge();
        cluster.progress();
        let lag = |status: &PipelineStatus| status.processor.as_ref().and_then(|processor| processor.lag);
        let status = cluster.status();
        assert_eq!(lag(&status), Some(0), "{actual} partitions: {}", lines(&status));
        let partitions = status.topic.as_ref().map(|topic| topic.partitions);
        assert_eq!(partitions, Some(i32::try_from(actual).unwrap()));
        // A partition was added, and no processor reads it yet.
        for report in cluster.reports.values_mut() {
            report.status.processor.topic_partitions = Some(actual + 1);
        }
        let status = cluster.status();
        assert_eq!(lag(&status), None, "{actual} partitions and one more: {}", lines(&status));
    }
}

#[test]
fn dead_letters_that_are_not_whole_are_reported() {
    let mut cluster = Cluster::running("users");
    let found = |cluster: &Cluster| cluster.status().reason(ConditionType::DeadLettersComplete);
    assert_eq!(found(&cluster), None);
    for (truncated, refused, reason) in
        [(2, 0, Reason::DeadLettersTruncated), (2, 1, Reason::DeadLettersRefused)]
    {
        let report = cluster.reports.values_mut().next().unwrap();
        report.status.truncated_dead_letters = truncated;
        report.status.refused_dead_letters = refused;
        assert_eq!(found(&cluster), Some(reason));
        assert!(cluster.status().is_true(ConditionType::Ready));
    }
}

/// Autoscaling without `maxReplicas` goes up to the partitions that the topic has.
#[test]
fn autoscaling_uses_the_partitions_that_the_topic_has() {
    for (actual, replicas) in [(2, 2), (12, 12)] {
        let mut cluster = edited("users", |spec| {
            spec.kafka.topic.management_policy = TopicManagementPolicy::Observe;
            spec.autoscaling.enabled = true;
        });
        cluster.actual_partitions = Some(actual);
        cluster.converge();
        cluster.progress();
        for report in cluster.reports.values_mut() {
            report.status.processor.lag = Some(1_000_000);
        }
        cluster.reconcile();
        let deployment = cluster.object(Kind::Deployment, "users-processor");
        assert_eq!(deployment["spec"]["replicas"], replicas);
    }
}

#[test]
fn change_that_is_yet_to_be_written_is_in_progress() {
    type Edit = fn(&mut PipelineSpec);
    let edits: [(&str, Edit); 2] =
        [("scaled", |spec| spec.processor.replicas = 3), ("suspended", |spec| spec.suspend = true)];
    for (title, edit) in edits {
        let mut cluster = edited("users", edit);
        let status = cluster.status();
        assert_eq!(status.observed_generation, cluster.resource.metadata.generation, "{title}");
        assert!(status.is_true(ConditionType::Reconciling), "{title}: {}", lines(&status));
        cluster.converge();
        let status = cluster.status();
        assert!(status.is_true(ConditionType::Ready), "{title}: {}", lines(&status));
    }
}

#[test]
fn missing_pod_monitor_kind_is_reported_and_ready_ignores_it() {
    let mut cluster = Cluster::running("users");
    let monitoring = |cluster: &Cluster| cluster.status().reason(ConditionType::MonitoringReady);
    assert_eq!(monitoring(&cluster), None, "the pipeline enables none");
    cluster.edit(|spec| spec.observability.pod_monitor = true);
    cluster.converge();
    assert_eq!(monitoring(&cluster), Some(Reason::NoPodMonitor));
    assert!(!cluster.status().is_true(ConditionType::MonitoringReady));
    assert_eq!(cluster.status().phase, Some(Phase::Running));
    cluster.settings.kinds.pod_monitor = true;
    cluster.converge();
    assert_eq!(monitoring(&cluster), Some(Reason::Monitored));
    assert!(cluster.status().is_true(ConditionType::MonitoringReady));
}
