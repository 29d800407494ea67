//! Tests against a real Kafka and a real Cassandra, one promise per file. `make test` runs them.
//!
//! Each test has unique topics, keyspaces and consumer groups, so tests run in parallel. A test that disturbs a server locks
//! the rig exclusively. Every wait has a deadline, and what must not happen is asserted explicitly.
#![allow(clippy::expect_used, clippy::panic, reason = "tests report by panicking")]

mod cassandra_restarts;
mod credentials_rotate;
mod dead_letters_over_the_limit;
mod errant_records_become_dead_letters;
mod kafka_restarts;
mod local_mode_on_real_servers;
mod observed_topics_keep_their_partitions;
mod oracle_detects_anomalies;
mod processor_settings;
mod processors_are_killed;
mod producers_are_idempotent;
mod producers_are_killed;
mod provisioning;
mod rebalances;
mod recorded_users_are_delivered;
mod sigterm_drains_workers;
mod source_faults;
mod worker_status_and_metrics;
