//! Everything that can happen to a pipeline, explored: the operator's own decisions against a small world of API
//! server, Jobs, Deployments, pods, people and faults, breadth first. In every state nothing is that must never be; and
//! from every state on, when all goes well, the pipeline comes to rest and nothing is written any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod actions;
mod api_server;
mod checker;
mod contender;
mod invariants;
mod model;
mod mutants;
mod mutation;
mod objects;
mod scenarios;
mod specs;
mod state;
#[path = "../core/worker_reports.rs"]
mod worker_reports;
