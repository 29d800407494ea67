//! A model checker of the operator: its own decisions against a small model of the API server, Jobs, Deployments, pods,
//! users and faults, breadth first. Invariants hold in every state; and from every state on, without further faults,
//! the pipeline converges and nothing is written any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod actions;
mod api_server;
mod checker;
mod contender;
mod digest;
mod environment;
mod interner;
mod invariants;
mod model;
mod mutants;
mod mutation;
mod objects;
mod scenarios;
mod specs;
mod state;
mod transitions;
#[path = "../core/worker_reports.rs"]
mod worker_reports;
mod write_invariants;
