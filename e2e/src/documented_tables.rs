//! Sections and tables of the documentation, for tests that compare them with the code.

use std::collections::BTreeMap;

use crate::rig::repository;

/// The text of a file of the repository.
///
/// # Panics
/// When it cannot be read.
pub fn file(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text below this heading, up to the next heading of the same or a higher level.
///
/// # Panics
/// When there is no such heading.
pub fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let begin = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("there is no `{heading}`"));
    let body = text.get(begin + heading.len() + 2..).unwrap_or_default();
    let level = heading.bytes().take_while(|byte| *byte == b'#').count();
    let is_end = |rest: &str| {
        let marks = rest.bytes().take_while(|byte| *byte == b'#').count();
        (1..=level).contains(&marks)
    };
    let end = body.match_indices('\n').find(|(at, _)| is_end(body.get(at + 1..).unwrap_or_default()));
    body.get(..end.map_or(body.len(), |(at, _)| at)).unwrap_or_default()
}

/// The names in the first column of the tables of a text, with the second column.
pub fn table(text: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        Some((name.to_owned(), cells.next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// The documented metrics, with their types.
pub fn metrics() -> BTreeMap<String, String> {
    table(section(&file("docs/operations.md"), "## Metrics"))
}

/// The metrics of a page in the OpenMetrics format, by the names of their samples, with their types.
pub fn metrics_of(page: &str) -> BTreeMap<String, String> {
    let family = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        Some((name, kind.to_owned()))
    };
    page.lines().filter_map(family).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a\n\n## b\n| `x` | one | two |\n### c\n| `y` | three |\n## d\n| `z` | four |\n";

    #[test]
    fn section_has_its_subsections_and_ends_at_the_next_heading() {
        let names: Vec<String> = table(section(TEXT, "## b")).into_keys().collect();
        assert_eq!(names, ["x", "y"]);
        assert_eq!(table(section(TEXT, "### c"))["y"], "three |");
    }

    #[test]
    fn counters_are_listed_under_their_sample_names() {
        let page = "# TYPE rows counter\nrows_total 1\n# TYPE age_seconds histogram\n# EOF\n";
        let found: Vec<(String, String)> = metrics_of(page).into_iter().collect();
        let expected = [("age_seconds", "histogram"), ("rows_total", "counter")];
        assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
    }
}
