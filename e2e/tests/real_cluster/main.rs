//! Tests on a real Kubernetes with a real Kafka and a real Cassandra: one promise a file, through kubectl alone.
#![allow(clippy::unwrap_used, reason = "a test's output is how it reports")]

mod an_applied_pipeline_becomes_ready;
