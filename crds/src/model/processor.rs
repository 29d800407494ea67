//! From the topic to the table.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::scalar::identifier::GroupId;
use crate::scalar::starting_offsets::StartingOffsets;
use userstream_expression::FieldsExpression;

/// From the topic to the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// The number of processors while autoscaling is off.
    pub replicas: u32,
    /// The consumer group.
    pub consumer_group: GroupId,
    /// Where the group starts in a partition without a committed offset.
    pub starting_offsets: StartingOffsets,
    /// The most records per second that all processors read together; `None`: no limit.
    pub max_records_per_second: Option<NonZeroU32>,
    /// The write latency above which the table counts as overloaded.
    pub sink_latency_ceiling: Duration,
    /// The condition of the records that are written to the table; `None`: all are.
    pub filter: Option<FieldsExpression>,
}
