//! The alerts of the chart.

use std::collections::BTreeSet;

use serde_json::Value;
use userstream_e2e::documented_tables::{file, section};

use crate::queries;

fn alerts() -> Vec<Value> {
    let groups: Value = serde_saphyr::from_str(&file("helm/userstream/files/alerts.yaml")).unwrap();
    let rules =
        groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().cloned().unwrap());
    rules.collect()
}

#[test]
fn every_alert_queries_exported_metrics() {
    for alert in alerts() {
        queries::check(alert["alert"].as_str().unwrap(), alert["expr"].as_str().unwrap());
    }
}

#[test]
fn alerts_and_runbooks_match_one_to_one() {
    let documentation = file("docs/operations.md");
    let runbooks: BTreeSet<&str> =
        section(&documentation, "## Alerts").lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut named = BTreeSet::new();
    let alerts = alerts();
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        let link = alert["annotations"]["runbook_url"].as_str().unwrap();
        // The anchor that GitHub makes of a heading of one word.
        assert_eq!(link, format!("@RUNBOOKS@#{}", name.to_lowercase()));
        assert!(["warning", "critical"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        for text in ["summary", "description"] {
            assert!(
                alert["annotations"][text].as_str().is_some_and(|text| text.ends_with('.')),
                "{name}: {text}"
            );
        }
        assert!(named.insert(name), "{name} is there twice");
    }
    assert_eq!(named, runbooks);
}
