//! The oracle: computes the content of a table from the topic alone, and classifies how the actual content differs.
//!
//! The fold is the contract: for each cell the version with the greatest write time wins, whatever the order of delivery
//! and however often a record is delivered. After any crash the table must equal the fold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::record::TopicRecord;

/// One cell: its value in the text form of the oracle, and its write time in microseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The value.
    pub value: String,
    /// The write time that the table reports.
    pub write_time: i64,
}

/// A row of the table: its key, and its cells by column. Unset cells are absent.
pub type Row = (String, BTreeMap<&'static str, Cell>);

/// The values that a record must write: the row's key, and values by column.
pub type Values = (String, BTreeMap<&'static str, String>);

/// The write time of a record, in microseconds: its timestamp in milliseconds × 1000, plus its offset modulo 1000. So two
/// versions of one millisecond keep the order of the topic.
pub fn write_time(record: &TopicRecord) -> i64 {
    record.timestamp * 1000 + record.offset % 1000
}

/// All versions of all rows that the topic holds, by key.
#[derive(Debug, Default)]
pub struct Model {
    versions: BTreeMap<String, Vec<BTreeMap<&'static str, Cell>>>,
    /// How many records were folded.
    pub records: usize,
}

impl Model {
    /// The fold of a topic. `values` maps a record to its row, or to none for an errant record.
    pub fn fold(records: &[TopicRecord], values: impl Fn(&TopicRecord) -> Option<Values>) -> Self {
        let mut model = Self::default();
        for record in records {
            if let Some((key, values)) = values(record) {
                model.write(key, values, write_time(record));
            }
        }
        model
    }

    /// Adds one version of a row.
    pub fn write(&mut self, key: String, values: BTreeMap<&'static str, String>, write_time: i64) {
        let version =
            values.into_iter().map(|(column, value)| (column, Cell { value, write_time })).collect();
        self.versions.entry(key).or_default().push(version);
        self.records += 1;
    }

    /// The keys that the table must hold.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.versions.keys().map(String::as_str)
    }

    /// How many rows the table must hold.
    pub fn rows(&self) -> usize {
        self.versions.len()
    }

    /// Compares all rows of a table with the fold.
    pub fn compare(&self, found: &[Row]) -> Comparison {
        let mut comparison = Comparison { rows: found.len(), ..Comparison::default() };
        let mut seen = BTreeSet::new();
        for (key, cells) in found {
            let Some(versions) = self.versions.get(key) else {
                comparison.note(Anomaly::Ghost, key, &format!("{cells:?} was never written"));
                continue;
            };
            if !seen.insert(key) {
                comparison.note(Anomaly::Duplicate, key, "two rows have this key");
            }
            let expected = merge(versions.iter());
            if *cells != expected {
                comparison.note(classify(versions, cells), key, &difference(&expected, cells));
            }
        }
        for key in self.versions.keys().filter(|key| !seen.contains(key)) {
            comparison.note(Anomaly::Lost, key, "there is no row");
        }
        comparison
    }
}

/// For each cell, the version with the greatest write time.
fn merge<'a>(
    versions: impl Iterator<Item = &'a BTreeMap<&'static str, Cell>>,
) -> BTreeMap<&'static str, Cell> {
    let mut merged: BTreeMap<&'static str, Cell> = BTreeMap::new();
    for (column, cell) in versions.flatten() {
        match merged.get(column) {
            Some(newer) if newer.write_time >= cell.write_time => {}
            _ => {
                merged.insert(column, cell.clone());
            }
        }
    }
    merged
}

/// Classifies a row that differs from the fold. It is stale if it equals the merge of all versions up to its newest cell,
/// torn if it mixes versions that never coexisted, and wrong if a cell belongs to no version.
fn classify(versions: &[BTreeMap<&'static str, Cell>], cells: &BTreeMap<&'static str, Cell>) -> Anomaly {
    let written =
        |column: &&'static str, cell: &Cell| versions.iter().any(|version| version.get(column) == Some(cell));
    if !cells.iter().all(|(column, cell)| written(column, cell)) {
        return Anomaly::Wrong;
    }
    let newest = cells.values().map(|cell| cell.write_time).max().unwrap_or(i64::MIN);
    let until = versions.iter().filter(|version| version.values().all(|cell| cell.write_time <= newest));
    if merge(until) == *cells { Anomaly::Stale } else { Anomaly::Torn }
}

fn difference(expected: &BTreeMap<&'static str, Cell>, found: &BTreeMap<&'static str, Cell>) -> String {
    let columns: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    columns
        .into_iter()
        .filter(|column| expected.get(*column) != found.get(*column))
        .map(|column| format!("{column}: expected {:?}, found {:?}", expected.get(column), found.get(column)))
        .collect::<Vec<_>>()
        .join("; ")
}

/// How a row can differ from the fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// A key of the topic has no row.
    Lost,
    /// A row has a key that is not in the topic.
    Ghost,
    /// Two rows have the same key.
    Duplicate,
    /// A row lacks its newest version.
    Stale,
    /// A row mixes cells of versions that never coexisted.
    Torn,
    /// A cell has a value or a write time that no record assigns.
    Wrong,
}

