use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use userstream_crds::model::{AdoptionPolicy, CqlType, DeletionPolicy, Evolution, TableOptions, WriteTime};

use super::*;
use crate::record::{AsRow, Cell, Cells, LogRecord, Record, RecordRow};

fn name(text: &str) -> Identifier {
    text.parse().unwrap()
}

/// A table keyed by its first column, with a field per column.
fn table(columns: &[(&str, CqlType)]) -> model::Table {
    let columns = columns
        .iter()
        .enumerate()
        .map(|(field, (column, cql_type))| model::Column { name: name(column), cql_type: *cql_type, field })
        .collect();
    model::Table {
        keyspace: name("spark_streams"),
        name: name("created_users"),
        columns,
        partition_key: vec![0],
        clustering_key: Vec::new(),
        evolution: Evolution::AdditiveOnly,
        options: TableOptions::default(),
        adoption: AdoptionPolicy::Fail,
        deletion: DeletionPolicy::Retain,
        write_time: WriteTime::LogTimestamp,
    }
}

fn users() -> model::Table {
    table(&[("id", CqlType::Text), ("first_name", CqlType::Text), ("age", CqlType::Int)])
}

fn described(table: &model::Table) -> Vec<(Identifier, CqlType, EmbeddedColumnKind)> {
    let kind = |index| {
        let index_in = |key: &[usize]| {
            key.iter().position(|of| *of == index).and_then(|index| u32::try_from(index).ok())
        };
        match (index_in(&table.partition_key), index_in(&table.clustering_key)) {
            (Some(index), _) => EmbeddedColumnKind::PartitionKey(index),
            (None, Some(index)) => EmbeddedColumnKind::Clustering(index),
            (None, None) => EmbeddedColumnKind::Regular,
        }
    };
    let columns = table.columns.iter().enumerate();
    columns.map(|(index, column)| (column.name.clone(), column.cql_type, kind(index))).collect()
}

fn create(directory: &DataDirectory, table: &model::Table) {
    let mut keyspace = EmbeddedKeyspace::open(directory, &table.keyspace).unwrap();
    keyspace.create(&BTreeMap::new()).unwrap();
    assert!(keyspace.create_table(&table.name, &described(table), &BTreeMap::new()).unwrap());
}

fn opened(directory: &Path, table: &model::Table) -> (DataDirectory, EmbeddedTable) {
    let directory = DataDirectory::open(directory).unwrap();
    create(&directory, table);
    let opened = EmbeddedTable::open(&directory, table).unwrap();
    (directory, opened)
}

fn reader(directory: &Path, table: &model::Table) -> TableReader {
    TableReader::open(directory, &table.keyspace, &table.name).unwrap()
}

#[derive(Debug, Clone)]
enum Field {
    Text(String),
    Int(i32),
    Absent,
}

fn row(write_time: i64, fields: &[Field]) -> RecordRow {
    let mut cells = Cells::default();
    cells.reset(fields.len(), 0);
    for (index, field) in fields.iter().enumerate() {
        let cell = match field {
            Field::Text(text) => Cell::Text(cells.make(text.as_bytes()).unwrap()),
            Field::Int(value) => Cell::Int(*value),
            Field::Absent => Cell::Absent,
        };
        cells.set(index, cell);
    }
    let record = Record::new(Vec::new(), None, 0);
    RecordRow { origin: LogRecord { partition: 0, offset: 0, record }, cells, write_time }
}

fn user(write_time: i64, id: &str, first_name: Option<&str>, age: Option<i32>) -> RecordRow {
    let first_name = first_name.map_or(Field::Absent, |text| Field::Text(text.to_owned()));
    row(write_time, &[Field::Text(id.to_owned()), first_name, age.map_or(Field::Absent, Field::Int)])
}

fn shown(rows: &[TableRow]) -> Vec<Vec<&str>> {
    rows.iter().map(|row| row.values.iter().map(|value| value.as_deref().unwrap_or("-")).collect()).collect()
}

#[tokio::test]
async fn latest_write_time_wins_per_column() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, table) = opened(directory.path(), &users());
    table.write(&[user(20, "a", Some("Ann"), None)]).await.unwrap();
    table.write(&[user(10, "a", Some("Old"), Some(30)), user(5, "a", None, Some(29))]).await.unwrap();
    table.write(&[user(15, "b", None, None)]).await.unwrap();
    let rows = reader(directory.path(), &users()).last_rows(10).unwrap();
    assert_eq!(shown(&rows), [["a", "Ann", "30"], ["b", "-", "-"]]);
}

