//! Tests on a real Kubernetes with a real Kafka and a real Cassandra: one promise a file, through kubectl alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's output is how it reports")]

mod an_applied_pipeline_becomes_ready;
mod an_edit_does_what_it_says;
mod deleting_deletes_what_it_says;
mod home;
