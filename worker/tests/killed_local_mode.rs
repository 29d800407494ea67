//! Kills a process that writes the embedded log and the embedded table, repeatedly and at any point: nothing
//! acknowledged is lost, and no batch is partial.
//!
//! The test starts itself as the child process, so it has its own `main`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test with its own main")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use userstream_crds::identifier::{GroupId, TopicName};
use userstream_crds::model::{
    AdoptionPolicy, Column, CqlType, DeletionPolicy, Evolution, Table as TableModel, TableOptions, WriteTime,
};
use userstream_crds::starting_offsets::StartingOffsets;
use userstream_worker::log::embedded::{EmbeddedLog, LogReader, NewTopic};
use userstream_worker::log::{Commit, Consumer, Event, Producer, SourcePosition};
use userstream_worker::record::{Cell, Cells, RecordRow};
use userstream_worker::record::{LogRecord, Record};
use userstream_worker::sqlite::DataDirectory;
use userstream_worker::table::Table;
use userstream_worker::table::embedded::{EmbeddedColumnKind, EmbeddedKeyspace, EmbeddedTable, TableReader};

const CHILD: &str = "KILLED_LOCAL_MODE_CHILD";
const KILLS: u64 = 25;
const BATCH: u64 = 20;
const PARTITIONS: u32 = 3;

fn main() {
    if let Some(directory) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(write_until_killed(Path::new(&directory)));
    } else {
        killed_process_loses_nothing_acknowledged();
        println!("test killed_process_loses_nothing_acknowledged ... ok ({KILLS} kills)");
    }
}

/// The last batch that the child reported as acknowledged, per operation.
#[derive(Debug, Default)]
struct Acknowledged {
    appended: u64,
    written: u64,
    committed: u64,
}

