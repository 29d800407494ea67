//! Pipelines in common states, as `usp status` prints them.

mod case;

use serde_json::{Value, json};

use super::{Cause, cause, draw, is_ready, tree};
use crate::cluster::snapshot::{Forbidden, Operator, Snapshot};
use crate::cluster::state::State;
use crate::terminal::style::Style;
use crate::terminal::width_of;
use case::{
    Case, PROCESSORS_WAIT, PRODUCER_WAITS, ago, conditions, deployment, job, operator, owner, pod, succeeded,
    with,
};

fn shown(snapshot: &Snapshot, width: usize) -> String {
    let tree = tree(snapshot);
    draw(&cause(snapshot, &tree), &tree, width, Style(false))
}

fn first_line(snapshot: &Snapshot) -> Cause {
    cause(snapshot, &tree(snapshot))
}

macro_rules! shows {
    ($snapshot:expr, $state:pat, $ready:expr) => {
        let snapshot = $snapshot;
        let cause = first_line(&snapshot);
        assert!(matches!(cause.state, $state), "{cause:?}");
        assert_eq!(is_ready(&snapshot), $ready, "{cause:?}");
        insta::assert_snapshot!(shown(&snapshot, 140));
    };
}

#[test]
fn ready_pipeline_shows_its_parts() {
    let mut snapshot = Case::healthy().snapshot();
    let partition = |partition| json!({"partition": partition, "committed": 1, "highWatermark": 2, "lag": 1});
    let report = json!({
        "ready": true, "missing": [], "errors": [],
        "producer": {"pages": 0, "read": 0, "appended": 0, "deadLettered": 0, "skipped": 0, "runs": 0, "failedRuns": 0, "lastSuccessTime": null},
        "processor": {"partitions": [partition(0), partition(2), partition(4)], "lag": 617, "read": 0, "filtered": 0,
            "written": 1_234_567, "retries": 0, "deadLettered": 0, "skipped": 0, "deadLetterDepth": 0,
            "lastRowTime": null, "freshness": null, "writeLatency": null},
    });
    snapshot.reports.insert("users-processor-1-a".to_owned(), Ok(serde_json::from_value(report).unwrap()));
    snapshot.reports.insert("users-processor-1-b".to_owned(), Err("you may not get pods/proxy".to_owned()));
    shows!(snapshot, State::Good, true);
}

#[test]
fn failed_provisioning_is_the_root_cause() {
    let refused = "topic users_created exists: set adoptionPolicy to Adopt";
    let message = json!({"message": refused, "refusals": []}).to_string();
    let terminated =
        json!({"state": {"terminated": {"exitCode": 78, "message": message, "finishedAt": ago(290)}}});
    let name = "users-provision-1f2e3d4c5b";
    let job = job(
        name,
        "provision",
        &json!({
            "startTime": ago(300), "failed": 1,
            "conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": ago(290)}],
        }),
    );
    let conditions = conditions(&[
        ("Ready", "False", "Exists", refused),
        ("Reconciling", "False", "Exists", ""),
        ("Stalled", "True", "Exists", refused),
        ("TopicReady", "False", "Exists", refused),
        ("TableReady", "Unknown", "Blocked", "nothing is changed while something else is refused"),
        PROCESSORS_WAIT,
        PRODUCER_WAITS,
    ]);
    let pod = pod(&format!("{name}-x7k2p"), "provision", &owner("Job", name), &terminated);
    shows!(
        Case::provisioning(conditions, job, pod).status("phase", json!("Failed")).snapshot(),
        State::Broken,
        false
    );
}

