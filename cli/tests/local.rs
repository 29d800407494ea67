//! `usp local` as a process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use rustix::process::Signal;
use support::http::{Answer, Server};
use support::{Workdir, generator, id, person, pipeline, pipeline_with};

#[test]
fn once_writes_every_record_and_exits() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(250)));
    let ended = workdir.run(["local", &file, "--once", "--output", "json"]).expect(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    let summary = ended.summary();
    for (member, value) in
        [("recordsRead", 250), ("recordsMapped", 250), ("rowsWritten", 250), ("deadLetters", 0), ("lag", 0)]
    {
        assert_eq!(summary[member], value, "{member} in {summary}");
    }
    assert_eq!(summary["pipeline"], "default/people");
    assert_eq!(summary["table"], "shop.people");
    assert!(summary["freshnessMilliseconds"]["p99"].is_u64(), "{summary}");
    assert!(summary["firstRowMilliseconds"].is_u64(), "{summary}");
    assert_eq!(workdir.rows(), 250);
}

#[test]
fn next_run_resumes_after_the_last_one() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(100)));
    for rows in [100, 200, 300] {
        workdir.run(["local", &file, "--once"]).expect(0);
        assert_eq!(workdir.rows(), rows);
    }
}

#[test]
fn row_limit_drains_the_records_already_read() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(40)));
    let summary = workdir.run(["local", &file, "--records", "100", "--output", "json"]).expect(0).summary();
    assert!(summary["rowsWritten"].as_u64() >= Some(100), "{summary}");
    assert_eq!(summary["rowsWritten"], summary["recordsMapped"], "{summary}");
    assert_eq!(workdir.rows(), summary["rowsWritten"].as_u64().unwrap());
}

#[test]
fn time_limit_drains_and_exits() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(40)));
    let summary = workdir.run(["local", &file, "--for", "500ms", "--output", "json"]).expect(0).summary();
    assert!(summary["seconds"].as_f64() >= Some(0.5), "{summary}");
    assert_eq!((&summary["lag"], workdir.rows()), (&0.into(), summary["recordsMapped"].as_u64().unwrap()));
}

#[test]
fn signal_drains_and_prints_the_summary() {
    for signal in [Signal::INT, Signal::TERM] {
        let workdir = Workdir::new();
        let file = workdir.write("people.yaml", &pipeline(&generator(500)));
        let mut running = workdir.start(["local", &file]);
        // The first line follows the first rows.
        let line = running.line().unwrap_or_else(|| panic!("it exited before a signal"));
        assert!(line.contains("written"), "{line}");
        running.signal(signal);
        let ended = running.end().expect(0);
        assert!(ended.stdout.contains("rows written"), "{}", ended.stdout);
        assert!(!ended.stdout.contains("left in topic"), "{}", ended.stdout);
        let rows = workdir.rows();
        assert!(rows > 0 && rows.is_multiple_of(500), "{rows} rows: a page is incomplete");
    }
}

#[test]
fn data_directory_in_use_is_refused() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(10)));
    let mut first = workdir.start(["local", &file]);
    first.line().unwrap_or_else(|| panic!("it exited before a signal"));
    let second = workdir.run(["local", &file, "--once"]).expect(69);
    assert!(second.stderr.contains("is in use by another `usp local`"), "{}", second.stderr);
    first.signal(Signal::INT);
    first.end().expect(0);
}

