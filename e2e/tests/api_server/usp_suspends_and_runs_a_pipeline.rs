use serde_json::{Value, json};
use userstream_e2e::usp::Usp;

use crate::test_namespace::Home;

#[tokio::test]
async fn a_pipeline_is_suspended_and_goes_on() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline("users")).await;
    let usp = Usp::of(home.cluster, &home.namespace);
    let suspended = async || home.cluster.pipeline(&home.namespace, "users").await["spec"]["suspend"].clone();

    assert_eq!(
        usp.say(&["suspend", "users"]).await.expect(0).stdout,
        format!("{}/users suspended\n", home.namespace)
    );
    assert_eq!(suspended().await, json!(true));
    let again = home.cluster.pipeline(&home.namespace, "users").await;
    let said = usp.say(&["suspend", "users"]).await.expect(0);
    assert!(said.stdout.contains("is already suspended"), "{}", said.stdout);
    let after = home.cluster.pipeline(&home.namespace, "users").await;
    assert_eq!(
        again["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"],
        "nothing was to be changed"
    );

    usp.say(&["resume", "users"]).await.expect(0);
    assert_eq!(suspended().await, json!(false));
    let said = usp.say(&["resume", "usres"]).await.expect(69);
    assert!(said.stderr.contains("did you mean users?"), "{}", said.stderr);
}

#[tokio::test]
async fn a_run_is_asked_for_and_waited_for() {
    let home = Home::new().await;
    let _operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
    let usp = Usp::of(home.cluster, &home.namespace);

    let (said, job) = tokio::join!(usp.say(&["run", "users", "--wait"]), async {
        let job = home.await_object("job", "users-run-").await;
        home.complete_jobs().await;
        job
    });
    let said = said.expect(0);
    let nonce =
        home.cluster.pipeline(&home.namespace, "users").await["spec"]["source"]["triggerNonce"].clone();
    assert_eq!(job, format!("users-run-{nonce}"));
    assert!(
        said.stdout.contains(&format!("run {nonce} requested")) && said.stdout.contains("succeeded"),
        "{}",
        said.stdout
    );

    let (said, ()) = tokio::join!(usp.say(&["run", "users", "--wait"]), async {
        let before = nonce.as_i64().unwrap();
        let next = userstream_e2e::poll_until::await_until(
            "there is another run",
            crate::test_namespace::PATIENCE,
            async || {
                let found =
                    home.cluster.pipeline(&home.namespace, "users").await["spec"]["source"]["triggerNonce"]
                        .clone();
                if found.as_i64() > Some(before) { Ok(found) } else { Err(found.to_string()) }
            },
        )
        .await;
        let job = home.await_object("job", &format!("users-run-{next}")).await;
        home.cluster.write_status("job", &home.namespace, &job, &failed()).await;
    });
    let said = said.expect(3);
    assert!(
        said.stderr.contains("failed") && said.stderr.contains("usp logs users --producer"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn a_run_that_nobody_starts_is_waited_for_no_longer_than_asked() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline("users")).await;
    let said = Usp::of(home.cluster, &home.namespace)
        .say(&["run", "users", "--wait", "--timeout", "1s"])
        .await
        .expect(3);
    assert!(
        said.stderr.contains("has not started within 1.0 s: users is not reconciled yet"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn a_pipeline_without_a_source_is_not_run() {
    let home = Home::new().await;
    let mut pipeline = home.pipeline("users");
    pipeline["spec"].as_object_mut().unwrap().remove("source");
    home.cluster.apply(&pipeline).await;
    let said = Usp::of(home.cluster, &home.namespace).say(&["run", "users"]).await.expect(78);
    assert!(said.stderr.contains("users has no source, so there is nothing to run"), "{}", said.stderr);
    assert_eq!(home.cluster.pipeline(&home.namespace, "users").await["spec"].get("source"), None);
}

fn failed() -> Value {
    let now = "2026-01-01T00:00:00Z";
    let condition = |of: &str| json!({"type": of, "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": now, "lastProbeTime": now});
    json!({"startTime": now, "failed": 1, "conditions": [condition("FailureTarget"), condition("Failed")]})
}
