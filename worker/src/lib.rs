//! The data plane of Userstream: moves records from a source into a log, and from the log into a table.
//!
//! ```text
//!            produce                                 process
//! source ──▶ fetch ▶ map ▶ encode ▶ append ──▶ log ──▶ poll ▶ decode ▶ filter ▶ write ▶ track ▶ commit ──▶ table
//!                      └─ dead letter ─┐        ▲                  └──── dead letter ───┐
//!                                      └────────┴───────────────────────────────────────┘
//! ```
//!
//! Three seams, each a small trait with a real, an embedded and a simulated implementation: the [`log`], the
//! [`table`](mod@table) and the [`source`].

pub mod backoff;
pub mod clock;
#[cfg(any(feature = "kafka", feature = "cassandra"))]
pub mod credentials;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod histogram;
pub mod in_flight;
pub mod log;
pub mod mapping;
mod planted;
pub mod poison;
pub mod process;
pub mod produce;
pub mod provision;
pub mod record;
pub mod row;
#[cfg(test)]
mod simulation;
pub mod source;
pub mod stats;
pub mod stop;
pub mod table;
mod text;
pub mod tracker;
pub mod wire;
pub mod write_time;
