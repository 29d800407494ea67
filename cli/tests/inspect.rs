//! `usp tail` and `usp plan` as processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use support::{Workdir, generator, pipeline};

/// A directory with the data of one run.
fn after_a_run(count: u32) -> (Workdir, String) {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(count)));
    workdir.run(["local", &file, "--once"]).expect(0);
    (workdir, file)
}

#[test]
fn tail_prints_the_last_rows_with_a_header() {
    let (workdir, file) = after_a_run(30);
    let text = workdir.run(["tail", &file, "-n", "4"]).expect(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("id ") && lines[0].contains("first_name"), "{text}");

    let json = workdir.run(["tail", &file, "-n", "4", "--output", "json"]).expect(0).stdout;
    let ids = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].to_string())
            .collect()
    };
    assert_eq!(ids(&json).len(), 4);
    for id in ids(&json) {
        assert!(text.contains(id.trim_matches('"')), "{id} is not in {text}");
    }
}

#[test]
fn tail_prints_records_of_all_partitions_by_time() {
    let (workdir, file) = after_a_run(30);
    let json =
        workdir.run(["tail", &file, "--stage", "topic", "-n", "12", "--output", "json"]).expect(0).stdout;
    let records: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 12, "{json}");
    let times: Vec<&str> = records.iter().map(|record| record["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    for record in &records {
        assert_eq!(record["key"], record["value"]["id"], "{record}");
        assert_eq!(record["headers"]["content-type"], "application/json", "{record}");
    }
    let text = workdir.run(["tail", &file, "--stage", "topic", "-n", "3"]).expect(0).stdout;
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn tail_follows_a_running_pipeline() {
    let (workdir, file) = after_a_run(5);
    let mut tail =
        workdir.start(["tail", &file, "--stage", "topic", "-n", "5", "--follow", "--output", "json"]);
    for _ in 0..5 {
        tail.line().unwrap_or_else(|| panic!("the last records are missing"));
    }
    workdir.run(["local", &file, "--once"]).expect(0);
    let record = tail.line().unwrap_or_else(|| panic!("a new record is missing"));
    assert!(record.contains("\"partition\""), "{record}");
}

#[test]
fn tail_before_the_first_run_names_usp_local() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(5)));
    for stage in ["topic", "table", "dlq"] {
        let ended = workdir.run(["tail", &file, "--stage", stage]).expect(69);
        assert!(ended.stderr.contains("usp local"), "{stage}: {}", ended.stderr);
        assert!(!workdir.path().join("userstream-data").exists(), "tail created the data directory");
    }
}

#[test]
fn plan_prints_the_changes_and_makes_none() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(5)));
    for _ in 0..2 {
        let text = workdir.run(["plan", &file]).expect(0).stdout;
        for part in ["topic people", "keyspace shop", "table shop.people"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
    assert!(!workdir.path().join("userstream-data").exists(), "plan created the data directory");
    workdir.run(["local", &file, "--once"]).expect(0);
    assert_eq!(
        workdir.run(["plan", &file]).expect(0).stdout,
        "No changes: topic, keyspace and table match the pipeline.\n"
    );
    let json = workdir.run(["plan", &file, "--output", "json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["changes"], serde_json::json!([]), "{json}");
}

#[test]
fn plan_shows_growth_and_refuses_to_shrink() {
    let (workdir, _) = after_a_run(5);
    let text = pipeline(&generator(5));
    let grown = text.replace("partitions: 3", "partitions: 5");
    let grown = workdir.write("grown.yaml", &grown);
    let plan = workdir.run(["plan", &grown]).expect(0).stdout;
    assert!(plan.contains("partitions 3 -> 5"), "{plan}");

    let shrunk = workdir.write("shrunk.yaml", &text.replace("partitions: 3", "partitions: 2"));
    let plan = workdir.run(["plan", &shrunk]).expect(78).stdout;
    assert!(plan.starts_with("Refused"), "{plan}");
    let refused = workdir.run(["local", &shrunk, "--once"]).expect(78);
    assert!(refused.stderr.contains("partitions"), "{}", refused.stderr);
}
