//! Kafka, through librdkafka.
//!
//! Everything that librdkafka may block on runs on threads of its own: the worker's one thread never waits for a broker.

mod assignment;
mod backpressure;
mod blocking;
mod buffer_pool;
mod client_config;
mod consumer;
mod context;
mod delivery_reports;
mod errors;
mod maintenance;
#[cfg(test)]
mod mock_cluster_tests;
mod producer;
mod rebalance;
mod source_positions;
mod starting_offsets;
mod subscription;
mod topic_id;

pub(crate) use blocking::off_thread;
pub use client_config::{OpenError, connection};
pub use consumer::KafkaConsumer;
pub(crate) use errors::{from_client, from_code};
pub use producer::KafkaProducer;
pub use subscription::Assignor;
pub(crate) use topic_id::topic_id;
