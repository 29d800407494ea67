//! Kafka, through librdkafka.
//!
//! Everything that librdkafka may block on runs on threads of its own: the worker's one thread never waits for a broker.

mod assignment;
mod client;
mod consumer;
mod context;
mod delivery;
mod errors;
mod hold;
mod housekeeping;
#[cfg(test)]
mod mock_cluster_tests;
mod off_thread;
mod positions;
mod producer;
mod reading;
mod rebalance;
mod starting_offsets;
mod subscription;
mod topic_id;

pub use client::{OpenError, connection};
pub use consumer::KafkaConsumer;
pub(crate) use errors::{from_client, from_code};
pub(crate) use off_thread::off_thread;
pub use producer::KafkaProducer;
pub use subscription::Assignor;
pub(crate) use topic_id::topic_id;
