//! librdkafka's callbacks for a consumer: log lines, errors and rebalances.
//!
//! The callback only queues a rebalance. The consumer completes it later, after it has committed what is stored or
//! found where to read. librdkafka waits for that, and nothing blocks the worker's thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

/// What the group coordinator asks of this consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rebalance {
    /// Read these partitions from now on.
    Assign(Vec<i32>),
    /// Stop reading these partitions.
    Revoke {
        /// The partitions.
        partitions: Vec<i32>,
        /// Another member may own them already, so nothing may be committed.
        lost: bool,
    },
}

/// The context of one consumer.
#[derive(Debug, Default)]
pub(super) struct GroupContext {
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// Set before the client is dropped: no consumer is left to complete rebalances.
    closing: AtomicBool,
}

impl GroupContext {
    /// Whether a rebalance is queued.
    pub(super) fn has_rebalance(&self) -> bool {
        !self.queue().is_empty()
    }

    /// The next rebalance to complete.
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.queue().pop_front()
    }

    /// Completes every further rebalance at once, by giving up all partitions.
    pub(super) fn begin_closing(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.queue().clear();
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Rebalance>> {
        self.rebalances.lock().unwrap_or_else(|error| error.into_inner())
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    // Errors reach the consumer as results of its polls.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason, "error");
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.closing.load(Ordering::SeqCst) {
            if let Err(error) = consumer.unassign() {
                tracing::debug!(%error, "the last assignment could not be unassigned");
            }
            return;
        }
        let partitions = list.elements().iter().map(|element| element.partition()).collect();
        let rebalance = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(partitions),
            _ => Rebalance::Revoke { partitions, lost: consumer.assignment_lost() },
        };
        self.queue().push_back(rebalance);
    }

    // Every commit is synchronous and returns its result.
    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {}
}

/// Completes a rebalance: these partitions are read from these offsets.
pub(super) fn assign<C: Consumer<GroupContext>>(client: &C, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => client.assign(list),
    }
}

/// Completes a rebalance: these partitions are no longer read.
pub(super) fn unassign<C: Consumer<GroupContext>>(client: &C, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_unassign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => client.unassign(),
    }
}

/// Forwards a line of librdkafka's log. Most of its errors are lost connections that it restores, and a permanent one
/// is also the result of a call. So they are logged as warnings.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}
