//! From the topic to the table.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::expression::Expression;
use crate::scalar::identifier::{GroupId, Identifier};
use crate::scalar::starting_offsets::StartingOffsets;

/// From the topic to the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// How many processors there are while autoscaling is off.
    pub replicas: u32,
    /// The consumer group.
    pub consumer_group: GroupId,
    /// Where the group begins at its first start.
    pub starting_offsets: StartingOffsets,
    /// How many records a second all processors read together at most; `None`: no cap.
    pub max_records_per_second: Option<NonZeroU32>,
    /// Which records reach the table; `None`: all.
    pub filter: Option<Expression>,
    /// How far event time has come.
    pub watermark: Option<Watermark>,
    /// For how much event time back a key is remembered; `None`: nothing is dropped.
    pub dedupe_within: Option<Duration>,
    /// Windowed aggregates.
    pub aggregations: Vec<Aggregation>,
}

/// How far event time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The index of the required timestamp field that holds event time.
    pub field: usize,
    /// How far out of order events may come.
    pub max_delay: Duration,
}

/// A windowed aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// Its name.
    pub name: Identifier,
    /// The indexes of the fields whose values make a group.
    pub group_by: Vec<usize>,
    /// The length of a tumbling window, not zero.
    pub window: Duration,
    /// How long after the watermark has passed the end of a window records still change it.
    pub allowed_lateness: Duration,
    /// The columns it computes.
    pub select: Vec<AggregateColumn>,
    /// The table it is written to, in the keyspace of the pipeline.
    pub table: Identifier,
}

/// A column of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateColumn {
    /// The name of the column.
    pub name: Identifier,
    /// What it holds.
    pub function: AggregateFunction,
}

/// What a column of an aggregate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// The number of records.
    Count,
    /// The smallest value of the field with this index.
    Min(usize),
    /// The largest value of the field with this index.
    Max(usize),
    /// The sum of the field with this index, which is a number.
    Sum(usize),
}
