//! `docs/operations.md`, compared with the code.

use std::collections::BTreeSet;

use userstream_crds::condition::{ConditionType, Reason};
use userstream_e2e::documented_tables::{file, section, table};
use userstream_e2e::rig::repository;

const PAGE: &str = "docs/operations.md";

#[test]
fn documented_conditions_equal_those_in_code() {
    let types: BTreeSet<String> = ConditionType::ALL.iter().map(ToString::to_string).collect();
    let page = file(PAGE);
    let conditions = section(&page, "## Conditions").split("### Reasons").next().unwrap().to_owned();
    assert_eq!(table(&conditions).into_keys().collect::<BTreeSet<_>>(), types);
}

/// The table of rights, generated from the rules of the chart's roles.
fn rights() -> String {
    let mut text = String::from("| where | group | resources | verbs | what for |\n|---|---|---|---|---|\n");
    for (place, name) in [
        ("watched", "watched"),
        ("watched, with `networkPolicies`", "watched-with-network-policies"),
        ("release namespace", "own"),
        ("release namespace, its Lease", "own-by-name"),
    ] {
        let rules = file(&format!("helm/userstream/rules/{name}.yaml"));
        let value = |line: &str| {
            let (_, list) = line.split_once('[').unwrap();
            let words = list.trim_end_matches(']').split(", ").map(|word| word.trim_matches('"'));
            words
                .map(|word| format!("`{}`", if word.is_empty() { "core" } else { word }))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let lines: Vec<&str> = rules.lines().skip(1).collect();
        for rule in lines.chunks(4) {
            let why = rule[0].trim_start_matches("# ");
            text += &format!(
                "| {place} | {} | {} | {} | {why} |\n",
                value(rule[1]),
                value(rule[2]),
                value(rule[3])
            );
        }
    }
    text
}

/// The table of reasons, generated from the enum.
fn reasons() -> String {
    let mut text = String::from("| reason | meaning | what to do |\n|---|---|---|\n");
    for reason in Reason::ALL {
        text += &format!("| `{reason}` | {} | {} |\n", reason.documentation(), reason.remedy());
    }
    text
}

/// Compares a generated part of the page with what is wanted, or writes it. One test does so for all parts, so that no
/// two tests write the page at the same time.
fn with_part(page: &str, name: &str, wanted: &str) -> String {
    let (begin, end) =
        (format!("<!-- {name}: written by `make generate` -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (found, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE").is_none() {
        assert_eq!(found, wanted, "{PAGE}: run `make generate`");
    }
    format!("{before}{begin}{wanted}{end}{after}")
}

#[test]
fn generated_tables_of_the_page_are_up_to_date() {
    let rights = rights();
    assert!(!rights.contains("secrets"), "{rights}");
    let page = file(PAGE);
    let updated = with_part(&with_part(&page, "rights", &rights), "reasons", &reasons());
    // Other tests read the page at the same time, so an unchanged page is not written.
    if updated != page {
        std::fs::write(repository().join(PAGE), updated).unwrap();
    }
}