fn image_pull_failure() -> Snapshot {
    let name = "users-provision-1f2e3d4c5b";
    let message = "Back-off pulling image \"example.org/werker:0.1.0\"";
    let waiting = json!({"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}});
    let message = "the provisioning pod does not start: ImagePullBackOff: Back-off pulling image \"example.org/werker:0.1.0\"";
    let conditions = conditions(&[
        ("Ready", "False", "PodNotStarting", message),
        ("Reconciling", "True", "PodNotStarting", message),
        ("TopicReady", "False", "PodNotStarting", message),
        ("TableReady", "False", "PodNotStarting", message),
        PROCESSORS_WAIT,
        PRODUCER_WAITS,
    ]);
    let pod = pod(&format!("{name}-x7k2p"), "provision", &owner("Job", name), &waiting);
    Case::provisioning(conditions, job(name, "provision", &json!({"startTime": ago(300), "active": 1})), pod)
        .snapshot()
}

#[test]
fn image_pull_failure_is_the_root_cause() {
    shows!(image_pull_failure(), State::Broken, false);
}

#[test]
fn provisioning_is_in_progress() {
    let name = "users-provision-1f2e3d4c5b";
    let conditions = conditions(&[
        ("Ready", "False", "Provisioning", "topic and table are being provisioned"),
        ("Reconciling", "True", "Provisioning", "topic and table are being provisioned"),
        ("TopicReady", "False", "Provisioning", "topic and table are being provisioned"),
        ("TableReady", "False", "Provisioning", "topic and table are being provisioned"),
        PROCESSORS_WAIT,
        PRODUCER_WAITS,
    ]);
    let running = json!({"state": {"running": {}}});
    let pod = pod(&format!("{name}-x7k2p"), "provision", &owner("Job", name), &running);
    let job = job(name, "provision", &json!({"startTime": ago(5), "active": 1}));
    shows!(Case::provisioning(conditions, job, pod).snapshot(), State::Working, false);
}

#[test]
fn suspended_pipeline_is_ready() {
    let case = Case {
        conditions: with(&[
            ("Ready", "True", "Suspended", "the pipeline is suspended: set spec.suspend to false to go on"),
            ("ProcessorReady", "False", "Suspended", "the processors are suspended"),
            ("ProducerReady", "False", "Suspended", "the producer is suspended"),
        ]),
        deployments: vec![deployment("processor", 0, 0)],
        pods: Vec::new(),
        ..Case::healthy()
    };
    let mut snapshot = case.status("phase", json!("Suspended")).snapshot();
    snapshot.pipeline.data["spec"]["suspend"] = json!(true);
    shows!(snapshot, State::Off, true);
}

#[test]
fn late_pipeline_shows_its_lag() {
    let late = "p99 freshness above 30s";
    let case = Case { conditions: with(&[("FreshnessMet", "False", "Late", late)]), ..Case::healthy() };
    let processor = json!({"replicas": 2, "readyReplicas": 2, "lag": 1_250_000, "lagObservedTime": ago(9), "lastRowTime": ago(1)});
    shows!(case.status("processor", processor).snapshot(), State::Warning, true);
}

#[test]
fn dead_letters_are_a_warning() {
    let snapshot = Case::healthy().status("deadLetter", json!({"depth": 12})).snapshot();
    shows!(snapshot, State::Warning, true);
}

#[test]
fn conflict_names_the_older_pipeline() {
    let why = "topic users_created belongs to the older pipeline prod/users: use another name, or delete that pipeline";
    let case = Case {
        conditions: conditions(&[
            ("Ready", "False", "Conflict", why),
            ("Reconciling", "False", "Conflict", ""),
            ("Stalled", "True", "Conflict", why),
        ]),
        status: json!({"phase": "Failed"}),
        deployments: Vec::new(),
        jobs: Vec::new(),
        pods: Vec::new(),
        operator: operator(1),
    };
    shows!(case.snapshot(), State::Broken, false);
}

#[test]
fn invalid_spec_keeps_the_last_good_workloads() {
    let why = "spec.kafka.topic.name: a topic name has letters, digits, dots, underscores or hyphens (found \"no spaces\")";
    let case = Case {
        conditions: conditions(&[
            ("Ready", "False", "Invalid", why),
            ("Reconciling", "False", "Invalid", ""),
            ("Stalled", "True", "Invalid", why),
        ]),
        ..Case::healthy()
    };
    shows!(case.status("phase", json!("Degraded")).snapshot(), State::Broken, false);
}

#[test]
fn operator_that_is_down_is_the_root_cause() {
    shows!(Case { operator: operator(0), ..Case::healthy() }.snapshot(), State::Broken, false);
}

#[test]
fn without_an_operator_nothing_is_reconciled() {
    let mut snapshot = Case { operator: Operator::NotFound, ..Case::healthy() }.snapshot();
    snapshot.pipeline.data["status"] = Value::Null;
    (snapshot.deployments, snapshot.cron_jobs, snapshot.jobs, snapshot.pods) =
        (vec![], vec![], vec![], vec![]);
    shows!(snapshot, State::Broken, false);
}

#[test]
fn unobserved_generation_is_in_progress() {
    let mut snapshot = Case::healthy().snapshot();
    snapshot.pipeline.metadata.generation = Some(4);
    shows!(snapshot, State::Working, false);
}

#[test]
fn unknown_lag_is_not_ready() {
    let why = "the processors' lag is not known: not every partition is accounted for yet";
    let case = Case {
        conditions: with(&[
            ("Ready", "False", "LagUnknown", why),
            ("ProcessorReady", "False", "LagUnknown", why),
        ]),
        ..Case::healthy()
    };
    let processor = json!({"replicas": 2, "readyReplicas": 2, "lastRowTime": ago(900)});
    shows!(
        case.status("phase", json!("Degraded")).status("processor", processor).snapshot(),
        State::Broken,
        false
    );
}

#[test]
fn crash_loop_shows_the_termination_message() {
    let message = json!({"message": "the table shop.created_users has no column post_code"}).to_string();
    let crashing = json!({
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 78, "message": message, "finishedAt": ago(30)}},
    });
    let set = owner("ReplicaSet", "users-processor-2");
    let mut case = Case::healthy();
    case.pods.push(pod("users-processor-2-c", "processor", &set, &crashing));
    let why = "1 of 2 processors are up to date and available: the table shop.created_users has no column post_code";
    case.conditions =
        with(&[("Ready", "False", "RolloutStuck", why), ("ProcessorReady", "False", "RolloutStuck", why)]);
    shows!(case.status("phase", json!("Degraded")).snapshot(), State::Broken, false);
}

