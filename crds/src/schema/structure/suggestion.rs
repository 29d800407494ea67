//! What people may have meant.

use serde_json::Value;

use crate::schema::definition::properties;

/// The candidate that is most like a word, where one is like it at all.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let folded = fold(word);
    candidates
        .filter_map(|candidate| Some((unlikeness(&folded, &fold(candidate))?, candidate)))
        .min_by_key(|(unlikeness, _)| *unlikeness)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Case, underscores and hyphens are what people mix up first.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// How far two words are apart; `None` where neither is meant to be the other.
fn unlikeness(left: &str, right: &str) -> Option<usize> {
    const SHORTEST_STEM: usize = 3;
    let shorter = left.len().min(right.len());
    // A plural or a longer form of the same word is nearer than its length says.
    if shorter >= SHORTEST_STEM && (left.starts_with(right) || right.starts_with(left)) {
        return Some(left.len().abs_diff(right.len()).min(2));
    }
    Some(strsim::osa_distance(left, right)).filter(|distance| *distance <= tolerated(shorter))
}

const fn tolerated(length: usize) -> usize {
    match length {
        // Three letters are near to too much: `ssl` is not meant to be `sasl`.
        0..=3 => 0,
        4..=5 => 1,
        6..=8 => 2,
        _ => 3,
    }
}

/// Where in a schema properties of exactly this name are declared, as far out as there are any. Types of Kubernetes itself
/// are left out, and so is a name that is too common to say where it belongs.
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

    fn meant(word: &str, candidates: &[&str]) -> Option<String> {
        nearest(word, candidates.iter().copied())
    }

    #[test]
    fn what_is_almost_a_name_is_that_name() {
        let names = ["bootstrapServers", "topic", "tls", "sasl", "keyField", "producer"];
        assert_eq!(meant("bootstrapServer", &names).as_deref(), Some("bootstrapServers"));
        assert_eq!(meant("bootstrap_servers", &names).as_deref(), Some("bootstrapServers"));
        assert_eq!(meant("Topic", &names).as_deref(), Some("topic"));
        assert_eq!(meant("topci", &names).as_deref(), Some("topic"));
        assert_eq!(meant("keyfeild", &names).as_deref(), Some("keyField"));
        assert_eq!(meant("producerConfiguration", &names).as_deref(), Some("producer"));
    }

    #[test]
    fn what_is_like_no_name_is_none() {
        let names = ["bootstrapServers", "topic", "tls", "sasl", "keyField", "producer"];
        for word in ["", "x", "ssl", "replicas", "colour"] {
            assert_eq!(meant(word, &names), None, "{word}");
        }
    }

    #[test]
    fn a_field_of_another_place_is_found_where_it_belongs() {
        let places = |name| belongs_to(document_schema(), name);
        assert_eq!(places("interval"), ["spec.source.generator", "spec.source.http"]);
        assert_eq!(places("partitionKey"), ["spec.sink.cassandra.table"]);
        assert_eq!(places("expr"), ["spec.schema.fields[]"]);
        assert_eq!(places("colour"), Vec::<String>::new());
    }
}
