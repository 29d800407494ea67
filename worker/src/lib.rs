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

pub mod assembly;
pub mod backoff;
pub mod clock;
#[cfg(all(feature = "kafka", feature = "cassandra", feature = "server"))]
pub mod command;
#[cfg(any(feature = "kafka", feature = "cassandra"))]
pub mod credentials;
pub mod decode;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod exit;
pub mod health;
pub mod histogram;
pub mod in_flight;
pub mod log;
#[cfg(feature = "server")]
pub mod logging;
pub mod mapping;
mod planted;
pub mod poison;
pub mod process;
pub mod produce;
pub mod provision;
mod random;
pub mod recent;
pub mod record;
pub mod row;
#[cfg(feature = "server")]
pub mod server;
#[cfg(test)]
mod simulation;
pub mod source;
pub mod stats;
pub mod status;
pub mod stop;
pub mod table;
mod text;
pub mod tls;
pub mod tracker;
pub mod transform;
pub mod wire;
pub mod write_time;
