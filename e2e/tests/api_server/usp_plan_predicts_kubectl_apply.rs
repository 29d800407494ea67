use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use userstream_e2e::usp::Usp;

use crate::test_namespace::TestNamespace;

/// Writes a manifest as a file that is removed with the cluster.
fn file(test: &TestNamespace, name: &str, manifest: &Value) -> PathBuf {
    let path = test.cluster.kubeconfig().with_file_name(format!("{}-{name}.yaml", test.namespace));
    fs::write(&path, manifest.to_string()).unwrap();
    path
}

async fn plan(test: &TestNamespace, manifest: &Value, more: &[&str], code: i32) -> Value {
    let path = file(test, "planned", manifest);
    let arguments = [&["plan", "-f", path.to_str().unwrap(), "-o", "json"], more].concat();
    let output = Usp::of(test.cluster, &test.namespace).run(&arguments).await.expect(code);
    output.json()[0].clone()
}

/// The changes as lines: the path, and what is there afterwards.
fn changes(planned: &Value) -> Vec<String> {
    let changes = planned["changes"].as_array().cloned().unwrap_or_default();
    changes.iter().map(|change| format!("{} {}", change["path"].as_str().unwrap(), change["after"])).collect()
}

fn edited(pipeline: &Value) -> Value {
    let mut edited = pipeline.clone();
    edited["metadata"]["labels"] = json!({"team": "growth"});
    edited["spec"]["kafka"]["topic"]["partitions"] = json!(6);
    edited["spec"]["processor"] = json!({"replicas": 2});
    edited["spec"]["schema"]["fields"].as_array_mut().unwrap().push(json!({"name": "nat", "type": "string"}));
    edited
}

#[tokio::test]
async fn plan_predicts_kubectl_apply_and_changes_nothing() {
    let test = TestNamespace::new().await;
    let mut first = test.pipeline("users");
    first["spec"]["processor"] = json!({"filter": "true", "replicas": 1});
    test.cluster.apply(&first).await;
    // A field of another field manager, which the file does not have.
    test.cluster.kubectl(&["scale", "usp", "users", "-n", &test.namespace, "--replicas=3"]).await;
    let before = test.cluster.pipeline(&test.namespace, "users").await;
    let mut next = edited(&test.pipeline("users"));
    next["spec"]["processor"] = json!({"maxRecordsPerSecond": 100, "replicas": 2});

    let planned = plan(&test, &next, &[], 0).await;
    assert_eq!((&planned["action"], &planned["appliedAs"]), (&json!("change"), &json!("kubectl apply")));
    let changed = changes(&planned);
    assert!(changed.contains(&"spec.processor.filter null".to_owned()), "removed from the file: {changed:?}");
    for line in
        ["metadata.labels.team \"growth\"", "spec.kafka.topic.partitions 6", "spec.processor.replicas 2"]
    {
        assert!(changed.contains(&line.to_owned()), "{line}: {changed:?}");
    }
    let unchanged = test.cluster.pipeline(&test.namespace, "users").await;
    assert_eq!(before["metadata"]["resourceVersion"], unchanged["metadata"]["resourceVersion"]);

    // `kubectl apply` makes the same change.
    test.cluster.apply(&next).await;
    let after = test.cluster.pipeline(&test.namespace, "users").await;
    for (path, value) in [("/spec/processor/filter", Value::Null), ("/spec/processor/replicas", json!(2))] {
        assert_eq!(after.pointer(path).cloned().unwrap_or_default(), value, "{path}");
    }
    assert_eq!(changes(&plan(&test, &next, &[], 0).await), Vec::<String>::new());
}

