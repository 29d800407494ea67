//! A table in memory with Cassandra's last-write-wins: for each column the latest write time wins, and of equal write
//! times the larger value.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::script::{Kind, parts, text_of};
use super::world::{Actor, World};
use crate::record::{AsRow, Cell, LogRecord, RowRef};
use crate::table::{Table, WriteError};

/// Columns of a row: value and write time of each that has one.
pub(super) type Columns = BTreeMap<usize, (i64, String)>;

/// The rows of the table.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) rows: BTreeMap<String, Columns>,
    /// Records whose row was written, by partition and offset.
    pub(super) applied: BTreeSet<(i32, i64)>,
}

impl Contents {
    pub(super) fn apply(
        &mut self,
        key: &str,
        write_time: i64,
        cells: impl IntoIterator<Item = (usize, String)>,
    ) {
        let columns = self.rows.entry(key.to_owned()).or_default();
        for (column, value) in cells {
            let new = (write_time, value);
            let current = columns.entry(column).or_insert_with(|| new.clone());
            if new > *current {
                *current = new;
            }
        }
    }
}

/// The table as one process sees it.
pub(super) struct SimulatedTable {
    pub(super) contents: Rc<RefCell<Contents>>,
    pub(super) world: World,
    pub(super) actor: Actor,
}

impl Table for SimulatedTable {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        let rows: Vec<Received> = rows.iter().map(|row| Received::from(row.as_row())).collect();
        let keys: BTreeSet<&String> = rows.iter().map(|row| &row.key).collect();
        if keys.len() > 1 {
            self.world.violation(format!("a request spans the partition keys {keys:?}"));
        }
        let contents = self.contents.clone();
        let (again, world) = (rows.clone(), self.world.clone());
        let late = contents.clone();
        let answered = self.world.request(&self.actor, "write", move || write(&contents, &rows)).await;
        if !world.is_faultless() && world.up_to(20) == 0 {
            // A delayed duplicate of the request arrives later.
            tokio::task::spawn_local(async move {
                tokio::time::sleep(std::time::Duration::from_millis(world.up_to(3_000))).await;
                write(&late, &again);
            });
        }
        match answered {
            Some(true) => Ok(()),
            Some(false) => Err(WriteError::Rejected {
                cause: "simulated",
                source: "the table never accepts this row".into(),
            }),
            None => {
                Err(WriteError::Unavailable { cause: "simulated", source: "a fault of the schedule".into() })
            }
        }
    }
}

/// A row as it reached the table.
#[derive(Clone)]
struct Received {
    key: String,
    columns: Vec<(usize, String)>,
    write_time: i64,
    origin: LogRecord,
}

impl From<RowRef<'_>> for Received {
    fn from(row: RowRef<'_>) -> Self {
        Self {
            key: text(row, 0).unwrap(),
            columns: (1..4).filter_map(|field| Some((field, text(row, field)?))).collect(),
            write_time: row.write_time,
            origin: row.origin.unwrap().clone(),
        }
    }
}

/// Writes all rows or, when one can never be written, none.
fn write(contents: &RefCell<Contents>, rows: &[Received]) -> bool {
    let unwritable = |row: &Received| parts(text_of(row.origin.record.value())).kind == Kind::Unwritable;
    if rows.iter().any(unwritable) {
        return false;
    }
    let mut contents = contents.borrow_mut();
    for row in rows {
        contents.apply(&row.key, row.write_time, row.columns.iter().cloned());
        contents.applied.insert((row.origin.partition, row.origin.offset));
    }
    true
}

fn text(row: RowRef<'_>, field: usize) -> Option<String> {
    match row.cell(field) {
        Cell::Text(span) => Some(row.text(span).to_owned()),
        Cell::Timestamp(time) => Some(time.to_string()),
        _ => None,
    }
}
