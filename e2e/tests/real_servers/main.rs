//! Tests against a real Kafka and a real Cassandra. `make test` runs them; one promise a file.
//!
//! Every test has topics, a keyspace and a group of its own, so they run side by side; those that disturb a server have
//! the rig for themselves. What a test waits for has a deadline, and what must not happen is looked for, not hoped for.

mod cassandra_restarts;
mod credentials_rotate;
mod errant_records_become_dead_letters;
mod kafka_restarts;
mod local_mode_on_real_servers;
mod oracle_detects_anomalies;
mod processors_are_killed;
mod producers_are_killed;
mod provisioning;
mod rebalances;
mod recorded_users_are_delivered;
mod sigterm_drains_workers;
mod source_faults;
mod worker_status_and_metrics;
