use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace, name};

/// An Event: its type, its reason, its note, and the count of its series.
#[derive(Debug, Clone, PartialEq)]
struct EmittedEvent {
    of: String,
    reason: String,
    note: String,
    times: i64,
}

impl TestNamespace {
    /// The Events of a pipeline, the oldest first.
    async fn events(&self, pipeline: &str) -> Vec<EmittedEvent> {
        let mut all = self.cluster.list("events.events.k8s.io", &self.namespace).await;
        all.retain(|event| event["regarding"]["name"] == pipeline);
        all.sort_by_key(|event| event["eventTime"].as_str().unwrap().to_owned());
        let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
        let emitted = |event: &Value| EmittedEvent {
            of: text(event, "type"),
            reason: text(event, "reason"),
            note: text(event, "note"),
            times: event["series"]["count"].as_i64().unwrap_or(1),
        };
        all.iter().map(emitted).collect()
    }

    /// Waits until a reason has occurred so often, and returns all Events.
    async fn await_event(&self, pipeline: &str, reason: &str, times: i64) -> Vec<EmittedEvent> {
        poll_until(&format!("{pipeline} has an Event {reason} with the count {times}"), TIMEOUT, async || {
            let all = self.events(pipeline).await;
            let is_emitted = all.iter().any(|event| event.reason == reason && event.times == times);
            if is_emitted { Ok(all) } else { Err(format!("{all:#?}")) }
        })
        .await
    }

    /// Writes the pod status of the provisioning Job, with this exit code and termination message.
    async fn end_provisioning(&self, pipeline: &str, exit_code: i32, message: &Value) {
        let job = self.await_object("job", &format!("{pipeline}-provision-")).await;
        self.cluster.kubectl(&["create", "serviceaccount", "default", "-n", &self.namespace]).await;
        let body = self.cluster.get("job", &self.namespace, &job).await;
        let mut pod = body["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"] = json!({"name": format!("{job}-x"), "namespace": self.namespace,
            "labels": body["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job,
                "uid": body["metadata"]["uid"], "controller": true}]});
        self.cluster.apply(&pod).await;
        let now = "2026-01-01T00:00:00Z";
        let ended = json!({"exitCode": exit_code, "reason": "Error", "startedAt": now, "finishedAt": now,
            "message": message.to_string()});
        let status = json!({"phase": "Running", "containerStatuses": [{"name": "worker", "image": "", "imageID": "",
            "ready": false, "restartCount": 1, "state": {"terminated": ended}}]});
        self.cluster.write_status("pod", &self.namespace, &format!("{job}-x"), &status).await;
    }
}

fn steps(events: &[EmittedEvent]) -> Vec<(&str, &str, i64)> {
    events.iter().map(|event| (event.of.as_str(), event.reason.as_str(), event.times)).collect()
}

#[tokio::test]
async fn each_step_emits_an_event_and_repetitions_are_counted() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.cluster.apply(&test.pipeline("users")).await;
    // A step of less than a second emits no Event.
    test.await_event("users", "Provisioning", 1).await;
    test.complete_jobs().await;
    test.await_event("users", "RollingOut", 1).await;
    test.roll_out("users-processor").await;
    let events = test.await_event("users", "LagUnknown", 1).await;
    assert_eq!(
        steps(&events),
        [("Normal", "Provisioning", 1), ("Normal", "RollingOut", 1), ("Normal", "LagUnknown", 1)]
    );
    let ready = test.await_reason("users", "LagUnknown").await;
    assert_eq!(ready["message"], events[2].note);

    for (suspend, reason, times) in [(true, "Suspended", 1), (false, "RollingOut", 2), (true, "Suspended", 2)]
    {
        test.patch(&json!({"spec": {"suspend": suspend}})).await;
        test.await_event("users", reason, times).await;
    }
    let events = test.events("users").await;
    assert_eq!(
        steps(&events),
        [
            ("Normal", "Provisioning", 1),
            ("Normal", "RollingOut", 2),
            ("Normal", "LagUnknown", 1),
            ("Normal", "Suspended", 2)
        ],
        "a repetition is counted and creates no second Event"
    );
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn stalled_pipeline_emits_a_warning_event() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let refused = test.pipeline("refused");
    test.cluster.apply(&refused).await;
    test.await_event("refused", "Provisioning", 1).await;
    let why = "topic t exists: set adoptionPolicy to Adopt";
    let refusal = json!({"resource": "topic/t", "reason": "Exists", "text": why});
    test.end_provisioning("refused", 78, &json!({"message": "refused", "refusals": [refusal]})).await;
    let events = test.await_event("refused", "Exists", 1).await;
    assert_eq!(steps(&events), [("Normal", "Provisioning", 1), ("Warning", "Exists", 1)]);
    assert_eq!(events[1].note, why);

    let mut second = refused;
    second["metadata"]["name"] = json!("second");
    test.cluster.apply(&second).await;
    let events = test.await_event("second", "Conflict", 1).await;
    assert_eq!(steps(&events), [("Warning", "Conflict", 1)]);
    assert!(events[0].note.contains(&format!("{}/refused", test.namespace)), "{events:?}");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn triggered_runs_and_scaling_emit_events() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    for (nonce, times) in [(5, 1), (6, 2)] {
        test.patch(&json!({"spec": {"source": {"triggerNonce": nonce}}})).await;
        test.await_event("users", "RunStarted", times).await;
        let jobs = test.cluster.list("jobs", &test.namespace).await;
        assert!(jobs.iter().any(|job| name(job) == format!("users-run-{nonce}")), "{nonce}: {jobs:#?}");
    }
    for (fewest, times) in [(2, 1), (3, 2)] {
        test.patch(&json!({"spec": {"autoscaling": {"enabled": true, "minReplicas": fewest}}})).await;
        let events = test.await_event("users", "Limits", times).await;
        let scaled = events.iter().find(|event| event.reason == "Limits").unwrap();
        assert_eq!(scaled.of, "Normal", "{events:#?}");
        let found = test.cluster.get("deployment", &test.namespace, "users-processor").await;
        assert_eq!(found["spec"]["replicas"], fewest);
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}