/// The anomalies of a table, compared with the fold of its topic.
#[derive(Debug, Default)]
pub struct Comparison {
    /// How many rows the table has.
    pub rows: usize,
    anomalies: BTreeMap<Anomaly, usize>,
    examples: Vec<String>,
}

impl Comparison {
    fn note(&mut self, anomaly: Anomaly, key: &str, what: &str) {
        *self.anomalies.entry(anomaly).or_default() += 1;
        if self.examples.len() < 10 {
            self.examples.push(format!("{anomaly:?} {key}: {what}"));
        }
    }

    /// How many rows have this anomaly.
    pub fn count(&self, anomaly: Anomaly) -> usize {
        self.anomalies.get(&anomaly).copied().unwrap_or_default()
    }

    /// Fails the test if there is an anomaly.
    ///
    /// # Panics
    /// If there is one: with the counts and the first examples.
    #[track_caller]
    pub fn assert_exact(&self) {
        assert!(self.anomalies.is_empty(), "the table is not the fold of the topic: {self}");
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |anomaly| self.count(anomaly);
        write!(
            formatter,
            "{} rows, lost {}, ghost {}, duplicate {}, stale {}, torn {}, wrong {}",
            self.rows,
            count(Anomaly::Lost),
            count(Anomaly::Ghost),
            count(Anomaly::Duplicate),
            count(Anomaly::Stale),
            count(Anomaly::Torn),
            count(Anomaly::Wrong)
        )?;
        for example in &self.examples {
            write!(formatter, "\n  {example}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
        pairs.iter().map(|(column, value)| (*column, (*value).to_owned())).collect()
    }

    fn row(key: &str, cells: &[(&'static str, &str, i64)]) -> Row {
        let cell = |value: &str, write_time| Cell { value: value.to_owned(), write_time };
        (key.to_owned(), cells.iter().map(|(column, value, time)| (*column, cell(value, *time))).collect())
    }

    /// `ann` has three versions out of order; the newest does not set the city.
    fn model() -> Model {
        let mut model = Model::default();
        model.write("ann".into(), values(&[("name", "Ann"), ("city", "Arklow")]), 1);
        model.write("ann".into(), values(&[("name", "Anne")]), 3);
        model.write("ann".into(), values(&[("name", "Anna"), ("city", "Athlone")]), 2);
        model.write("bob".into(), values(&[("name", "Bob")]), 1);
        model
    }

    fn ann() -> Row {
        row("ann", &[("name", "Anne", 3), ("city", "Athlone", 2)])
    }

    fn bob() -> Row {
        row("bob", &[("name", "Bob", 1)])
    }

    #[test]
    fn table_equal_to_the_fold_is_exact() {
        model().compare(&[ann(), bob()]).assert_exact();
    }

    #[test]
    fn each_anomaly_is_classified() {
        let cases = [
            (Anomaly::Lost, vec![ann()]),
            (Anomaly::Ghost, vec![ann(), bob(), row("eve", &[("name", "Eve", 1)])]),
            (Anomaly::Duplicate, vec![ann(), bob(), bob()]),
            (Anomaly::Stale, vec![row("ann", &[("name", "Anna", 2), ("city", "Athlone", 2)]), bob()]),
            (Anomaly::Torn, vec![row("ann", &[("name", "Anne", 3), ("city", "Arklow", 1)]), bob()]),
            (Anomaly::Torn, vec![row("ann", &[("name", "Anne", 3)]), bob()]),
            (Anomaly::Wrong, vec![row("ann", &[("name", "Anne", 4), ("city", "Athlone", 2)]), bob()]),
            (Anomaly::Wrong, vec![row("ann", &[("name", "Eve", 3), ("city", "Athlone", 2)]), bob()]),
        ];
        for (anomaly, table) in cases {
            let comparison = model().compare(&table);
            assert_eq!(
                (comparison.count(anomaly), comparison.anomalies.len()),
                (1, 1),
                "{anomaly:?}: {comparison}"
            );
        }
    }

    #[test]
    #[should_panic(expected = "Lost ann: there is no row")]
    fn failed_comparison_shows_examples() {
        model().compare(&[bob()]).assert_exact();
    }
}
