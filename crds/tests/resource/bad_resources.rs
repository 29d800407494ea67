//! Diagnostics of invalid resources: a golden table, and the promises beside it.

use crate::cases::{cases, file, replace, table_with};
use miette::{GraphicalReportHandler, GraphicalTheme};
use userstream_crds::diagnostics::{self, Report, Skipped};

fn refused(yaml: &str) -> Report {
    diagnostics::read("users.yaml", yaml).expect_err("the resource is invalid")
}

fn lines(report: &Report) -> Vec<String> {
    report.problems().map(ToString::to_string).collect()
}

fn drawn(report: &Report) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.render_report(&mut text, report).unwrap();
    text
}

#[test]
fn invalid_resources_have_the_diagnostics_of_the_table() {
    let (_, cases) = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let reported: Vec<Vec<String>> = cases
        .iter()
        .map(|case| match diagnostics::read("users.yaml", &case.yaml) {
            Err(report) => lines(&report),
            Ok(_) => panic!("{}: accepted\n{}", case.title, case.yaml),
        })
        .collect();
    if std::env::var_os("UPDATE").is_some() {
        replace(&file(), &table_with(&reported));
        return;
    }
    for (case, reported) in cases.iter().zip(&reported) {
        assert_eq!(reported, &case.expected, "{}\n{}", case.title, case.yaml);
    }
}

#[test]
fn base_of_the_invalid_resources_is_valid() {
    let (base, _) = cases();
    let file = diagnostics::read("users.yaml", &base).unwrap();
    assert_eq!(file.pipelines.len(), 1);
    assert_eq!(file.skipped, []);
}

#[test]
fn problem_points_at_value_parent_or_name() {
    let (base, _) = cases();
    let marked = |from: &str, to: &str| {
        let yaml = base.replace(from, to);
        let report = refused(&yaml);
        let problem = report.problems().next().unwrap();
        yaml.lines().nth(problem.line() - 1).unwrap().chars().skip(problem.column() - 1).collect::<String>()
    };
    assert_eq!(marked("name: users_created", "name: users created"), "users created");
    assert_eq!(marked("      url: https://randomuser.me/api/\n", ""), "http:");
    assert_eq!(marked("recordsPath", "recordPath"), "recordPath: results");
    assert_eq!(marked("type: int,", "type: integer,"), "integer, from: dob.age}");
}

#[test]
fn problems_have_the_order_of_the_text() {
    let (base, _) = cases();
    let yaml = base.replace("partitions: 3", "partitions: 0").replace("interval: 10s", "interval: soon");
    let places: Vec<usize> = refused(&yaml).problems().map(|problem| problem.line()).collect();
    assert_eq!(places.len(), 2);
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn report_shows_the_underlined_snippet() {
    let (base, _) = cases();
    let yaml =
        base.replace("interval: 10s", "intervall: 10s").replace("name: users_created", "name: \u{fc}sers");
    let drawn = drawn(&refused(&yaml));
    for expected in [
        "users.yaml has 3 problems",
        "[users.yaml:10:7]",
        "intervall: 10s",
        "did you mean `interval`?",
        "spec.kafka.topic.name: a topic name must have letters",
        "\u{fc}sers",
    ] {
        assert!(drawn.contains(expected), "{expected:?} is missing in\n{drawn}");
    }
}

#[test]
fn other_documents_are_skipped_and_listed() {
    let (base, _) = cases();
    let yaml = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n---\n{base}---\n# nothing\n---\na: 1\n"
    );
    let file = diagnostics::read("all.yaml", &yaml).unwrap();
    assert_eq!(file.pipelines.len(), 1);
    let line = base.lines().count() + 9;
    assert_eq!(
        file.skipped,
        [Skipped { line: 2, kind: Some("Secret".to_owned()) }, Skipped { line, kind: None }]
    );
}

#[test]
fn every_invalid_document_is_reported() {
    let (base, _) = cases();
    let bad = base.replace("name: users_created", "name: users created");
    let report = refused(&format!("{bad}---\n{bad}"));
    let lines: Vec<usize> = report.problems().map(|problem| problem.line()).collect();
    assert_eq!(lines, [22, 22 + base.lines().count() + 1]);
}

#[test]
fn password_in_a_url_is_not_reported() {
    let (base, _) = cases();
    let yaml = base.replace("https://randomuser.me", "https://me:hunter2@randomuser.me");
    assert!(!lines(&refused(&yaml)).join("\n").contains("hunter2"));
}
