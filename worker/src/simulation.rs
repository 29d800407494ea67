//! Thousands of schedules of crashes, lost replies, rebalances and slow tables, in seconds.
//!
//! The loops under test are the real ones ([`crate::loops::process`], [`crate::loops::produce`]). Log, table and source
//! are models in memory, and time is tokio's paused clock. Every delay, fault and crash comes from one seed, so a
//! failing schedule is replayed exactly by its seed. `SIMULATION_SEEDS=FROM..TO` selects other seeds than the default
//! ones.

mod broker;
mod log;
mod mutants;
mod oracle;
mod plan;
mod schedule;
mod script;
mod table;
mod world;

mod tests;
