use serde_json::{Value, json};
use userstream_e2e::cluster::Cluster;
use userstream_e2e::usp::Usp;

/// The Deployment of the operator, as far as `usp` reads it.
fn operator() -> Value {
    let labels = json!({"app.kubernetes.io/part-of": "userstream", "app.kubernetes.io/component": "operator",
        "app.kubernetes.io/version": env!("CARGO_PKG_VERSION")});
    let variables = json!([{"name": "WORKER_IMAGE", "value": "example.org/worker:1"},
        {"name": "WATCH_NAMESPACES", "value": "demo"}]);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "userstream", "namespace": "default", "labels": labels},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "operator", "image": "example.org/operator:1", "env": variables}]}}},
    })
}

fn finding<'f>(report: &'f Value, check: &str) -> &'f Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {report:#}"))
}

async fn assert_missing_crd_is_reported(usp: &Usp) {
    let output = usp.run(&["check"]).await.expect(3);
    assert!(output.stdout.contains("✓ Kubernetes"), "{}", output.stdout);
    assert!(
        output.stdout.contains("✗ definition   userstreampipelines.userstream.dev is not installed"),
        "{}",
        output.stdout
    );
    for command in [&["get"][..], &["status", "users"], &["run", "users"]] {
        let output = usp.run(command).await.expect(78);
        assert!(
            output.stderr.contains("the CustomResourceDefinition is not installed; install the operator"),
            "{}",
            output.stderr
        );
    }
}

async fn assert_changed_crd_is_a_warning(cluster: &Cluster, usp: &Usp) {
    let place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/suspend/description";
    let patch = json!([{"op": "replace", "path": place, "value": "A former description."}]).to_string();
    cluster
        .kubectl(&["patch", "crd", "userstreampipelines.userstream.dev", "--type=json", "-p", &patch])
        .await;
    let report = usp.run(&["check", "-o", "json"]).await.expect(0).json();
    let definition = finding(&report, "definition");
    assert_eq!(definition["state"], "Warning", "{report:#}");
    assert!(
        definition["message"].to_string().contains("1 difference, the first in v1alpha1.schema"),
        "{report:#}"
    );
}

#[tokio::test]
async fn check_reports_what_a_cluster_lacks_until_it_is_complete() {
    let cluster = Cluster::bare_api_server("bare").await;
    cluster.kubectl(&["create", "namespace", "demo"]).await;
    let usp = Usp::of(cluster, "demo");
    assert_missing_crd_is_reported(&usp).await;

    cluster.install_crd();
    let report = usp.run(&["check", "-o", "json"]).await.expect(3).json();
    assert_eq!(finding(&report, "definition")["state"], "Good", "{report:#}");
    assert_eq!(finding(&report, "permissions")["state"], "Good", "{report:#}");
    assert_eq!(finding(&report, "operator")["state"], "Broken", "{report:#}");

    cluster.apply(&operator()).await;
    let report = usp.run(&["check", "-o", "json"]).await.expect(3).json();
    assert!(
        finding(&report, "operator")["message"].to_string().contains("default/userstream: 0 of 1 ready"),
        "{report:#}"
    );
    let ready = json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1});
    cluster.write_status("deployment", "default", "userstream", &ready).await;
    let output = usp.run(&["check"]).await.expect(0);
    assert!(output.stdout.contains("✓ worker image  example.org/worker:1"), "{}", output.stdout);

    let output = Usp::of(cluster, "default").run(&["check"]).await.expect(3);
    assert!(output.stdout.contains("no operator watches namespace default"), "{}", output.stdout);
    assert_changed_crd_is_a_warning(cluster, &usp).await;
    cluster.down().await;
}
