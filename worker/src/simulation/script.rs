//! The source of a schedule: pages of raw records with known keys, versions and outcomes.

use std::collections::BTreeMap;

use super::plan::Draw;
use super::world::{Actor, BASE_TIME, World};
use crate::delivery::dead_letter::{RecordError, Stage};
use crate::delivery::event_id::EventId;
use crate::delivery::write_time::WriteTimes;
use crate::log::SourcePosition;
use crate::loops::process::{Decode, Decoded};
use crate::loops::produce::Transform;
use crate::record::Record;
use crate::record::{Cell, RecordRow};
use crate::source::{Page, Source, SourceError};

/// The intended outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Good,
    /// The producer cannot map it.
    Unmappable,
    /// The log never accepts it.
    TooLarge,
    /// The processor cannot decode it.
    Undecodable,
    /// The processor's filter excludes it.
    Filtered,
    /// The table never accepts it.
    Unwritable,
}

/// All pages of a source.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) pages: Vec<Vec<String>>,
}

const KINDS: [(Kind, char); 6] = [
    (Kind::Good, 'g'),
    (Kind::Unmappable, 'm'),
    (Kind::TooLarge, 'l'),
    (Kind::Undecodable, 'd'),
    (Kind::Filtered, 'f'),
    (Kind::Unwritable, 'w'),
];

impl Script {
    /// Records `kind|key|milliseconds|a|b`. `ties`: versions of a key may share a millisecond.
    pub(super) fn draw(draw: &mut Draw, ties: bool) -> Self {
        let keys = 1 + draw.up_to(12);
        let bad_percent = [0, 5, 25][draw.up_to(3) as usize];
        let mut versions: BTreeMap<u64, i64> = BTreeMap::new();
        let pages = (0..1 + draw.up_to(6))
            .map(|page| {
                (0..draw.up_to(12))
                    .map(|index| {
                        let key = draw.up_to(keys);
                        let version = versions.entry(key).or_insert(BASE_TIME - 100_000);
                        // Strictly increasing for each key, or sometimes equal.
                        *version += if ties && draw.one_in(3) { 0 } else { 1 + draw.up_to(50) as i64 };
                        let kind = if draw.up_to(100) < bad_percent { 1 + draw.up_to(5) as usize } else { 0 };
                        // Neither column increases with the version, so that a tie broken by value mixes the rows.
                        let (a, b) =
                            (draw.up_to(1000), if draw.one_in(4) { None } else { Some(draw.up_to(1000)) });
                        let b = b.map(|b| b.to_string()).unwrap_or_default();
                        format!("{}|k{key}|{version}|{a}-{page}.{index}|{b}", KINDS[kind].1)
                    })
                    .collect()
            })
            .collect();
        Self { pages }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &str> {
        self.pages.iter().flatten().map(String::as_str)
    }
}

/// The parts of a record's text.
pub(super) struct Parts<'a> {
    pub(super) kind: Kind,
    pub(super) key: &'a str,
    pub(super) time: i64,
    pub(super) a: &'a str,
    pub(super) b: Option<&'a str>,
}

pub(super) fn parts(text: &str) -> Parts<'_> {
    let split: Vec<&str> = text.split('|').collect();
    let [kind, key, time, a, b] = split[..] else { panic!("not a record of the script: {text}") };
    let kind = KINDS.iter().find(|(_, letter)| kind.starts_with(*letter)).unwrap().0;
    Parts { kind, key, time: time.parse().unwrap(), a, b: (!b.is_empty()).then_some(b) }
}

pub(super) fn text_of(bytes: Option<&[u8]>) -> &str {
    std::str::from_utf8(bytes.unwrap()).unwrap()
}

/// Reads the script, page by page.
pub(super) struct ScriptSource {
    pub(super) script: Script,
    pub(super) world: World,
    pub(super) actor: Actor,
    pub(super) next: usize,
}

impl Source for ScriptSource {
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError> {
        self.next = position.map_or(0, |position| position.0.parse().unwrap());
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        let answered = self.world.request(&self.actor, "fetch", || ()).await;
        if answered.is_none() {
            return Err(SourceError::Unavailable {
                cause: "simulated",
                source: "a fault of the schedule".into(),
            });
        }
        let Some(records) = self.script.pages.get(self.next) else { return Ok(None) };
        let start = SourcePosition(self.next.to_string());
        self.next += 1;
        let mut page = Page {
            body: Vec::new(),
            records: Vec::new(),
            start,
            fetched_at: self.world.clock().now(),
            position: Some(SourcePosition(self.next.to_string())),
            restarted: false,
        };
        for record in records {
            let start = page.body.len();
            page.body.extend_from_slice(record.as_bytes());
            page.records.push(start..page.body.len());
        }
        Ok(Some(page))
    }
}

/// Maps a raw record to itself.
pub(super) struct ScriptTransform;

impl Transform for ScriptTransform {
    fn transform(&mut self, raw: &[u8], fetched_at: i64, id: EventId) -> Result<Record, RecordError> {
        let parts = parts(text_of(Some(raw)));
        if parts.kind == Kind::Unmappable {
            return Err(RecordError::new(Stage::Transformation, "simulated", "it does not map"));
        }
        let mut record = Record::new(Vec::new(), Some(raw), fetched_at).with_key(parts.key.as_bytes());
        record.push_header("ce_id", Some(id.to_string().as_bytes()));
        Ok(record)
    }
}

/// Decodes what [`ScriptTransform`] encoded into the cells key, time, a, b.
pub(super) struct ScriptDecode(pub(super) WriteTimes);

impl Decode for ScriptDecode {
    fn decode(&mut self, row: &mut RecordRow) -> Result<Decoded, RecordError> {
        let text = text_of(row.origin.record.value()).to_owned();
        let parts = parts(&text);
        match parts.kind {
            Kind::Undecodable => {
                return Err(RecordError::new(Stage::ValueConverter, "simulated", "it does not decode"));
            }
            Kind::Filtered => return Ok(Decoded::Filtered),
            _ => {}
        }
        row.cells.reset(4, row.origin.record.size());
        let made = |row: &mut RecordRow, text: &str| Cell::Text(row.cells.make(text.as_bytes()).unwrap());
        let (key, a) = (made(row, parts.key), made(row, parts.a));
        let b = parts.b.map_or(Cell::Absent, |b| made(row, b));
        for (field, cell) in [key, Cell::Timestamp(parts.time), a, b].into_iter().enumerate() {
            row.cells.set(field, cell);
        }
        self.0.set(row)?;
        Ok(Decoded::Row)
    }
}
