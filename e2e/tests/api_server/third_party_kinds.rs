//! The kinds of other projects, as far as pipelines use them.
//!
//! Like the originals, these schemas prune unknown fields. A field that the operator applies and the schema lacks would be
//! applied again with every reconcile.

use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

/// Strimzi's KafkaTopic and the Prometheus operator's PodMonitor.
fn definitions() -> [Value; 2] {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "object", "additionalProperties": text()});
    let topic = json!({
        "partitions": {"type": "integer", "minimum": 1},
        "replicas": {"type": "integer", "minimum": 1, "maximum": 32767},
        "config": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "topicName": text(),
    });
    let endpoint =
        json!({"type": "object", "properties": {"port": text(), "path": text(), "interval": text()}});
    let monitor = json!({
        "selector": {"type": "object", "properties": {"matchLabels": texts()}, "x-kubernetes-map-type": "atomic"},
        "podMetricsEndpoints": {"type": "array", "items": endpoint},
        "podTargetLabels": {"type": "array", "items": text()},
        "jobLabel": text(),
    });
    [
        definition(
            "kafka.strimzi.io",
            "v1beta2",
            "KafkaTopic",
            &json!({"type": "object", "properties": topic}),
        ),
        definition(
            "monitoring.coreos.com",
            "v1",
            "PodMonitor",
            &json!({"type": "object", "properties": monitor, "required": ["selector"]}),
        ),
    ]
}

fn definition(group: &str, version: &str, kind: &str, spec: &Value) -> Value {
    let singular = kind.to_lowercase();
    let schema = json!({"type": "object", "required": ["spec"], "properties": {
        "spec": spec,
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{singular}s.{group}")},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": format!("{singular}s"), "singular": singular},
            "scope": "Namespaced",
            "versions": [{"name": version, "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

impl TestNamespace {
    /// Installs the kinds, and waits until they are served.
    pub(crate) async fn install_third_party_kinds(&self) {
        for definition in definitions() {
            self.cluster.apply(&definition).await;
            let kind = definition["spec"]["names"]["plural"].as_str().unwrap();
            let kind = format!("{kind}.{}", definition["spec"]["group"].as_str().unwrap());
            poll_until(&format!("{kind} are served"), TIMEOUT, async || {
                let asked = self.cluster.try_kubectl(&["get", &kind, "-n", &self.namespace]).await;
                if asked.status.success() {
                    Ok(())
                } else {
                    Err(String::from_utf8_lossy(&asked.stderr).into_owned())
                }
            })
            .await;
        }
    }

    /// A pipeline that uses them.
    pub(crate) fn pipeline_with_third_party_kinds(&self, name: &str) -> Value {
        let mut pipeline = self.pipeline(name);
        pipeline["spec"]["kafka"]["bootstrapServers"] = json!("events-kafka-bootstrap:9092");
        pipeline["spec"]["kafka"]["topic"]["managementPolicy"] = json!("Strimzi");
        pipeline["spec"]["kafka"]["topic"]["config"] = json!({"retention.ms": "60000"});
        pipeline["spec"]["observability"] = json!({"podMonitor": true});
        pipeline
    }
}
