//! What is due next for a pipeline: which configuration each workload runs, how many processors there are, which run starts,
//! and what a deletion still has to clean up.

pub mod autoscaling;
pub mod cleanup;
pub mod rollout;
