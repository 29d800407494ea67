//! Leader election by a Lease, as client-go does it.
//!
//! A leader acts for [`RENEW_DEADLINE`] from the start of its last successful renewal. Other replicas take a Lease that
//! has not changed for [`LEASE_DURATION`]. Both durations are measured by monotonic clocks. So the leader has stopped
//! before another replica starts, whatever the wall clocks say and whichever answer of the API server was lost.

mod election;
mod elector;
mod leader_guard;
mod record;

use std::time::Duration;

pub use election::{Election, Step};
pub use elector::{LeaderElector, LeaseError};
pub use leader_guard::LeaderGuard;
pub use record::LeaderRecord;

/// How long other replicas wait for a leader that does not renew its Lease.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long a leader acts after the start of its last renewal. The rest of the lease duration is for requests that are
/// still on their way.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
