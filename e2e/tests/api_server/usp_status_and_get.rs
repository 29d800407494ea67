use serde_json::{Value, json};
use userstream_e2e::poll_until::await_until;
use userstream_e2e::usp::Usp;

use crate::test_namespace::{Home, PATIENCE};

const NOW: &str = "2026-01-01T00:00:00Z";

fn condition(of: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": of, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW})
}

#[tokio::test]
async fn a_pod_that_cannot_start_is_the_first_line() {
    let home = Home::new().await;
    let _operator = home.operator().await;
    home.cluster.apply(&home.pipeline("users")).await;
    let usp = Usp::of(home.cluster, &home.namespace);
    let job = home.await_object("job", "users-provision-").await;
    // What controllers and a kubelet do.
    home.cluster.kubectl(&["create", "serviceaccount", "default", "-n", &home.namespace]).await;
    let body = home.cluster.get("job", &home.namespace, &job).await;
    let mut pod = body["spec"]["template"].clone();
    let labels = pod["metadata"]["labels"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"] = json!({"name": format!("{job}-x"), "namespace": home.namespace, "labels": labels,
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": body["metadata"]["uid"], "controller": true}]});
    home.cluster.apply(&pod).await;
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
    let status = json!({"phase": "Pending", "containerStatuses": [{"name": "worker", "image": "", "imageID": "",
        "ready": false, "restartCount": 0, "state": waiting}]});
    home.cluster.write_status("pod", &home.namespace, &format!("{job}-x"), &status).await;

    let wanted = format!("✗ users is not ready: pod {job}-x: ImagePullBackOff: Back-off pulling image");
    let said = await_until("the first line names the pod", PATIENCE, async || {
        let said = usp.say(&["status", "users"]).await.expect(3);
        if said.first_line() == wanted { Ok(said) } else { Err(said.stdout) }
    })
    .await;
    assert!(said.stdout.contains("check worker.image of the chart"), "{}", said.stdout);
    assert!(said.stdout.contains(&format!("└─ ✗ Job {job}")), "{}", said.stdout);
    assert!(!said.stdout.contains('\u{1b}'), "no colours where there is no terminal: {}", said.stdout);

    let told = usp.say(&["status", "users", "-o", "json"]).await.expect(3).json();
    assert_eq!((&told["ready"], &told["cause"]["state"]), (&json!(false), &json!("Broken")), "{told:#}");
}

#[tokio::test]
async fn a_pipeline_that_is_ready_ends_with_0_and_one_that_was_edited_since_does_not() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline("users")).await;
    let usp = Usp::of(home.cluster, &home.namespace);
    let said = usp.say(&["status", "users"]).await.expect(3);
    assert_eq!(said.first_line(), "✗ users is not reconciled yet");

    let status = json!({"observedGeneration": 1, "phase": "Running",
        "topic": {"name": "t", "partitions": 3, "replicas": 1},
        "processor": {"replicas": 1, "readyReplicas": 1, "lag": 12_345, "lagObservedTime": NOW},
        "conditions": [condition("Ready", "True", "Running", "records flow"),
            condition("TopicReady", "True", "Provisioned", "the topic is as the spec wants it")]});
    home.cluster.write_status("usp", &home.namespace, "users", &status).await;
    let said = usp.say(&["status", "users"]).await.expect(0);
    assert_eq!(said.first_line(), "✓ users is ready: records flow");
    assert!(said.stdout.contains("3 partitions, 1 replica; lag 12,345 as of "), "{}", said.stdout);

    let table = usp.say(&["get"]).await.expect(0).stdout;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "READY", "STATUS", "SCHEDULE", "LAG", "DLQ", "AGE"]);
    assert_eq!(lines[1][..3], ["users", "True", "Running"]);
    assert!(table.contains("0 0 1 1 *   12345   -"), "{table}");
    let all = usp_everywhere(&home).await;
    assert!(all.lines().any(|line| line.starts_with(&home.namespace) && line.contains("users")), "{all}");
    let told = usp.say(&["get", "users", "-o", "yaml"]).await.expect(0).stdout;
    assert!(told.contains("kind: UserStreamPipeline") && told.contains("lag: 12345"), "{told}");

    let patch = r#"{"spec":{"processor":{"replicas":2}}}"#;
    home.cluster
        .kubectl(&["patch", "usp", "users", "-n", &home.namespace, "--type=merge", "-p", patch])
        .await;
    let said = usp.say(&["status", "users"]).await.expect(3);
    assert!(said.first_line().contains("the last change of users is not reconciled yet"), "{}", said.stdout);
}

async fn usp_everywhere(home: &Home) -> String {
    Usp::everywhere(home.cluster).say(&["get", "--all-namespaces"]).await.expect(0).stdout
}

#[tokio::test]
async fn what_somebody_may_not_see_is_left_out_and_said_to_be() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline("users")).await;
    let namespace = home.namespace.as_str();
    home.cluster.kubectl(&["create", "serviceaccount", "viewer", "-n", namespace]).await;
    let verbs = ["--verb=get,list", "--resource=userstreampipelines.userstream.dev"];
    home.cluster.kubectl(&[&["create", "role", "viewer", "-n", namespace][..], &verbs].concat()).await;
    let subject = format!("--serviceaccount={namespace}:viewer");
    home.cluster
        .kubectl(&["create", "rolebinding", "viewer", "-n", namespace, "--role=viewer", &subject])
        .await;
    let token = home.cluster.kubectl(&["create", "token", "viewer", "-n", namespace]).await;
    let viewer = Usp::with_token(home.cluster, namespace, token.trim());

    let said = await_until("the viewer's rights are known", PATIENCE, async || {
        let said = viewer.say(&["status", "users"]).await;
        if said.code == Some(3) { Ok(said) } else { Err(said.stderr) }
    })
    .await;
    for hidden in ["deployments", "cronjobs", "jobs", "pods"] {
        let line = format!("? {hidden}  not shown: you may not list {hidden} in {namespace}");
        assert!(said.stdout.contains(&line), "{line}\n{}", said.stdout);
    }
    let said = viewer.say(&["suspend", "users"]).await.expect(77);
    assert!(said.stderr.contains("cannot patch resource \"userstreampipelines\""), "{}", said.stderr);
    let said = viewer.say(&["logs", "users"]).await.expect(77);
    assert!(said.stderr.contains("cannot list resource \"pods\""), "{}", said.stderr);
    let said = viewer.say(&["check", "-o", "json"]).await.expect(0);
    assert!(said.stdout.contains("you may not patch userstreampipelines.userstream.dev"), "{}", said.stdout);
}
