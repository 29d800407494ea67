//! The objects for Prometheus and Grafana. The packaging tests check the content of their files.

use userstream_e2e::documented_tables::file;

use crate::helm::{EVERYTHING, render, the};

#[test]
fn prometheus_rule_holds_the_alerts_and_runbook_links() {
    let rendered = render(&[
        "metrics.prometheusRule.enabled=true",
        "metrics.prometheusRule.runbooks=https://runbooks.example/userstream",
        "metrics.prometheusRule.labels.release=prometheus",
    ]);
    let rule = the(&rendered, "PrometheusRule");
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    let text = file("helm/userstream/files/alerts.yaml")
        .replace("@RUNBOOKS@", "https://runbooks.example/userstream");
    let groups: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(rule["spec"]["groups"], groups, "Helm has not interpreted the templates of Prometheus");
}

#[test]
fn dashboard_config_map_holds_the_file() {
    let rendered = render(&EVERYTHING);
    let map = the(&rendered, "ConfigMap");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let shown: serde_json::Value =
        serde_json::from_str(map["data"]["userstream.json"].as_str().unwrap()).unwrap();
    let wanted: serde_json::Value =
        serde_json::from_str(&file("helm/userstream/files/dashboard.json")).unwrap();
    assert_eq!(shown, wanted);
}

#[test]
fn pod_monitor_selects_the_operator() {
    let rendered = render(&EVERYTHING);
    let monitor = the(&rendered, "PodMonitor");
    let labels = &the(&rendered, "Deployment")["spec"]["template"]["metadata"]["labels"];
    for (name, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(labels[name], *value, "{name}");
    }
    let port = &the(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"];
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], *port);
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["honorLabels"], true, "the metrics of a pipeline have its namespace");
}