#[tokio::test]
async fn ties_of_write_times_resolve_as_in_cassandra() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, table) = opened(directory.path(), &users());
    for (first_name, age) in [("Bob", 5), ("Ann", -1), ("Abe", 7)] {
        table.write(&[user(10, "a", Some(first_name), Some(age))]).await.unwrap();
    }
    let rows = reader(directory.path(), &users()).last_rows(10).unwrap();
    // The serialized form of -1 is larger than that of any positive number.
    assert_eq!(shown(&rows), [["a", "Bob", "-1"]]);
}

#[tokio::test]
async fn select_star_returns_the_columns_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, table) = opened(directory.path(), &users());
    table.write(&[user(10, "a", Some("Ann"), Some(1))]).await.unwrap();
    assert_eq!(reader(directory.path(), &users()).columns(), ["id", "first_name", "age"]);
    let connection = rusqlite::Connection::open(directory.path().join("spark_streams.db")).unwrap();
    let age: i64 =
        connection.query_row("select age from created_users limit 5", [], |row| row.get(0)).unwrap();
    assert_eq!(age, 1);
}

#[tokio::test]
async fn missing_table_or_column_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let lock = DataDirectory::open(directory.path()).unwrap();
    let refusal = EmbeddedTable::open(&lock, &users()).unwrap_err();
    assert_eq!(refusal.cause(), "no_table", "{refusal}");
    assert!(!directory.path().join("spark_streams.db").exists(), "a refusal creates nothing");
    create(&lock, &table(&[("id", CqlType::Text)]));
    let refusal = EmbeddedTable::open(&lock, &users()).unwrap_err();
    assert_eq!(refusal.cause(), "no_table", "{refusal}");
}

#[tokio::test]
async fn row_without_key_is_rejected_and_others_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, table) = opened(directory.path(), &users());
    let keyless = [row(10, &[Field::Absent, Field::Absent, Field::Int(1)])];
    let ann = [user(10, "a", Some("Ann"), Some(1))];
    let (rejected, written) = futures::join!(table.write(&keyless), table.write(&ann));
    assert!(matches!(&rejected, Err(WriteError::Rejected { cause: "no_key", .. })), "{rejected:?}");
    written.unwrap();
    assert_eq!(reader(directory.path(), &users()).count().unwrap(), 1);
}

#[tokio::test]
async fn too_large_value_rejects_its_row_alone() {
    let directory = tempfile::tempdir().unwrap();
    let lock = DataDirectory::open(directory.path()).unwrap();
    create(&lock, &users());
    let connection = open_for_writing(&keyspace_path(directory.path(), &users().keyspace)).unwrap();
    let layout = Layout::of(&users());
    // Fails like SQLite's limit of 1 GB, at a length that a test can afford.
    connection
        .execute_batch(
            "CREATE TRIGGER t BEFORE INSERT ON created_users WHEN length(NEW.first_name) > 3
             BEGIN SELECT RAISE(ABORT, 'string or blob too big'); END",
        )
        .unwrap();
    let writer = Writer::spawn(connection, layout.clone()).unwrap();
    let write = |row: RecordRow| writer.write(vec![layout.bind(row.as_row()).unwrap()]);
    let (first, second, third) = futures::join!(
        write(user(10, "a", Some("Ann"), Some(1))),
        write(user(10, "b", Some("Methuselah"), Some(969))),
        write(user(10, "c", Some("Eve"), Some(3))),
    );
    first.unwrap();
    assert!(matches!(&second, Err(WriteError::Rejected { cause: "constraint", .. })), "{second:?}");
    third.unwrap();
    drop(writer);
    let rows = reader(directory.path(), &users()).last_rows(10).unwrap();
    assert_eq!(shown(&rows), [["a", "Ann", "1"], ["c", "Eve", "3"]]);
}

#[tokio::test]
async fn added_column_has_its_own_write_times() {
    let directory = tempfile::tempdir().unwrap();
    {
        let (_lock, opened) =
            opened(directory.path(), &table(&[("id", CqlType::Text), ("first_name", CqlType::Text)]));
        opened.write(&[user(10, "a", Some("Ann"), Some(1))]).await.unwrap();
    }
    let lock = DataDirectory::open(directory.path()).unwrap();
    let mut keyspace = EmbeddedKeyspace::open(&lock, &users().keyspace).unwrap();
    keyspace.add_columns(&users().name, &[(name("age"), CqlType::Int)]).unwrap();
    drop(keyspace);
    let opened = EmbeddedTable::open(&lock, &users()).unwrap();
    opened.write(&[user(5, "a", Some("Old"), Some(2))]).await.unwrap();
    assert_eq!(shown(&reader(directory.path(), &users()).last_rows(1).unwrap()), [["a", "Ann", "2"]]);
}