#[tokio::test]
async fn plan_predicts_server_side_apply_and_its_conflicts() {
    let test = TestNamespace::new().await;
    let pipeline = test.pipeline("users");
    let path = file(&test, "first", &pipeline);
    let path = path.to_str().unwrap();
    test.cluster.kubectl(&["apply", "--server-side", "--field-manager=flux", "-f", path]).await;
    let next = edited(&pipeline);

    let planned = plan(&test, &next, &["--field-manager", "flux"], 0).await;
    assert_eq!(planned["appliedAs"], "kubectl apply --server-side");
    let changed = changes(&planned);
    assert!(changed.iter().any(|line| line.starts_with("spec.schema.fields[nat] {")), "{changed:?}");

    let mut other = next.clone();
    other["spec"]["kafka"]["bootstrapServers"] = json!("elsewhere:9092");
    let planned = plan(&test, &other, &[], 1).await;
    assert_eq!(planned["action"], "refuse");
    assert!(planned["why"].to_string().contains("flux"), "{planned}");
    let planned = plan(&test, &other, &["--force-conflicts"], 0).await;
    assert!(
        changes(&planned).contains(&"spec.kafka.bootstrapServers \"elsewhere:9092\"".to_owned()),
        "{planned}"
    );
}

#[tokio::test]
async fn plan_of_a_new_pipeline_creates_nothing() {
    let test = TestNamespace::new().await;
    let path = file(&test, "new", &test.pipeline("users"));
    let usp = Usp::of(test.cluster, &test.namespace);
    let output = usp.run(&["plan", "-f", path.to_str().unwrap()]).await.expect(0);
    assert_eq!(output.first_line(), format!("{}/users would be created", test.namespace));
    let output = usp.run(&["get", "users"]).await.expect(69);
    assert!(output.stderr.contains("pipeline users not found"), "{}", output.stderr);

    let elsewhere = Usp::of(test.cluster, "nowhere");
    let mut pipeline = test.pipeline("users");
    pipeline["metadata"].as_object_mut().unwrap().remove("namespace");
    let path = file(&test, "nowhere", &pipeline);
    let output = elsewhere.run(&["plan", "-f", path.to_str().unwrap()]).await.expect(1);
    assert!(output.stderr.contains("namespace nowhere not found"), "{}", output.stderr);
}

#[tokio::test]
async fn plan_of_a_refused_edit_names_the_broken_rule() {
    let test = TestNamespace::new().await;
    let pipeline = test.pipeline("users");
    test.cluster.apply(&pipeline).await;

    // The file is valid; only the API server can compare it with the former name.
    let mut renamed = pipeline.clone();
    renamed["spec"]["kafka"]["topic"]["name"] = json!("another");
    let planned = plan(&test, &renamed, &[], 1).await;
    assert_eq!(planned["action"], "refuse");
    let why = planned["why"].to_string();
    let applied = test.cluster.try_apply(&renamed).await.unwrap_err();
    assert!(
        why.contains("spec.kafka.topic.name: ") && why.contains("kafka.topic.name cannot change"),
        "{why}"
    );
    for reason in planned["why"].as_array().unwrap() {
        // kubectl names the field and the reason as the API server does.
        let text = reason.as_str().unwrap().rsplit(": ").next().unwrap();
        assert!(applied.contains(text), "{text}\n{applied}");
    }

    // The file is invalid: the error has its line and column.
    let mut invalid = pipeline.clone();
    invalid["spec"]["schema"]["fields"][0]["required"] = json!(false);
    let path = file(&test, "invalid", &invalid);
    let output =
        Usp::of(test.cluster, &test.namespace).run(&["plan", "-f", path.to_str().unwrap()]).await.expect(1);
    assert!(
        output.stderr.contains("invalid.yaml:1:") && output.stderr.contains("required"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn plan_shows_the_plan_of_the_operator() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline("users");
    pipeline["spec"]["mode"] = json!("Plan");
    test.cluster.apply(&pipeline).await;
    let generation = test.cluster.pipeline(&test.namespace, "users").await["metadata"]["generation"].clone();
    let ready = json!({"type": "Ready", "status": "False", "reason": "Planned", "message": "mode is Plan",
        "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"observedGeneration": generation, "conditions": [ready], "plan": ["topic users: partitions 3 -> 6"]});
    test.cluster.write_status("usp", &test.namespace, "users", &status).await;
    let path = file(&test, "planned", &pipeline);
    let output =
        Usp::of(test.cluster, &test.namespace).run(&["plan", "-f", path.to_str().unwrap()]).await.expect(0);
    assert!(
        output.stdout.contains("planned by the operator (mode: Plan, generation 1, the live spec):\n    topic users: partitions 3 -> 6"),
        "{}",
        output.stdout
    );
}