#[test]
fn every_page_of_an_api_is_written() {
    let page = |numbers: std::ops::Range<usize>| {
        let people: Vec<String> = numbers.map(person).collect();
        format!(r#"{{"results":[{}]}}"#, people.join(","))
    };
    let server = Server::start(move |target| {
        let number = target.split("page=").nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
        Answer::Complete(200, if number <= 3 { page(number * 10..number * 10 + 10) } else { page(0..0) })
    });
    let workdir = Workdir::new();
    let source = format!(
        "{{http: {{url: \"{}/api\", interval: 1s, recordsPath: results, pagination: {{type: Page, parameter: page, first: 1, maxPages: 10}}, rateLimit: {{requests: 100, per: 1s}}}}}}",
        server.address()
    );
    let file = workdir.write("people.yaml", &pipeline(&source));
    let summary = workdir.run(["local", &file, "--once", "--output", "json"]).expect(0).summary();
    assert_eq!(summary["rowsWritten"], 30, "{summary}");
    assert_eq!(server.requests(), ["/api?page=1", "/api?page=2", "/api?page=3", "/api?page=4"]);
    let found = workdir.query("shop", "SELECT id, first_name, post_code FROM people ORDER BY id");
    let expected: Vec<Vec<Option<String>>> = (10..40)
        .map(|number| vec![Some(id(number)), Some(format!("P{number}")), Some(number.to_string())])
        .collect();
    assert_eq!(found, expected);
}

/// A source with one valid person, one with an invalid date of birth, and one without an id.
fn source_with_invalid_records() -> Server {
    Server::start(|_| {
        let bad_date = person(2).replace("1990-01-01T00:00:00Z", "yesterday");
        let no_id = r#"{"name":{"first":"Unknown"}}"#;
        Answer::Complete(200, format!("[{},{bad_date},{no_id}]", person(1)))
    })
}

#[test]
fn invalid_record_becomes_a_dead_letter() {
    let server = source_with_invalid_records();
    let workdir = Workdir::new();
    let source = format!("{{http: {{url: \"{}\", interval: 1s}}}}", server.address());
    let file = workdir.write("people.yaml", &pipeline(&source));
    let ended = workdir.run(["local", &file, "--once", "--output", "json"]).expect(0);
    let summary = ended.summary();
    assert_eq!((&summary["rowsWritten"], &summary["deadLetters"]), (&1.into(), &2.into()), "{summary}");
    assert!(!ended.stderr.contains("yesterday"), "the log has a value of a record: {}", ended.stderr);

    let dead_letters = workdir.run(["tail", &file, "--stage", "dlq", "--output", "json"]).expect(0);
    let dead_letters: Vec<serde_json::Value> =
        dead_letters.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(dead_letters.len(), 2, "{dead_letters:?}");
    assert!(dead_letters[0]["reason"].as_str().unwrap().contains("dob"), "{}", dead_letters[0]);
    assert_eq!(dead_letters[0]["value"]["dob"]["date"], "yesterday", "{}", dead_letters[0]);
    assert_eq!(dead_letters[1]["value"]["name"]["first"], "Unknown", "{}", dead_letters[1]);
}

#[test]
fn on_error_fail_exits_with_65() {
    let server = source_with_invalid_records();
    let workdir = Workdir::new();
    let source = format!("{{http: {{url: \"{}\", interval: 1s}}}}", server.address());
    let file = workdir.write("people.yaml", &pipeline_with(&source, "{onError: Fail}"));
    let ended = workdir.run(["local", &file, "--output", "json"]).expect(65);
    assert!(ended.summary()["error"].as_str().unwrap().contains("onError: Fail"), "{}", ended.stdout);
}

#[test]
fn unavailable_source_exits_with_69() {
    let server = Server::start(|_| Answer::Complete(503, String::new()));
    let workdir = Workdir::new();
    let source = format!(
        "{{http: {{url: \"{}\", interval: 1s, retry: {{maxAttempts: 2, initialBackoff: 1ms, maxBackoff: 1ms}}}}}}",
        server.address()
    );
    let file = workdir.write("people.yaml", &pipeline(&source));
    let ended = workdir.run(["local", &file, "--once", "--output", "json"]).expect(69);
    let summary = ended.summary();
    assert_eq!(summary["rowsWritten"], 0, "{summary}");
    assert_eq!(summary["faults"][0]["place"], "source", "{summary}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn private_addresses_outside_the_ranges_are_refused() {
    let server = Server::start(|_| Answer::Complete(200, "[]".to_owned()));
    let workdir = Workdir::new();
    let source = format!("{{http: {{url: \"{}\", interval: 1s}}}}", server.address());
    let file = workdir.write("people.yaml", &pipeline(&source));
    workdir.run(["local", &file, "--once", "--allow-private-range", "10.0.0.0/8"]).expect(69);
    assert_eq!(server.requests().len(), 0);
    workdir.run(["local", &file, "--once", "--allow-private-range", "127.0.0.0/8"]).expect(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn mode_plan_prints_the_plan_and_changes_nothing() {
    let workdir = Workdir::new();
    let text = pipeline(&generator(10)).replace("spec:\n", "spec:\n  mode: Plan\n");
    let file = workdir.write("people.yaml", &text);
    let ended = workdir.run(["local", &file]).expect(0);
    assert!(ended.stdout.contains("topic people"), "{}", ended.stdout);
    let planned = workdir.run(["plan", &file]).expect(0);
    assert!(planned.stdout.contains("topic people"), "the run created the topic: {}", planned.stdout);
}

#[test]
fn unsupported_field_is_refused() {
    let workdir = Workdir::new();
    let text = pipeline(&generator(10)).replace("  delivery: {}\n", "  processor: {dedupe: {within: 10m}}\n");
    let file = workdir.write("people.yaml", &text);
    let ended = workdir.run(["local", &file, "--once"]).expect(1);
    assert!(ended.stderr.contains("remove processor.dedupe"), "{}", ended.stderr);
}

#[test]
fn missing_client_names_the_cargo_feature() {
    if cfg!(feature = "kafka") {
        return;
    }
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(10)));
    let ended = workdir.run(["local", &file, "--kafka", "localhost:9092"]).expect(78);
    assert!(ended.stderr.contains("--features kafka"), "{}", ended.stderr);
}
