//! Tests against a real Kafka and a real Cassandra. `make test` runs them; one promise a file.
//!
//! Every test has topics, a keyspace and a group of its own, so they run side by side; those that disturb a server have
//! the rig for themselves. What a test waits for has a deadline, and what must not happen is looked for, not hoped for.

mod credentials_rotate;
mod every_recorded_user_arrives;
mod killed_processors;
mod killed_producers;
mod local_mode_on_real_servers;
mod poison_stops_nothing_else;
mod provisioning;
mod rebalance_storm;
mod restarted_cassandra;
mod restarted_kafka;
mod sigterm_drains;
mod source_faults;
mod the_oracle_itself;
mod the_worker_says_how_it_is;
