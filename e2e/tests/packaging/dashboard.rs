//! The Grafana dashboard of the chart.

use std::collections::BTreeSet;

use serde_json::Value;
use userstream_e2e::documented_tables::file;

#[test]
fn every_panel_queries_exported_metrics_without_overlap() {
    let dashboard: Value = serde_json::from_str(&file("helm/userstream/files/dashboard.json")).unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    let mut queries = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: another panel has its id");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title} exceeds the grid");
        for cell in (place("x")..place("x") + place("w"))
            .flat_map(|x| (place("y")..place("y") + place("h")).map(move |y| (x, y)))
        {
            assert!(cells.insert(cell), "{title} overlaps another panel");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["description"].as_str().is_some_and(|text| !text.is_empty()),
            "{title} has no description"
        );
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            crate::queries::check(title, target["expr"].as_str().unwrap());
            queries += 1;
        }
    }
    assert!(queries >= 20, "{queries} queries");
}
