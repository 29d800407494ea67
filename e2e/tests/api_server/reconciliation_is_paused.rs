use serde_json::json;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

const PAUSE: &str = "userstream.dev/pause-reconciliation";

impl TestNamespace {
    async fn replicas(&self) -> i64 {
        let found = self.cluster.get("deployment", &self.namespace, "users-processor").await;
        found["spec"]["replicas"].as_i64().unwrap()
    }

    async fn await_replicas(&self, wanted: i64) {
        poll_until(&format!("the processor has {wanted} replicas"), TIMEOUT, async || {
            let found = self.replicas().await;
            if found == wanted { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }

    async fn is_paused(&self) -> bool {
        self.condition("users", "ReconciliationPaused").await["status"] == "True"
    }

    async fn await_pause(&self, wanted: bool) {
        poll_until(&format!("whether it is paused is {wanted}"), TIMEOUT, async || {
            if self.is_paused().await == wanted { Ok(()) } else { Err("it is not".to_owned()) }
        })
        .await;
    }

    /// Waits until the operator has received all earlier events: it provisions a pipeline that was created after them. The
    /// absence of a write emits no event that a test could wait for.
    async fn await_observed(&self) {
        self.cluster.apply(&self.pipeline("another")).await;
        self.await_object("job", "another-provision-").await;
    }
}

#[tokio::test]
async fn changes_during_a_pause_are_corrected_after_it() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    test.annotate(&format!("{PAUSE}=true")).await;
    test.await_pause(true).await;
    let paused = test.status("users").await;

    let scaled = r#"{"spec":{"replicas":7}}"#;
    test.cluster
        .kubectl(&[
            "patch",
            "deployment",
            "-n",
            &test.namespace,
            "users-processor",
            "--type=merge",
            "-p",
            scaled,
        ])
        .await;
    test.cluster.kubectl(&["delete", "cronjob", "-n", &test.namespace, "users-producer"]).await;
    test.patch(&json!({"spec": {"processor": {"replicas": 2}}})).await;
    test.await_observed().await;
    assert_eq!(test.replicas().await, 7, "neither drift nor the edit is applied");
    assert_eq!(test.cluster.list("cronjob", &test.namespace).await, Vec::<serde_json::Value>::new());
    let after = test.status("users").await;
    assert_eq!(after, paused, "the status of a paused pipeline is not written");

    // Only the value `true` pauses.
    test.annotate(&format!("{PAUSE}=yes")).await;
    test.await_replicas(2).await;
    test.await_pause(false).await;
    test.roll_out("users-processor").await;
    test.await_object("cronjob", "users-producer").await;
    test.annotate(&format!("{PAUSE}-")).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
