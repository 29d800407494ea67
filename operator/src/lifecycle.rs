//! What is due next for a pipeline: the revision that each workload runs, the number of processors, a manual run, and
//! the stages of a cleanup. Pure; imports [`model`](crate::model).

pub mod autoscaling;
pub mod cleanup;
pub mod rollout;
