//! Every outcome and the conditions that it becomes.

use std::fmt::Write;

use serde_json::json;
use userstream_crds::claims::claims;
use userstream_crds::duration::GoDuration;
use userstream_crds::status::PipelineStatus;
use userstream_crds::validate;
use userstream_crds::worker_status::Quantiles;
use userstream_operator::manifest::Cleanup;
use userstream_operator::model::kind::Kind;
use userstream_operator::plan::reservations::Reservations;
use userstream_operator::status::{ApplyFailure, Outcome, status};

use crate::cluster::{Cluster, NOW, example};

/// The conditions as a table, and the phase.
fn told(status: &PipelineStatus) -> String {
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

fn after(outcome: &Outcome<'_>) -> PipelineStatus {
    status(None, Some(1), outcome, NOW)
}

fn provisioning(example_name: &str, exit_code: i32, message: &str) -> PipelineStatus {
    let mut cluster = Cluster::with(example(example_name));
    cluster.reconcile();
    let job = cluster.job("-provision-");
    cluster.end_pod(&job, exit_code, message, false);
    cluster.status()
}

#[test]
fn every_outcome_has_the_conditions_recorded() {
    let mut all: Vec<(&str, PipelineStatus)> = Vec::new();
    all.push(("undecodable", after(&Outcome::Undecodable("missing field `kafka`"))));

    let mut invalid = example("users");
    invalid.spec.kafka.topic.name = "no spaces".to_owned();
    all.push((
        "invalid",
        after(&Outcome::Invalid {
            violations: &validate(&invalid).unwrap_err(),
            is_suspended: false,
            problem: None,
        }),
    ));

    let (older, mut younger) = (example("users"), example("users"));
    younger.metadata.name = Some("younger".to_owned());
    younger.metadata.uid = Some("ffffffff".to_owned());
    let mut index = Reservations::default();
    for resource in [&older, &younger] {
        index.insert(&resource.metadata, Some(claims(&validate(resource).unwrap())));
    }
    index.admit(older.metadata.uid.as_deref().unwrap());
    all.push((
        "conflict",
        after(&Outcome::Conflict {
            conflict: &index.conflict("ffffffff").unwrap(),
            is_suspended: false,
            problem: None,
        }),
    ));

    index.leave(older.metadata.uid.as_deref().unwrap(), NOW);
    all.push((
        "the workers of another are ending",
        after(&Outcome::Conflict {
            conflict: &index.conflict("ffffffff").unwrap(),
            is_suspended: false,
            problem: None,
        }),
    ));

    all.push(("paused before it was ever looked at", after(&Outcome::Paused)));

    let mut cluster = Cluster::with(example("users"));
    all.push(("new", cluster.status()));
    cluster.reconcile();
    all.push(("provisioning", cluster.status()));
    all.push(("provisioning waits for Secrets", {
        let mut it = Cluster::with(example("users-production"));
        it.reconcile();
        it.status()
    }));
    all.push((
        "a dependency is away",
        provisioning("users", 69, r#"{"outcome":"Unavailable","message":"no broker answers at kafka:9092"}"#),
    ));
    let refusal = json!({"outcome": "Config", "message": "", "refusals": [
        {"resource": "topic/users_created", "reason": "Exists", "text": "topic users_created exists: set adoptionPolicy to Adopt"}]});
    all.push(("a topic that exists", provisioning("users", 78, &refusal.to_string())));
    all.push((
        "a configuration that is refused",
        provisioning("users", 78, r#"{"outcome":"Config","message":"unknown field"}"#),
    ));
    all.push(("a worker that is killed", provisioning("users", 137, "")));

    let job = cluster.job("users-provision-");
    cluster.succeed(&job);
    cluster.reconcile();
    all.push(("processors roll out", cluster.status()));
    cluster.roll_out("users-processor");
    cluster.reports.clear();
    all.push(("lag is unknown", cluster.status()));
    cluster.roll_out("users-processor");
    cluster.reconcile();
    all.push(("the producer starts", cluster.status()));
    cluster.settle();
    all.push(("running", cluster.status()));

    let mut behind = Cluster::running("users");
    behind.edit(|spec| spec.kafka.topic.partitions = 9);
    behind.reconcile();
    all.push(("a changed spec is being provisioned", behind.status()));

    let mut suspended = Cluster::running("users");
    suspended.edit(|spec| spec.suspend = true);
    suspended.settle();
    all.push(("suspended", suspended.status()));

    let mut zero = Cluster::running("users");
    zero.edit(|spec| spec.processor.replicas = 0);
    zero.settle();
    all.push(("scaled to zero", zero.status()));

    let mut crashing = Cluster::running("users");
    crashing.object(Kind::Deployment, "users-processor")["status"]["availableReplicas"] = json!(0);
    all.push(("a processor is away", crashing.status()));

    let scheduled = Cluster::running("users-production");
    all.push(("scheduled, autoscaled and with an objective", scheduled.status()));

    let mut ran = Cluster::running("users-production");
    ran.run_of_schedule("2027-01-01T00:00:00Z", Some("2027-01-01T00:00:09Z"));
    all.push(("a run of the schedule has ended well", ran.status()));
    ran.run_of_schedule("2027-01-02T00:00:00Z", None);
    all.push(("the next one has failed", ran.status()));

    all.push(("planned", {
        let mut it = Cluster::running("users");
        it.edit(|spec| spec.mode = userstream_crds::model::Mode::Plan);
        it.settle();
        it.status()
    }));

    let problem =
        ApplyFailure { reason: "Forbidden", message: "jobs.batch is forbidden".to_owned(), is_final: false };
    let running = Cluster::running("users");
    all.push((
        "an object cannot be applied",
        running.decide(|situation, steps| {
            let outcome =
                Outcome::Reconciled { situation, steps, problem: Some(&problem), object_changes: &[] };
            status(running.resource.status.as_ref(), Some(1), &outcome, NOW)
        }),
    ));
    let gone =
        Cleanup::GivenUp { reason: "what the pipeline created was not deleted within 5 minutes".to_owned() };
    all.push(("cleanup is given up", after(&Outcome::CleaningUp(&gone))));

    let text: Vec<String> = all.iter().map(|(name, status)| format!("## {name}\n{}", told(status))).collect();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("conditions", text.join("\n"));
    });
}

#[test]
fn every_status_names_its_generation_and_sums_up_in_the_way_of_kstatus() {
    let mut cluster = Cluster::with(example("users"));
    cluster.edit(|_| ());
    for _ in 0..8 {
        let status = cluster.status();
        assert_eq!(status.observed_generation, Some(2));
        let is = |name: &str| status.condition(name).unwrap().status == "True";
        for condition in &status.conditions {
            assert_eq!(condition.observed_generation, Some(2), "{condition:?}");
            assert!(
                !condition.reason.is_empty() && condition.reason.chars().all(char::is_alphanumeric),
                "{condition:?}"
            );
        }
        let summary = ["Ready", "Reconciling", "Stalled"].into_iter().filter(|name| is(name)).count();
        assert_eq!(summary, 1, "{:#?}", status.conditions);
        cluster.reconcile();
        cluster.everything_goes_well();
    }
}

#[test]
fn the_time_of_a_condition_moves_only_with_its_status() {
    let mut cluster = Cluster::running("users");
    let before = cluster.status();
    cluster.now += jiff::SignedDuration::from_secs(60);
    cluster.everything_goes_well();
    cluster.object(Kind::Deployment, "users-processor")["status"]["availableReplicas"] = json!(0);
    let after = cluster.status();
    for (before, after) in before.conditions.iter().zip(&after.conditions) {
        let moved = before.last_transition_time != after.last_transition_time;
        assert_eq!(moved, before.status != after.status, "{before:?} {after:?}");
    }
    assert!(
        before.conditions.iter().zip(&after.conditions).any(|(before, after)| before.status != after.status)
    );
}

#[test]
fn a_pause_keeps_what_was_known_and_its_end_is_told() {
    let running = Cluster::running("users").resource.status.unwrap();
    let paused = status(Some(&running), Some(9), &Outcome::Paused, NOW);
    let find = |status: &PipelineStatus, name: &str| status.condition(name).cloned().unwrap();
    assert_eq!(find(&paused, "Ready"), find(&running, "Ready"));
    assert_eq!(find(&paused, "ReconciliationPaused").status, "True");
    assert_eq!(status(Some(&paused), Some(9), &Outcome::Paused, NOW), paused, "told once");
}

#[test]
fn a_run_that_ended_well_is_told_together_with_its_time() {
    let mut cluster = Cluster::running("users-production");
    let told = |cluster: &Cluster| {
        let status = cluster.status();
        let reason = status.condition("ProducerReady").unwrap().reason.clone();
        let success = status.producer.unwrap().last_success_time;
        (reason, success.map(|time| time.0.to_string()))
    };
    let well = |time: &str| ("LastRunSucceeded".to_owned(), Some(time.to_owned()));
    assert_eq!(told(&cluster), ("Scheduled".to_owned(), None));
    cluster.run_of_schedule("2027-01-01T00:00:00Z", Some("2027-01-01T00:00:09Z"));
    assert_eq!(told(&cluster), well("2027-01-01T00:00:09Z"), "the CronJob's controller has not told it yet");
    let remembered = json!("2027-01-02T00:00:09Z");
    cluster.object(Kind::CronJob, "users-producer")["status"]["lastSuccessfulTime"] = remembered;
    assert_eq!(told(&cluster), well("2027-01-02T00:00:09Z"), "its Job is gone already");
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let text = "ü".repeat(5000);
    let status = after(&Outcome::Undecodable(&text));
    assert!(status.conditions.iter().all(|condition| condition.message.len() <= 1030));
}

#[test]
fn rows_that_are_not_written_are_late_and_rows_that_need_not_be_are_not() {
    // What was written of late, when the last row was ever, and how many records wait.
    let told = |p99: Option<f64>, has_row: bool, lag: Option<i64>| {
        let mut cluster = Cluster::running("users");
        cluster.edit(|spec| spec.objectives.freshness = Some(GoDuration::from_secs(30)));
        cluster.settle();
        cluster.everything_goes_well();
        for report in cluster.reports.values_mut() {
            let processor = &mut report.status.processor;
            processor.freshness = p99.map(|p99_seconds| Quantiles { p50_seconds: 0.1, p99_seconds });
            processor.last_row_time = processor.last_row_time.filter(|_| has_row);
            processor.lag = lag;
        }
        let status = cluster.status();
        let met = status.condition("FreshnessMet").unwrap();
        (met.status.clone(), met.reason.clone())
    };
    for (found, status, reason) in [
        (told(Some(29.0), true, Some(0)), "True", "Fresh"),
        (told(Some(31.0), true, Some(0)), "False", "Late"),
        (told(None, false, Some(0)), "Unknown", "NoRowsYet"),
        (told(None, true, Some(0)), "True", "CaughtUp"),
        (told(None, true, Some(7)), "False", "NoRows"),
        (told(None, true, None), "Unknown", "UnknownLag"),
    ] {
        assert_eq!(found, (status.to_owned(), reason.to_owned()));
    }
}

#[test]
fn what_is_about_to_be_written_is_not_done() {
    type Edit = fn(&mut userstream_crds::PipelineSpec);
    let edits: [(&str, Edit); 2] =
        [("another scale", |spec| spec.processor.replicas = 3), ("no scale", |spec| spec.suspend = true)];
    for (title, edit) in edits {
        let mut cluster = Cluster::running("users");
        cluster.edit(edit);
        let status = cluster.status();
        let reconciling = status.condition("Reconciling").unwrap();
        assert_eq!(status.observed_generation, cluster.resource.metadata.generation, "{title}");
        assert_eq!(reconciling.status, "True", "{title}: the look that writes it\n{}", told(&status));
        cluster.settle();
        let settled = told(&cluster.status());
        assert!(settled.contains("Ready True"), "{title}: {settled}");
    }
}

#[test]
fn a_pod_monitor_that_cannot_be_made_is_no_secret_and_keeps_nothing_from_running() {
    let mut cluster = Cluster::running("users");
    let monitoring = |cluster: &Cluster| {
        let condition = cluster.status().conditions.into_iter().find(|one| one.type_ == "MonitoringReady");
        condition.map(|one| (one.status, one.reason))
    };
    assert_eq!(monitoring(&cluster), None, "nobody asks for one");
    cluster.edit(|spec| spec.observability.pod_monitor = true);
    cluster.settle();
    assert_eq!(monitoring(&cluster), Some(("False".to_owned(), "NoPodMonitor".to_owned())));
    assert_eq!(cluster.status().phase, Some(userstream_crds::status::Phase::Running));
    cluster.settings.kinds.pod_monitor = true;
    cluster.settle();
    assert_eq!(monitoring(&cluster), Some(("True".to_owned(), "Monitored".to_owned())));
}
