use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::usp::Usp;

use crate::test_namespace::{TIMEOUT, TestNamespace};

const NOW: &str = "2026-01-01T00:00:00Z";

fn condition(of: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": of, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW})
}

#[tokio::test]
async fn status_starts_with_the_pod_that_cannot_start() {
    let test = TestNamespace::new().await;
    let _operator = test.operator().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let usp = Usp::of(test.cluster, &test.namespace);
    let job = test.await_object("job", "users-provision-").await;
    // The pod and its status, in place of the Job controller and a kubelet.
    test.cluster.kubectl(&["create", "serviceaccount", "default", "-n", &test.namespace]).await;
    let body = test.cluster.get("job", &test.namespace, &job).await;
    let mut pod = body["spec"]["template"].clone();
    let labels = pod["metadata"]["labels"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"] = json!({"name": format!("{job}-x"), "namespace": test.namespace, "labels": labels,
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": body["metadata"]["uid"], "controller": true}]});
    test.cluster.apply(&pod).await;
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
    let status = json!({"phase": "Pending", "containerStatuses": [{"name": "worker", "image": "", "imageID": "",
        "ready": false, "restartCount": 0, "state": waiting}]});
    test.cluster.write_status("pod", &test.namespace, &format!("{job}-x"), &status).await;

    let expected = format!("✗ users is not ready: pod {job}-x: ImagePullBackOff: Back-off pulling image");
    let output = poll_until("the first line names the pod", TIMEOUT, async || {
        let output = usp.run(&["status", "users"]).await.expect(3);
        if output.first_line() == expected { Ok(output) } else { Err(output.stdout) }
    })
    .await;
    assert!(output.stdout.contains("check worker.image of the chart"), "{}", output.stdout);
    assert!(output.stdout.contains(&format!("└─ ✗ Job {job}")), "{}", output.stdout);
    assert!(!output.stdout.contains('\u{1b}'), "no colours where there is no terminal: {}", output.stdout);

    let status = usp.run(&["status", "users", "-o", "json"]).await.expect(3).json();
    assert_eq!(
        (&status["ready"], &status["cause"]["state"]),
        (&json!(false), &json!("Broken")),
        "{status:#}"
    );
}

#[tokio::test]
async fn status_exits_0_when_ready_at_the_current_generation() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let usp = Usp::of(test.cluster, &test.namespace);
    let output = usp.run(&["status", "users"]).await.expect(3);
    assert_eq!(output.first_line(), "✗ users is not reconciled yet");

    let status = json!({"observedGeneration": 1, "phase": "Running",
        "topic": {"name": "t", "partitions": 3, "replicas": 1},
        "processor": {"replicas": 1, "readyReplicas": 1, "lag": 12_345, "lagObservedTime": NOW},
        "conditions": [condition("Ready", "True", "Running", "records flow"),
            condition("TopicReady", "True", "Provisioned", "the topic is as declared")]});
    test.cluster.write_status("usp", &test.namespace, "users", &status).await;
    let output = usp.run(&["status", "users"]).await.expect(0);
    assert_eq!(output.first_line(), "✓ users is ready: records flow");
    assert!(output.stdout.contains("3 partitions, 1 replica; lag 12,345 as of "), "{}", output.stdout);

    let table = usp.run(&["get"]).await.expect(0).stdout;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "READY", "STATUS", "SCHEDULE", "LAG", "DLQ", "AGE"]);
    assert_eq!(lines[1][..3], ["users", "True", "Running"]);
    assert!(table.contains("0 0 1 1 *   12345   -"), "{table}");
    let all = usp_get_all(&test).await;
    assert!(all.lines().any(|line| line.starts_with(&test.namespace) && line.contains("users")), "{all}");
    let yaml = usp.run(&["get", "users", "-o", "yaml"]).await.expect(0).stdout;
    assert!(yaml.contains("kind: UserStreamPipeline") && yaml.contains("lag: 12345"), "{yaml}");

    let patch = r#"{"spec":{"processor":{"replicas":2}}}"#;
    test.cluster
        .kubectl(&["patch", "usp", "users", "-n", &test.namespace, "--type=merge", "-p", patch])
        .await;
    let output = usp.run(&["status", "users"]).await.expect(3);
    assert!(
        output.first_line().contains("the last change of users is not reconciled yet"),
        "{}",
        output.stdout
    );
}

async fn usp_get_all(test: &TestNamespace) -> String {
    Usp::without_namespace(test.cluster).run(&["get", "--all-namespaces"]).await.expect(0).stdout
}

#[tokio::test]
async fn forbidden_objects_are_listed_as_not_shown() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let namespace = test.namespace.as_str();
    test.cluster.kubectl(&["create", "serviceaccount", "viewer", "-n", namespace]).await;
    let verbs = ["--verb=get,list", "--resource=userstreampipelines.userstream.dev"];
    test.cluster.kubectl(&[&["create", "role", "viewer", "-n", namespace][..], &verbs].concat()).await;
    let subject = format!("--serviceaccount={namespace}:viewer");
    test.cluster
        .kubectl(&["create", "rolebinding", "viewer", "-n", namespace, "--role=viewer", &subject])
        .await;
    let token = test.cluster.kubectl(&["create", "token", "viewer", "-n", namespace]).await;
    let viewer = Usp::with_token(test.cluster, namespace, token.trim());

    let output = poll_until("the viewer's rights are known", TIMEOUT, async || {
        let output = viewer.run(&["status", "users"]).await;
        if output.code == Some(3) { Ok(output) } else { Err(output.stderr) }
    })
    .await;
    for hidden in ["deployments", "cronjobs", "jobs", "pods"] {
        let line = format!("? {hidden}  not shown: you may not list {hidden} in {namespace}");
        assert!(output.stdout.contains(&line), "{line}\n{}", output.stdout);
    }
    let output = viewer.run(&["suspend", "users"]).await.expect(77);
    assert!(output.stderr.contains("cannot patch resource \"userstreampipelines\""), "{}", output.stderr);
    let output = viewer.run(&["logs", "users"]).await.expect(77);
    assert!(output.stderr.contains("cannot list resource \"pods\""), "{}", output.stderr);
    let output = viewer.run(&["check", "-o", "json"]).await.expect(0);
    assert!(
        output.stdout.contains("you may not patch userstreampipelines.userstream.dev"),
        "{}",
        output.stdout
    );
}
