//! Which of several replicas acts: the one that a Lease names, as client-go's leader election has it.
//!
//! A leader acts for ten seconds from the beginning of its last renewal that succeeded, by a clock that nobody sets. Others take
//! a Lease that they have not seen move for fifteen seconds, by theirs. So the one has stopped before the other begins,
//! whatever the wall clocks say, and whichever answer of the API server was lost.

mod candidate;
mod election;
mod leader_guard;
mod record;

use std::time::Duration;

pub use candidate::{LeaderElector, LeaseError};
pub use election::{Election, Step};
pub use leader_guard::LeaderGuard;
pub use record::Record;

/// How long others wait for a leader that says nothing any more.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long a leader acts after the beginning of its last renewal. What it has sent by then has arrived before another acts.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
