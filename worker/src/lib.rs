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
//!
//! # Layers
//! Each module uses only modules above it or to its left:
//!
//! | layer | modules |
//! |---|---|
//! | pure | `runtime`, `record`, `mapping`, `format`, `delivery` |
//! | I/O | `security`, `sqlite`, `log`, `table`, `source`, `observe`, `provision` |
//! | process | `loops`, `command` |

#[cfg(all(feature = "kafka", feature = "cassandra", feature = "server"))]
pub mod command;
pub mod delivery;
pub mod format;
pub mod log;
pub mod loops;
pub mod mapping;
pub mod observe;
pub mod provision;
pub mod record;
pub mod runtime;
pub mod security;
#[cfg(test)]
mod simulation;
pub mod source;
#[cfg(feature = "embedded")]
pub mod sqlite;
pub mod table;
