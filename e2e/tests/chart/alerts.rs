//! The alerts of the chart, evaluated by Prometheus' own rule engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use userstream_e2e::documented_tables::file;
use userstream_e2e::rig::repository;

/// The minutes after the evaluation starts until which an alert must stay quiet.
const LAST_MINUTE: u64 = 55;

/// `promtool` where `e2e/prerequisites promtool` installs it, or on the path.
fn promtool() -> Command {
    let user = std::env::var_os("HOME");
    let installed = user.map(|user| Path::new(&user).join(".cache/userstream/bin/promtool"));
    let program = installed.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("promtool"));
    Command::new(program)
}

fn series(of: &Value) -> Value {
    let of = of.as_object().unwrap().iter();
    of.map(|(series, values)| json!({"series": series, "values": values})).collect()
}

/// Whether the alert fires in a minute.
fn firing(alert: &str, minute: u64, fires: bool) -> Value {
    let query = format!("count(ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}})");
    let samples = if fires { json!([{"labels": "{}", "value": 1}]) } else { json!([]) };
    json!({"expr": query, "eval_time": format!("{minute}m"), "exp_samples": samples})
}

/// The tests of an alert in the format of `promtool test rules`.
fn tests(case: &Value) -> [Value; 2] {
    let (alert, at) = (case["alert"].as_str().unwrap(), case["at"].as_u64().unwrap());
    let test = |series_of: &str, queries: Vec<Value>| {
        let series = series(&case[series_of]);
        json!({"name": format!("{alert} {series_of}"), "interval": "1m", "input_series": series, "promql_expr_test": queries})
    };
    let quiet = (0..=LAST_MINUTE.max(at + 5)).map(|minute| firing(alert, minute, false)).collect();
    [test("fires", vec![firing(alert, at - 1, false), firing(alert, at, true)]), test("quiet", quiet)]
}

#[test]
fn every_alert_fires_in_time_and_is_quiet_otherwise() {
    let rules = file("helm/userstream/files/alerts.yaml").replace("@RUNBOOKS@", "https://runbooks.example");
    let groups: Value = serde_saphyr::from_str(&rules).unwrap();
    let cases: Value = serde_saphyr::from_str(&file("e2e/tests/chart/alerts.yaml")).unwrap();
    let cases = cases.as_array().unwrap();
    let names = |of: &[Value]| of.iter().map(|it| it["alert"].as_str().unwrap().to_owned()).collect();
    let tested: BTreeSet<String> = names(cases);
    let rules_of = |group: &Value| group["rules"].as_array().unwrap().clone();
    let declared: Vec<Value> = groups.as_array().unwrap().iter().flat_map(rules_of).collect();
    assert_eq!(tested, names(&declared), "each alert has its series");
    let tests: Vec<Value> = cases.iter().flat_map(tests).collect();
    let file_of = BTreeMap::from([
        ("rules.yaml", json!({"groups": groups})),
        ("tests.yaml", json!({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests})),
    ]);
    let folder = repository().join(format!("target/alerts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, content) in file_of {
        // JSON is YAML.
        std::fs::write(folder.join(name), content.to_string()).unwrap();
    }
    let output = promtool().args(["test", "rules", "tests.yaml"]).current_dir(&folder).output();
    let output =
        output.unwrap_or_else(|error| panic!("promtool: {error}; e2e/prerequisites promtool installs it"));
    let text =
        [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}
