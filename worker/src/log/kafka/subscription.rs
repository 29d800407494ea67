//! The topic and group of a consumer, and the client that subscribes to them.
//!
//! # Assignment
//! The default is the eager `range` assignor: at every rebalance all members give up all partitions. With explicit
//! commits it has no known defect, while librdkafka has open ones of the cooperative protocol. In the tests' rebalance
//! storm both protocols leave exactly the right rows. With [`Assignor::CooperativeSticky`], whose rebalances have two
//! phases, the storm lasts a fifth longer.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::StreamConsumer;
use userstream_crds::model::{Kafka, StartingOffsets};

use super::client_config::connection;
use super::context::GroupContext;
use super::error::from_client;
use crate::log::LogError;
use crate::security::credentials::Credentials;

pub(super) type GroupClient = StreamConsumer<GroupContext>;

/// How the group distributes partitions. All members must use the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Assignor {
    /// Every rebalance revokes all partitions first.
    #[default]
    Range,
    /// A rebalance revokes only the partitions that move.
    CooperativeSticky,
}

/// The settings of a consumer.
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
            // A crashed worker is replaced after this. librdkafka sends heartbeats from a separate thread.
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "2000")
            .set("max.poll.interval.ms", "300000")
            // Bounds the memory of records fetched ahead. The default is a gigabyte.
            .set("queued.max.messages.kbytes", "4096")
            .set("queued.min.messages", "10000")
            .set("fetch.message.max.bytes", "262144")
            // A full queue is checked again soon. The default is a second.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.error.backoff.ms", "100")
            // The group is rebalanced for added partitions at a refresh. Until then the lag is unknown.
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("check.crcs", "true");
        config.create_with_context(GroupContext::default()).map_err(from_client)
    }
}

/// Leaves the group by dropping the client. Calls on other threads share it. Waiting for them makes this the last
/// owner, so that the group was left when this returns.
pub(super) fn leave(client: Arc<GroupClient>) {
    while Arc::strong_count(&client) > 1 {
        thread::sleep(Duration::from_millis(2));
    }
    drop(client);
}
