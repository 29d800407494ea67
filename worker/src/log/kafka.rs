//! Kafka, through librdkafka.
//!
//! Every call of librdkafka that may block runs on its own thread: the worker's one thread never waits for a broker.

mod assignment;
mod backpressure;
mod blocking;
mod buffer_pool;
mod client_config;
mod commit_metadata;
mod consumer;
mod context;
mod delivery_reports;
mod error;
mod maintenance;
#[cfg(test)]
mod mock_cluster_tests;
mod producer;
mod rebalance;
mod source_positions;
mod starting_offsets;
mod subscription;
mod topic_id;

pub(crate) use blocking::spawn_blocking;
pub use client_config::{OpenError, connection};
pub use consumer::KafkaConsumer;
pub(crate) use error::{from_client, from_code};
pub use producer::KafkaProducer;
pub use subscription::Assignor;
pub(crate) use topic_id::topic_id;
