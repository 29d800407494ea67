//! The resources that a pipeline may create in Kafka and Cassandra, and their ownership.

use std::fmt;

use userstream_crds::Pipeline;
use userstream_crds::identifier::{Identifier, TopicName};

/// A resource that a pipeline may create in Kafka or Cassandra.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A topic.
    Topic(TopicName),
    /// A keyspace.
    Keyspace(Identifier),
    /// A table of the pipeline's keyspace.
    Table(Identifier),
}

impl Resource {
    /// `topic`, `keyspace` or `table`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Topic(_) => "topic",
            Self::Keyspace(_) => "keyspace",
            Self::Table(_) => "table",
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Topic(name) => name.as_str(),
            Self::Keyspace(name) | Self::Table(name) => name.as_str(),
        }
    }
}

/// `topic/users_created`, the key of its claim.
impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind(), self.name())
    }
}

/// The pipeline that owns a resource: `namespace/name`.
///
/// Not the UID: a pipeline deleted with `deletionPolicy: Retain` and recreated still owns its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner of a pipeline's resources.
    pub fn of(pipeline: &Pipeline) -> Self {
        Self(format!("{}/{}", pipeline.namespace, pipeline.name))
    }

    /// `namespace/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The record that a pipeline creates a resource, with the resource's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The pipeline, as `namespace/name`.
    pub owner: String,
    /// The id of the created resource. `None` until it is created, because the claim is recorded first.
    pub id: Option<String>,
}

/// Which pipeline created a resource that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// This pipeline.
    Own,
    /// Another pipeline.
    Other {
        /// That pipeline, as `namespace/name`.
        owner: String,
    },
    /// No pipeline, as far as the claims show.
    Unclaimed,
}

impl Ownership {
    /// The ownership by the claim on a resource and the observed id of the resource.
    ///
    /// A claim with an id covers only the resource with that id, and not one that was deleted and recreated by hand.
    pub fn of(owner: &Owner, claim: Option<&Claim>, id: Option<&str>) -> Self {
        match claim {
            None => Self::Unclaimed,
            Some(Claim { id: Some(claimed), .. }) if id.is_some_and(|id| id != claimed) => Self::Unclaimed,
            Some(claim) if claim.owner == owner.0 => Self::Own,
            Some(claim) => Self::Other { owner: claim.owner.clone() },
        }
    }
}

/// Whether this pipeline may delete a resource: its claim has an id, and the resource has the same id.
pub(super) fn may_delete(owner: &Owner, claim: Option<&Claim>, id: Option<&str>) -> bool {
    claim.is_some_and(|claim| claim.owner == owner.0 && claim.id.is_some() && claim.id.as_deref() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner("demo/users".to_owned())
    }

    fn claim(owner: &str, id: Option<&str>) -> Claim {
        Claim { owner: owner.to_owned(), id: id.map(str::to_owned) }
    }

    #[test]
    fn claim_covers_only_the_resource_with_its_id() {
        let of = |claim: Option<Claim>, id| Ownership::of(&owner(), claim.as_ref(), id);
        assert_eq!(of(None, Some("1")), Ownership::Unclaimed);
        assert_eq!(of(Some(claim("demo/users", Some("1"))), Some("1")), Ownership::Own);
        assert_eq!(of(Some(claim("demo/users", Some("1"))), Some("2")), Ownership::Unclaimed);
        // The run was killed between the creation and the record of the id.
        assert_eq!(of(Some(claim("demo/users", None)), Some("2")), Ownership::Own);
        let other = Ownership::Other { owner: "demo/others".to_owned() };
        assert_eq!(of(Some(claim("demo/others", Some("1"))), Some("1")), other);
    }

    #[test]
    fn only_a_resource_with_the_claimed_id_may_be_deleted() {
        let may = |claim: Claim, id| may_delete(&owner(), Some(&claim), id);
        assert!(may(claim("demo/users", Some("1")), Some("1")));
        assert!(!may(claim("demo/users", Some("1")), Some("2")));
        assert!(!may(claim("demo/users", Some("1")), None));
        assert!(!may(claim("demo/users", None), Some("1")));
        assert!(!may(claim("demo/users", None), None));
        assert!(!may(claim("demo/others", Some("1")), Some("1")));
        assert!(!may_delete(&owner(), None, Some("1")));
    }
}
