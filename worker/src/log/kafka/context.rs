//! What librdkafka calls back for a consumer: log lines, errors, and rebalances.
//!
//! A rebalance is only noted here. The consumer answers it later, when it has committed what is stored or has found out
//! where to read: librdkafka waits for the answer, and nothing blocks the thread that everything else runs on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

/// What the group asks of this consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rebalance {
    /// Begin with these partitions.
    Assign(Vec<i32>),
    /// Give up these partitions.
    Revoke {
        /// Which.
        partitions: Vec<i32>,
        /// They may be somebody else's already: committing would only harm.
        lost: bool,
    },
}

/// The context of one consumer.
#[derive(Debug, Default)]
pub(super) struct GroupContext {
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// Set before the client is dropped: nobody is left to answer rebalances.
    closing: AtomicBool,
}

impl GroupContext {
    /// Whether a rebalance waits for an answer.
    pub(super) fn has_rebalance(&self) -> bool {
        !self.queue().is_empty()
    }

    /// The next rebalance to answer.
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.queue().pop_front()
    }

    /// From now on rebalances are answered at once, by giving up everything.
    pub(super) fn begin_closing(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.queue().clear();
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Rebalance>> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner)
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
                tracing::debug!(%error, "the last assignment could not be given up");
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

    // Commits are awaited where they are made.
    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {}
}

/// Answers a rebalance: these partitions are read from these places, from now on.
pub(super) fn assign<C: Consumer<GroupContext>>(client: &C, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => client.assign(list),
    }
}

/// Answers a rebalance: these partitions are read no more.
pub(super) fn unassign<C: Consumer<GroupContext>>(client: &C, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_unassign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => client.unassign(),
    }
}

/// Writes a line of librdkafka's own log to ours. What it calls an error is a lost connection most of the time, which it
/// heals by itself; what does not heal comes back as the result of a call.
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