#[test]
fn failed_run_shows_the_error_of_the_source() {
    let message =
        json!({"message": "https://randomuser.me/api/ answers 503 Service Unavailable"}).to_string();
    let terminated =
        json!({"state": {"terminated": {"exitCode": 69, "message": message, "finishedAt": ago(60)}}});
    let mut case = Case::healthy();
    let failed = json!({"startTime": ago(75), "failed": 3,
        "conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": ago(60)}]});
    case.jobs = vec![
        succeeded("users-provision-1f2e3d4c5b", "provision"),
        job("users-producer-30", "producer", &failed),
    ];
    case.pods.push(pod("users-producer-30-q", "producer", &owner("Job", "users-producer-30"), &terminated));
    let why = "the last run failed: https://randomuser.me/api/ answers 503 Service Unavailable";
    case.conditions =
        with(&[("Ready", "False", "LastRunFailed", why), ("ProducerReady", "False", "LastRunFailed", why)]);
    shows!(case.status("phase", json!("Degraded")).snapshot(), State::Broken, false);
}

#[test]
fn old_failed_run_is_not_the_root_cause() {
    let mut case = Case::healthy();
    let failed =
        json!({"startTime": ago(900), "failed": 1, "conditions": [{"type": "Failed", "status": "True"}]});
    case.jobs.push(job("users-run-7", "run", &failed));
    let why = "0 of 2 processors are up to date and available";
    case.conditions = with(&[
        ("Ready", "False", "RollingOut", why),
        ("Reconciling", "True", "RollingOut", why),
        ("ProcessorReady", "False", "RollingOut", why),
    ]);
    let cause = first_line(&case.snapshot());
    assert_eq!(cause.text, format!("users is not ready yet: {why} (RollingOut, for 5m)"));
}

#[test]
fn planned_pipeline_shows_its_plan() {
    let mut case = Case::healthy();
    let why = "mode is Plan: what it would change is in status.plan";
    case.conditions = with(&[("Ready", "False", "Planned", why)]);
    let mut snapshot = case
        .status(
            "plan",
            json!(["topic users_created: partitions 3 -> 6", "refused: table shop.users: its key differs"]),
        )
        .snapshot();
    snapshot.pipeline.data["spec"]["mode"] = json!("Plan");
    shows!(snapshot, State::Off, false);
}