fn killed_process_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for kill in 0..KILLS {
        let mut child = start(directory.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after a different number of lines each time, while the next batch is in flight.
        for line in lines.by_ref().take(usize::try_from(1 + kill * 7 % 40).unwrap()) {
            parse(&line.unwrap(), &mut acknowledged);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // The lines that the child wrote before the kill.
        lines.map_while(Result::ok).for_each(|line| parse(&line, &mut acknowledged));
        check(directory.path(), &acknowledged, kill);
    }
    assert!(acknowledged.appended > KILLS, "{acknowledged:?}");
}

fn start(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn parse(line: &str, acknowledged: &mut Acknowledged) {
    // The kill may truncate the last line.
    let Some((operation, batch)) =
        line.split_once(' ').and_then(|(operation, batch)| Some((operation, batch.strip_suffix('.')?)))
    else {
        return;
    };
    let batch: u64 = batch.parse().unwrap();
    match operation {
        "appended" => acknowledged.appended = batch,
        "written" => acknowledged.written = batch,
        "committed" => acknowledged.committed = batch,
        other => panic!("the child reported {other}"),
    }
}

fn check(directory: &Path, acknowledged: &Acknowledged, kill: u64) {
    let log = LogReader::open(directory).unwrap();
    let mut batches: Vec<u64> = Vec::new();
    let ends = log.end_offsets("users").unwrap();
    for (partition, end) in (0_i32..).zip(&ends) {
        let records = log.records("users", partition, 0, usize::MAX).unwrap();
        let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (0..*end).collect::<Vec<i64>>(), "kill {kill}: partition {partition} has gaps");
        batches.extend(records.iter().map(|record| number(&record.record)));
    }
    let last = batches.iter().max().copied().unwrap_or_default();
    assert!(last >= acknowledged.appended, "kill {kill}: {last} in the log, {acknowledged:?}");
    for batch in 1..=last {
        let count = batches.iter().filter(|of| **of == batch).count() as u64;
        assert_eq!(count, BATCH, "kill {kill}: batch {batch} of {last} is partial");
    }
    let committed: i64 = log.committed("users", "processor").unwrap().values().sum();
    let expected = i64::try_from(acknowledged.committed * BATCH).unwrap();
    assert!(committed >= expected, "kill {kill}: {committed} committed, {acknowledged:?}");

    let table = TableReader::open(directory, &keyspace(), &model().name).unwrap();
    let rows = table.last_rows(usize::MAX).unwrap();
    assert_eq!(rows.len() as u64 % BATCH, 0, "kill {kill}: a batch of rows is partial");
    assert!(
        rows.len() as u64 >= acknowledged.written * BATCH,
        "kill {kill}: {} rows, {acknowledged:?}",
        rows.len()
    );
    for row in rows {
        let (key, value) = (row.values[0].clone().unwrap(), row.values[1].clone().unwrap());
        assert_eq!(value, format!("value of {key}"), "kill {kill}");
    }
}

/// Appends, reads, writes and commits batch by batch, and reports each acknowledgement.
async fn write_until_killed(path: &Path) {
    let directory = DataDirectory::open(path).unwrap();
    let log = EmbeddedLog::open(&directory).unwrap();
    create_topic(&log).await;
    create_table(&directory);
    let table = EmbeddedTable::open(&directory, &model()).unwrap();
    let producer = log.producer("demo/users");
    let name: TopicName = "users".parse().unwrap();
    let group: GroupId = "processor".parse().unwrap();
    let mut consumer = log.consumer(&name, &group, StartingOffsets::Earliest);

    let position = producer.load_position().await.unwrap();
    let mut batch: u64 = position.map_or(0, |position| position.0.parse().unwrap());
    let (mut written, mut next) = (0, vec![0; PARTITIONS as usize]);
    loop {
        batch += 1;
        // The position is saved after the records, so a batch may already be in the log.
        let end: i64 = LogReader::open(path).unwrap().end_offsets("users").unwrap().iter().sum();
        if end < i64::try_from(batch * BATCH).unwrap() {
            producer.append("users", &records_of(batch)).await.unwrap();
        }
        report("appended", batch);
        producer.save_position(&SourcePosition(batch.to_string())).await.unwrap();

        let rows = read_until(batch * BATCH, &mut consumer, &mut written, &mut next).await;
        table.write(&rows).await.unwrap();
        report("written", batch);
        for (partition, offset) in (0_i32..).zip(&next) {
            consumer.store(partition, Commit::up_to(*offset));
        }
        consumer.commit().await.unwrap();
        report("committed", batch);
    }
}

/// Reads until `end` rows are written or returned. `next` has the next offset of each partition.
async fn read_until(
    end: u64,
    consumer: &mut impl Consumer,
    written: &mut u64,
    next: &mut [i64],
) -> Vec<RecordRow> {
    let (mut rows, mut events) = (Vec::new(), Vec::new());
    while *written + (rows.len() as u64) < end {
        consumer.poll(&mut events, 1_000).await.unwrap();
        for event in events.drain(..) {
            match event {
                Event::Record(record) => {
                    next[record.partition as usize] = record.offset + 1;
                    rows.push(row(record));
                }
                // Committed, and therefore written, before the kill.
                Event::Assigned(_) => {
                    for progress in consumer.progress() {
                        next[progress.partition as usize] = progress.committed.unwrap();
                    }
                    *written = next.iter().sum::<i64>().cast_unsigned();
                }
                Event::Revoked(_) => {}
            }
        }
    }
    *written += rows.len() as u64;
    rows
}

async fn create_topic(log: &EmbeddedLog) {
    let topic = NewTopic {
        name: "users".to_owned(),
        partitions: PARTITIONS,
        config: [].into(),
        created_by: "demo/users".to_owned(),
    };
    log.create_topic(topic).await.unwrap();
}

fn create_table(directory: &DataDirectory) {
    let mut keyspace = EmbeddedKeyspace::open(directory, &keyspace()).unwrap();
    keyspace.create(&[].into()).unwrap();
    let columns = [
        (model().columns[0].name.clone(), CqlType::Text, EmbeddedColumnKind::PartitionKey(0)),
        (model().columns[1].name.clone(), CqlType::Text, EmbeddedColumnKind::Regular),
    ];
    keyspace.create_table(&model().name, &columns, &[].into()).unwrap();
}

fn records_of(batch: u64) -> Vec<Record> {
    let record = |index| {
        let key = format!("{batch}-{index}");
        Record::new(Vec::new(), Some(batch.to_string().as_bytes()), 0).with_key(key.as_bytes())
    };
    (0..BATCH).map(record).collect()
}

fn report(operation: &str, batch: u64) {
    let mut out = std::io::stdout();
    writeln!(out, "{operation} {batch}.").unwrap();
    out.flush().unwrap();
}

fn number(record: &Record) -> u64 {
    std::str::from_utf8(record.value().unwrap()).unwrap().parse().unwrap()
}

fn row(record: LogRecord) -> RecordRow {
    let key = String::from_utf8(record.record.key().unwrap().to_vec()).unwrap();
    let mut cells = Cells::default();
    cells.reset(2, record.record.value().unwrap().len());
    let value = cells.make(format!("value of {key}").as_bytes()).unwrap();
    let key = cells.make(key.as_bytes()).unwrap();
    // Spans of made bytes stand behind the input, which is the value of the record.
    cells.set(0, Cell::Text(key));
    cells.set(1, Cell::Text(value));
    RecordRow { origin: record, cells, write_time: 1 }
}

fn keyspace() -> userstream_crds::identifier::Identifier {
    "spark_streams".parse().unwrap()
}

fn model() -> TableModel {
    let column = |name: &str, field| Column { name: name.parse().unwrap(), cql_type: CqlType::Text, field };
    TableModel {
        keyspace: keyspace(),
        name: "created_users".parse().unwrap(),
        columns: vec![column("id", 0), column("value", 1)],
        partition_key: vec![0],
        clustering_key: Vec::new(),
        evolution: Evolution::AdditiveOnly,
        options: TableOptions::default(),
        adoption: AdoptionPolicy::Fail,
        deletion: DeletionPolicy::Retain,
        write_time: WriteTime::LogTimestamp,
    }
}
