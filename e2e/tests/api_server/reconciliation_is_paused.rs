use serde_json::json;
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

const PAUSE: &str = "userstream.dev/pause-reconciliation";

impl Home {
    async fn replicas(&self) -> i64 {
        let found = self.cluster.get("deployment", &self.namespace, "users-processor").await;
        found["spec"]["replicas"].as_i64().unwrap()
    }

    async fn await_replicas(&self, wanted: i64) {
        await_until(&format!("there are to be {wanted} processors"), PATIENCE, async || {
            let found = self.replicas().await;
            if found == wanted { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }

    async fn is_paused(&self) -> bool {
        self.condition("users", "ReconciliationPaused").await["status"] == "True"
    }

    async fn await_pause(&self, wanted: bool) {
        await_until(&format!("whether it is paused is {wanted}"), PATIENCE, async || {
            if self.is_paused().await == wanted { Ok(()) } else { Err("it is not".to_owned()) }
        })
        .await;
    }

    /// Returns when the operator has taken notice of everything that happened before: what it does not do cannot be waited
    /// for, so another pipeline is begun behind it.
    async fn settle(&self) {
        self.cluster.apply(&self.pipeline("another")).await;
        self.await_object("job", "another-provision-").await;
    }
}

#[tokio::test]
async fn what_is_changed_meanwhile_stays_and_is_repaired_afterwards() {
    let home = Home::new().await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
    home.annotate(&format!("{PAUSE}=true")).await;
    home.await_pause(true).await;
    let paused = home.status("users").await;

    let by_hand = r#"{"spec":{"replicas":7}}"#;
    home.cluster
        .kubectl(&[
            "patch",
            "deployment",
            "-n",
            &home.namespace,
            "users-processor",
            "--type=merge",
            "-p",
            by_hand,
        ])
        .await;
    home.cluster.kubectl(&["delete", "cronjob", "-n", &home.namespace, "users-producer"]).await;
    home.patch(&json!({"spec": {"processor": {"replicas": 2}}})).await;
    home.settle().await;
    assert_eq!(home.replicas().await, 7, "neither repaired nor edited");
    assert_eq!(home.cluster.list("cronjob", &home.namespace).await, Vec::<serde_json::Value>::new());
    let after = home.status("users").await;
    assert_eq!(after, paused, "nothing is told of what nobody looks at");

    // Nothing but the one value pauses.
    home.annotate(&format!("{PAUSE}=yes")).await;
    home.await_replicas(2).await;
    home.await_pause(false).await;
    home.roll_out("users-processor").await;
    home.await_object("cronjob", "users-producer").await;
    home.annotate(&format!("{PAUSE}-")).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
