//! What a pipeline may create outside, and who created what is there.

use std::fmt;

use userstream_crds::Pipeline;
use userstream_crds::identifier::{Identifier, TopicName};

/// Something that a pipeline may create in Kafka or Cassandra.
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
    /// What it is.
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

/// `topic/users_created`: the name under which it is claimed.
impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind(), self.name())
    }
}

/// A pipeline as the owner of what it created: `namespace/name`.
///
/// Not its UID: a pipeline that is deleted with `deletionPolicy: Retain` and made again goes on with what it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner that a pipeline is.
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

/// What is recorded of a resource: who creates it, and the id that it was created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The pipeline, as `namespace/name`.
    pub owner: String,
    /// The id that the resource had when it was created. None until then: the claim is recorded first.
    pub id: Option<String>,
}

/// Who created what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This pipeline.
    Ours,
    /// Another pipeline.
    Theirs {
        /// That pipeline, as `namespace/name`.
        owner: String,
    },
    /// Somebody else, or nobody knows.
    Unknown,
}

impl Origin {
    /// Judges by the claim on a resource and the id that the resource has.
    ///
    /// A claim on an id speaks only of the resource with that id: what was deleted and made again by hand is not what the
    /// pipeline created.
    pub fn of(owner: &Owner, claim: Option<&Claim>, id: Option<&str>) -> Self {
        match claim {
            None => Self::Unknown,
            Some(Claim { id: Some(claimed), .. }) if id.is_some_and(|id| id != claimed) => Self::Unknown,
            Some(claim) if claim.owner == owner.0 => Self::Ours,
            Some(claim) => Self::Theirs { owner: claim.owner.clone() },
        }
    }
}

/// Whether a resource may be deleted by this pipeline: it is claimed, the claim has an id, and the id is the resource's.
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
    fn a_claim_speaks_only_of_what_has_its_id() {
        let of = |claim: Option<Claim>, id| Origin::of(&owner(), claim.as_ref(), id);
        assert_eq!(of(None, Some("1")), Origin::Unknown);
        assert_eq!(of(Some(claim("demo/users", Some("1"))), Some("1")), Origin::Ours);
        assert_eq!(of(Some(claim("demo/users", Some("1"))), Some("2")), Origin::Unknown);
        // Killed between creating and recording the id.
        assert_eq!(of(Some(claim("demo/users", None)), Some("2")), Origin::Ours);
        let theirs = Origin::Theirs { owner: "demo/others".to_owned() };
        assert_eq!(of(Some(claim("demo/others", Some("1"))), Some("1")), theirs);
    }

    #[test]
    fn only_what_carries_the_recorded_id_may_be_deleted() {
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
