use serde_json::{Value, json};
use userstream_e2e::usp::Usp;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn pipeline_is_suspended_and_resumed() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let usp = Usp::of(test.cluster, &test.namespace);
    let suspended = async || test.cluster.pipeline(&test.namespace, "users").await["spec"]["suspend"].clone();

    assert_eq!(
        usp.run(&["suspend", "users"]).await.expect(0).stdout,
        format!("{}/users suspended\n", test.namespace)
    );
    assert_eq!(suspended().await, json!(true));
    let again = test.cluster.pipeline(&test.namespace, "users").await;
    let output = usp.run(&["suspend", "users"]).await.expect(0);
    assert!(output.stdout.contains("is already suspended"), "{}", output.stdout);
    let after = test.cluster.pipeline(&test.namespace, "users").await;
    assert_eq!(
        again["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"],
        "the second command changes nothing"
    );

    usp.run(&["resume", "users"]).await.expect(0);
    assert_eq!(suspended().await, json!(false));
    let output = usp.run(&["resume", "usres"]).await.expect(69);
    assert!(output.stderr.contains("did you mean users?"), "{}", output.stderr);
}

#[tokio::test]
async fn run_is_triggered_and_awaited() {
    let test = TestNamespace::new().await;
    let _operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    let usp = Usp::of(test.cluster, &test.namespace);

    let (output, job) = tokio::join!(usp.run(&["run", "users", "--wait"]), async {
        let job = test.await_object("job", "users-run-").await;
        test.complete_jobs().await;
        job
    });
    let output = output.expect(0);
    let nonce =
        test.cluster.pipeline(&test.namespace, "users").await["spec"]["source"]["triggerNonce"].clone();
    assert_eq!(job, format!("users-run-{nonce}"));
    assert!(
        output.stdout.contains(&format!("run {nonce} requested")) && output.stdout.contains("succeeded"),
        "{}",
        output.stdout
    );

    let (output, ()) = tokio::join!(usp.run(&["run", "users", "--wait"]), async {
        let before = nonce.as_i64().unwrap();
        let next = userstream_e2e::poll_until::poll_until(
            "there is another run",
            crate::test_namespace::TIMEOUT,
            async || {
                let found =
                    test.cluster.pipeline(&test.namespace, "users").await["spec"]["source"]["triggerNonce"]
                        .clone();
                if found.as_i64() > Some(before) { Ok(found) } else { Err(found.to_string()) }
            },
        )
        .await;
        let job = test.await_object("job", &format!("users-run-{next}")).await;
        test.cluster.write_status("job", &test.namespace, &job, &failed()).await;
    });
    let output = output.expect(3);
    assert!(
        output.stderr.contains("failed") && output.stderr.contains("usp logs users --producer"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn run_without_an_operator_times_out() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let output = Usp::of(test.cluster, &test.namespace)
        .run(&["run", "users", "--wait", "--timeout", "1s"])
        .await
        .expect(3);
    assert!(
        output.stderr.contains("has not started within 1.0 s: users is not reconciled yet"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn pipeline_without_a_source_is_not_run() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline("users");
    pipeline["spec"].as_object_mut().unwrap().remove("source");
    test.cluster.apply(&pipeline).await;
    let output = Usp::of(test.cluster, &test.namespace).run(&["run", "users"]).await.expect(78);
    assert!(output.stderr.contains("users has no source, so there is nothing to run"), "{}", output.stderr);
    assert_eq!(test.cluster.pipeline(&test.namespace, "users").await["spec"].get("source"), None);
}

fn failed() -> Value {
    let now = "2026-01-01T00:00:00Z";
    let condition = |of: &str| json!({"type": of, "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": now, "lastProbeTime": now});
    json!({"startTime": now, "failed": 1, "conditions": [condition("FailureTarget"), condition("Failed")]})
}
