//! From the topic to the table.

use std::num::NonZeroU32;

use crate::expression::Expression;
use crate::scalar::identifier::GroupId;
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
}
