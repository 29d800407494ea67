//! Suggestions for misspelt and misplaced names.

use serde_json::Value;

use crate::schema::definition::properties;

/// The candidate that is most similar to a word; `None` where none is similar enough.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let folded = fold(word);
    candidates
        .filter_map(|candidate| Some((distance(&folded, &fold(candidate))?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// A word without case, underscores and hyphens, which are confused most often.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The distance of two words; `None` where they are too different.
fn distance(left: &str, right: &str) -> Option<usize> {
    const SHORTEST_STEM: usize = 3;
    let shorter = left.len().min(right.len());
    // A plural or a longer form of the same word is close, whatever its length.
    if shorter >= SHORTEST_STEM && (left.starts_with(right) || right.starts_with(left)) {
        return Some(left.len().abs_diff(right.len()).min(2));
    }
    Some(strsim::osa_distance(left, right)).filter(|distance| *distance <= tolerated(shorter))
}

const fn tolerated(length: usize) -> usize {
    match length {
        // Short words are similar to too many others: `ssl` is not a misspelt `sasl`.
        0..=3 => 0,
        4..=5 => 1,
        6..=8 => 2,
        _ => 3,
    }
}

/// The paths in a schema where properties of this name are declared, of the outermost level that has any. Kubernetes'
/// types are not searched, and a name that is declared in too many places has no result.
pub(crate) fn belongs_to(schema: &Value, name: &str) -> Vec<String> {
    const TOO_COMMON: usize = 4;
    let mut level = vec![(String::new(), schema)];
    while !level.is_empty() {
        let declaring = |(path, schema): &(String, &Value)| {
            !path.is_empty() && properties(schema).is_some_and(|declared| declared.contains_key(name))
        };
        let found: Vec<String> =
            level.iter().filter(|part| declaring(part)).map(|(path, _)| path.clone()).collect();
        if !found.is_empty() {
            return if found.len() < TOO_COMMON { found } else { Vec::new() };
        }
        level = level.into_iter().flat_map(|(path, schema)| inner(&path, schema)).collect();
    }
    Vec::new()
}

fn inner<'a>(path: &str, schema: &'a Value) -> Vec<(String, &'a Value)> {
    let declared = properties(schema).into_iter().flatten();
    declared
        .filter(|(property, _)| !matches!(property.as_str(), "template" | "metadata" | "status"))
        .map(|(property, schema)| {
            let path = if path.is_empty() { property.clone() } else { format!("{path}.{property}") };
            match schema.get("items") {
                Some(items) => (format!("{path}[]"), items),
                None => (path, schema),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::definition::document_schema;

    fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
        nearest(word, candidates.iter().copied())
    }

    #[test]
    fn misspelt_name_is_recognised() {
        let names = ["bootstrapServers", "topic", "tls", "sasl", "keyField", "producer"];
        assert_eq!(suggestion("bootstrapServer", &names).as_deref(), Some("bootstrapServers"));
        assert_eq!(suggestion("bootstrap_servers", &names).as_deref(), Some("bootstrapServers"));
        assert_eq!(suggestion("Topic", &names).as_deref(), Some("topic"));
        assert_eq!(suggestion("topci", &names).as_deref(), Some("topic"));
        assert_eq!(suggestion("keyfeild", &names).as_deref(), Some("keyField"));
        assert_eq!(suggestion("producerConfiguration", &names).as_deref(), Some("producer"));
    }

    #[test]
    fn unrelated_name_has_no_suggestion() {
        let names = ["bootstrapServers", "topic", "tls", "sasl", "keyField", "producer"];
        for word in ["", "x", "ssl", "replicas", "colour"] {
            assert_eq!(suggestion(word, &names), None, "{word}");
        }
    }

    #[test]
    fn misplaced_field_is_found_where_it_belongs() {
        let places = |name| belongs_to(document_schema(), name);
        assert_eq!(places("interval"), ["spec.source.generator", "spec.source.http"]);
        assert_eq!(places("partitionKey"), ["spec.sink.cassandra.table"]);
        assert_eq!(places("expr"), ["spec.schema.fields[]"]);
        assert_eq!(places("colour"), Vec::<String>::new());
    }
}
