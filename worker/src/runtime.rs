//! What every loop needs from its process: time, backoff, randomness and shutdown.

pub mod backoff;
pub mod clock;
mod random;
pub mod shutdown;

pub(crate) use random::{SplitMix64, mix};
