//! The provisioning lock of a keyspace: one run at a time applies changes.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;
use userstream_crds::identifier::Identifier;

use super::ProvisionError;
use super::admin::Claims;
use super::resource::Owner;

/// How long a run waits for the lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it tries to acquire the lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// The lock, held until it is released or its lease ends.
#[derive(Debug)]
pub(super) struct Lock<'a, D> {
    claims: &'a D,
    keyspace: &'a Identifier,
    holder: String,
}

impl<'a, D: Claims> Lock<'a, D> {
    /// Waits for the lock.
    pub(super) async fn acquire(
        claims: &'a D,
        keyspace: &'a Identifier,
        owner: &Owner,
    ) -> Result<Self, ProvisionError> {
        // Two runs of one pipeline are two holders. A hasher's state is the standard library's only source of
        // randomness.
        let holder = format!("{owner} {:016x}", RandomState::new().hash_one(owner.as_str()));
        let start = Instant::now();
        while !claims.acquire_lock(keyspace, &holder).await? {
            let waited = start.elapsed();
            if waited >= ACQUIRE_TIMEOUT {
                return Err(ProvisionError::LockTimeout { keyspace: keyspace.to_string(), waited });
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        Ok(Self { claims, keyspace, holder })
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// When another run has acquired the lock meanwhile.
    pub(super) async fn renew(&self) -> Result<(), ProvisionError> {
        if self.claims.acquire_lock(self.keyspace, &self.holder).await? {
            return Ok(());
        }
        Err(ProvisionError::LockLost { keyspace: self.keyspace.to_string() })
    }

    /// Releases the lock. After a failure the lease ends later.
    pub(super) async fn release(self) {
        if let Err(error) = self.claims.release_lock(self.keyspace, &self.holder).await {
            tracing::warn!(
                keyspace = %self.keyspace,
                %error,
                "the provisioning lock could not be released; its lease will end within two minutes"
            );
        }
    }
}