#[test]
fn paused_pipeline_is_a_warning() {
    let mut case = Case::healthy();
    case.operator = Operator::Forbidden;
    case.conditions = with(&[
        ("Ready", "Unknown", "Paused", "the annotation userstream.dev/pause-reconciliation is set"),
        (
            "ReconciliationPaused",
            "True",
            "Paused",
            "the annotation userstream.dev/pause-reconciliation is set",
        ),
    ]);
    case.pods = Vec::new();
    let mut snapshot = case.snapshot();
    snapshot.forbidden.push(Forbidden { what: "pods", why: "you may not list pods in demo".to_owned() });
    shows!(snapshot, State::Warning, false);
}

#[test]
fn status_of_another_version_is_not_ready() {
    let mut snapshot = Case::healthy().snapshot();
    snapshot.pipeline.data["status"]["phase"] = json!("Levitating");
    let cause = first_line(&snapshot);
    assert!(matches!(cause.state, State::Unknown) && cause.text.contains("Levitating"), "{cause:?}");
    assert!(!is_ready(&snapshot));
}

#[test]
fn deleted_pipeline_is_not_ready() {
    let mut snapshot = Case::healthy().snapshot();
    snapshot.pipeline.metadata.deletion_timestamp = serde_json::from_value(json!(ago(3))).unwrap();
    assert!(!is_ready(&snapshot));
    assert_eq!(first_line(&snapshot).text, "users is being deleted: records flow");
}

#[test]
fn tree_fits_the_width_of_the_terminal() {
    for width in [20, 40, 79] {
        let text = shown(&image_pull_failure(), width);
        let lines: Vec<&str> = text.lines().collect();
        let tree = lines.iter().skip_while(|line| !line.is_empty());
        for line in tree {
            assert!(width_of(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn colours_do_not_change_the_text() {
    let snapshot = image_pull_failure();
    let tree = tree(&snapshot);
    let coloured = draw(&cause(&snapshot, &tree), &tree, 140, Style(true));
    assert!(coloured.starts_with("\u{1b}[31m✗ users is not ready"), "{coloured}");
    let mut plain = coloured;
    for code in ["0", "1", "2", "31", "32", "33", "36"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(plain, shown(&snapshot, 140));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let mut snapshot = image_pull_failure();
    let message = "\u{1b}[2Jgone\nand more";
    snapshot.pipeline.data["status"]["conditions"][0]["message"] = json!(message);
    let status = snapshot.pods[0].status.as_mut().unwrap();
    let waiting =
        status.container_statuses.as_mut().unwrap()[0].state.as_mut().unwrap().waiting.as_mut().unwrap();
    waiting.message = Some(message.to_owned());
    let text = shown(&snapshot, usize::MAX);
    assert!(!text.contains('\u{1b}') && text.contains("·[2Jgone·and more"), "{text}");
}

/// Checks the conditions that the operator's tests record, one section for each outcome.
#[test]
fn every_message_of_the_operator_is_in_the_cause() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../operator/tests/core/snapshots/conditions.snap");
    let text = std::fs::read_to_string(file).unwrap();
    let mut checked = 0;
    for section in text.split("\n## ").skip(1) {
        let conditions: Vec<Value> = section
            .lines()
            .filter_map(|line| {
                let (head, message) = line.split_once(": ")?;
                let [of, status, reason] = head.split(' ').collect::<Vec<_>>().try_into().ok()?;
                Some(json!({"type": of, "status": status, "reason": reason, "message": message,
                    "lastTransitionTime": ago(60)}))
            })
            .collect();
        let Some(ready) = conditions.iter().find(|it| it["type"] == "Ready").cloned() else { continue };
        let mut snapshot = Case { conditions: json!(conditions), ..Case::healthy() }.snapshot();
        (snapshot.deployments, snapshot.cron_jobs, snapshot.jobs, snapshot.pods) =
            (vec![], vec![], vec![], vec![]);
        let cause = first_line(&snapshot);
        assert_eq!(is_ready(&snapshot), ready["status"] == "True", "{section}\n{cause:?}");
        if ready["status"] != "True" && ready["reason"] != "Paused" {
            let lines = format!("{} {}", cause.text, cause.condition.clone().unwrap_or_default());
            assert!(lines.contains(ready["message"].as_str().unwrap().trim()), "{section}\n{cause:?}");
            assert_ne!(cause.state, State::Good, "{section}\n{cause:?}");
        }
        checked += 1;
    }
    assert!(checked > 10, "{file} has only {checked} outcomes");
}
