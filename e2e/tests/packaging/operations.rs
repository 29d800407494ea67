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

#[test]
fn documented_reasons_equal_those_in_code() {
    let reasons: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    let documented: BTreeSet<String> = table(section(&file(PAGE), "### Reasons")).into_keys().collect();
    let missing: Vec<&String> = reasons.difference(&documented).collect();
    let extra: Vec<&String> = documented.difference(&reasons).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "not documented: {missing:?}; not in the code: {extra:?}"
    );
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

#[test]
fn documented_rights_equal_those_of_the_roles() {
    let page = file(PAGE);
    let (before, rest) = page.split_once("<!-- rights: written by `make generate` -->\n").unwrap();
    let (found, after) = rest.split_once("<!-- /rights -->").unwrap();
    let wanted = rights();
    assert!(!wanted.contains("secrets"), "{wanted}");
    // Other tests read the page at the same time, so an unchanged page is not written.
    if std::env::var_os("UPDATE").is_some() && found != wanted {
        let page =
            format!("{before}<!-- rights: written by `make generate` -->\n{wanted}<!-- /rights -->{after}");
        std::fs::write(repository().join(PAGE), page).unwrap();
        return;
    }
    assert_eq!(found, wanted, "{PAGE}: run `make generate`");
}
