//! What a member of a consumer group reads, and the client that it reads with.
//!
//! # Assignment
//! Eager `range` by default: at every rebalance all members give up everything, which is simple and has no known fault
//! with commits of our own. In the rebalance storm of the tests both protocols leave exactly the right rows, and with
//! [`Assignor::CooperativeSticky`], whose rebalances take two rounds, it lasts a fifth longer; librdkafka has open defects of
//! that protocol besides.

use rdkafka::consumer::StreamConsumer;
use userstream_crds::model::{Kafka, StartingOffsets};

use super::super::LogError;
use super::client_config::connection;
use super::context::GroupContext;
use super::errors::from_client;
use crate::security::credentials::Credentials;

pub(super) type GroupClient = StreamConsumer<GroupContext>;

/// How partitions are shared out in the group. All members must agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Assignor {
    /// Every rebalance takes everything from everybody first.
    #[default]
    Range,
    /// A rebalance moves only what has to move.
    CooperativeSticky,
}

/// What is read, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) kafka: Kafka,
    pub(super) topic: String,
    pub(super) group: String,
    pub(super) starting_offsets: StartingOffsets,
    pub(super) assignor: Assignor,
}

impl Subscription {
    /// A client that has not subscribed yet.
    pub(super) fn open(&self, credentials: &Credentials) -> Result<GroupClient, LogError> {
        let mut config = connection(&self.kafka, credentials);
        config
            .set("group.id", &self.group)
            .set(
                "partition.assignment.strategy",
                match self.assignor {
                    Assignor::Range => "range",
                    Assignor::CooperativeSticky => "cooperative-sticky",
                },
            )
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // A worker that dies is replaced after this; one that is alive heartbeats from a thread of its own.
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "2000")
            .set("max.poll.interval.ms", "300000")
            // Memory: what is fetched ahead is bounded by bytes. Without it, a gigabyte.
            .set("queued.max.messages.kbytes", "4096")
            .set("queued.min.messages", "10000")
            .set("fetch.message.max.bytes", "262144")
            // A full queue is looked at again soon, not after a second.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.error.backoff.ms", "100")
            .set("check.crcs", "true");
        config.create_with_context(GroupContext::default()).map_err(from_client)
    }
}
