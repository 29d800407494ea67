//! The turn to make changes in a keyspace: one run at a time has it.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;
use userstream_crds::identifier::Identifier;

use super::ProvisionError;
use super::admin::Claims;
use super::resource::Owner;

/// How long a run waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks whether its turn has come.
const LOOK: Duration = Duration::from_millis(500);

/// The turn, until it is ended.
#[derive(Debug)]
pub(super) struct Turn<'a, D> {
    claims: &'a D,
    keyspace: &'a Identifier,
    holder: String,
}

impl<'a, D: Claims> Turn<'a, D> {
    /// Waits for the turn.
    pub(super) async fn take(
        claims: &'a D,
        keyspace: &'a Identifier,
        owner: &Owner,
    ) -> Result<Self, ProvisionError> {
        // Two runs of one pipeline are two holders. The state of a hasher is the randomness that the standard library has.
        let holder = format!("{owner} {:016x}", RandomState::new().hash_one(owner.as_str()));
        let start = Instant::now();
        while !claims.take_turn(keyspace, &holder).await? {
            if start.elapsed() >= PATIENCE {
                let waited = start.elapsed();
                return Err(ProvisionError::NotOurTurn { keyspace: keyspace.to_string(), waited });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { claims, keyspace, holder })
    }

    /// Makes sure that the turn is still ours, for as long again.
    pub(super) async fn keep(&self) -> Result<(), ProvisionError> {
        if self.claims.take_turn(self.keyspace, &self.holder).await? {
            return Ok(());
        }
        Err(ProvisionError::LostTurn { keyspace: self.keyspace.to_string() })
    }

    /// Ends the turn. When that fails it ends by itself later.
    pub(super) async fn end(self) {
        if let Err(error) = self.claims.end_turn(self.keyspace, &self.holder).await {
            tracing::warn!(keyspace = %self.keyspace, %error, "the turn to make changes ends by itself later");
        }
    }
}
