//! The YAML snippets in `docs/migration.md` are parts of a tested example.

use serde_json::Value;
use userstream_e2e::documented_tables::file;

/// Whether `whole` contains `part`: members by name, elements of lists in any order.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|other| is_part(value, other)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.iter().all(|element| whole.iter().any(|other| is_part(element, other)))
        }
        _ => part == whole,
    }
}

#[test]
fn migration_snippets_cover_the_example() {
    let example: Value = serde_saphyr::from_str(&file("crds/examples/users.yaml")).unwrap();
    let page = file("docs/migration.md");
    let mut sections = std::collections::BTreeSet::new();
    for block in page.split("```yaml\n").skip(1) {
        let piece: Value = serde_saphyr::from_str(block.split("\n```").next().unwrap()).unwrap();
        assert!(is_part(&piece, &example), "{piece:#} is not in crds/examples/users.yaml");
        sections.extend(piece["spec"].as_object().unwrap().keys().cloned());
    }
    assert_eq!(sections, example["spec"].as_object().unwrap().keys().cloned().collect());
}