#[test]
fn table_is_described_as_created_and_dropped_by_id() {
    let directory = tempfile::tempdir().unwrap();
    let lock = DataDirectory::open(directory.path()).unwrap();
    create(&lock, &users());
    let mut keyspace = EmbeddedKeyspace::open(&lock, &users().keyspace).unwrap();
    let description = keyspace.table(&users().name).unwrap().unwrap();
    let columns: Vec<_> = description
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.cql_type.as_str(), column.kind))
        .collect();
    assert_eq!(
        columns,
        [
            ("id", "text", EmbeddedColumnKind::PartitionKey(0)),
            ("first_name", "text", EmbeddedColumnKind::Regular),
            ("age", "int", EmbeddedColumnKind::Regular),
        ]
    );
    let options = BTreeMap::from([("comment".to_owned(), "users".to_owned())]);
    keyspace.set_options(&users().name, &options).unwrap();
    assert_eq!(keyspace.table(&users().name).unwrap().unwrap().options, options);
    assert!(!keyspace.drop_table(&users().name, "another id").unwrap());
    assert!(!keyspace.is_empty().unwrap());
    assert!(keyspace.drop_table(&users().name, &description.id).unwrap());
    assert!(keyspace.is_empty().unwrap());
    assert_eq!(keyspace.table(&users().name).unwrap(), None);
    keyspace.remove().unwrap();
    assert!(EmbeddedKeyspace::open_for_reading(directory.path(), &users().keyspace).unwrap().is_none());
}

#[tokio::test]
async fn reader_returns_new_rows_after_those_already_read() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, table) = opened(directory.path(), &users());
    table.write(&[user(10, "a", Some("Ann"), Some(1)), user(10, "b", Some("Bob"), Some(2))]).await.unwrap();
    let reader = reader(directory.path(), &users());
    let seen = reader.rows_after(0, 10).unwrap();
    assert_eq!(shown(&seen), [["a", "Ann", "1"], ["b", "Bob", "2"]]);
    table.write(&[user(11, "c", Some("Cid"), None), user(11, "a", Some("Amy"), None)]).await.unwrap();
    let behind = reader.rows_after(seen[1].number, 10).unwrap();
    assert_eq!(shown(&behind), [["c", "Cid", "-"]]);
    assert_eq!(shown(&reader.last_rows(2).unwrap()), [["b", "Bob", "2"], ["c", "Cid", "-"]]);
}

/// A write time, a key, and values for `first_name` and `age`.
type Version = (i64, u8, Option<u8>, Option<i32>);

/// The winning cells of a row: write time and serialized value of `first_name` and of `age`.
type Winners = (Option<(i64, u8)>, Option<(i64, [u8; 4])>);

/// The expected table: for each key and column the largest (write time, value).
fn expected(versions: &[Version]) -> Vec<[String; 3]> {
    let mut rows: BTreeMap<u8, Winners> = BTreeMap::new();
    for (time, key, first_name, age) in versions {
        let cells = rows.entry(*key).or_default();
        cells.0 = cells.0.max(first_name.map(|value| (*time, value)));
        cells.1 = cells.1.max(age.map(|value| (*time, value.to_be_bytes())));
    }
    let shown = |key: &u8, cells: &Winners| {
        [
            key.to_string(),
            cells.0.map_or("-".to_owned(), |(_, value)| char::from(value).to_string()),
            cells.1.map_or("-".to_owned(), |(_, value)| i32::from_be_bytes(value).to_string()),
        ]
    };
    rows.iter().map(|(key, cells)| shown(key, cells)).collect()
}

fn version() -> impl Strategy<Value = Version> {
    (0_i64..4, 0_u8..3, prop::option::of(b'a'..b'e'), prop::option::of(-2_i32..3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_repetition_of_writes_converge(
        versions in prop::collection::vec(version(), 1..24),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..48),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (_lock, opened) = opened(directory.path(), &users());
        let row = |(time, key, first_name, age): &Version| {
            let first_name = first_name.map(|value| char::from(value).to_string());
            user(*time, &key.to_string(), first_name.as_deref(), *age)
        };
        // Some versions repeatedly in any order, then each one once.
        let written: Vec<RecordRow> =
            order.iter().map(|index| index.get(&versions)).chain(versions.iter().rev()).map(row).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(futures::future::join_all(written.chunks(3).map(|rows| opened.write(rows))));
        let mut rows = reader(directory.path(), &users()).last_rows(100).unwrap();
        rows.sort_by(|left, right| left.values.cmp(&right.values));
        let shown: Vec<Vec<&str>> = shown(&rows);
        let expected = expected(&versions);
        prop_assert_eq!(shown, expected.iter().map(|row| row.iter().map(String::as_str).collect::<Vec<_>>()).collect::<Vec<_>>());
    }
}
